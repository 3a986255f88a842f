"""The link: the exporter's status, old and new exporters, and a link that is closed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client import Address, Device, DirectConnection
from JumpstarterLibrary.client.link import PROBE_S, ExporterState, Link
from JumpstarterLibrary.errors import DriverError, LinkError, OperationTimeout
from JumpstarterLibrary.exporter import Features, HostedExporter
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.protocol import common_pb2, jumpstarter_pb2
from JumpstarterLibrary.types import Tls


def test_the_status(serving: Callable[..., HostedExporter], connecting: Callable[..., Device]) -> None:
    exporter = serving(MockPower())
    link = connecting(exporter.host).link
    assert link.get_status() == ExporterState("LEASE_READY", "", 1)
    exporter.call(exporter.session.update_status, common_pb2.EXPORTER_STATUS_AFTER_LEASE_HOOK, "cleaning up")
    assert link.get_status() == ExporterState("AFTER_LEASE_HOOK", "cleaning up", 2)
    assert (link.connected, link.secure, link.alive()) == (True, False, True)


def test_a_status_that_only_newer_exporters_know(
    odd_exporter: Callable[..., str], connecting: Callable[..., Device]
) -> None:
    host = odd_exporter(get_status=lambda _request, _context: jumpstarter_pb2.GetStatusResponse(status=99))
    assert connecting(host).status() == ExporterState("99", "", 0)


def test_an_exporter_too_old_to_tell_its_status_or_to_end_a_session(
    serving: Callable[..., HostedExporter], connecting: Callable[..., Device]
) -> None:
    features = Features(get_status=False, end_session=False, log_stream=False)
    device = connecting(serving(MockPower(), features=features).host)
    assert device.status() == ExporterState("LEASE_READY", "", None)
    assert device.link.end_session() is False
    assert device.link.alive()
    device.follow_logs()
    device.client.on()


def test_the_end_of_a_session(serving: Callable[..., HostedExporter], connecting: Callable[..., Device]) -> None:
    ended = threading.Event()
    with_lease = connecting(serving(MockPower(), on_end_session=ended.set).host)
    assert with_lease.link.end_session() is True
    assert ended.is_set()
    standalone = connecting(serving(MockPower()).host)
    assert standalone.link.end_session() is False


@pytest.mark.parametrize(
    ("method", "asked"),
    [("get_status", "The exporter's status (GetStatus)"), ("end_session", "The end of the session (EndSession)")],
)
def test_a_status_call_that_is_not_answered(
    method: str,
    asked: str,
    odd_exporter: Callable[..., str],
    connecting: Callable[..., Device],
    over: threading.Event,
) -> None:
    def wait(_request: object, _context: object) -> None:
        over.wait(10)

    link = connecting(odd_exporter(**{method: wait})).link
    with pytest.raises(OperationTimeout) as caught:
        getattr(link, method)(timeout=0.05)
    over.set()
    assert str(caught.value) == (
        f"{asked} did not finish within 50 milliseconds and was cancelled. The exporter may still be working on it. "
        f"Give it more time with timeout=."
    )


def test_an_exporter_that_does_not_answer_is_not_alive(
    odd_exporter: Callable[..., str], connecting: Callable[..., Device]
) -> None:
    limits: list[float] = []

    def get_status(_request: object, context: Any) -> Any:
        limits.append(context.time_remaining())
        context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")

    link = connecting(odd_exporter(get_status=get_status)).link
    assert not link.alive()
    # gRPC rounds it when it tells the exporter.
    assert 0 < limits[-1] < PROBE_S + 0.1


def test_a_server_that_is_no_exporter(odd_exporter: Callable[..., str], connecting: Callable[..., Device]) -> None:
    host = odd_exporter(get_report=None)
    with pytest.raises(DriverError) as caught:
        connecting(host)
    assert str(caught.value) == (
        f"The report of its drivers (GetReport) is not implemented by the exporter '{host}': Method not found!."
    )


CLOSED: dict[str, Callable[[Device], object]] = {
    "unary": lambda device: device.client.on(),
    "streaming": lambda device: list(device.client.read()),
    "byte stream": lambda device: device.client.stream(),
    "status": lambda device: device.status(),
    "end": lambda device: device.link.end_session(),
    "log": lambda device: device.follow_logs(),
    "report": lambda device: device.link.get_report(1),
}


@pytest.mark.parametrize("shape", CLOSED)
def test_a_closed_link(shape: str, serving: Callable[..., HostedExporter], connecting: Callable[..., Device]) -> None:
    device = connecting(serving(MockPower()).host)
    device.close()
    with pytest.raises(LinkError) as caught:
        CLOSED[shape](device)
    assert str(caught.value) == f"The link to exporter '{device.link.name}' is closed. Connect to it again."
    assert not device.link.alive()
    device.close()


def test_closing_ends_what_runs(
    odd_exporter: Callable[..., str], connecting: Callable[..., Device], over: threading.Event
) -> None:
    started = threading.Event()

    def wait(_request: object, _context: object) -> Any:
        started.set()
        over.wait(10)

    device = connecting(odd_exporter(driver_call=wait))
    errors: list[str] = []

    def call() -> None:
        with pytest.raises(DriverError) as caught:
            device.driver("x").call("m")
        errors.append(str(caught.value))

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    assert started.wait(10)
    device.close()
    thread.join(10)
    assert errors == ["'m' of driver 'x' was cancelled: Channel closed!."]


def test_two_links_to_one_exporter_are_independent(
    serving: Callable[..., HostedExporter], connecting: Callable[..., Device]
) -> None:
    host = serving(MockPower()).host
    first, second = connecting(host), connecting(host)
    first.close()
    second.client.on()
    assert second.link.alive()


def test_nothing_is_sent_before_the_first_call(
    serving: Callable[..., HostedExporter],
) -> None:
    connection = DirectConnection(Address(path=serving(MockPower()).host), Tls.plaintext)
    link = Link(connection)
    assert not link.connected
    link.close()
