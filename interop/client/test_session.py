"""The calls that are about the exporter itself."""

from __future__ import annotations

import queue
from pathlib import Path

import pytest

from interop.conftest import Exporter
from interop.exporters import Tcp, our_exporter, upstream_tcp, upstream_unix
from interop.upstream import Upstream
from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.client.events import Event, LogRecord
from JumpstarterLibrary.types import Tls


def test_status(device: Device) -> None:
    state = device.status()
    assert state.status == "LEASE_READY"
    assert state.version == 1


def test_log_lines_of_a_driver_are_followed(exporter: Exporter) -> None:
    lines: queue.Queue[LogRecord] = queue.Queue()

    def keep(event: Event) -> None:
        if isinstance(event, LogRecord):
            lines.put(event)

    with Device.connect(DirectConnection.from_arguments(exporter.host)) as device:
        device.link.events.subscribe(keep)
        device.follow_logs()
        device.driver("faults").call("log", "the fuse is warm")
        line = lines.get(timeout=10)
        while "the fuse is warm" not in line.message:
            line = lines.get(timeout=10)
    # Upstream's exporter puts the logger's name before the line when it runs inside a shell command.
    assert line.message.removeprefix("[driver.Faults] ") == "the fuse is warm"
    assert (line.severity, line.source) == ("WARNING", "DRIVER")


@pytest.mark.parametrize("kind", ["upstream", "ours"])
def test_end_session_without_a_lease(request: pytest.FixtureRequest, config: Path, runtime: Path, kind: str) -> None:
    if kind == "upstream":
        upstream: Upstream = request.getfixturevalue("upstream")
        exporter = upstream_unix(upstream, config, runtime)
    else:
        exporter = our_exporter(config, runtime)
    with exporter as host, Device.connect(DirectConnection.from_arguments(host)) as device:
        assert device.link.end_session() is False
        device.driver("power").call("on", timeout=5)


def test_two_clients_at_once(exporter: Exporter) -> None:
    connection = DirectConnection.from_arguments(exporter.host)
    with Device.connect(connection) as one, Device.connect(connection) as two:
        one.driver("power").call("on")
        one.close()
        assert two.driver("power").call("off") is None


@pytest.mark.parametrize(("kind", "ended", "status"), [("upstream", True, "AVAILABLE"), ("ours", False, "LEASE_READY")])
def test_end_session_of_a_standalone_exporter(
    request: pytest.FixtureRequest, config: Path, runtime: Path, kind: str, ended: bool, status: str
) -> None:
    """Upstream's leaves its ready state for good, so that our client never ends such a session by itself."""
    if kind == "upstream":
        exporter = upstream_tcp(request.getfixturevalue("upstream"), config, runtime, Tcp())
    else:
        exporter = our_exporter(config, runtime, Tcp())
    with exporter as host:
        connection = DirectConnection.from_arguments(host, tls=Tls.plaintext)
        with Device.connect(connection) as device:
            assert device.status().status == "LEASE_READY"
        with Device.connect(connection) as device:
            assert device.status().status == "LEASE_READY"
            assert device.link.end_session() is ended
            assert device.status().status == status
            device.driver("power").call("on", timeout=5)
