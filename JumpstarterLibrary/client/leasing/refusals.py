"""The border where a controller's gRPC statuses become our errors.

The controller answers UNKNOWN to nearly everything, so that its details have to be read. Only words are looked at that
its authors cannot change without breaking their own client.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import grpc

from JumpstarterLibrary.client.consoles.secrets import mask
from JumpstarterLibrary.client.deadline import Deadline, format_duration
from JumpstarterLibrary.client.peer_text import details_of
from JumpstarterLibrary.common.grpc_reasons import failure_of, is_about_tls, is_starting, is_unsent, tls_failure_of
from JumpstarterLibrary.errors import (
    AuthenticationError,
    ControllerUnreachable,
    InfrastructureError,
    JumpstarterError,
    LeaseError,
    LeaseInvalid,
    LeaseNotOwned,
    NoSuchLease,
    TlsError,
    TokenExpired,
)

logger = logging.getLogger(__name__)

Code = grpc.StatusCode

_EXPIRED = "token is expired"
_NO_CLIENT = "there is no client of that name in that namespace"
_OTHER_CLIENT = "target client not found"
_NOT_OURS = (_OTHER_CLIENT, "continue parameter")
"""What is not about this client, though it speaks of clients or tokens: Kubernetes' word for the place in a listing."""


@dataclass(frozen=True)
class Peer:
    """The server that a call went to, for messages.

    Attributes:
        role: ``controller`` or ``router``.
        endpoint: Its ``host:port``.
        client: Who asked: ``namespace/name``.
        source: Where the client's configuration came from.
        secrets: Returns the tokens of the client, which no message shows.
    """

    role: str
    endpoint: str
    client: str
    source: str
    secrets: Callable[[], Iterable[str]] = field(default=lambda: (), repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.role} {self.endpoint}"


class LimitReached(grpc.RpcError):
    """A call was given up at its time limit by the client's clock, before gRPC did so by its own."""

    def code(self) -> grpc.StatusCode:
        """Return the status that gRPC gives to such a call."""
        return Code.DEADLINE_EXCEEDED

    def details(self) -> str:
        """Return the words that gRPC gives to such a call."""
        return "Deadline Exceeded"


def status_of(error: grpc.RpcError) -> tuple[grpc.StatusCode, str]:
    """Return an error's code, and its details on one line.

    A controller that has just started answers UNKNOWN; here that is UNAVAILABLE, which it is.
    """
    call: Any = error
    details = details_of(error)
    return Code.UNAVAILABLE if still_starting(error) else call.code(), details


def still_starting(error: BaseException | None) -> bool:
    """Whether an error is the answer of a controller that has just started, and accepts no client yet."""
    call: Any = error
    return isinstance(error, grpc.RpcError) and call.code() is Code.UNKNOWN and is_starting(details_of(error))


def transport_error(details: str, peer: Peer) -> ControllerUnreachable | TlsError | None:
    """Return the error for an UNAVAILABLE of gRPC's own, or of a controller that starts; None for others."""
    if is_about_tls(details, peer.endpoint):
        failure = tls_failure_of(details)
        tls_reason = details if failure is None else failure.value
        return TlsError(
            f"The secure connection to {peer} could not be made: {tls_reason}. Check tls.ca and tls.insecure "
            f"of the client configuration ({peer.source}), and the name in its endpoint."
        )
    if is_starting(details):
        return ControllerUnreachable(
            f"The {peer} has just started, and accepts no client yet ({details}). Try again in some seconds."
        )
    reason = control_reason(details)
    if reason is None:
        return None
    if peer.role == "router":
        # The client has not chosen it.
        return ControllerUnreachable(
            f"The {peer}, to which the controller leads, cannot be reached: {reason}. Check the network, or tell the "
            f"controller's administrator."
        )
    return ControllerUnreachable(
        f"The {peer} cannot be reached: {reason}. Check the endpoint of the client configuration ({peer.source}) and "
        f"the network."
    )


def control_reason(details: str) -> str | None:
    """Return why a controller or router cannot be reached; None where its details are not gRPC's own words."""
    failure = failure_of(details)
    if failure is not None:
        return failure.value
    return details if "failed to connect" in details.lower() else None


def translate_control(
    error: grpc.RpcError, asked: str, peer: Peer, deadline: Deadline, subject: str | None = None
) -> JumpstarterError:
    """Return our error for a failed RPC to a controller. Raise it ``from`` the original.

    Args:
        error: What the stub raised.
        asked: What was asked, in words: ``the lease 'x'``.
        peer: The server that was asked.
        deadline: The deadline that the RPC was given.
        subject: What the controller knows nothing of if it does not find it: ``lease 'x'``. Default: what was asked.
    """
    code, details = status_of(error)
    details = mask(details, peer.secrets())
    logger.debug("%s, asked of %s, ended with %s: %s", asked, peer, code, details)
    if code is Code.DEADLINE_EXCEEDED:
        limit = "in time" if deadline.timeout is None else f"within {format_duration(deadline.timeout)}"
        return ControllerUnreachable(
            f"The {peer} did not answer {limit} when it was asked for {asked}. Check that it runs, and the network."
        )
    if code is Code.CANCELLED:
        # What a server that stops does to the calls that it has not answered.
        return ControllerUnreachable(
            f"The {peer} hung up when it was asked for {asked}. Check that it runs, and the network."
        )
    if code is Code.UNAVAILABLE:
        return transport_error(details, peer) or ControllerUnreachable(
            f"The {peer} failed when it was asked for {asked}: {details.rstrip('.')}."
        )
    return _identity_error(code, details, peer) or _business_error(code, details, asked, peer, subject or asked)


def _identity_error(code: grpc.StatusCode, details: str, peer: Peer) -> JumpstarterError | None:
    lowered = details.lower()
    if any(words in lowered for words in _NOT_OURS):
        return None
    if _EXPIRED in lowered:
        return TokenExpired(
            f"The token of client {peer.client} ({peer.source}) has expired. Log in again: `jmp login`."
        )
    for codes, words, reason in _IDENTITY:
        if code in codes and any(word in lowered for word in words):
            said = "" if reason is _NO_CLIENT else f" ({details})"
            return AuthenticationError(
                f"The {peer} did not accept client {peer.client} ({peer.source}): {reason}{said}. Check namespace, "
                f"name and token of the client configuration, or log in again: `jmp login`."
            )
    return None


_IDENTITY: tuple[tuple[tuple[grpc.StatusCode, ...], tuple[str, ...], str], ...] = (
    ((Code.UNAUTHENTICATED,), ("",), "its token is not valid"),
    ((Code.PERMISSION_DENIED,), ("namespace mismatch",), "it asked for another namespace than its own"),
    ((Code.PERMISSION_DENIED,), ("",), "its token belongs to another client"),
    ((Code.INVALID_ARGUMENT,), ("kind mismatch",), "it is not configured as a client"),
    ((Code.INVALID_ARGUMENT,), ("metadata", "authorization", "bearer"), "its identity was incomplete"),
    ((Code.UNKNOWN,), ("clients.jumpstarter.dev",), _NO_CLIENT),
    (
        (Code.UNKNOWN,),
        ("failed to authenticate", "verify token", "verifying token", "signature", "malformed jwt", "token"),
        "its token is not valid",
    ),
)


def _business_error(code: grpc.StatusCode, details: str, asked: str, peer: Peer, subject: str) -> JumpstarterError:
    lowered = details.lower()
    text = details.rstrip(".") or f"no details, status {code.name}"
    if code is Code.UNIMPLEMENTED:
        return InfrastructureError(f"The {peer} does not know how to give {asked}: it is too old for that ({text}).")
    for word, build in _BUSINESS:
        if word in lowered:
            return build(subject if build is _not_found else asked, text, peer)
    if code is Code.INVALID_ARGUMENT:
        return LeaseInvalid(f"The {peer} did not accept the request for {asked}: {text}.")
    return LeaseError(f"The {peer} refused {asked}: {text}.")


def _not_found(asked: str, _text: str, peer: Peer) -> JumpstarterError:
    return NoSuchLease(
        f"The {peer} knows nothing of {asked}. Check its name; `jmp get leases` and `jmp get exporters` list what is "
        f"there."
    )


def _no_client(asked: str, _text: str, peer: Peer) -> JumpstarterError:
    return LeaseInvalid(f"The {peer} refused {asked}: there is no such client. Check its name.")


def _not_owned(asked: str, text: str, peer: Peer) -> JumpstarterError:
    return LeaseNotOwned(
        f"Client {peer.client} may not have {asked}: it is not the owner ({text}). Ask its owner, or acquire another "
        f"lease."
    )


def _invalid(asked: str, text: str, peer: Peer) -> JumpstarterError:
    return LeaseInvalid(f"The {peer} did not accept the request for {asked}: {text}.")


_BUSINESS: tuple[tuple[str, Callable[[str, str, Peer], JumpstarterError]], ...] = (
    (_OTHER_CLIENT, _no_client),
    ("not found", _not_found),
    ("permission denied", _not_owned),
    ("cannot transfer lease", _invalid),
    ("label selector", _invalid),
    ("duration", _invalid),
    ("begintime", _invalid),
    ("is invalid", _invalid),
)


def already_exists(error: grpc.RpcError) -> bool:
    """Whether a lease could not be created because its name is taken."""
    return "already exists" in status_of(error)[1].lower()


def token_expired(error: grpc.RpcError) -> bool:
    """Whether the controller refused a call because the token was too old."""
    return _EXPIRED in status_of(error)[1].lower()


def surely_not_done(error: grpc.RpcError) -> bool:
    """Whether what was asked was surely not done: there was no connection, or no client was accepted yet."""
    code, details = status_of(error)
    return code is Code.UNAVAILABLE and (is_unsent(details) or is_starting(details))


def lost_answer(error: grpc.RpcError) -> bool:
    """Whether it is unknown if the controller did what was asked: there was no answer at all."""
    return status_of(error)[0] in (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.CANCELLED)


def perhaps_done(error: grpc.RpcError) -> bool:
    """Whether the controller may have done what was asked: an answer that broke on its way is INTERNAL, too."""
    return (lost_answer(error) or status_of(error)[0] is Code.INTERNAL) and not surely_not_done(error)
