"""What is sent over the wire ends with a status or an error of ours, and the next call is answered as before."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.config import DirectConnection
from JumpstarterLibrary.errors import JumpstarterError
from JumpstarterLibrary.exporter import serve
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.network import EchoNetwork
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.lab import VirtualLab
from JumpstarterLibrary.printable import printable
from JumpstarterLibrary.protocol import (
    CLIENT,
    CONTROLLER,
    EXPORTER,
    ROUTER,
    ClientStub,
    ControllerStub,
    ExporterStub,
    RouterStub,
    client_pb2,
    jumpstarter_pb2,
    router_pb2,
    service_handler,
)
from JumpstarterLibrary.protocol.names import REQUEST_KEY
from JumpstarterLibrary.protocol.pool import message_class
from JumpstarterLibrary.protocol.streams import driver_stream_request
from JumpstarterLibrary.protocol.stubs import service, snake_case
from JumpstarterLibrary.protocol.wellknown import Empty

pytestmark = pytest.mark.leaves("thread odd", "descriptor", reason="the module's servers change them")

LIMIT_S = 10.0


def connection_to(path: str) -> DirectConnection:
    """Return the way to an exporter's socket."""
    return DirectConnection.from_arguments(path, environ={})


NAMES = st.sampled_from(
    ["", "on", "read", "connect", "r", "x", "default", "tester", "namespaces/default", "board=virtual"]
)
TEXTS = NAMES | st.text(st.characters(codec="utf-8"), max_size=20)
"""What may be in a field of text; the wire takes valid Unicode only."""


@st.composite
def filled(draw: st.DrawFn, kind: Any, depth: int = 2) -> Message:
    """Fill some fields of a message."""
    message: Message = kind()
    for field in message.DESCRIPTOR.fields:
        if not draw(st.booleans()):
            continue
        value = _value(draw, field, depth)
        if value is None:
            continue
        with suppress(ValueError, TypeError):
            found = getattr(message, field.name)
            if hasattr(found, "append"):
                found.append(value)
            elif isinstance(value, Message):
                found.CopyFrom(value)
            else:
                setattr(message, field.name, value)
    return message


def _value(draw: st.DrawFn, field: FieldDescriptor, depth: int) -> Any:
    if field.message_type is not None:
        if not depth or field.message_type.GetOptions().map_entry:
            return None
        return draw(filled(message_class(field.message_type.full_name), depth - 1))
    kinds: dict[int, Any] = {
        FieldDescriptor.CPPTYPE_STRING: TEXTS if field.type == FieldDescriptor.TYPE_STRING else st.binary(max_size=50),
        FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
        FieldDescriptor.CPPTYPE_DOUBLE: st.floats(),
        FieldDescriptor.CPPTYPE_ENUM: st.integers(-1, 9),
    }
    return draw(kinds.get(field.cpp_type, st.integers(-(2**63), 2**63 - 1)))


@pytest.fixture(scope="module")
def exporter() -> Iterator[tuple[ExporterStub, list[str]]]:
    """A stub of an exporter of ours, and the ids of its drivers."""
    with ExitStack() as stack:
        hosted = stack.enter_context(serve(Composite(children={"p": MockPower(), "e": EchoNetwork()}), grace=0))
        channel = stack.enter_context(grpc.insecure_channel(f"unix:{hosted.host}"))
        stub = ExporterStub(channel)
        yield stub, [report.uuid for report in stub.get_report(Empty(), timeout=LIMIT_S).reports]


def _code(call: Callable[[], object]) -> grpc.StatusCode | None:
    """Return the status that a call fails with; None if it succeeds."""
    try:
        call()
    except grpc.RpcError as error:
        details = error.details() or ""
        if "Traceback" in details or "Exception serializing" in details:
            pytest.fail(f"A bug is told as a status: {error.code()}: {details}")
        code: grpc.StatusCode = error.code()
        return code
    return None


def _answers(stub: ExporterStub) -> None:
    assert len(stub.get_report(Empty(), timeout=LIMIT_S).reports) == 3


@given(data=st.data())
def test_an_exporter_survives_any_call(exporter: tuple[ExporterStub, list[str]], data: st.DataObject) -> None:
    stub, uuids = exporter
    request = data.draw(filled(jumpstarter_pb2.DriverCallRequest))
    request.uuid = data.draw(st.sampled_from(uuids) | TEXTS)
    assert _code(lambda: stub.driver_call(request, timeout=LIMIT_S)) in (
        None,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
    )
    _answers(stub)


REQUESTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="ascii"), max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["kind", "uuid", "method", "x"]), inner)
    ),
    max_leaves=8,
)


@given(request=REQUESTS, raw=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30), data=st.data())
def test_an_exporter_survives_any_stream(
    exporter: tuple[ExporterStub, list[str]], request: Any, raw: str, data: st.DataObject
) -> None:
    stub, uuids = exporter
    real = [driver_stream_request(uuid, "connect") for uuid in uuids]
    text = data.draw(st.sampled_from([raw, json.dumps(request), *real]))
    frames = data.draw(st.lists(filled(router_pb2.StreamRequest), max_size=5))
    call: Any = stub.stream(iter(frames), metadata=((REQUEST_KEY, text),), timeout=LIMIT_S)
    try:
        assert _code(lambda: _read_to_goaway(call)) is not grpc.StatusCode.DEADLINE_EXCEEDED
    finally:
        call.cancel()
    _answers(stub)


def _read_to_goaway(call: Any) -> None:
    for frame in call:
        if frame.frame_type == router_pb2.FRAME_TYPE_GOAWAY:
            return


class ScriptedExporter:
    """An exporter that sends the frames and reports that it is told to send."""

    def __init__(self) -> None:
        self.frames: list[Any] = []
        self.reports: list[Any] = []

    def get_report(self, _request: object, _context: object) -> Any:
        """Answer GetReport."""
        return jumpstarter_pb2.GetReportResponse(reports=self.reports)

    def stream(self, _requests: object, context: Any) -> Iterator[Any]:
        """Send the frames, then the end of the data, and wait until the client has ended the RPC."""
        over = threading.Event()
        context.add_callback(over.set)
        context.send_initial_metadata(())
        yield from self.frames
        yield router_pb2.StreamResponse(frame_type=router_pb2.FRAME_TYPE_GOAWAY)
        over.wait(LIMIT_S)


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ScriptedExporter, str]]:
    """A scripted exporter and its socket."""
    methods = ScriptedExporter()
    path = str(tmp_path_factory.mktemp("fuzz") / "s")
    servicer = SimpleNamespace(get_report=methods.get_report, stream=methods.stream)
    with ThreadPoolExecutor(4, thread_name_prefix="odd") as pool:
        server = grpc.server(pool)
        server.add_generic_rpc_handlers((service_handler(EXPORTER, servicer), service_handler(ROUTER, servicer)))
        server.add_insecure_port(f"unix:{path}")
        server.start()
        yield methods, path
        server.stop(0).wait()


LABELS = st.dictionaries(st.sampled_from(["jumpstarter.dev/name", "jumpstarter.dev/client", "x"]), TEXTS, max_size=3)
UUIDS = st.sampled_from(["", "a", "b", "c", "d"])
REPORTS = st.lists(
    st.builds(
        lambda uuid, parent, labels: jumpstarter_pb2.DriverInstanceReport(uuid=uuid, parent_uuid=parent, labels=labels),
        UUIDS,
        UUIDS,
        LABELS,
    ),
    max_size=12,
)


@given(reports=REPORTS)
def test_any_tree_is_walked_or_refused(scripted: tuple[ScriptedExporter, str], reports: list[Any]) -> None:
    methods, path = scripted
    methods.reports = reports
    refusal = ""
    try:
        with Device.connect(connection_to(path)) as device:
            for node in device.root.walk():
                assert printable(repr(node.info)) == repr(node.info)
    except JumpstarterError as error:
        refusal = str(error)
    assert printable(refusal) == refusal


@given(frames=st.lists(filled(router_pb2.StreamResponse), max_size=8))
def test_a_stream_gives_the_data_before_its_end(scripted: tuple[ScriptedExporter, str], frames: list[Any]) -> None:
    methods, path = scripted
    report = jumpstarter_pb2.DriverInstanceReport
    methods.reports = [report(uuid="r"), report(uuid="x", parent_uuid="r", labels={"jumpstarter.dev/name": "x"})]
    methods.frames = frames
    expected = b""
    for frame in frames:
        if frame.frame_type == router_pb2.FRAME_TYPE_GOAWAY:
            break
        if frame.frame_type == router_pb2.FRAME_TYPE_DATA:
            expected += frame.payload
    with Device.connect(connection_to(path)) as device, device.driver("x").stream() as stream:
        data = b""
        while chunk := stream.receive(timeout=LIMIT_S):
            data += chunk
        assert data == expected


@pytest.fixture(scope="module")
def lab() -> Iterator[tuple[ClientStub, ControllerStub, RouterStub, Any]]:
    """The stubs of a lab's controller and router, and what its client sends along."""
    with ExitStack() as stack:
        lab = stack.enter_context(VirtualLab(1))
        config = lab.client_config()
        credentials = grpc.ssl_channel_credentials(lab.ca)
        channels = [
            stack.enter_context(grpc.secure_channel(at, credentials)) for at in (lab.endpoint, lab.router.endpoint)
        ]
        metadata = (
            ("authorization", f"Bearer {config['token']}"),
            ("jumpstarter-kind", "Client"),
            ("jumpstarter-namespace", "default"),
            ("jumpstarter-name", config["metadata"]["name"]),
        )
        yield ClientStub(channels[0]), ControllerStub(channels[0]), RouterStub(channels[1]), metadata


METHODS = [
    method
    for name in (CLIENT, CONTROLLER)
    for method in service(name).methods
    # What streams, or waits for an exporter.
    if not method.server_streaming and method.name != "Dial"
]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name.removeprefix("jumpstarter."))
@given(data=st.data())
def test_a_lab_survives_any_request(
    lab: tuple[ClientStub, ControllerStub, RouterStub, Any], method: MethodDescriptor, data: st.DataObject
) -> None:
    clients, controllers, _, metadata = lab
    stub = clients if method.containing_service.full_name == CLIENT else controllers
    request = data.draw(filled(message_class(method.input_type.full_name)))
    call = getattr(stub, snake_case(method.name))
    code = _code(lambda: call(request, metadata=metadata, timeout=LIMIT_S))
    assert code not in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.INTERNAL)
    listed = clients.list_exporters(
        client_pb2.ListExportersRequest(parent="namespaces/default"), metadata=metadata, timeout=LIMIT_S
    )
    assert len(listed.exporters) == 1


@given(
    token=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
    frames=st.lists(filled(router_pb2.StreamRequest), max_size=3),
)
def test_a_router_refuses_any_token_of_others(
    lab: tuple[ClientStub, ControllerStub, RouterStub, Any], token: str, frames: list[Any]
) -> None:
    _, _, router, _ = lab
    call: Any = router.stream(iter(frames), metadata=(("authorization", f"Bearer {token}"),), timeout=LIMIT_S)
    with pytest.raises(grpc.RpcError) as refused:
        list(call)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
