"""Serial ports: control lines, closing, and the raw stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.errors import DriverInvalidArgument, LinkError
from JumpstarterLibrary.exporter.drivers.serial import PySerial

LIMIT_S = 10.0


@pytest.fixture
def device(device_with: Callable[..., Device]) -> Iterator[Device]:
    return device_with({"port": PySerial(url="loop://")})


def test_the_raw_stream(device: Device) -> None:
    with device.client.port.stream() as stream:
        stream.send(b"\x00\xff raw")
        assert stream.receive(timeout=LIMIT_S) == b"\x00\xff raw"


def test_control_lines(device: Device, eventually: Any) -> None:
    lines: list[str] = []
    device.link.events.subscribe(lambda event: lines.append(getattr(event, "message", "")))
    device.follow_logs()
    device.client.port.set_dtr(True)
    device.client.port.set_rts(False, timeout=LIMIT_S)
    eventually(lambda: {"DTR: on", "RTS: off"} <= set(lines))


def test_a_line_is_on_or_off(device: Device) -> None:
    with pytest.raises(DriverInvalidArgument) as caught:
        device.client.port.set_dtr("maybe")
    assert str(caught.value) == (
        "Driver 'port' did not accept the arguments of 'set_dtr': DTR is set to true or false, not 'maybe'."
    )


def test_closing_the_port_ends_its_console(device: Device) -> None:
    console = device.console()
    device.client.port.close()
    with pytest.raises(LinkError) as caught:
        console.wait_for("never", LIMIT_S)
    assert str(caught.value) == "The exporter ended the stream of console 'port' while waiting for 'never'."
    device.client.port.close()
