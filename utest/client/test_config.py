"""How a connection is configured, from arguments and from the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client import Address, DirectConnection
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.types import Tls

TCP = Address(host="board", port=8082)
UNIX = Address(path="/run/s")


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_text("-----BEGIN CERTIFICATE-----\n")
    return path


@pytest.mark.parametrize(
    ("arguments", "environ", "tls"),
    [
        ({}, {}, Tls.verify),
        ({}, {"JMP_GRPC_INSECURE": "1"}, Tls.plaintext),
        ({}, {"JUMPSTARTER_GRPC_INSECURE": "1"}, Tls.pin),
        ({}, {"JMP_GRPC_INSECURE": "1", "JUMPSTARTER_GRPC_INSECURE": "1"}, Tls.plaintext),
        ({}, {"JMP_GRPC_INSECURE": "0"}, Tls.verify),
        ({}, {"JMP_GRPC_INSECURE": "true", "JUMPSTARTER_GRPC_INSECURE": "yes"}, Tls.verify),
        ({"tls": Tls.verify}, {"JMP_GRPC_INSECURE": "1"}, Tls.verify),
        ({"tls": Tls.pin}, {"JMP_GRPC_INSECURE": "1"}, Tls.pin),
        ({"tls": Tls.plaintext}, {"JUMPSTARTER_GRPC_INSECURE": "1"}, Tls.plaintext),
    ],
)
def test_tls_of_tcp(arguments: dict[str, Any], environ: dict[str, str], tls: Tls) -> None:
    found = DirectConnection.from_arguments("board:8082", **arguments, environ=environ)
    assert found == DirectConnection(TCP, tls, source="host=")


def test_a_ca_means_verify_whatever_the_environment_says(ca: Path) -> None:
    found = DirectConnection.from_arguments("board:8082", ca=ca, environ={"JMP_GRPC_INSECURE": "1"})
    assert found == DirectConnection(TCP, Tls.verify, ca.read_bytes())


@pytest.mark.parametrize(
    ("passphrase", "environ", "found"),
    [
        (None, {}, None),
        ("mine", {}, "mine"),
        (None, {"JMP_GRPC_PASSPHRASE": "theirs"}, "theirs"),
        ("mine", {"JMP_GRPC_PASSPHRASE": "theirs"}, "mine"),
        (None, {"JMP_GRPC_PASSPHRASE": ""}, None),
        ("with space", {}, "with space"),
    ],
)
@pytest.mark.parametrize("host", ["board:8082", "/run/s"])
def test_the_passphrase(passphrase: str | None, environ: dict[str, str], found: str | None, host: str) -> None:
    connection = DirectConnection.from_arguments(host, passphrase=passphrase, environ=environ)
    assert connection.passphrase == found


@pytest.mark.parametrize("passphrase", ["line end\n", "pässword", "\x00", "tab\there"])
def test_a_passphrase_that_cannot_travel_is_refused_and_not_shown(passphrase: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        DirectConnection.from_arguments("board:8082", passphrase=passphrase, environ={})
    assert str(caught.value) == (
        "The passphrase holds a character that cannot travel, perhaps a line end. Use printable ASCII characters."
    )


def test_the_passphrase_is_never_shown() -> None:
    connection = DirectConnection.from_arguments("board:8082", passphrase="hunter2", environ={})
    assert "hunter2" not in f"{connection!r} {connection}"


def test_a_unix_socket_is_plain() -> None:
    environ = {"JMP_GRPC_INSECURE": "0", "JUMPSTARTER_GRPC_INSECURE": "1"}
    assert DirectConnection.from_arguments("/run/s", environ=environ) == DirectConnection(UNIX, Tls.plaintext)
    plain = DirectConnection.from_arguments("/run/s", tls=Tls.plaintext, environ={})
    assert (plain.tls, plain.name) == (Tls.plaintext, "/run/s")


@pytest.mark.parametrize("arguments", [{"tls": Tls.verify}, {"tls": Tls.pin}, {"ca": Path("ca.pem")}])
def test_a_unix_socket_takes_no_tls(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        DirectConnection.from_arguments("/run/s", **arguments, environ={})
    assert str(caught.value) == (
        "'/run/s' is a unix socket, which takes no TLS. Leave tls= and ca= out, or give HOST:PORT."
    )


@pytest.mark.parametrize("tls", [Tls.pin, Tls.plaintext])
def test_a_ca_contradicts_what_does_not_verify(tls: Tls, ca: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        DirectConnection.from_arguments("board:8082", tls=tls, ca=ca, environ={})
    assert str(caught.value) == f"ca= needs tls=verify, not tls={tls.value}. Leave one of the two out."


def test_a_ca_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "none.pem"
    with pytest.raises(ConfigurationError) as caught:
        DirectConnection.from_arguments("board:8082", ca=path, environ={})
    assert str(caught.value) == (
        f"The CA file '{path}' cannot be read: No such file or directory. "
        f"Give the PEM file of the exporter's authority."
    )


def test_a_ca_without_certificate(tmp_path: Path) -> None:
    path = tmp_path / "empty.pem"
    path.touch()
    with pytest.raises(ConfigurationError) as caught:
        DirectConnection.from_arguments("board:8082", ca=path, environ={})
    assert str(caught.value) == f"The CA file '{path}' holds no PEM certificate."


@pytest.mark.parametrize(
    ("environ", "connection"),
    [
        ({"JUMPSTARTER_HOST": "/run/s"}, DirectConnection(UNIX, Tls.plaintext, source="JUMPSTARTER_HOST")),
        ({"JUMPSTARTER_HOST": "board:8082"}, DirectConnection(TCP, Tls.verify, source="JUMPSTARTER_HOST")),
        (
            {"JUMPSTARTER_HOST": "board:8082", "JMP_GRPC_INSECURE": "1", "JMP_GRPC_PASSPHRASE": "p"},
            DirectConnection(TCP, Tls.plaintext, passphrase="p", source="JUMPSTARTER_HOST"),
        ),
        (
            {"JUMPSTARTER_HOST": "board:8082", "JUMPSTARTER_GRPC_INSECURE": "1"},
            DirectConnection(TCP, Tls.pin, source="JUMPSTARTER_HOST"),
        ),
        (
            {"JUMPSTARTER_HOST": "/run/s", "JMP_GRPC_INSECURE": "1", "JMP_GRPC_PASSPHRASE": "p"},
            DirectConnection(UNIX, Tls.plaintext, passphrase="p", source="JUMPSTARTER_HOST"),
        ),
    ],
)
def test_from_the_environment_of_a_shell(environ: dict[str, str], connection: DirectConnection) -> None:
    assert DirectConnection.from_environment(environ) == connection


@pytest.mark.parametrize("environ", [{}, {"JUMPSTARTER_HOST": ""}])
def test_without_a_shell(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        DirectConnection.from_environment(environ)
    assert str(caught.value) == (
        "JUMPSTARTER_HOST is not set, so there is no exporter to join. Run inside `jmp shell`, set JUMPSTARTER_HOST to "
        "the socket path or host:port of an exporter, or choose another mode."
    )
