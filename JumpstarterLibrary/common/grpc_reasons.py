"""Tell from gRPC's details why a connection failed.

The details name the layers that the failure went through, and change with gRPC's releases. They stay in the DEBUG log
and in the error's cause.
"""

from __future__ import annotations

import enum
from typing import TypeVar


class Failure(enum.Enum):
    """Why a server cannot be reached; the value says it of the server."""

    REFUSED = "connection refused"
    NO_SOCKET = "its socket is gone"
    UNRESOLVED = "the host name could not be resolved"
    NO_ROUTE = "there is no way to it in this network"
    STOPPED = "it was stopped"
    SILENT = "it answers no more"
    TIMEOUT = "there was no answer in time"
    CLOSED = "the connection was closed"


class TlsFailure(enum.Enum):
    """Why a secure connection could not be made; the value says it of the server."""

    WRONG_HOST = "its certificate is not for this host name"
    EXPIRED = "its certificate has expired"
    NO_TLS = "it does not speak TLS"
    UNTRUSTED = "its certificate is not trusted here: another authority signed it, or it has expired"


_FAILURES = (
    (("connection refused",), Failure.REFUSED),
    (("no such file",), Failure.NO_SOCKET),
    (("dns resolution", "name resolution", "errors resolving", "domain name not found"), Failure.UNRESOLVED),
    (("network is unreachable", "no route to host"), Failure.NO_ROUTE),
    (("cancelling all calls", "server is shutting down"), Failure.STOPPED),
    (("keepalive", "ping timeout"), Failure.SILENT),
    (("timed out", "timeout", "deadline exceeded"), Failure.TIMEOUT),
    (("socket closed", "connection reset", "broken pipe", "stream removed", "end of file"), Failure.CLOSED),
)

_TLS_FAILURES = (
    (("hostname verification", "hostname mismatch", "not in peer certificate"), TlsFailure.WRONG_HOST),
    (("expired",), TlsFailure.EXPIRED),
    (("wrong_version_number",), TlsFailure.NO_TLS),
    (("certificate", "self signed", "self-signed"), TlsFailure.UNTRUSTED),
)

_TLS = ("ssl", "tls", "certificate", "hostname verification")

_UNSENT = (
    "failed to connect to all",
    "connections to all backends failing",
    "dns resolution",
    "name resolution",
    "errors resolving",
)

_NOT_INITIALIZED = "authenticator not initialized"

Kind = TypeVar("Kind", Failure, TlsFailure)


def failure_of(details: str) -> Failure | None:
    """Return why a server cannot be reached; None where the details are not known."""
    return _first(_FAILURES, details)


def tls_failure_of(details: str) -> TlsFailure | None:
    """Return why a secure connection could not be made; None where the details are not known."""
    return _first(_TLS_FAILURES, details)


def is_about_tls(details: str, server: str) -> bool:
    """Whether details are about TLS.

    Args:
        details: The details.
        server: The server's name or address, which is no hint at what went wrong.
    """
    return _have(details.lower().replace(server.lower(), ""), _TLS)


def is_unsent(details: str) -> bool:
    """Whether a call ended before anything of it was sent, by gRPC's own words: there was no connection for it."""
    return _have(details.lower(), _UNSENT)


def is_starting(details: str) -> bool:
    """Whether a controller refused a call only because it has just started.

    For some ten seconds a controller answers so to each client and exporter: it fetches the keys of token issuers in
    the background at first. Nothing was done then, and the token may be good.
    """
    return _NOT_INITIALIZED in details.lower()


def _first(table: tuple[tuple[tuple[str, ...], Kind], ...], details: str) -> Kind | None:
    lowered = details.lower()
    return next((kind for words, kind in table if _have(lowered, words)), None)


def _have(lowered: str, words: tuple[str, ...]) -> bool:
    return any(word in lowered for word in words)
