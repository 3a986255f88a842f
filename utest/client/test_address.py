"""Addresses: what is TCP, what is a unix socket, and how gRPC is told."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.client import Address
from JumpstarterLibrary.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "address", "target", "shown"),
    [
        ("/run/x/socket", Address(path="/run/x/socket"), "unix:/run/x/socket", "/run/x/socket"),
        ("socket", Address(path="socket"), "unix:socket", "socket"),
        ("unix:/run/s", Address(path="/run/s"), "unix:/run/s", "/run/s"),
        ("unix:///run/s", Address(path="/run/s"), "unix:/run/s", "/run/s"),
        ("unix:host:80", Address(path="host:80"), "unix:host:80", "host:80"),
        ("host:8082", Address(host="host", port=8082), "host:8082", "host:8082"),
        ("10.0.0.2:1", Address(host="10.0.0.2", port=1), "10.0.0.2:1", "10.0.0.2:1"),
        ("[::1]:65535", Address(host="::1", port=65535), "[::1]:65535", "[::1]:65535"),
        ("::1:80", Address(host="::1", port=80), "[::1]:80", "[::1]:80"),
        ("/run/x:80", Address(host="/run/x", port=80), "/run/x:80", "/run/x:80"),
        ("host:0", Address(path="host:0"), "unix:host:0", "host:0"),
        ("unix:host:65536", Address(path="host:65536"), "unix:host:65536", "host:65536"),
        ("/run/x:65536", Address(path="/run/x:65536"), "unix:/run/x:65536", "/run/x:65536"),
        ("host:port", Address(path="host:port"), "unix:host:port", "host:port"),
        ("host:", Address(path="host:"), "unix:host:", "host:"),
        (":8082", Address(path=":8082"), "unix::8082", ":8082"),
        ("", Address(path=""), "unix:", ""),
    ],
)
def test_parse(text: str, address: Address, target: str, shown: str) -> None:
    found = Address.parse(text)
    assert (found, found.target, str(found)) == (address, target, shown)


@pytest.mark.parametrize(
    ("text", "port"), [("host:65536", "65536"), ("[::1]:99999", "99999"), ("10.0.0.2:123456", "123456")]
)
def test_a_port_beyond_the_last_one(text: str, port: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Address.parse(text)
    assert str(caught.value) == (
        f"The address '{text}' must be HOST:PORT with a port up to 65535, not one with port {port}. If it is the name "
        f"of a unix socket, write 'unix:' before it."
    )


@pytest.mark.parametrize(
    ("text", "loopback"),
    [
        ("/run/s", True),
        ("localhost:1", True),
        ("127.0.0.1:1", True),
        ("127.1.2.3:1", True),
        ("[::1]:1", True),
        ("10.0.0.1:1", False),
        ("localhost.example.com:1", False),
    ],
)
def test_loopback_is_this_machine(text: str, loopback: bool) -> None:
    assert Address.parse(text).loopback is loopback
