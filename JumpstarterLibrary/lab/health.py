"""The service grpc.health.v1.Health, open to all callers.

The service's two messages are a string and a number, too little to be worth generated code.
"""

from __future__ import annotations

import asyncio
from typing import Any

import grpc

from JumpstarterLibrary.protocol import CLIENT, CONTROLLER

SERVICE = "grpc.health.v1.Health"

_SERVING = b"\x08\x01"
_SERVICE_UNKNOWN = b"\x08\x03"
_KNOWN = frozenset({"", CLIENT, CONTROLLER})


def health_handler() -> grpc.GenericRpcHandler[Any, Any]:
    """Return a handler that says that the controller serves."""
    handlers = {
        "Check": grpc.unary_unary_rpc_method_handler(_check),
        "Watch": grpc.unary_stream_rpc_method_handler(_watch),
    }
    return grpc.method_handlers_generic_handler(SERVICE, handlers)


async def _check(request: bytes, context: Any) -> bytes:
    if _service(request) not in _KNOWN:
        await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
    return _SERVING


async def _watch(request: bytes, context: Any) -> None:
    await context.write(_SERVING if _service(request) in _KNOWN else _SERVICE_UNKNOWN)
    # Nothing ever changes: a caller that stops watching cancels the call.
    await asyncio.Event().wait()


def _service(request: bytes) -> str:
    """Return the one field of a HealthCheckRequest: its tag, its length, its text."""
    if request[:1] != b"\x0a":
        return ""
    return request[2 : 2 + request[1]].decode(errors="replace")
