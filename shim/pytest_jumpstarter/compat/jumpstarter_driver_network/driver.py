"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.hosts import format_address as _format_address
from pytest_jumpstarter.upstream_api.exporter.hosts import resolve_hostname as _resolve_hostname

from JumpstarterLibrary.exporter.drivers.addresses import is_ipv4 as _is_ipv4_address
from JumpstarterLibrary.exporter.drivers.addresses import is_ipv6 as _is_ipv6_address
from JumpstarterLibrary.exporter.drivers.datagrams import UdpNetwork
from JumpstarterLibrary.exporter.drivers.dbus import DbusNetwork
from JumpstarterLibrary.exporter.drivers.network import EchoNetwork, NetworkInterface, TcpNetwork, UnixNetwork
from JumpstarterLibrary.exporter.drivers.vsock import VsockNetwork
from JumpstarterLibrary.exporter.drivers.websocket import WebsocketNetwork

__all__ = [
    "DbusNetwork",
    "EchoNetwork",
    "NetworkInterface",
    "TcpNetwork",
    "UdpNetwork",
    "UnixNetwork",
    "VsockNetwork",
    "WebsocketNetwork",
    "_format_address",
    "_is_ipv4_address",
    "_is_ipv6_address",
    "_resolve_hostname",
]
