"""The passphrase that guards a standalone exporter's TCP port."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
import grpc.aio

from JumpstarterLibrary.protocol.names import PASSPHRASE_KEY

__all__ = ["DETAILS", "PASSPHRASE_KEY", "PassphraseInterceptor"]

_log = logging.getLogger(__name__)

_Handler = Any

if TYPE_CHECKING:
    _Interceptor = grpc.aio.ServerInterceptor[Any, Any]
else:
    _Interceptor = grpc.aio.ServerInterceptor

DETAILS = "invalid or missing passphrase"


class PassphraseInterceptor(_Interceptor):
    """Refuses every RPC that does not carry the passphrase.

    Args:
        passphrase: What clients have to send under ``x-jumpstarter-passphrase``.
    """

    def __init__(self, passphrase: str) -> None:
        self._expected = passphrase.encode()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[_Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler:
        """Let an RPC pass, or answer it with UNAUTHENTICATED."""
        if self._knows(handler_call_details):
            return await continuation(handler_call_details)
        method = getattr(handler_call_details, "method", "an RPC")
        _log.warning("authentication failed: %s came with a wrong passphrase, or without one", method)
        # A method without a request or a response is no less streaming for that: this shape fits all four.
        return grpc.stream_stream_rpc_method_handler(_refuse)

    def _knows(self, details: Any) -> bool:
        given = next((value for key, value in details.invocation_metadata if key == PASSPHRASE_KEY), "")
        return hmac.compare_digest(given if isinstance(given, bytes) else given.encode(), self._expected)


async def _refuse(_requests: object, context: grpc.aio.ServicerContext[Any, Any]) -> NoReturn:
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, DETAILS)
