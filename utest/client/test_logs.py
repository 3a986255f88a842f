"""The exporter's log as events, from exporters old and new."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.events import Event, LogRecord
from JumpstarterLibrary.exporter import Features, HostedExporter
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.protocol import common_pb2, jumpstarter_pb2

LIMIT_S = 10.0


def lines(device: Device) -> list[tuple[str, str, str]]:
    """Collect a device's log from now on."""
    found: list[tuple[str, str, str]] = []

    def subscriber(event: Event) -> None:
        assert isinstance(event, LogRecord)
        found.append((event.message, event.severity, event.source))

    device.link.events.subscribe(subscriber, LogRecord)
    return found


def test_the_exporters_log(
    serving: Callable[..., HostedExporter], connecting: Callable[..., Device], eventually: Any
) -> None:
    exporter = serving(MockPower())
    device = connecting(exporter.host)
    found = lines(device)
    device.follow_logs()
    device.follow_logs()  # a second follower would take half of the lines
    device.client.on()
    eventually(lambda: ("power on", "INFO", "DRIVER") in found)
    exporter.call(exporter.session.logs.write, "from a hook", common_pb2.LOG_SOURCE_BEFORE_LEASE_HOOK, "WARNING")
    eventually(lambda: ("from a hook", "WARNING", "BEFORE_LEASE_HOOK") in found)
    count = len(found)
    device.close()
    assert len(found) == count


def test_lines_of_odd_exporters(
    odd_exporter: Callable[..., str], connecting: Callable[..., Device], over: threading.Event, eventually: Any
) -> None:
    def log_stream(_request: object, context: Any) -> Iterator[Any]:
        context.add_callback(over.set)
        yield jumpstarter_pb2.LogStreamResponse(message="no source", severity="INFO")
        yield jumpstarter_pb2.LogStreamResponse(message="newer", severity="", source=99)
        over.wait(LIMIT_S)

    device = connecting(odd_exporter(log_stream=log_stream))
    found = lines(device)
    device.follow_logs()
    eventually(lambda: len(found) == 2)
    assert found == [("no source", "INFO", "UNSPECIFIED"), ("newer", "", "99")]


def test_an_exporter_too_old_for_logs(
    serving: Callable[..., HostedExporter], connecting: Callable[..., Device]
) -> None:
    device = connecting(serving(MockPower(), features=Features(log_stream=False)).host)
    found = lines(device)
    device.follow_logs()
    device.client.on()
    device.close()
    assert found == []


def test_a_log_that_breaks_does_not_disturb(
    odd_exporter: Callable[..., str],
    connecting: Callable[..., Device],
    eventually: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def log_stream(_request: object, context: Any) -> Iterator[Any]:
        yield jumpstarter_pb2.LogStreamResponse(message="last words", severity="INFO")
        context.abort(grpc.StatusCode.UNAVAILABLE, "gone")

    caplog.set_level("DEBUG", "JumpstarterLibrary")
    device = connecting(odd_exporter(log_stream=log_stream))
    found = lines(device)
    device.follow_logs()
    eventually(lambda: "the exporter's log of " in caplog.text)
    assert [message for message, _, _ in found] == ["last words"]
    assert device.status().status == "LEASE_READY"


def test_all_is_read_that_was_written_before_the_device_is_closed(
    serving: Callable[..., HostedExporter], connecting: Callable[..., Device]
) -> None:
    exporter = serving(MockPower())
    device = connecting(exporter.host)
    found = lines(device)
    device.follow_logs()

    def write() -> None:
        for number in range(2000):
            exporter.session.logs.write(str(number), common_pb2.LOG_SOURCE_AFTER_LEASE_HOOK)

    exporter.call(write)
    device.close()
    assert [text for text, _, source in found if source == "AFTER_LEASE_HOOK"] == [str(n) for n in range(2000)]


def test_lines_that_another_client_has_read_are_not_waited_for(
    serving: Callable[..., HostedExporter], connecting: Callable[..., Device], skipping: Any
) -> None:
    exporter = serving(MockPower())
    exporter.call(exporter.session.logs.write, "for another one", common_pb2.LOG_SOURCE_DRIVER)
    exporter.call(exporter.session.logs.take)
    device = connecting(exporter.host)
    found = lines(device)
    device.follow_logs()
    device.close()
    assert found == []
