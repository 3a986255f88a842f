"""An exporter all of whose text is hostile: names, labels, descriptions, the log, failures, values and the console."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import grpc
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from JumpstarterLibrary.protocol import EXPORTER, ROUTER, jumpstarter_pb2, router_pb2, service_handler
from JumpstarterLibrary.protocol.values import encode

HOSTILE = "\x1b]52;c;aGVsbG8=\x07\x1b[31mRED\x1b[2J\x9b31m\b\b\rover\u202e\u2066 <b>&\x00\u2028 end"

CONSOLE = b"\x1b[1mREADY\x1b[0m \x9b31m\xc2\x9b31m\b\b\xe2\x80\xae \x1b]52;c;aGVsbG8=\x07 <b>\r\n"

LIMIT_S = 30.0

CLIENTS = {
    "power": "jumpstarter_driver_power.client.PowerClient",
    "console": "jumpstarter_driver_pyserial.client.PySerialClient",
    "any": f"x.y.Z{HOSTILE}",
    f"odd{HOSTILE}": "jumpstarter_driver_power.client.PowerClient",
}


def is_map(field: FieldDescriptor) -> bool:
    """Return whether a field is a mapping."""
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def fill(message: Message, depth: int = 4) -> Any:
    """Put hostile text into all fields of a message that hold text, and into the messages in it; return the message."""
    for field in message.DESCRIPTOR.fields:
        if field.type == FieldDescriptor.TYPE_STRING:
            found = getattr(message, field.name)
            if isinstance(found, str):
                setattr(message, field.name, f"{field.name}{HOSTILE}")
            else:
                found.append(f"{field.name}{HOSTILE}")
        elif is_map(field):
            if field.message_type.fields_by_name["value"].type == FieldDescriptor.TYPE_STRING:
                getattr(message, field.name)[f"key{HOSTILE}"] = f"{field.name}{HOSTILE}"
        elif field.message_type is not None and depth:
            found = getattr(message, field.name)
            fill(found.add() if hasattr(found, "add") else found, depth - 1)
    return message


def uuid_of(name: str) -> str:
    """Return the id of a driver."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def report(_request: object, _context: object) -> Any:
    """Answer GetReport."""
    found = fill(jumpstarter_pb2.GetReportResponse())
    del found.reports[:]
    composite = "jumpstarter_driver_composite.client.CompositeClient"
    found.reports.add(uuid=uuid_of(""), labels={"jumpstarter.dev/client": composite})
    for name, client in CLIENTS.items():
        one = fill(found.reports.add())
        one.uuid, one.parent_uuid = uuid_of(name), uuid_of("")
        one.labels["jumpstarter.dev/name"] = name
        one.labels["jumpstarter.dev/client"] = client
    return found


def status(_request: object, _context: object) -> Any:
    """Answer GetStatus."""
    return fill(jumpstarter_pb2.GetStatusResponse())


def abort(code: grpc.StatusCode) -> Callable[[object, Any], Any]:
    """Return a method that fails with a status and hostile details."""
    return lambda _request, context: context.abort(code, f"details{HOSTILE}\nline two")


def call(request: Any, context: Any) -> Any:
    """Answer DriverCall: ``value`` has a hostile value, all others fail."""
    if request.method != "value":
        context.abort(grpc.StatusCode.UNKNOWN, f"details{HOSTILE}\nline two")
    return jumpstarter_pb2.DriverCallResponse(uuid=request.uuid, result=encode(HOSTILE))


class HostileExporter:
    """The methods of the exporter; streams end with it."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.get_report, self.get_status, self.driver_call = report, status, call

    def log_stream(self, _request: object, context: Any) -> Iterator[Any]:
        """Answer LogStream with a few records."""
        context.add_callback(self.over.set)
        for severity in ("INFO", "WARNING", f"NOPE{HOSTILE}"):
            record = fill(jumpstarter_pb2.LogStreamResponse())
            record.severity = severity
            yield record
        self.over.wait(LIMIT_S)

    def stream(self, _requests: object, context: Any) -> Iterator[Any]:
        """Be a console that says one line."""
        context.add_callback(self.over.set)
        yield router_pb2.StreamResponse(payload=CONSOLE)
        self.over.wait(LIMIT_S)


@contextmanager
def hostile_exporter(path: str) -> Iterator[str]:
    """Serve a hostile exporter on a unix socket while the block runs.

    Args:
        path: The socket's path.
    """
    methods = HostileExporter()
    with ThreadPoolExecutor(8, thread_name_prefix="hostile") as pool:
        server = grpc.server(pool)
        names = ("get_report", "get_status", "driver_call", "log_stream", "stream")
        servicer = SimpleNamespace(**{name: getattr(methods, name) for name in names})
        server.add_generic_rpc_handlers((service_handler(EXPORTER, servicer), service_handler(ROUTER, servicer)))
        server.add_insecure_port(f"unix:{path}")
        server.start()
        try:
            yield path
        finally:
            methods.over.set()
            server.stop(0).wait()
