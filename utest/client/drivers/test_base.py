"""Calls of every style, their errors, their limits, and names as attributes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from JumpstarterLibrary.client import Deadline, Device
from JumpstarterLibrary.errors import (
    DriverError,
    DriverInvalidArgument,
    DriverMethodNotImplemented,
    DriverTimeout,
    DriverUnavailable,
    ExporterNotReady,
    NoSuchDriver,
    OperationTimeout,
    UnsupportedValue,
)
from JumpstarterLibrary.exporter import Driver, Features, HostedExporter, export
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.protocol import encode, jumpstarter_pb2
from JumpstarterLibrary.protocol.names import MESSAGE_LIMIT

LIMIT_S = 10.0


class Widget(Driver):
    """Does what a test needs."""

    ERRORS: ClassVar = {
        "value": ValueError("not so"),
        "timeout": TimeoutError("no edge on pin 3"),
        "connection": ConnectionRefusedError("relay is off"),
        "os": OSError("no such device"),
        "runtime": RuntimeError("broken"),
        "not implemented": NotImplementedError("not yet"),
        "empty": KeyError(),
    }

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, ...]] = []
        self.started, self.cancelled = threading.Event(), threading.Event()
        self.produced = 0

    @classmethod
    def client(cls) -> str:
        return "acme.client.Widget"

    @export
    async def echo(self, *values: Any) -> list[Any]:
        self.calls.append(values)
        return list(values)

    @export
    async def large(self, size: int) -> str:
        return "x" * size

    @export
    async def fail(self, how: str) -> None:
        raise self.ERRORS[how]

    @export
    async def wait(self) -> None:
        self.started.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()

    @export
    async def count(self, limit: int) -> AsyncIterator[int]:
        for number in range(limit):
            yield number

    @export
    def count_slowly(self) -> Iterator[int]:
        yield from range(3)

    @export
    async def fail_after(self, count: int, how: str) -> AsyncIterator[int]:
        for number in range(count):
            yield number
        raise self.ERRORS[how]

    @export
    async def endless(self) -> AsyncIterator[int]:
        try:
            while True:
                self.produced += 1
                yield self.produced
                await asyncio.sleep(0)
        finally:
            self.cancelled.set()

    @export
    async def stalled(self) -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()

    @export
    async def endless_text(self) -> AsyncIterator[str]:
        while True:
            self.produced += 1
            yield "x" * 100_000

    @export
    async def call(self, value: str) -> str:
        return f"called {value}"


@pytest.fixture
def widget() -> Widget:
    return Widget()


@pytest.fixture
def device(widget: Widget, device_with: Callable[..., Device]) -> Device:
    return device_with({"widget": widget, "group": Composite(children={"power": MockPower()})})


@pytest.fixture
def driver(device: Device) -> Any:
    return device.client.widget


# Unary calls


def test_values_go_there_and_come_back(driver: Any) -> None:
    values = [1, 2.5, "text", None, True, [1, [2]], {"a": {"b": None}}]
    assert driver.call("echo", *values) == driver.echo(*values) == values
    assert driver.echo() == []


def test_an_answer_larger_than_four_mebibytes(driver: Any) -> None:
    assert driver.large(5 << 20) == "x" * (5 << 20)


def test_arguments_larger_than_four_mebibytes_are_not_sent(driver: Any, widget: Widget) -> None:
    size = 4_000_000
    probe = jumpstarter_pb2.DriverCallRequest(uuid=driver.uuid, method="echo", args=[encode("x" * size)])
    overhead = probe.ByteSize() - size
    driver.echo("x" * (MESSAGE_LIMIT - overhead))
    widget.calls.clear()
    with pytest.raises(UnsupportedValue) as caught:
        driver.echo("x" * (MESSAGE_LIMIT - overhead + 1))
    assert str(caught.value) == (
        "The arguments of 'echo' of driver 'widget' were not sent: they take 4194305 bytes, and exporters accept "
        "4194304 in one message. Use a file or resource for large data."
    )
    assert widget.calls == []


@pytest.mark.parametrize("style", ["unary", "streaming"])
def test_an_argument_that_cannot_travel_is_not_sent(driver: Any, widget: Widget, style: str) -> None:
    call = driver.call if style == "unary" else driver.streamingcall
    with pytest.raises(UnsupportedValue) as caught:
        call("echo", 1, {"key": [b"\xff"]})
    assert str(caught.value) == (
        "Argument 2 of 'echo' of driver 'widget' was not sent: 1 bytes are not UTF-8 text, and the protocol has no "
        "binary value (at ['key'][0]); send base64 or hexadecimal text, or use a resource."
    )
    assert widget.calls == []


def test_a_driver_is_no_argument(driver: Any) -> None:
    with pytest.raises(UnsupportedValue) as caught:
        driver.echo(driver)
    assert str(caught.value) == (
        "Argument 1 of 'echo' of driver 'widget' was not sent: a value of type GenericProxy cannot travel; send text, "
        "numbers, lists or mappings."
    )


FAILURES = [
    ("value", DriverInvalidArgument, "Driver 'widget' did not accept the arguments of '{method}': not so."),
    (
        "timeout",
        DriverTimeout,
        "Driver 'widget' gave up by itself in '{method}': no edge on pin 3. No timeout= of this side was involved.",
    ),
    (
        "connection",
        DriverUnavailable,
        "Driver 'widget' could not reach its hardware in '{method}': relay is off. The exporter itself answers.",
    ),
    ("os", DriverError, "'{method}' of driver 'widget' failed on the exporter: no such device."),
    ("runtime", DriverError, "'{method}' of driver 'widget' failed on the exporter: broken."),
    (
        "not implemented",
        DriverMethodNotImplemented,
        "'{method}' of driver 'widget' is not implemented by the exporter '{host}': not yet.",
    ),
    ("empty", DriverError, "'{method}' of driver 'widget' failed on the exporter: KeyError."),
]


@pytest.mark.parametrize(("how", "kind", "sentence"), FAILURES)
@pytest.mark.parametrize("timeout", [None, LIMIT_S])
def test_a_driver_that_fails(
    device: Device, driver: Any, how: str, kind: type[Exception], sentence: str, timeout: float | None
) -> None:
    with pytest.raises(kind) as caught:
        driver.fail(how, timeout=timeout)
    assert type(caught.value) is kind
    assert str(caught.value) == sentence.format(method="fail", host=device.link.name)


def test_what_failures_are_as_well() -> None:
    assert issubclass(DriverInvalidArgument, ValueError)
    assert issubclass(DriverTimeout, TimeoutError)
    assert issubclass(DriverMethodNotImplemented, NotImplementedError)
    assert issubclass(OperationTimeout, TimeoutError)


@pytest.mark.parametrize(
    ("style", "method", "details"),
    [
        (
            "unary",
            "nothing",
            "Widget exports no method 'nothing'. For a unary call it has: call, echo, fail, large, wait",
        ),
        (
            "unary",
            "count",
            "The method 'count' of Widget is for a streaming call, not for a unary call. For a unary call it has: "
            "call, echo, fail, large, wait",
        ),
        (
            "streaming",
            "echo",
            "The method 'echo' of Widget is for a unary call, not for a streaming call. For a streaming call it has: "
            "count, count_slowly, endless, endless_text, fail_after, stalled",
        ),
        (
            "stream",
            "echo",
            "The method 'echo' of Widget is for a unary call, not for a byte stream. It has no method for a byte "
            "stream",
        ),
    ],
)
def test_a_method_that_is_not_there_in_that_style(driver: Any, style: str, method: str, details: str) -> None:
    calls: dict[str, Callable[[], object]] = {
        "unary": lambda: driver.call(method),
        "streaming": lambda: list(driver.streamingcall(method)),
        "stream": lambda: driver.stream(method),
    }
    with pytest.raises(DriverMethodNotImplemented) as caught:
        calls[style]()
    assert str(caught.value) == (
        f"Driver 'widget' has no {style} method '{method}': {details}. Check the name, and whether it is a unary call, "
        f"a streaming call or a byte stream."
    )


def test_a_method_of_the_root(device: Device) -> None:
    with pytest.raises(DriverMethodNotImplemented, match=r"^The root driver has no unary method 'nothing': "):
        device.client.call("nothing")


@pytest.mark.parametrize("timeout", [float, lambda limit_s: timedelta(seconds=limit_s), Deadline])
def test_no_answer_in_time(driver: Any, widget: Widget, timeout: Callable[[float], Any]) -> None:
    begin = time.monotonic()
    with pytest.raises(OperationTimeout) as caught:
        driver.call("wait", timeout=timeout(0.2))
    assert 0.19 < time.monotonic() - begin < 2
    assert str(caught.value) == (
        "'wait' of driver 'widget' did not finish within 200 milliseconds and was cancelled. The exporter may still be "
        "working on it. Give it more time with timeout=."
    )
    assert widget.cancelled.wait(LIMIT_S)


def test_many_short_deadlines_are_always_ours(driver: Any) -> None:
    for _ in range(100):
        with pytest.raises(OperationTimeout):
            driver.call("wait", timeout=0.002)


def test_an_exporter_that_is_not_ready(
    serving: Callable[..., HostedExporter], connecting: Callable[..., Device]
) -> None:
    device = connecting(serving(MockPower(), status=None, features=Features(gate_calls=True)).host)
    with pytest.raises(ExporterNotReady) as caught:
        device.client.on()
    assert str(caught.value) == (
        f"The exporter '{device.link.name}' is not ready for 'on' of the root driver: The exporter takes no driver "
        f"calls in status AVAILABLE. Wait for LEASE_READY."
    )


# Streaming calls


def test_results_as_they_come(driver: Any) -> None:
    with driver.streamingcall("count", 3) as results:
        assert list(results) == [0, 1, 2]
        assert list(results) == []
    assert list(driver.streamingcall("count_slowly")) == [0, 1, 2]
    assert list(driver.streamingcall("count", 0)) == []


@pytest.mark.parametrize(("how", "kind", "sentence"), FAILURES)
def test_results_before_a_failure(device: Device, driver: Any, how: str, kind: type[Exception], sentence: str) -> None:
    results = driver.streamingcall("fail_after", 2, how)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(kind) as caught:
        next(results)
    assert str(caught.value) == sentence.format(method="fail_after", host=device.link.name)
    assert list(results) == []


def test_leaving_an_endless_stream_cancels_it(driver: Any, widget: Widget) -> None:
    with driver.streamingcall("endless") as results:
        assert [next(results) for _ in range(3)] == [1, 2, 3]
    assert widget.cancelled.wait(LIMIT_S)
    results.close()
    assert list(results) == []


def test_closing_it_in_another_thread_ends_the_iteration(driver: Any, widget: Widget) -> None:
    results = driver.streamingcall("endless")
    next(results)
    threading.Timer(0.02, results.close).start()
    assert list(results)[:1] == [2]
    assert widget.cancelled.wait(LIMIT_S)


def test_results_that_nobody_reads_hold_the_driver_back(driver: Any, widget: Widget, eventually: Any) -> None:
    with driver.streamingcall("endless_text") as results:
        next(results)
        counts: list[int] = []

        def held_back() -> bool:
            counts.append(widget.produced)
            return len(counts) > 20 and len(set(counts[-20:])) == 1

        eventually(held_back)


def test_a_stream_of_results_that_is_not_done_in_time(driver: Any, widget: Widget) -> None:
    with pytest.raises(OperationTimeout) as caught:
        list(driver.streamingcall("endless", timeout=0.2))
    assert str(caught.value) == (
        "'endless' of driver 'widget' did not finish within 200 milliseconds and was cancelled. The exporter may still "
        "be working on it. Give it more time with timeout=."
    )
    assert widget.cancelled.wait(LIMIT_S)


def test_an_interrupted_stream_of_results_is_cancelled(driver: Any, widget: Widget, alarm: Any) -> None:
    # While a result is awaited: in the middle of gRPC's own code, an interruption may end gRPC's thread.
    results = driver.streamingcall("stalled")
    assert next(results) == 1
    alarm(0.05)
    with pytest.raises(alarm.Interruption):
        list(results)
    assert widget.cancelled.wait(LIMIT_S)
    assert driver.echo(1) == [1]


# Names


def test_children_and_methods_are_attributes(device: Device, driver: Any) -> None:
    assert (driver.name, driver.path, driver.labels["jumpstarter.dev/client"]) == (
        "widget",
        "widget",
        "acme.client.Widget",
    )
    assert device.client.group.power.path == "group.power"
    assert list(device.client.children) == ["widget", "group"]
    assert {"widget", "group", "call"} <= set(dir(device.client))
    assert repr(driver) == f"<GenericProxy 'widget' of '{device.link.name}'>"
    assert repr(device.client) == f"<CompositeProxy '(root)' of '{device.link.name}'>"
    assert repr(driver.echo) == f"<method 'echo' of {driver!r}>"


def test_a_method_whose_name_is_taken_is_called_by_name(driver: Any) -> None:
    assert driver.call("call", "x") == "called x"


def test_a_name_that_a_group_does_not_have(device: Device) -> None:
    with pytest.raises(NoSuchDriver) as caught:
        _ = device.client.group.powr
    assert str(caught.value) == "No driver 'powr' under 'group'. It has: power."
    assert not hasattr(device.client, "powr")


def test_private_names_are_no_methods(driver: Any) -> None:
    with pytest.raises(AttributeError):
        _ = driver._private
    assert not hasattr(driver, "__deepcopy__")
