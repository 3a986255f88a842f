"""The address of a standalone exporter and its credentials, from the command line, files and the environment."""

from __future__ import annotations

import argparse
import logging
import os
import ssl
import tempfile
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from JumpstarterLibrary.common.environment import PASSPHRASE, TLS_CERTIFICATE, TLS_KEY
from JumpstarterLibrary.common.values import check_port, within
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.serving import serve_tcp, serve_unix
from JumpstarterLibrary.exporter.session import Session

_log = logging.getLogger(__name__)

OF_TCP = ("tls_cert", "tls_key", "insecure", "passphrase", "passphrase_file")
"""The options that have an effect only with ``--tcp``."""

PASSPHRASE_LIMIT = 1024
"""Characters of a passphrase; all metadata of a call has to fit into 8 KiB."""


@dataclass(frozen=True)
class ListenAddress:
    """The address to listen on, and its credentials."""

    unix: Path | None = None
    tcp: tuple[str, int] | None = None
    certificate: bytes | None = None
    key: bytes | None = None
    passphrase: str | None = None

    def serve(self, session: Session) -> AbstractAsyncContextManager[str]:
        """Serve a session there, and warn where the port is not encrypted, or open to all."""
        if self.tcp is None:
            return serve_unix(session, self.unix)
        place = self.tcp[0]
        if self.certificate is None:
            _log.warning(
                "The exporter speaks plain text on %s: others on the network can read and change what is sent, "
                "passphrases and images too. Use --tls-cert and --tls-key.",
                place,
            )
        if self.passphrase is None:
            _log.warning(
                "The exporter on %s is open to all who can reach it: they can switch the board, write its storage and "
                "use all other drivers. Set a passphrase with --passphrase-file or %s.",
                place,
                PASSPHRASE,
            )
        return serve_tcp(session, *self.tcp, certificate=self.certificate, key=self.key, passphrase=self.passphrase)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where a standalone exporter listens."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--unix",
        type=Path,
        metavar="PATH",
        help="the socket; by default in a new private directory, if the file has no endpoint",
    )
    where.add_argument("--tcp", metavar="HOST:PORT", help="a TCP port instead; port 0 takes a free one")
    parser.add_argument(
        "--tls-cert",
        type=Path,
        metavar="FILE",
        help=f"certificate chain (PEM) for --tcp, or in {TLS_CERTIFICATE}",
    )
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help=f"its private key (PEM), or in {TLS_KEY}")
    parser.add_argument("--insecure", action="store_true", help="plain text on --tcp")
    secret = parser.add_mutually_exclusive_group()
    secret.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="FILE",
        help=f"what clients of --tcp must send, or in {PASSPHRASE}",
    )
    secret.add_argument("--passphrase", help="the same, for all users of this machine to see in the list of processes")


def read_address(options: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> ListenAddress:
    """Return what the options and the environment say.

    Args:
        options: The options of ``add_options``.
        environ: The environment variables.

    Raises:
        ConfigurationError: An option has no effect, a value cannot be, or a file cannot be read.
    """
    if options.tcp is None:
        refuse_without_tcp(options, "the exporter listens on a unix socket, which only its user can open")
        return ListenAddress(unix=options.unix)
    host, colon, port = options.tcp.rpartition(":")
    if not colon or not port.isdecimal():
        raise ConfigurationError(f"--tcp needs HOST:PORT, not {options.tcp!r}.")
    with within("--tcp"):
        check_port(options.tcp)
    variables = [name for name in (TLS_CERTIFICATE, TLS_KEY) if environ.get(name)]
    if any([options.tls_cert, options.tls_key, *variables]) == options.insecure:
        found = f" The environment has {' and '.join(variables)}." if variables else ""
        raise ConfigurationError(f"--tcp needs either --tls-cert and --tls-key, or --insecure.{found}")
    certificate = _content("--tls-cert", options.tls_cert, TLS_CERTIFICATE, environ)
    key = _content("--tls-key", options.tls_key, TLS_KEY, environ)
    if certificate is not None and key is not None:
        _check_pair(certificate, key)
    passphrase = _passphrase(options, environ)
    return ListenAddress(tcp=(host.strip("[]"), int(port)), certificate=certificate, key=key, passphrase=passphrase)


def refuse_without_tcp(options: argparse.Namespace, instead: str) -> None:
    """Refuse options that have an effect only with ``--tcp``.

    Args:
        options: The options of ``add_options``.
        instead: What the exporter does, for the message.

    Raises:
        ConfigurationError: One of them was given.
    """
    given = [f"--{name.replace('_', '-')}" for name in OF_TCP if getattr(options, name) not in (None, False)]
    if given:
        verb = "has" if len(given) == 1 else "have"
        raise ConfigurationError(
            f"{' and '.join(given)} {verb} no effect without --tcp: {instead}. Add --tcp HOST:PORT, or leave "
            f"{'it' if len(given) == 1 else 'them'} out."
        )


def _content(option: str, path: Path | None, variable: str, environ: Mapping[str, str]) -> bytes | None:
    if path is None:
        return environ[variable].encode() if environ.get(variable) else None
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"The file {path} cannot be read: {error.strerror} ({option}).") from error


def _check_pair(certificate: bytes, key: bytes) -> None:
    """Refuse a certificate and a key that are none, or not of each other; gRPC would only say that it cannot listen."""
    with tempfile.TemporaryDirectory(prefix="jumpstarter-tls-") as folder:
        files = Path(folder, "certificate"), Path(folder, "key")
        for file, content in zip(files, (certificate, key), strict=True):
            file.touch(mode=0o600)
            file.write_bytes(content)
        try:
            # A key that needs a password is not asked for on the terminal.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*files, password="")
        except (ssl.SSLError, ValueError) as error:
            mismatch = getattr(error, "reason", None) == "KEY_VALUES_MISMATCH"
            reason = (
                "the key is of another certificate" if mismatch else "one is no PEM text, or the key has a password"
            )
            raise ConfigurationError(
                f"The certificate and the key of --tcp cannot be used: {reason}. Give both as PEM text, of one pair, "
                "the key without a password."
            ) from error


def _passphrase(options: argparse.Namespace, environ: Mapping[str, str]) -> str | None:
    if options.passphrase_file is not None:
        source = str(options.passphrase_file)
        text = (
            (_content("--passphrase-file", options.passphrase_file, PASSPHRASE, environ) or b"")
            .decode(errors="replace")
            .rstrip("\r\n")
        )
        if options.passphrase_file.stat().st_mode & 0o077:
            _log.warning("Other users of this machine can read the passphrase in %s. Try: chmod 600.", source)
    elif options.passphrase is not None:
        source, text = "--passphrase", options.passphrase
        _log.warning(
            "Other users of this machine can see the passphrase in the list of processes. Use --passphrase-file or %s.",
            PASSPHRASE,
        )
    elif PASSPHRASE in environ:
        source, text = PASSPHRASE, environ[PASSPHRASE]
    else:
        return None
    if not 0 < len(text) <= PASSPHRASE_LIMIT or not (text.isascii() and text.isprintable()):
        raise ConfigurationError(
            f"The passphrase of {source} has {len(text)} characters. A passphrase has 1 to {PASSPHRASE_LIMIT} "
            "printable ASCII characters, in one line."
        )
    return text
