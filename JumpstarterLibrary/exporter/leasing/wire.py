"""The RPCs that an exporter sends, bound to an asyncio channel."""

from __future__ import annotations

from typing import Any

import grpc.aio

from JumpstarterLibrary.protocol import CONTROLLER, ROUTER
from JumpstarterLibrary.protocol.pool import message_class
from JumpstarterLibrary.protocol.stubs import service, snake_case


class ControllerStub:
    """The ControllerService methods that exporters use."""

    register: Any
    unregister: Any
    report_status: Any
    release_lease: Any
    get_service_endpoints: Any
    status: Any
    listen: Any

    def __init__(self, channel: grpc.aio.Channel) -> None:
        for method in service(CONTROLLER).methods:
            shape = channel.unary_stream if method.server_streaming else channel.unary_unary
            bound = shape(
                f"/{CONTROLLER}/{method.name}",
                message_class(method.input_type.full_name).SerializeToString,
                message_class(method.output_type.full_name).FromString,
            )
            setattr(self, snake_case(method.name), bound)


def router_stream(channel: grpc.aio.Channel) -> Any:
    """Return the RPC that opens a router's byte stream."""
    method = service(ROUTER).methods_by_name["Stream"]
    return channel.stream_stream(
        f"/{ROUTER}/{method.name}",
        message_class(method.input_type.full_name).SerializeToString,
        message_class(method.output_type.full_name).FromString,
    )
