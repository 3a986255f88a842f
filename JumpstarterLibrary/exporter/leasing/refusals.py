"""Why a controller did not register an exporter, in plain words."""

from __future__ import annotations

import grpc
import grpc.aio

from JumpstarterLibrary.errors import AuthenticationError, LinkError, TlsError
from JumpstarterLibrary.exporter.leasing.access import ControllerAccess

_REASONS = (
    (("connection refused",), "no server listens there"),
    (("dns resolution", "name resolution", "errors resolving", "domain name not found"), "there is no such host name"),
    (("timed out", "timeout", "deadline exceeded"), "there was no answer in time"),
)

_TLS = (
    (("hostname verification", "hostname mismatch", "not in peer certificate"), "is not for this host name"),
    (("expired",), "has expired"),
    (("certificate", "self signed", "self-signed"), "is not trusted here. Check tls.ca"),
)


def refusal(access: ControllerAccess, error: grpc.aio.AioRpcError) -> LinkError:
    """Return what is to be said of a registration that failed."""
    who = f"Exporter '{access.namespace}/{access.name}' could not register with the controller at {access.endpoint}"
    details = error.details() or error.code().name
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        return _unreachable(who, details)
    if "token is expired" in details:
        return AuthenticationError(f"{who}: its token has expired. Get a new one from the controller's administrator.")
    return AuthenticationError(f"{who}: {details}. Check the exporter's namespace, name and token.")


def short(error: Exception) -> str:
    """Return an error for the log: an RPC's code and details, or the text of ours."""
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name}: {error.details()}"
    return str(error)


def _unreachable(who: str, details: str) -> LinkError:
    lowered = details.lower()
    if "wrong_version_number" in lowered:
        return TlsError(f"{who}: it does not speak TLS.")
    if any(word in lowered for word in ("ssl", "tls", "handshake", "certificate", "verification")):
        for words, reason in _TLS:
            if any(word in lowered for word in words):
                return TlsError(f"{who}: the controller's certificate {reason}.")
    reason = next((text for words, text in _REASONS if any(word in lowered for word in words)), details)
    return LinkError(f"{who}: {reason}. Check the endpoint, and that the controller runs.")
