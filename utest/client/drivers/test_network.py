"""Network drivers: addresses; their streams and forwards are tested in test_forward."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.errors import DriverInvalidArgument, DriverMethodNotImplemented
from JumpstarterLibrary.exporter.drivers.network import EchoNetwork, TcpNetwork


def test_an_address(device_with: Callable[..., Device]) -> None:
    device = device_with({"net": TcpNetwork(host="127.0.0.1", port=22)})
    assert device.client.net.address() == "tcp://127.0.0.1:22"


def test_an_address_that_is_not_told(device_with: Callable[..., Device]) -> None:
    device = device_with({"net": TcpNetwork(host="127.0.0.1", port=22, enable_address=False)})
    with pytest.raises(DriverInvalidArgument) as caught:
        device.client.net.address()
    assert str(caught.value) == (
        "Driver 'net' did not accept the arguments of 'address': This driver does not tell its address: "
        "its enable_address mode is not true. Use its stream, or set 'enable_address: true' in the exporter."
    )


def test_a_network_without_address(device_with: Callable[..., Device]) -> None:
    with pytest.raises(DriverMethodNotImplemented, match=r"^Driver 'net' has no unary method 'address': "):
        device_with({"net": EchoNetwork()}).client.net.address()


def test_forwards_may_be_told_where_to_listen(device_with: Callable[..., Device]) -> None:
    device = device_with({"net": EchoNetwork()})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with device.client.net.forward_tcp("127.0.0.1", port, "connect") as forward:
        assert (forward.host, forward.port) == ("127.0.0.1", port)
