"""The events of driver calls: arguments shortened and masked, answers by their shape, errors by their code."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.client.call_record import CallRecord, describe, shape
from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.drivers import PowerProxy
from JumpstarterLibrary.client.events import (
    CallBegun,
    CallEnded,
    Event,
    Events,
    LinkChanged,
    MarkSet,
    Measurement,
    PowerAction,
)
from JumpstarterLibrary.errors import DriverMethodNotImplemented, LinkError, UnsupportedValue
from JumpstarterLibrary.exporter import HostedExporter
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.drivers.storage import MockFlasher


@pytest.fixture
def device(device_with: Callable[..., Device]) -> Device:
    return device_with({"power": MockPower(), "spare": MockPower()})


@pytest.fixture
def seen(device: Device) -> list[Event]:
    found: list[Event] = []
    device.link.events.subscribe(found.append)
    return found


def _calls(seen: list[Event]) -> list[CallBegun | CallEnded]:
    return [event for event in seen if isinstance(event, CallBegun | CallEnded)]


def test_a_unary_call(device: Device, seen: list[Event]) -> None:
    device.driver("power").call("on")
    begun, ended = _calls(seen)
    assert isinstance(begun, CallBegun)
    assert isinstance(ended, CallEnded)
    assert (begun.driver, begun.method, begun.call_type, begun.args) == ("power", "on", "unary", [])
    assert (ended.call, ended.driver, ended.method, ended.answer, ended.error) == (
        begun.call,
        "power",
        "on",
        None,
        None,
    )
    assert ended.seconds > 0
    assert not ended.weighty


def test_a_call_that_is_waited_for_later(device: Device, seen: list[Event]) -> None:
    pending = device.driver("power").begin("on")
    assert [type(event) for event in _calls(seen)] == [CallBegun]
    pending.result()
    assert [type(event) for event in _calls(seen)] == [CallBegun, CallEnded]


def test_a_call_that_a_download_ends_at_its_limit(
    device_with: Callable[..., Device], eventually: Callable[[Callable[[], object]], None], tmp_path: Path
) -> None:
    medium = MockFlasher()
    store: Any = device_with({"flasher": medium}).client.flasher
    (tmp_path / "image").write_bytes(bytes(3 << 20))
    store.write_image(tmp_path / "image")
    seen: list[Event] = []
    store._device.link.events.subscribe(seen.append)
    assert store.read_image(tmp_path / "part", size=5).size == 5
    eventually(lambda: len(_calls(seen)) == 2)
    ended = _calls(seen)[1]
    assert isinstance(ended, CallEnded)
    assert (ended.method, ended.answer, ended.error, ended.fault, ended.message) == ("dump", None, None, None, None)
    assert not ended.weighty


def test_a_call_that_fails(device: Device, seen: list[Event]) -> None:
    with pytest.raises(DriverMethodNotImplemented) as caught:
        device.driver("power").call("explode", 1, "two")
    begun, ended = _calls(seen)
    assert isinstance(begun, CallBegun)
    assert isinstance(ended, CallEnded)
    assert begun.args == [1, "two"]
    assert (ended.error, ended.fault, ended.message) == (
        caught.value.code,
        caught.value.fault.value,
        caught.value.facts,
    )
    assert ended.weighty


def test_a_call_whose_arguments_cannot_travel(device: Device, seen: list[Event]) -> None:
    with pytest.raises(UnsupportedValue):
        device.driver("power").call("on", object())
    begun, ended = _calls(seen)
    assert isinstance(begun, CallBegun)
    assert isinstance(ended, CallEnded)
    assert begun.args == [{"type": "object"}]
    assert ended.error == UnsupportedValue.code


def test_a_streaming_call_and_its_measurements(device: Device, seen: list[Event]) -> None:
    readings = device.find(PowerProxy, "power", "power").readings(2)
    begun, ended = _calls(seen)
    assert isinstance(begun, CallBegun)
    assert isinstance(ended, CallEnded)
    assert (begun.call_type, ended.results, ended.error) == ("streaming", 2, None)
    (measurement, *_) = (event for event in seen if isinstance(event, Measurement))
    assert measurement.values == {"voltage": readings[0].voltage, "current": readings[0].current}
    assert (measurement.driver, measurement.method) == ("power", "read")


def test_measurements_are_thinned_out(clock: MovableClock) -> None:
    events, seen = Events(), list[Event]()
    events.subscribe(seen.append, Measurement)
    events.subscribe(lambda _event: None)
    record = CallRecord(events, "power", "read", "streaming", ())
    for _ in range(5):
        record.brought({"voltage": 1.0, "current": 2.0})
    clock.advance(1)
    record.brought({"voltage": 3.0, "current": 4.0})
    record.brought({"level": "high"})
    assert [event.values for event in seen if isinstance(event, Measurement)] == [
        {"voltage": 1.0, "current": 2.0},
        {"voltage": 3.0, "current": 4.0},
    ]


def test_without_a_subscriber_nothing_is_made() -> None:
    record = CallRecord(Events(), "power", "on", "unary", (object(),))
    with record:
        assert record.answered("x") == "x"
        assert record.brought("y") == "y"
    record.end(LinkError("gone"))


def test_the_end_is_recorded_once() -> None:
    events, seen = Events(), list[Event]()
    events.subscribe(seen.append, CallEnded)
    record = CallRecord(events, "power", "on", "unary", ())
    with pytest.raises(KeyboardInterrupt), record:
        raise KeyboardInterrupt
    record.end()
    (ended,) = seen
    assert isinstance(ended, CallEnded)
    assert (ended.error, ended.fault, ended.message) == ("KeyboardInterrupt", None, "")


def test_power_actions(device: Device, seen: list[Event]) -> None:
    power = device.find(PowerProxy, "power", "power")
    power.on()
    power.off()
    power.call("on")
    actions = [event for event in seen if isinstance(event, PowerAction)]
    assert [(event.driver, event.action, event.done, event.on) for event in actions] == [
        ("power", "on", False, None),
        ("power", "on", True, True),
        ("power", "off", False, None),
        ("power", "off", True, False),
        ("power", "on", False, None),
        ("power", "on", True, True),
    ]


def test_a_mark(device: Device, seen: list[Event]) -> None:
    device.mark("boot")
    assert [event.name for event in seen if isinstance(event, MarkSet)] == ["boot"]


def test_the_connection_is_told(serving: Callable[..., HostedExporter]) -> None:
    events, seen = Events(), list[Event]()
    events.subscribe(seen.append, LinkChanged)
    connection = DirectConnection.from_arguments(serving(MockPower()).host, environ={})
    with Device.connect(connection, events=events) as device:
        (changed,) = seen
    assert isinstance(changed, LinkChanged)
    assert (changed.change, changed.exporter, changed.lease) == ("connected", device.link.name, "")


def _numbers() -> Generator[int]:
    yield 1
    raise AssertionError("an argument is not consumed")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        ("short", "short"),
        ("x" * 4096, "x" * 4096),
        ("x" * 4097, f"{'x' * 4096}... (4097 characters)"),
        ("https://me:pw@host/a?X-Signature=abc", "https://********@host/a?********"),
        ("get https://host/a?sig=abc now, or http://u:p@h", "get https://host/a?******** now, or http://********@h"),
        ("what? no address", "what? no address"),
        (["a", 1], ["a", 1]),
        (list(range(9)), {"type": "list", "length": 9}),
        (
            {"user": "me", "password": "pw", "API_KEY": "k", "pwd": "p", "auth": "a", "author": "b"},
            {
                "user": "me",
                "password": "********",
                "API_KEY": "********",
                "pwd": "********",
                "auth": "********",
                "author": "b",
            },
        ),
        ({"headers": {"Authorization": "Bearer x"}}, {"headers": {"Authorization": "********"}}),
        ([[[["deep"]]]], [[[{"type": "list", "length": 1}]]]),
        (b"bytes", {"type": "bytes", "length": 5}),
        (_numbers(), {"type": "generator"}),
    ],
)
def test_arguments_as_they_are_recorded(value: object, expected: object) -> None:
    assert describe(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (3, 3),
        ("text", {"type": "str", "length": 4}),
        (["a"], {"type": "list", "length": 1}),
        ({"voltage": 5.0}, {"voltage": 5.0}),
        ({"voltage": 5.0, "on": True}, {"type": "dict", "length": 2}),
    ],
)
def test_answers_as_they_are_recorded(value: object, expected: object) -> None:
    assert shape(value) == expected
