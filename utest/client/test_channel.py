"""Real connections: TLS verified, pinned and refused; passphrases; and addresses where nobody answers."""

from __future__ import annotations

import datetime
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.client.source import Source
from JumpstarterLibrary.errors import (
    AuthenticationError,
    ConfigurationError,
    InfrastructureError,
    LinkError,
    OperationTimeout,
    TlsError,
)
from JumpstarterLibrary.exporter import HostedExporter
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.network import EchoNetwork
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.lab.certificates import Authority, Certificate, self_signed
from JumpstarterLibrary.types import Tls

LOOPBACK = "127.0.0.1"
BOUND_S = 5.0


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def exporter(serving: Callable[..., HostedExporter]) -> Callable[..., str]:
    """Serve on TCP and return the address."""

    def start(certificate: Certificate | None = None, **options: Any) -> str:
        driver = Composite(children={"power": MockPower(), "echo": EchoNetwork()})
        if certificate is not None:
            options |= {"certificate": certificate.certificate, "key": certificate.key}
        return serving(driver, tcp=(LOOPBACK, 0), **options).host

    return start


@pytest.fixture
def ca(authority: Authority, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(authority.pem)
    return path


def works(device: Device) -> None:
    """Check all shapes of RPC."""
    device.client.power.on()
    assert [str(reading) for reading in device.client.power.read()] == ["0 V, 0 A, 0 W", "5 V, 2 A, 10 W"]
    with device.client.echo.stream() as stream:
        stream.send(b"x")
        assert stream.receive(timeout=BOUND_S) == b"x"


def test_verified(
    exporter: Callable[..., str], connecting: Callable[..., Device], authority: Authority, ca: Path
) -> None:
    works(connecting(exporter(authority.issue(LOOPBACK)), ca=ca))


def refused(connecting: Callable[..., Device], host: str, reason: str, **arguments: Any) -> None:
    begin = time.monotonic()
    with pytest.raises(TlsError) as caught:
        connecting(host, **arguments)
    assert time.monotonic() - begin < BOUND_S
    # Older releases of gRPC do not tell an expired certificate from an untrusted one.
    assert str(caught.value) in [
        f"The secure connection to exporter '{host}' could not be made: {known}. "
        f"Check ca=, the host name and tls= (verify, pin or plaintext)."
        for known in (reason, *([UNTRUSTED] if reason == EXPIRED else []))
    ]


UNTRUSTED = "its certificate is not trusted here: another authority signed it, or it has expired"
EXPIRED = "its certificate has expired"
OTHER_NAME = "its certificate is not for this host name"


def test_another_authority(exporter: Callable[..., str], connecting: Callable[..., Device], ca: Path) -> None:
    refused(connecting, exporter(Authority("another").issue(LOOPBACK)), UNTRUSTED, ca=ca)


def test_another_authority_of_the_same_name(
    exporter: Callable[..., str], connecting: Callable[..., Device], ca: Path
) -> None:
    refused(connecting, exporter(Authority().issue(LOOPBACK)), UNTRUSTED, ca=ca)


def test_an_authority_that_the_system_does_not_know(
    exporter: Callable[..., str], connecting: Callable[..., Device], authority: Authority
) -> None:
    refused(connecting, exporter(authority.issue(LOOPBACK)), UNTRUSTED)


def test_another_host_name(
    exporter: Callable[..., str], connecting: Callable[..., Device], authority: Authority, ca: Path
) -> None:
    refused(connecting, exporter(authority.issue("board.example.com", "10.0.0.9")), OTHER_NAME, ca=ca)


def test_an_expired_certificate(
    exporter: Callable[..., str], connecting: Callable[..., Device], authority: Authority, ca: Path
) -> None:
    expired = authority.issue(LOOPBACK, life=datetime.timedelta(hours=-1))
    refused(connecting, exporter(expired), EXPIRED, ca=ca)


def test_tls_to_an_exporter_in_plain_text(
    exporter: Callable[..., str], connecting: Callable[..., Device], ca: Path
) -> None:
    refused(connecting, exporter(), "it does not speak TLS", ca=ca)


def test_plain_text_to_an_exporter_with_tls(
    exporter: Callable[..., str], connecting: Callable[..., Device], authority: Authority
) -> None:
    host = exporter(authority.issue(LOOPBACK))
    begin = time.monotonic()
    with pytest.raises(LinkError) as caught:
        connecting(host, tls=Tls.plaintext)
    assert time.monotonic() - begin < BOUND_S
    assert type(caught.value) is LinkError
    assert str(caught.value) == unreachable(host, "the connection was closed")


def test_plain_text(exporter: Callable[..., str], connecting: Callable[..., Device]) -> None:
    works(connecting(exporter(), tls=Tls.plaintext))


def test_the_environment_of_a_shell_in_direct_mode(exporter: Callable[..., str]) -> None:
    host = exporter(passphrase="open sesame")
    environ = {"JUMPSTARTER_HOST": host, "JMP_GRPC_INSECURE": "1", "JMP_GRPC_PASSPHRASE": "open sesame"}
    with Device.connect(DirectConnection.from_environment(environ)) as device:
        works(device)


# Pinning


@pytest.mark.parametrize("kind", ["self-signed", "leaf of an authority"])
def test_pinned(
    kind: str, exporter: Callable[..., str], connecting: Callable[..., Device], authority: Authority
) -> None:
    certificate = self_signed(LOOPBACK) if kind == "self-signed" else authority.issue(LOOPBACK)
    works(connecting(exporter(certificate), tls=Tls.pin))


def test_pinned_with_a_chain(
    exporter: Callable[..., str], connecting: Callable[..., Device], authority: Authority
) -> None:
    leaf = authority.issue(LOOPBACK)
    works(connecting(exporter(Certificate(leaf.certificate + authority.pem, leaf.key)), tls=Tls.pin))


def test_pinning_still_checks_the_host_name(exporter: Callable[..., str], connecting: Callable[..., Device]) -> None:
    refused(connecting, exporter(self_signed("board.example.com")), OTHER_NAME, tls=Tls.pin)


def test_pinning_an_exporter_in_plain_text(exporter: Callable[..., str], connecting: Callable[..., Device]) -> None:
    host = exporter()
    with pytest.raises(TlsError) as caught:
        connecting(host, tls=Tls.pin)
    assert str(caught.value) == (
        f"{host} does not speak TLS: WRONG_VERSION_NUMBER. If the exporter is plaintext, use tls=plaintext."
    )


# Passphrases


@pytest.mark.parametrize("given", [None, "wrong"])
@pytest.mark.parametrize("shape", ["first call", "unary", "streaming", "byte stream", "resource", "status", "end"])
def test_a_passphrase_that_is_wrong_or_missing(
    shape: str, given: str | None, exporter: Callable[..., str], connecting: Callable[..., Device]
) -> None:
    host = exporter(passphrase="right")
    arguments = {"tls": Tls.plaintext}
    if shape == "first call":
        with pytest.raises(AuthenticationError) as caught:
            connecting(host, passphrase=given, **arguments)
    else:
        device = connecting(host, passphrase="right", **arguments)
        device.link.metadata = () if given is None else (("x-jumpstarter-passphrase", given),)
        with pytest.raises(AuthenticationError) as caught:
            SHAPES[shape](device)
    assert str(caught.value) == (
        f"The exporter '{host}' refused the passphrase: invalid or missing passphrase. "
        f"Give the right one with passphrase= or JMP_GRPC_PASSPHRASE."
    )


SHAPES: dict[str, Callable[[Device], object]] = {
    "unary": lambda device: device.client.power.on(),
    "streaming": lambda device: list(device.client.power.read()),
    "byte stream": lambda device: device.client.echo.stream(),
    "resource": lambda device: device.client.echo._upload("x", Source.of(b"x")),
    "status": lambda device: device.status(),
    "end": lambda device: device.link.end_session(),
}


def test_the_right_passphrase_on_every_shape(exporter: Callable[..., str], connecting: Callable[..., Device]) -> None:
    device = connecting(exporter(passphrase="right"), passphrase="right", tls=Tls.plaintext)
    works(device)
    assert device.status().status == "LEASE_READY"


# Nobody there


def unreachable(host: object, reason: str) -> str:
    return f"Exporter '{host}' (from host=) cannot be reached: {reason}. Check that it runs and listens there."


def test_a_socket_path_that_is_not_there(connecting: Callable[..., Device], tmp_path: Path) -> None:
    with pytest.raises(LinkError) as caught:
        connecting(str(tmp_path / "none"))
    assert str(caught.value) == (
        f"There is no exporter socket '{tmp_path / 'none'}' (from host=). Check the path, and that the exporter or the "
        f"shell that made it still runs."
    )


def test_a_path_that_is_no_socket(connecting: Callable[..., Device], tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(LinkError) as caught:
        connecting(str(path))
    assert str(caught.value) == unreachable(path, "connection refused")


def test_a_path_that_is_too_long_for_a_socket(connecting: Callable[..., Device], tmp_path: Path) -> None:
    path = str(tmp_path / ("x" * (108 - len(str(tmp_path)) - 1)))
    with pytest.raises(ConfigurationError) as refused:
        connecting(path)
    assert str(refused.value) == (
        f"The socket path '{path}' (from host=) has 108 bytes, but unix sockets take 107. Use a shorter one, for "
        f"example by a symbolic link to its directory."
    )
    path = path[:-1]
    Path(path).touch()
    with pytest.raises(LinkError) as caught:
        connecting(path)
    assert str(caught.value) == unreachable(path, "connection refused")


@pytest.fixture
def refused_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.mark.parametrize("tls", [Tls.plaintext, Tls.verify])
def test_a_port_where_nobody_listens(tls: Tls, refused_port: int, connecting: Callable[..., Device]) -> None:
    host = f"{LOOPBACK}:{refused_port}"
    begin = time.monotonic()
    with pytest.raises(LinkError) as caught:
        connecting(host, tls=tls)
    assert time.monotonic() - begin < BOUND_S
    assert type(caught.value) is LinkError
    assert str(caught.value) == unreachable(host, "connection refused")


def test_pinning_where_nobody_listens(refused_port: int, connecting: Callable[..., Device]) -> None:
    host = f"{LOOPBACK}:{refused_port}"
    with pytest.raises(LinkError) as caught:
        connecting(host, tls=Tls.pin)
    assert str(caught.value) == (
        f"No connection to {host}: Connection refused. Check the address, and that a server listens there."
    )


UNRESOLVABLE = f"{'x' * 64}.invalid"
"""No resolver asks the network for a label of 64 characters."""


def test_a_name_that_does_not_resolve(connecting: Callable[..., Device]) -> None:
    begin = time.monotonic()
    with pytest.raises(LinkError) as caught:
        connecting(f"{UNRESOLVABLE}:8082", tls=Tls.plaintext)
    assert time.monotonic() - begin < BOUND_S
    assert str(caught.value) == unreachable(f"{UNRESOLVABLE}:8082", "the host name could not be resolved")


def test_pinning_a_name_that_does_not_resolve(connecting: Callable[..., Device]) -> None:
    with pytest.raises(LinkError) as caught:
        connecting(f"{UNRESOLVABLE}:8082", tls=Tls.pin)
    assert str(caught.value) == (
        f"The host name '{UNRESOLVABLE}' could not be resolved: a part of it is empty or too long. "
        f"Check the name and the network."
    )


@pytest.fixture
def black_hole() -> Iterator[str]:
    """An address where connections are accepted by the kernel, and nobody ever says anything."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        yield f"{LOOPBACK}:{listener.getsockname()[1]}"


@pytest.mark.parametrize("tls", [Tls.plaintext, Tls.verify])
def test_the_timeout_where_nobody_answers(tls: Tls, black_hole: str, connecting: Callable[..., Device]) -> None:
    begin = time.monotonic()
    with pytest.raises(OperationTimeout) as caught:
        connecting(black_hole, timeout=0.2, tls=tls)
    assert 0.19 < time.monotonic() - begin < 2
    assert str(caught.value) == (
        f"Exporter '{black_hole}' (from host=) did not answer within 200 milliseconds. "
        f"Check that it runs and listens there, and tls=."
    )


def test_the_timeout_of_pinning_where_nobody_answers(black_hole: str, connecting: Callable[..., Device]) -> None:
    begin = time.monotonic()
    with pytest.raises(LinkError) as caught:
        connecting(black_hole, timeout=0.2, tls=Tls.pin)
    assert time.monotonic() - begin < 2
    assert str(caught.value).startswith(f"No connection to {black_hole}: ")
    assert str(caught.value).endswith(". Check the address, and that a server listens there.")


def test_all_of_it_is_the_labs_fault() -> None:
    for kind in (AuthenticationError, LinkError, OperationTimeout, TlsError):
        assert issubclass(kind, InfrastructureError)
