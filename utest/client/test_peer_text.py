"""What peers say, in every field of every message, reaches no screen, log or report as it is; over a real socket."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

import JumpstarterLibrary.client
from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.devices.notices import EventSink
from JumpstarterLibrary.client.leasing.refusals import Peer, translate_control
from JumpstarterLibrary.client.peer_text import clean_message, details_of
from JumpstarterLibrary.errors import JumpstarterError
from JumpstarterLibrary.printable import printable
from JumpstarterLibrary.protocol import ClientStub, ControllerStub, jumpstarter_pb2, service_handler
from JumpstarterLibrary.protocol.pool import message_class
from JumpstarterLibrary.protocol.stubs import CLIENT, CONTROLLER, EXPORTER, ROUTER, service, snake_case
from JumpstarterLibrary.protocol.values import encode
from utest.hostile_exporter import HOSTILE, HostileExporter, abort, fill, is_map, report, status

LIMIT_S = 10.0

METHODS = [method for name in (EXPORTER, CONTROLLER, CLIENT, ROUTER) for method in service(name).methods]


def texts(message: Message) -> Iterator[str]:
    """Yield all text of a message, and of the messages in it, but for values of calls."""
    for field, found in message.ListFields():
        if is_map(field):
            yield from (str(text) for pair in found.items() for text in pair)
        elif isinstance(found, Message) or field.message_type is not None:
            inner = [found] if isinstance(found, Message) else found
            for one in inner:
                if not one.DESCRIPTOR.full_name.startswith("google.protobuf."):
                    yield from texts(one)
        elif field.type == FieldDescriptor.TYPE_STRING:
            yield from ([found] if isinstance(found, str) else found)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name.removeprefix("jumpstarter."))
def test_each_field_of_each_answer(method: MethodDescriptor) -> None:
    message = fill(message_class(method.output_type.full_name)())
    before = list(texts(message))
    clean_message(message)
    after = list(texts(message))
    assert len(after) == len(before)
    assert [text for text in after if printable(text) != text] == []
    assert all("end" in text for text in after)


def test_values_of_calls_are_data() -> None:
    value = {"a\x1b": ["\x1b[31m", HOSTILE]}
    message = jumpstarter_pb2.DriverCallResponse(uuid="x", result=encode(value))
    clean_message(message)
    assert message.result == encode(value)


def test_names_and_descriptions_of_an_exporter(
    odd_exporter: Callable[..., str], connecting: Callable[..., Device]
) -> None:
    device = connecting(odd_exporter(get_report=report, get_status=status))
    node = device.root.walk()
    shown = [device.motd, device.status().message, device.leaves(), *map(str, device.labels.items())]
    for one in node:
        shown += [one.path, one.label, repr(one.info), *one.labels.values(), *map(str, one.methods.items())]
    with pytest.raises(JumpstarterError) as missing:
        device.driver("none")
    shown.append(str(missing.value))
    assert [text for text in shown if printable(text) != text] == []
    assert device.motd.startswith("motd")
    assert device.motd.endswith(" end")


CODES = [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.name)
def test_details_of_a_failed_call(
    odd_exporter: Callable[..., str], connecting: Callable[..., Device], code: grpc.StatusCode
) -> None:
    path = odd_exporter(driver_call=abort(code), streaming_driver_call=abort(code), stream=abort(code))
    driver = connecting(path).driver("x")
    for call in (
        lambda: driver.call("on"),
        lambda: driver.begin("on").result(),
        lambda: list(driver.streamingcall("read")),
        lambda: driver.stream().read(),
    ):
        with pytest.raises(JumpstarterError) as failed:
            call()
        error: BaseException | None = failed.value
        while error is not None:  # the causes, too, which reports show at DEBUG
            assert printable(str(error)) == str(error)
            assert printable(repr(error)) == repr(error)
            error = error.__cause__ or error.__context__


def test_lines_of_an_exporters_log(
    odd_exporter: Callable[..., str], connecting: Callable[..., Device], eventually: Any
) -> None:
    device = connecting(odd_exporter(log_stream=HostileExporter().log_stream))
    lines: list[str] = []
    sink = EventSink(lambda level, text: lines.append(text), lines.append)
    device.link.events.subscribe(sink.put)
    device.follow_logs()
    eventually(lambda: any("NOPE" in line for line in lines))
    assert [line for line in lines if printable(line) != line] == []


@contextmanager
def hostile_controller(full_name: str, answers: dict[str, Any]) -> Iterator[grpc.Channel]:
    with ThreadPoolExecutor(2, thread_name_prefix="odd") as pool:
        server = grpc.server(pool)
        server.add_generic_rpc_handlers((service_handler(full_name, SimpleNamespace(**answers)),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield channel
        finally:
            server.stop(0).wait()


@pytest.mark.parametrize(("full_name", "stub"), [(CLIENT, ClientStub), (CONTROLLER, ControllerStub)])
def test_answers_and_refusals_of_a_controller(full_name: str, stub: Callable[..., Any]) -> None:
    methods = [one for one in service(full_name).methods if not (one.client_streaming or one.server_streaming)]
    filled = {
        snake_case(one.name): lambda _request, _context, one=one: fill(message_class(one.output_type.full_name)())
        for one in methods
    }
    with hostile_controller(full_name, filled) as channel:
        for one in methods:
            answer = getattr(stub(channel, clean_message), snake_case(one.name))(
                message_class(one.input_type.full_name)(), timeout=LIMIT_S
            )
            assert [text for text in texts(answer) if printable(text) != text] == []
    with hostile_controller(
        full_name, {snake_case(one.name): abort(code) for one in methods for code in CODES[:2]}
    ) as channel:
        for one in methods:
            with pytest.raises(grpc.RpcError) as refused:
                getattr(stub(channel), snake_case(one.name))(message_class(one.input_type.full_name)(), timeout=LIMIT_S)
            peer = Peer("controller", "localhost:1", "default/tester", "a file")
            error = translate_control(refused.value, "the lease 'x'", peer, Deadline(None))
            assert printable(str(error)) == str(error)
            assert printable(str(refused.value)) == str(refused.value)
            assert details_of(refused.value) == details_of(refused.value).strip()


def test_each_stub_of_the_client_cleans_what_comes() -> None:
    """Also where a link is connected anew. Routers pass on bytes, which are data."""
    client = Path(JumpstarterLibrary.client.__file__).parent
    calls = [
        ast.unparse(node)
        for file in sorted(client.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("ExporterStub", "ClientStub", "ControllerStub")
    ]
    assert len(calls) >= 4
    assert [call for call in calls if not call.endswith(", clean_message)")] == []
