"""Refuse RPCs of the lab's servers: by an exception, turned into a gRPC status in one place."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio


class Refusal(Exception):
    """An RPC ends with a status that is not OK.

    Args:
        code: The code. The controller's plain errors, and those of Kubernetes, carry none and arrive as UNKNOWN, which
            is therefore the default.
        details: The text.
    """

    def __init__(self, details: str, code: grpc.StatusCode = grpc.StatusCode.UNKNOWN) -> None:
        super().__init__(details)
        self.code = code
        self.details = details


def invalid(details: str) -> Refusal:
    """Return the refusal of an argument."""
    return Refusal(details, grpc.StatusCode.INVALID_ARGUMENT)


def not_found(plural: str, name: str) -> Refusal:
    """Return Kubernetes' word for an object that is not there; ``plural`` is ``clients``, ``exporters`` or ``leases``.

    It carries no code of its own, so that it arrives as UNKNOWN.
    """
    return Refusal(f'{plural}.jumpstarter.dev "{name}" not found')


def rpc(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Make an RPC method of a servicer end with the status of a ``Refusal`` that it raises."""

    @functools.wraps(function)
    async def answer(self: Any, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        try:
            return await function(self, request, context)
        except Refusal as refusal:
            await context.abort(refusal.code, refusal.details)

    return answer
