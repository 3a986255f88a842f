"""Translate gRPC's details of a failed connection into plain words.

The details name the layers that the failure went through, and change with gRPC's releases. They stay in the DEBUG log
and in the error's cause.
"""

from __future__ import annotations

UNTRUSTED = "its certificate is not trusted here: another authority signed it, or it has expired"

_LINK = (
    (("connection refused",), "connection refused"),
    (("no such file",), "its socket is gone"),
    (
        ("dns resolution", "name resolution", "errors resolving", "domain name not found"),
        "the host name could not be resolved",
    ),
    (("network is unreachable", "no route to host"), "there is no way to it in this network"),
    (("cancelling all calls", "server is shutting down"), "the exporter was stopped"),
    (("keepalive", "ping timeout"), "it answers no more"),
    (("timed out", "timeout"), "there was no answer in time"),
    (
        ("socket closed", "connection reset", "broken pipe", "stream removed", "end of file"),
        "the connection was closed",
    ),
)

_TLS = (
    (
        ("hostname verification", "hostname mismatch", "not in peer certificate"),
        "its certificate is not for this host name",
    ),
    (("expired",), "its certificate has expired"),
    (("wrong_version_number",), "it does not speak TLS"),
    (
        ("certificate", "self signed", "self-signed"),
        UNTRUSTED,
    ),
)


def link_reason(details: str) -> str:
    """Return why an exporter cannot be reached; the details themselves where we do not know them."""
    return _first(_LINK, details)


_UNSENT = ("failed to connect to all", "connections to all backends failing", "dns resolution", "errors resolving")


def unsent(details: str) -> bool:
    """Whether a call ended before anything of it was sent, by gRPC's own words: there was no connection for it."""
    lowered = details.lower()
    return any(words in lowered for words in _UNSENT)


def control_reason(details: str) -> str | None:
    """Return why a controller or router cannot be reached; None where its details are not gRPC's own words."""
    found = _first(_LINK, details)
    if found != details:
        return found.replace("the exporter", "it")
    return details if "failed to connect" in details.lower() else None


def tls_reason(details: str) -> str:
    """Return why a secure connection could not be made; the details themselves where we do not know them."""
    return _first(_TLS, details)


def _first(table: tuple[tuple[tuple[str, ...], str], ...], details: str) -> str:
    lowered = details.lower()
    return next((reason for words, reason in table if any(word in lowered for word in words)), details)
