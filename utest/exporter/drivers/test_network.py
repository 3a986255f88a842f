from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.drivers.datagrams import UdpNetwork
from JumpstarterLibrary.exporter.drivers.network import EchoNetwork, TcpNetwork, UnixNetwork


@contextmanager
def listening(family: socket.AddressFamily, address) -> Iterator[socket.socket]:
    with socket.socket(family) as server:
        server.bind(address)
        server.listen()
        server.settimeout(10)
        yield server


@pytest.fixture(params=["tcp", "unix"])
def service(request, tmp_path):
    """A listening socket, and the driver that connects to it."""
    if request.param == "tcp":
        with listening(socket.AF_INET, ("127.0.0.1", 0)) as server:
            yield server, TcpNetwork(host="127.0.0.1", port=server.getsockname()[1])
    else:
        path = str(tmp_path / "service")
        with listening(socket.AF_UNIX, path) as server:
            yield server, UnixNetwork(path=path)


def read_to_end(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("driver", [EchoNetwork, TcpNetwork, UnixNetwork])
def test_label(driver):
    assert driver.client() == "jumpstarter_driver_network.client.NetworkClient"


def test_echo_ends_with_the_client(serving):
    client = serving(EchoNetwork())
    with client.stream() as stream:
        stream.send(b"hello")
        assert stream.receive() == b"hello"
        stream.send(b"x" * 3_000_000)
        assert stream.receive_exactly(3_000_000) == b"x" * 3_000_000
        stream.send(b"last words")
        stream.send_eof()
        assert stream.receive_all() == b"last words"


def test_half_close_of_the_client_reaches_the_service(serving, service):
    server, driver = service
    client = serving(driver)
    with client.stream() as stream:
        connection, _ = server.accept()
        with connection:
            stream.send(b"request")
            stream.send_eof()
            assert read_to_end(connection) == b"request"
            connection.sendall(b"answer")
            connection.shutdown(socket.SHUT_WR)
            assert stream.receive_all() == b"answer"


def test_half_close_of_the_service_reaches_the_client(serving, service):
    server, driver = service
    client = serving(driver)
    with client.stream() as stream:
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"banner")
            connection.shutdown(socket.SHUT_WR)
            assert stream.receive_all() == b"banner"
            stream.send(b"still heard")
            stream.send_eof()
            assert read_to_end(connection) == b"still heard"


def test_leaving_client_closes_the_connection(serving, service):
    server, driver = service
    client = serving(driver)
    with client.stream() as stream:
        stream.send(b"bye")
        connection, _ = server.accept()
        connection.settimeout(10)
        with connection:
            assert connection.recv(3) == b"bye"
            stream.cancel()
            assert connection.recv(1) == b""


def test_slow_client_holds_the_service_back_and_loses_nothing(serving, service):
    server, driver = service
    client, size = serving(driver), 32_000_000
    with client.stream() as stream:
        connection, _ = server.accept()
        with connection:
            connection.settimeout(10)
            sending = threading.Thread(target=connection.sendall, args=(b"z" * size,), daemon=True)
            sending.start()
            sending.join(0.2)
            assert sending.is_alive(), "somebody buffers without limit"
            assert len(stream.receive_exactly(size)) == size
            sending.join(10)


def test_address(serving):
    assert serving(TcpNetwork(host="127.0.0.1", port=2222)).call("address") == "tcp://127.0.0.1:2222"
    assert serving(TcpNetwork(host="::1", port=2222)).call("address") == "tcp://[::1]:2222"
    assert serving(TcpNetwork(host="127.0.0.1", port=1, enable_address=False)).failure("address") == (
        "INVALID_ARGUMENT: This driver does not tell its address: its enable_address mode is not true. "
        "Use its stream, or set 'enable_address: true' in the exporter."
    )
    assert (
        serving(TcpNetwork(host="no host", port=1))
        .failure("address")
        .startswith("UNAVAILABLE: The exporter cannot resolve 'no host': ")
    )


def test_only_tcp_has_an_address(serving, tmp_path):
    for driver in (EchoNetwork(), UnixNetwork(path=str(tmp_path / "x"))):
        assert serving(driver).failure("address").startswith("NOT_FOUND: ")


def test_nobody_listens(serving, tmp_path):
    with listening(socket.AF_INET, ("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert serving(TcpNetwork(host="127.0.0.1", port=port)).stream_failure() == (
        f"UNKNOWN: Unexpected <class 'ConnectionError'>: The exporter cannot connect to 127.0.0.1:{port}: [Errno 111] "
        f"Connect call failed ('127.0.0.1', {port}). Check that the service runs, and the driver's address."
    )
    path = tmp_path / "nobody"
    assert serving(UnixNetwork(path=str(path))).stream_failure() == (
        f"UNKNOWN: Unexpected <class 'ConnectionError'>: The exporter cannot connect to {path}: [Errno 2] "
        "No such file or directory. Check that the service runs, and the driver's address."
    )


@pytest.mark.parametrize("kind", [TcpNetwork, UdpNetwork])
def test_a_port_beyond_the_last_one(kind: type[TcpNetwork | UdpNetwork]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        kind(host="127.0.0.1", port=65536)
    assert str(caught.value) == "'port' is a port from 0 to 65535, not 65536."
