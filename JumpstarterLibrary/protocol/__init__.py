"""The wire: messages, stubs, values and names. All other packages import them from here."""

from __future__ import annotations

from JumpstarterLibrary.protocol.generated import (
    client_pb2,
    common_pb2,
    jumpstarter_pb2,
    kubernetes_pb2,
    router_pb2,
    telemetry_pb2,
)
from JumpstarterLibrary.protocol.handlers import service_handler
from JumpstarterLibrary.protocol.stubs import (
    CLIENT,
    CONTROLLER,
    EXPORTER,
    ROUTER,
    ClientStub,
    ControllerStub,
    ExporterStub,
    RouterStub,
)
from JumpstarterLibrary.protocol.values import ValueEncodingError, decode, encode

__all__ = [
    "CLIENT",
    "CONTROLLER",
    "EXPORTER",
    "ROUTER",
    "ClientStub",
    "ControllerStub",
    "ExporterStub",
    "RouterStub",
    "ValueEncodingError",
    "client_pb2",
    "common_pb2",
    "decode",
    "encode",
    "jumpstarter_pb2",
    "kubernetes_pb2",
    "router_pb2",
    "service_handler",
    "telemetry_pb2",
]
