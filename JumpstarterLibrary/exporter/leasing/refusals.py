"""Why a controller did not register an exporter, in plain words."""

from __future__ import annotations

import grpc
import grpc.aio

from JumpstarterLibrary.common.grpc_reasons import (
    Failure,
    TlsFailure,
    failure_of,
    is_about_tls,
    is_starting,
    tls_failure_of,
)
from JumpstarterLibrary.errors import AuthenticationError, LinkError, TlsError
from JumpstarterLibrary.exporter.leasing.access import ControllerAccess

_REASONS = {
    Failure.REFUSED: "no server listens there",
    Failure.UNRESOLVED: "there is no such host name",
}
"""What is said of a controller in other words than of any server."""

_TLS_REASONS = {
    TlsFailure.WRONG_HOST: "the controller's certificate is not for this host name",
    TlsFailure.EXPIRED: "the controller's certificate has expired",
    TlsFailure.UNTRUSTED: "the controller's certificate is not trusted here. Check tls.ca",
}


class ControllerStarting(LinkError):
    """The controller has just started, and accepts no exporter yet."""


def refusal(access: ControllerAccess, error: grpc.aio.AioRpcError) -> LinkError:
    """Return what is to be said of a registration that failed."""
    who = f"Exporter '{access.namespace}/{access.name}' could not register with the controller at {access.endpoint}"
    details = error.details() or error.code().name
    if is_starting(details):
        return ControllerStarting(f"{who}: it has just started, and accepts no exporter yet ({details}).")
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        return _unreachable(who, access.endpoint, details)
    if "token is expired" in details:
        return AuthenticationError(f"{who}: its token has expired. Get a new one from the controller's administrator.")
    return AuthenticationError(f"{who}: {details}. Check the exporter's namespace, name and token.")


def short(error: Exception) -> str:
    """Return an error for the log: an RPC's code and details, or the text of ours."""
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name}: {error.details()}"
    return str(error)


def _unreachable(who: str, endpoint: str, details: str) -> LinkError:
    tls_failure = tls_failure_of(details) if is_about_tls(details, endpoint) else None
    if tls_failure is not None:
        return TlsError(f"{who}: {_TLS_REASONS.get(tls_failure, tls_failure.value)}.")
    failure = failure_of(details)
    reason = details if failure is None else _REASONS.get(failure, failure.value)
    return LinkError(f"{who}: {reason}. Check the endpoint, and that the controller runs.")
