"""Datagrams, message buses and virtual machines, as drivers connect to them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator

import pytest

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.drivers.datagrams import DATAGRAM_LIMIT, DatagramStream, UdpNetwork
from JumpstarterLibrary.exporter.drivers.dbus import KIND_LABEL, DbusNetwork, parse_address
from JumpstarterLibrary.exporter.drivers.vsock import VsockNetwork
from JumpstarterLibrary.exporter.streams import ClosedStream, EndOfStream


@pytest.fixture
def udp() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as service:
        service.bind(("127.0.0.1", 0))
        service.settimeout(10)
        yield service


def test_datagrams_stay_whole_in_both_directions(serving, udp):
    client = serving(UdpNetwork(host="127.0.0.1", port=udp.getsockname()[1]))
    with client.stream() as stream:
        stream.send(b"one")
        stream.send(b"two")
        data, back = udp.recvfrom(100)
        assert (data, udp.recv(100)) == (b"one", b"two")
        udp.sendto(b"answer", back)
        assert stream.receive() == b"answer"
        # There is no end of data in this direction; the other one goes on.
        stream.send_eof()
        udp.sendto(b"late", back)
        assert stream.receive() == b"late"


def test_a_datagram_that_nobody_takes_is_lost(serving, udp):
    port = udp.getsockname()[1]
    client = serving(UdpNetwork(host="127.0.0.1", port=port))
    udp.close()
    with client.stream() as stream:
        stream.send(b"lost")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as later:
            later.bind(("127.0.0.1", port))
            later.settimeout(0.1)
            for _ in range(100):
                stream.send(b"heard")
                with contextlib.suppress(TimeoutError):
                    if later.recv(100) == b"heard":
                        break
            else:
                pytest.fail("nothing came after the service was there")


def test_datagrams_that_nobody_reads_do_not_pile_up(udp):
    async def scenario() -> None:
        async with await DatagramStream.connect("127.0.0.1", udp.getsockname()[1]) as stream:
            for number in range(DATAGRAM_LIMIT + 5):
                stream.datagram_received(b"%d" % number, None)
            received = [await stream.receive() for _ in range(DATAGRAM_LIMIT)]
            assert (received[0], received[-1]) == (b"0", b"%d" % (DATAGRAM_LIMIT - 1))
            waiting = asyncio.create_task(stream.receive())
            await asyncio.sleep(0)
            await stream.aclose()
            with pytest.raises(EndOfStream):
                await waiting
            with pytest.raises(ClosedStream, match=r"^the socket is closed$"):
                await stream.send(b"?")

    asyncio.run(scenario())


def test_the_address_of_datagrams(serving):
    assert serving(UdpNetwork(host="::1", port=53)).call("address") == "udp://[::1]:53"
    silent = "INVALID_ARGUMENT: This driver does not tell its address: its enable_address mode is not true. "
    assert serving(UdpNetwork(host="h", port=1, enable_address=False)).failure("address").startswith(silent)


def test_a_name_that_cannot_be_resolved(serving):
    found = serving(UdpNetwork(host="no host", port=5)).stream_failure()
    assert "The exporter cannot send datagrams to no host:5: " in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("unix:path=/run/bus", ("unix", {"path": "/run/bus"})),
        ("unix:abstract=/tmp/x%20y,guid=12", ("unix", {"abstract": "/tmp/x y", "guid": "12"})),
        ("launchd:env=X;tcp:host=h,port=12,family=ipv4", ("tcp", {"host": "h", "port": 12, "family": "ipv4"})),
    ],
)
def test_addresses_of_message_buses(text, expected):
    assert parse_address(text) == expected


@pytest.mark.parametrize(
    "text", ["", "unix", "unix:", "unix:path=", "tcp:host=h", "tcp:host=h,port=http", "nonce-tcp:"]
)
def test_addresses_that_lead_to_no_bus(text):
    with pytest.raises(ConfigurationError) as caught:
        parse_address(text)
    assert str(caught.value) == (
        f"The message bus address {text!r} cannot be used. "
        "Set one like 'unix:path=/run/dbus/system_bus_socket' or 'tcp:host=127.0.0.1,port=1234'."
    )


@pytest.mark.parametrize("kind", ["system", "session"])
@pytest.mark.parametrize("place", ["path", "abstract", "tcp"])
def test_a_message_bus(serving, tmp_path, monkeypatch, kind, place):
    family = socket.AF_INET if place == "tcp" else socket.AF_UNIX
    name = f"jumpstarter-test-{os.getpid()}"
    where = {"path": str(tmp_path / "bus"), "abstract": f"\0{name}", "tcp": ("127.0.0.1", 0)}[place]
    with socket.socket(family) as bus:
        bus.bind(where)
        bus.listen()
        bus.settimeout(10)
        address = {"path": f"unix:path={where}", "abstract": f"unix:abstract={name}"}.get(
            place, f"tcp:host=127.0.0.1,port={bus.getsockname()[1] if place == 'tcp' else 0}"
        )
        monkeypatch.setenv(f"DBUS_{kind.upper()}_BUS_ADDRESS", address)
        driver = DbusNetwork(kind=kind)
        assert driver.extra_labels() == {KIND_LABEL: kind}
        with serving(driver).stream() as stream:
            connection, _ = bus.accept()
            with connection:
                connection.sendall(b"AUTH")
                assert stream.receive() == b"AUTH"


def test_the_usual_places_of_message_buses(monkeypatch):
    for name in ("DBUS_SYSTEM_BUS_ADDRESS", "DBUS_SESSION_BUS_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    assert DbusNetwork(kind="system").args == {"path": "/run/dbus/system_bus_socket"}
    assert DbusNetwork(kind="session").args == {"path": f"/run/user/{os.getuid()}/bus"}
    with pytest.raises(ConfigurationError) as caught:
        DbusNetwork(kind="school")
    assert str(caught.value) == "A message bus is of kind 'system' or 'session', not 'school'."


def test_a_bus_that_is_not_there(serving, monkeypatch, tmp_path):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/none")
    assert f"The exporter cannot connect to the message bus at {tmp_path}/none: " in (
        serving(DbusNetwork(kind="system")).stream_failure()
    )


def test_a_virtual_machine_that_is_not_there(serving):
    # It takes two seconds: Linux waits for so long.
    found = serving(VsockNetwork(cid=4_000_000, port=22)).stream_failure()
    assert "The exporter cannot connect to port 22 of the virtual machine 4000000: " in found


def test_a_system_without_virtual_machine_sockets(serving, monkeypatch):
    client = serving(VsockNetwork(cid=3, port=22))
    monkeypatch.delattr(socket, "AF_VSOCK", raising=False)
    assert client.stream_failure().endswith("This exporter's system has no vsock sockets. Use TcpNetwork.")


def test_a_connection_to_a_virtual_machine(serving, monkeypatch, tmp_path):
    """The kernel here has no virtual machine to connect to; a unix socket stands in for its socket."""
    path = str(tmp_path / "guest")
    with socket.socket(socket.AF_UNIX) as guest:
        guest.bind(path)
        guest.listen()
        guest.settimeout(10)
        monkeypatch.setattr(socket, "AF_VSOCK", socket.AF_UNIX, raising=False)

        async def connect(loop, connection, address):
            assert address == (3, 22)
            connection.connect(path)

        monkeypatch.setattr(asyncio.selector_events.BaseSelectorEventLoop, "sock_connect", connect)
        with serving(VsockNetwork(cid=3, port=22)).stream() as stream:
            connection, _ = guest.accept()
            with connection:
                connection.sendall(b"SSH-2.0")
                assert stream.receive() == b"SSH-2.0"
