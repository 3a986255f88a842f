"""Byte streams both ways, raw and through local ports."""

from __future__ import annotations

import hashlib
import os
import socket
import threading

import pytest

from JumpstarterLibrary.client import ByteStream, Device, PexpectAdapter
from JumpstarterLibrary.client.drivers import NetworkProxy
from JumpstarterLibrary.errors import DriverMethodNotImplemented, OperationTimeout


def everything(stream: ByteStream) -> bytes:
    received = bytearray()
    while data := stream.receive(timeout=20):
        received += data
    return bytes(received)


@pytest.mark.parametrize("path", ["echo", "tcp"])
def test_much_data_both_ways_and_half_close(device: Device, path: str) -> None:
    data = os.urandom(6_000_001)
    with device.driver(path).stream() as stream:

        def send() -> None:
            stream.send(data, timeout=20)
            stream.send_eof()

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        received = everything(stream)
        sender.join(5)
    assert hashlib.sha256(received).hexdigest() == hashlib.sha256(data).hexdigest()


def test_serial_port_carries_every_byte_value(device: Device) -> None:
    data = bytes(range(256)) * 16
    with device.driver("wire").stream() as stream:
        stream.send(data)
        received = b""
        while len(received) < len(data):
            received += stream.receive(timeout=5)
    assert received == data


def test_serial_port_can_be_opened_again(device: Device) -> None:
    for turn in (b"first", b"second"):
        with device.driver("wire").stream() as stream:
            stream.send(turn)
            assert stream.receive(timeout=5)


def test_silent_stream_times_out_and_goes_on(device: Device) -> None:
    with device.driver("echo").stream() as stream:
        with pytest.raises(OperationTimeout, match=r"^No data on the byte stream within 100 milliseconds\.$"):
            stream.receive(timeout=0.1)
        stream.send(b"late")
        assert stream.receive(timeout=5) == b"late"


@pytest.mark.parametrize("path", ["echo", "tcp"])
def test_tcp_forward_serves_several_connections(device: Device, path: str) -> None:
    with device.find(NetworkProxy, "network", path).forward_tcp() as forward:
        peers = [socket.create_connection((forward.host, forward.port), 5) for _ in range(3)]
        for number, peer in enumerate(peers):
            peer.sendall(b"hello %d" % number)
        assert [peer.recv(100) for peer in peers] == [b"hello 0", b"hello 1", b"hello 2"]
        peers[0].shutdown(socket.SHUT_WR)
        assert peers[0].recv(100) == b""
        for peer in peers:
            peer.close()


def test_unix_forward(device: Device) -> None:
    with (
        device.find(NetworkProxy, "network", "echo").forward_unix() as forward,
        socket.socket(socket.AF_UNIX) as peer,
    ):
        peer.settimeout(5)
        peer.connect(forward.path)
        peer.sendall(b"hello")
        assert peer.recv(100) == b"hello"


def test_address_of_a_network(device: Device) -> None:
    assert device.find(NetworkProxy, "network", "tcp").address().startswith("tcp://127.0.0.1:")


def test_pexpect_on_a_real_shell(device: Device) -> None:
    with PexpectAdapter(client=device.driver("console")) as shell:
        shell.sendline(b"")
        if shell.expect([b"login: ", b"# "], timeout=5) == 0:
            shell.sendline(b"root")
            shell.expect(b"Password: ", timeout=5)
            shell.sendline(b"secret")
            shell.expect(b"# ", timeout=5)
        shell.sendline(b"echo $((40 + 2))")
        shell.expect(b"\r\n42\r\n", timeout=5)
        shell.sendline(b"exit")
        shell.expect(b"login: ", timeout=5)


def test_stream_that_is_not_there(device: Device) -> None:
    with pytest.raises(DriverMethodNotImplemented, match=r"^Driver 'echo' has no stream method 'nothing': "):
        device.driver("echo").stream("nothing")
