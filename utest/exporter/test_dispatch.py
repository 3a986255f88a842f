"""Driver calls over a real socket: how they run, and how they fail."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest

from JumpstarterLibrary.errors import ConfigurationError, DriverTimeout
from JumpstarterLibrary.exporter import Driver, export, exportstream
from JumpstarterLibrary.protocol import jumpstarter_pb2
from JumpstarterLibrary.protocol.wellknown import ListValue, Struct, Value

ERRORS: dict[str, BaseException] = {
    "not_implemented": NotImplementedError("not today"),
    "value": ValueError("no such channel"),
    "unicode": UnicodeError("bytes"),
    "configuration": ConfigurationError("both given"),
    "timeout": TimeoutError("waited 3 s"),
    "driver_timeout": DriverTimeout("waited 4 s"),
    "refused": ConnectionRefusedError("port 1"),
    "file": FileNotFoundError(2, "No such file", "/dev/tty9"),
    "runtime": RuntimeError("burnt"),
    "key": KeyError("name"),
    "empty": RuntimeError(),
    "exit": SystemExit("bye"),
    "surrogate": RuntimeError("bad \udc80 text"),
    "long": ValueError("x" * 100_000),
    "cancelled": asyncio.CancelledError(),
}

TABLE = [
    ("not_implemented", grpc.StatusCode.UNIMPLEMENTED, "not today"),
    ("value", grpc.StatusCode.INVALID_ARGUMENT, "no such channel"),
    ("unicode", grpc.StatusCode.INVALID_ARGUMENT, "bytes"),
    ("configuration", grpc.StatusCode.INVALID_ARGUMENT, "both given"),
    ("timeout", grpc.StatusCode.DEADLINE_EXCEEDED, "waited 3 s"),
    ("driver_timeout", grpc.StatusCode.DEADLINE_EXCEEDED, "waited 4 s"),
    ("refused", grpc.StatusCode.UNAVAILABLE, "port 1"),
    ("file", grpc.StatusCode.INTERNAL, "[Errno 2] No such file: '/dev/tty9'"),
    ("runtime", grpc.StatusCode.UNKNOWN, "burnt"),
    ("key", grpc.StatusCode.UNKNOWN, "'name'"),
    ("empty", grpc.StatusCode.UNKNOWN, "RuntimeError"),
    ("exit", grpc.StatusCode.UNKNOWN, "bye"),
    ("surrogate", grpc.StatusCode.UNKNOWN, "bad ? text"),
    ("long", grpc.StatusCode.INVALID_ARGUMENT, "x" * 2048),
]


def _hiding(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate as validating decorators do: the wrapper of a coroutine function is a plain function."""

    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args)

    return wrapper


@dataclass(kw_only=True)
class Probe(Driver):
    """A driver of every style."""

    gate: threading.Event = field(default_factory=threading.Event)
    events: list[str] = field(default_factory=list)

    @classmethod
    def client(cls) -> str:
        return "test.Probe"

    @property
    def trap(self) -> None:
        self.events.append("property")

    @export
    def echo(self, *args: object) -> object:
        return list(args)

    @export
    def types(self, *args: object) -> list[str]:
        return [type(arg).__name__ for arg in args]

    @export
    async def where(self) -> bool:
        return bool(asyncio.get_running_loop())

    @export
    def thread(self) -> str:
        return threading.current_thread().name

    @export
    @_hiding
    async def hidden(self) -> str:
        return "awaited"

    @export
    async def one(self, argument: object) -> object:
        return argument

    @export
    async def fail(self, name: str) -> None:
        raise ERRORS[name]

    @export
    def fail_plainly(self, name: str) -> None:
        raise ERRORS[name]

    @export
    def unspeakable(self) -> object:
        self.events.append("done")
        return object()

    @export
    async def count(self, number: int, name: str | None = None) -> AsyncIterator[int]:
        try:
            for item in range(number):
                yield item
            if name is not None:
                raise ERRORS[name]
        finally:
            self.events.append("closed")

    @export
    def count_plainly(self, number: int, name: str | None = None) -> Iterator[int]:
        try:
            yield from range(number)
            if name is not None:
                raise ERRORS[name]
        finally:
            self.events.append("closed")

    @export
    @_hiding
    async def count_hidden(self, number: int) -> AsyncIterator[int]:
        for item in range(number):
            yield item

    @export
    def slow_items(self) -> Iterator[int]:
        self.gate.wait(10)
        yield 1

    @export
    async def endless(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.events.append("cancelled")

    @export
    async def endless_items(self) -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            self.events.append("cancelled")

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[None]:
        yield

    def private(self) -> None: ...


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_values_travel_and_whole_numbers_are_ints(connect: Any) -> None:
    values = [1, 2.5, "text", True, None, [1, [2]], {"a": {"b": 1}}]
    with connect(Probe()) as wire:
        assert wire.call("echo", *values) == values
        assert wire.call("types", *values) == ["int", "float", "str", "bool", "NoneType", "list", "dict"]


def test_coroutines_run_on_the_loop_and_functions_in_threads(connect: Any) -> None:
    with connect(Probe()) as wire:
        assert wire.call("where") is True
        assert wire.call("thread") == "exporter-driver"
        assert wire.call("hidden") == "awaited"
        assert wire.items("count_hidden", 3) == [0, 1, 2]


def test_answers_carry_fresh_ids(connect: Any) -> None:
    with connect(Probe()) as wire:
        ids = {wire.start("where").result().uuid for _ in range(3)}
        ids |= {answer.uuid for answer in wire.stream_call("count", 3)}
        assert len({UUID(text) for text in ids} - {UUID(wire.uuid())}) == 6


@pytest.mark.parametrize(("name", "code", "details"), TABLE)
@pytest.mark.parametrize("method", ["fail", "fail_plainly"])
def test_exceptions_become_statuses(
    connect: Any, refused: Any, method: str, name: str, code: grpc.StatusCode, details: str
) -> None:
    with connect(Probe()) as wire:
        assert refused(lambda: wire.call(method, name)) == (code, details)


@pytest.mark.parametrize("method", ["count", "count_plainly"])
def test_streaming_calls_deliver_items_before_the_status(connect: Any, refused: Any, method: str) -> None:
    probe = Probe()
    with connect(probe) as wire:
        assert wire.items(method, 3) == [0, 1, 2]
        answers = wire.stream_call(method, 2, "refused")
        assert [next(answers).result.number_value for _ in range(2)] == [0.0, 1.0]
        assert refused(lambda: next(answers)) == (grpc.StatusCode.UNAVAILABLE, "port 1")
        assert probe.events == ["closed", "closed"]


def test_a_cancellation_inside_the_driver_is_an_error(connect: Any, refused: Any) -> None:
    with connect(Probe()) as wire:
        assert refused(lambda: wire.call("fail", "cancelled")) == (
            grpc.StatusCode.UNKNOWN,
            "fail was cancelled inside the driver.",
        )


@pytest.mark.parametrize(
    ("streaming", "method", "details"),
    [
        (
            False,
            "nothing",
            "Probe exports no method 'nothing'. For a unary call it has: echo, endless, fail, fail_plainly, hidden, "
            "one, thread, types, unspeakable, where.",
        ),
        (
            True,
            "private",
            "Probe exports no method 'private'. For a streaming call it has: count, count_hidden, count_plainly, "
            "endless_items, slow_items.",
        ),
        (
            True,
            "echo",
            "The method 'echo' of Probe is for a unary call, not for a streaming call. For a streaming call it has: "
            "count, count_hidden, count_plainly, endless_items, slow_items.",
        ),
    ],
)
def test_methods_that_cannot_be_called_so_are_not_found(
    connect: Any, refused: Any, streaming: bool, method: str, details: str
) -> None:
    with connect(Probe()) as wire:
        call = wire.items if streaming else wire.call
        assert refused(lambda: call(method)) == (grpc.StatusCode.NOT_FOUND, details)


@pytest.mark.parametrize("method", ["count", "connect", "trap", "children", "__init__", ""])
def test_a_unary_call_reaches_nothing_else(connect: Any, refused: Any, method: str) -> None:
    probe = Probe()
    with connect(probe) as wire:
        assert refused(lambda: wire.call(method))[0] is grpc.StatusCode.NOT_FOUND
        assert probe.events == []


def test_a_wrong_number_of_arguments_is_a_type_error(connect: Any, refused: Any) -> None:
    with connect(Probe()) as wire:
        code, details = refused(lambda: wire.call("one"))
        assert code is grpc.StatusCode.UNKNOWN
        assert details == "Probe.one() missing 1 required positional argument: 'argument'"
        code, details = refused(lambda: wire.items("count", 1, None, 3))
        assert code is grpc.StatusCode.UNKNOWN
        assert details == "Probe.count() takes from 2 to 3 positional arguments but 4 were given"


def test_unknown_drivers(connect: Any, refused: Any) -> None:
    stranger = uuid4()
    with connect(Probe()) as wire:
        assert refused(lambda: wire.call("where", uuid=str(stranger))) == (
            grpc.StatusCode.UNKNOWN,
            f"Unexpected <class 'KeyError'>: {stranger!r}",
        )
        assert refused(lambda: wire.call("where", uuid="nonsense")) == (
            grpc.StatusCode.UNKNOWN,
            "Unexpected <class 'ValueError'>: badly formed hexadecimal UUID string",
        )
        assert wire.call("where", uuid=wire.uuid().upper()) is True


def test_a_result_that_cannot_travel_is_an_invalid_argument(connect: Any, refused: Any) -> None:
    probe = Probe()
    with connect(probe) as wire:
        code, details = refused(lambda: wire.call("unspeakable"))
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert details == "a value of type object cannot travel; send text, numbers, lists or mappings"
        assert probe.events == ["done"]


@pytest.mark.parametrize(
    "value",
    [
        Value(number_value=float("nan")),
        Value(list_value=ListValue(values=[Value(number_value=float("inf"))])),
        Value(struct_value=Struct(fields={"a": Value(number_value=float("-inf"))})),
    ],
)
def test_numbers_that_are_not_finite_are_refused(connect: Any, refused: Any, value: Value) -> None:
    with connect(Probe()) as wire:
        request = jumpstarter_pb2.DriverCallRequest(uuid=wire.uuid(), method="echo", args=[Value(), value])
        assert refused(lambda: wire.stub.driver_call(request, timeout=5)) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "Argument 2 holds a number that is not finite. Send null or text instead.",
        )


def test_a_slow_generator_does_not_block_the_exporter(connect: Any) -> None:
    probe = Probe()
    with connect(probe) as wire:
        answers = wire.stream_call("slow_items")
        assert wire.call("where") is True
        probe.gate.set()
        assert next(answers).result.number_value == 1.0


def test_cancelling_reaches_coroutines_and_generators(connect: Any) -> None:
    probe = Probe()
    with connect(probe) as wire:
        call = wire.start("endless")
        answers = wire.stream_call("endless_items")
        next(answers)
        assert wire.call("where") is True
        call.cancel()
        answers.cancel()
        _until(lambda: probe.events == ["cancelled", "cancelled"])


def test_a_plain_function_outlives_its_cancelled_call(connect: Any) -> None:
    @dataclass(kw_only=True)
    class Slow(Probe):
        @export
        def work(self) -> None:
            self.events.append("began")
            self.gate.wait(10)
            self.events.append("ended")

    slow = Slow()
    with connect(slow) as wire:
        call = wire.start("work")
        _until(lambda: slow.events == ["began"])
        call.cancel()
        slow.gate.set()
        _until(lambda: slow.events == ["began", "ended"])


def test_an_override_without_a_mark_is_not_exported(connect: Any, refused: Any) -> None:
    class Quiet(Probe):
        async def where(self) -> bool:
            return False

    with connect(Quiet()) as wire:
        assert refused(lambda: wire.call("where"))[0] is grpc.StatusCode.NOT_FOUND
        assert wire.call("hidden") == "awaited"
