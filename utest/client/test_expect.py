"""pexpect over a driver's byte stream."""

from __future__ import annotations

from collections.abc import Callable

import pexpect
import pytest

from JumpstarterLibrary.client import Device, PexpectAdapter
from JumpstarterLibrary.errors import DriverMethodNotImplemented
from JumpstarterLibrary.exporter.drivers.power import MockPower
from utest.client.serial_port import Port

LIMIT_S = 10.0


def test_a_session(bench: Device) -> None:
    with PexpectAdapter(client=bench.client.board.console) as session:
        session.sendline(b"hello")
        assert session.expect(b"h(el+)o\n", timeout=LIMIT_S) == 0
        assert session.match.group(1) == b"ell"
        session.send(b"no end")
        with pytest.raises(pexpect.TIMEOUT):
            session.expect(b"never", timeout=0.05)


def test_several_sessions_in_a_row(bench: Device) -> None:
    for _ in range(3):
        with bench.client.board.console.pexpect() as session:
            session.send(b"ping")
            session.expect_exact(b"ping", timeout=LIMIT_S)


def test_the_far_side_ends(bench: Device) -> None:
    with PexpectAdapter(client=bench.client.echo) as session:
        session.send(b"x")
        session.expect_exact(b"x", timeout=LIMIT_S)
        bench.close()
        session.expect(pexpect.EOF, timeout=LIMIT_S)


def test_what_was_sent_last_arrives(device_with: Callable[..., Device]) -> None:
    port = Port()
    driver = device_with({"port": port}).client.port
    for number in range(20):
        with PexpectAdapter(client=driver) as session:
            session.sendline(b"reboot %d" % number)
    assert bytes(port.got) == b"".join(b"reboot %d\n" % number for number in range(20))


def test_a_session_that_the_caller_closes(bench: Device) -> None:
    with PexpectAdapter(client=bench.client.echo) as session:
        session.close()
        assert session.closed


def test_a_driver_without_stream(device_with: Callable[..., Device]) -> None:
    device = device_with({"power": MockPower()})
    with (
        pytest.raises(DriverMethodNotImplemented, match=r"^Driver 'power' has no stream method 'connect': "),
        PexpectAdapter(client=device.client.power),
    ):
        pass
