"""Server side: a service's methods as a gRPC handler."""

from __future__ import annotations

from typing import Any

import grpc

from JumpstarterLibrary.protocol.pool import message_class
from JumpstarterLibrary.protocol.stubs import service, snake_case


def service_handler(full_name: str, servicer: object) -> grpc.GenericRpcHandler[Any, Any]:
    """Return a handler that serves a service with a servicer's snake-case methods.

    An RPC for which the servicer has no method answers UNIMPLEMENTED, as an older exporter or controller does.
    """
    handlers: dict[str, Any] = {}
    for method in service(full_name).methods:
        function = getattr(servicer, snake_case(method.name), None)
        if function is None:
            continue
        shape = "stream" if method.client_streaming else "unary"
        shape += "_stream" if method.server_streaming else "_unary"
        handlers[method.name] = getattr(grpc, f"{shape}_rpc_method_handler")(
            function,
            request_deserializer=message_class(method.input_type.full_name).FromString,
            response_serializer=message_class(method.output_type.full_name).SerializeToString,
        )
    return grpc.method_handlers_generic_handler(full_name, handlers)
