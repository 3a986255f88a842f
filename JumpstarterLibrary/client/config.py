"""Settings of a connection without a controller: from arguments, or from what ``jmp shell`` put in the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from JumpstarterLibrary.client.address import Address
from JumpstarterLibrary.common.environment import EXPORTER, EXPORTER_LABELS, HOST, LEASE, PASSPHRASE, PIN, PLAINTEXT
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.hints import Hint, argument
from JumpstarterLibrary.types import Tls


@dataclass(frozen=True)
class ShellFacts:
    """What a shell tells of its exporter and lease.

    Attributes:
        exporter: The exporter's name; empty if the shell does not tell.
        labels: The exporter's labels.
        lease: The lease's name; empty without one.
    """

    exporter: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    lease: str = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> ShellFacts:
        """Return what ``JMP_EXPORTER``, ``JMP_EXPORTER_LABELS`` and ``JMP_LEASE`` tell."""
        pairs = (pair.partition("=") for pair in environ.get(EXPORTER_LABELS, "").split(","))
        labels = {key: value for key, sign, value in pairs if key and sign}
        return cls(environ.get(EXPORTER, ""), labels, environ.get(LEASE, ""))


@dataclass(frozen=True)
class DirectConnection:
    """One exporter's address and how to secure the way there.

    Attributes:
        address: Where it listens.
        tls: How TCP is secured; unix sockets are always plain.
        ca: PEM bundle of the authorities to trust; None for the system's.
        passphrase: Sent with every RPC; never shown.
        source: Where the address came from, for messages: the argument ``host`` or ``JUMPSTARTER_HOST``.
        label: The exporter's name; empty where only its address is known.
        shell: What the shell tells of the exporter, if the address comes from a shell.
    """

    address: Address
    tls: Tls = Tls.verify
    ca: bytes | None = None
    passphrase: str | None = field(default=None, repr=False)
    source: str = argument("host")
    label: str = ""
    shell: ShellFacts = ShellFacts()

    @property
    def name(self) -> str:
        """The exporter's name, or its address, as messages show it."""
        return self.label or str(self.address)

    @classmethod
    def from_arguments(
        cls,
        host: str,
        *,
        tls: Tls | None = None,
        ca: Path | None = None,
        passphrase: str | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> DirectConnection:
        """Return the connection that a caller asks for; the environment fills what the caller leaves out.

        Args:
            host: Unix socket path, or ``HOST:PORT``.
            tls: How TCP is secured. Default: plaintext if ``JMP_GRPC_INSECURE`` is ``1``, else pin if
                ``JUMPSTARTER_GRPC_INSECURE`` is ``1``, else verify.
            ca: PEM file of the authorities to trust. Default: the system's.
            passphrase: The exporter's passphrase. Default: ``JMP_GRPC_PASSPHRASE``.
            environ: Where the variables are looked up.

        Raises:
            ConfigurationError: The CA file cannot be read, the passphrase cannot travel, or the settings contradict
                each other.
        """
        return cls._build(host, argument("host"), tls, ca, passphrase, environ)

    @classmethod
    def from_environment(
        cls,
        environ: Mapping[str, str] = os.environ,
        *,
        tls: Tls | None = None,
        ca: Path | None = None,
        passphrase: str | None = None,
    ) -> DirectConnection:
        """Return the connection that ``JUMPSTARTER_HOST`` and its companions describe, as inside ``jmp shell``.

        Raises:
            ConfigurationError: ``JUMPSTARTER_HOST`` is not set.
        """
        host = environ.get(HOST)
        if not host:
            raise ConfigurationError(f"{HOST} is not set, so there is no exporter to join.", hint=Hint.JOIN_SHELL)
        connection = cls._build(host, HOST, tls, ca, passphrase, environ)
        return replace(connection, shell=ShellFacts.from_environment(environ))

    @classmethod
    def _build(
        cls,
        host: str,
        source: str,
        tls: Tls | None,
        ca: Path | None,
        passphrase: str | None,
        environ: Mapping[str, str],
    ) -> DirectConnection:
        address = Address.parse(host)
        passphrase = _check_passphrase(passphrase or environ.get(PASSPHRASE) or None)
        if address.path is not None:
            if ca is not None or tls in (Tls.verify, Tls.pin):
                raise ConfigurationError(f"'{host}' is a unix socket, which takes no TLS.", hint=Hint.LEAVE_TLS_OUT)
            # The passphrase guards a unix socket as well where an exporter asks for it.
            return cls(address, Tls.plaintext, None, passphrase, source)
        tls = tls or _default_tls(environ, ca)
        if tls is not Tls.verify and ca is not None:
            ca_argument, tls_argument = argument("ca"), argument("tls")
            raise ConfigurationError(
                f"{ca_argument} needs {tls_argument}{Tls.verify.value}, not {tls_argument}{tls.value}. "
                f"Leave one of the two out."
            )
        return cls(address, tls, _read_ca(ca), passphrase, source)


def _default_tls(environ: Mapping[str, str], ca: Path | None) -> Tls:
    if ca is not None:
        return Tls.verify
    if environ.get(PLAINTEXT) == "1":
        return Tls.plaintext
    return Tls.pin if environ.get(PIN) == "1" else Tls.verify


def _check_passphrase(passphrase: str | None) -> str | None:
    if passphrase is not None and not (passphrase.isascii() and passphrase.isprintable()):
        raise ConfigurationError(
            "The passphrase holds a character that cannot travel, perhaps a line end. Use printable ASCII characters."
        )
    return passphrase


def _read_ca(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"The CA file '{path}' cannot be read: {error.strerror}. Give the PEM file of the exporter's authority."
        ) from error
    if b"-----BEGIN CERTIFICATE-----" not in data:
        raise ConfigurationError(f"The CA file '{path}' holds no PEM certificate.")
    return data
