"""The one border where gRPC statuses become our errors.

A driver's own UNAVAILABLE or DEADLINE_EXCEEDED looks like a lost link or an expired deadline. Two facts tell them
apart: whether the deadline that we set is over, and whether the exporter still answers.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc

from JumpstarterLibrary.client.deadline import Deadline, format_duration
from JumpstarterLibrary.client.linked_exporter import LinkedExporter
from JumpstarterLibrary.client.peer_text import details_of
from JumpstarterLibrary.common.grpc_reasons import Failure, failure_of, is_about_tls, is_unsent, tls_failure_of
from JumpstarterLibrary.errors import (
    AuthenticationError,
    DriverError,
    DriverInvalidArgument,
    DriverMethodNotImplemented,
    DriverTimeout,
    DriverUnavailable,
    ExporterNotReady,
    JumpstarterError,
    LinkError,
    OperationTimeout,
    TlsError,
)
from JumpstarterLibrary.hints import Hint, argument

logger = logging.getLogger(__name__)

Code = grpc.StatusCode

_LOSSES = (Code.UNAVAILABLE, Code.CANCELLED, Code.ABORTED, Code.FAILED_PRECONDITION)
"""What calls of a leased exporter end with when the lease ends or the tunnel breaks."""

_REASONS = {Failure.STOPPED: "the exporter was stopped"}
"""What is said of an exporter in other words than of any server."""


@dataclass(frozen=True)
class Operation:
    """What was asked, for messages.

    Attributes:
        text: The operation in words, for example ``'on' of driver 'power'``.
        driver: The driver in words, for example ``Driver 'power'``.
        method: The driver method, if one was called.
        kind: ``unary``, ``streaming`` or ``stream``: how it was called.
    """

    text: str
    driver: str = "The exporter"
    method: str = ""
    kind: str = ""


def translate(
    error: grpc.RpcError, exporter: LinkedExporter, operation: Operation, deadline: Deadline | None = None
) -> JumpstarterError:
    """Return our error for a failed RPC. Raise it ``from`` the original.

    Args:
        error: What the stub raised; it carries the status.
        exporter: The exporter that was asked.
        operation: What was asked.
        deadline: The deadline that the RPC was given, if any.
    """
    call: Any = error
    code, details = call.code(), details_of(error)
    logger.debug("%s on %s ended with %s: %s", operation.text, exporter.name, code, details)
    if code is Code.DEADLINE_EXCEEDED and deadline is not None and deadline.expired:
        return out_of_time(operation, deadline)
    route = exporter.route
    if code is Code.CANCELLED and exporter.silent_s is not None:
        return silence_error(exporter, operation, exporter.silent_s)
    # The controller is asked before the exporter, to which gRPC would look for another way meanwhile.
    if route is not None and code in _LOSSES and (route.lost or route.over or not exporter.alive()):
        return route.explain(operation.text)
    if code is Code.UNAVAILABLE and not exporter.alive():
        return link_error(exporter, operation, details)
    return _TABLE[code](exporter, operation, details or f"no details, status {code.name}")


def out_of_time(operation: Operation, deadline: Deadline) -> OperationTimeout:
    """Return the error for an operation whose deadline is over."""
    return OperationTimeout(
        f"{_start(operation.text)} did not finish within {deadline.told} and was cancelled. "
        f"The exporter may still be working on it.",
        hint=Hint.GIVE_TIME,
    )


def silence_error(exporter: LinkedExporter, operation: Operation, silent_s: float) -> LinkError:
    """Return the error for an exporter whose link was given up, because it was silent."""
    return LinkError(
        f"Exporter '{exporter.name}' (from {exporter.source}) was lost during {operation.text}: it has answered "
        f"nothing for {format_duration(silent_s)} (exporter_silence), not even the question for its status. It is not "
        f"known whether it carried it out. Check that it still runs."
    )


def link_error(exporter: LinkedExporter, operation: Operation, details: str) -> LinkError:
    """Return the error for an exporter that does not answer."""
    details = details.rstrip(".")
    logger.debug("the link to %s failed: %s", exporter.name, details)
    if exporter.secure and (is_about_tls(details, exporter.name) or "handshake" in details.lower()):
        tls_failure = tls_failure_of(details)
        tls_reason = details if tls_failure is None else tls_failure.value
        return TlsError(
            f"The secure connection to exporter '{exporter.name}' could not be made: {tls_reason}.",
            hint=Hint.CHECK_TLS,
        )
    failure = failure_of(details)
    reason = details if failure is None else _REASONS.get(failure, failure.value)
    if exporter.connected and is_unsent(details):
        return LinkError(
            f"Exporter '{exporter.name}' (from {exporter.source}) cannot be reached any more: {reason}. "
            f"{_start(operation.text)} was not sent to it. Check that it still runs and listens there."
        )
    if exporter.connected:
        return LinkError(
            f"The link to exporter '{exporter.name}' broke during {operation.text}: {reason}. "
            f"It is not known whether the exporter carried it out."
        )
    return LinkError(
        f"Exporter '{exporter.name}' (from {exporter.source}) cannot be reached: {reason}. "
        f"Check that it runs and listens there."
    )


def _start(text: str) -> str:
    return text[:1].upper() + text[1:]


def _not_found(_exporter: LinkedExporter, operation: Operation, details: str) -> JumpstarterError:
    if not operation.method:
        return DriverError(f"{_start(operation.text)} failed: {details.rstrip('.')}.")
    return DriverMethodNotImplemented(
        f"{operation.driver} has no {operation.kind} method '{operation.method}': {details.rstrip('.')}. "
        f"Check the name, and whether it is a unary call, a streaming call or a byte stream."
    )


def _simple(
    kind: type[JumpstarterError], template: str, hint: Hint | None = None
) -> Callable[[LinkedExporter, Operation, str], JumpstarterError]:
    """Return a row of the table: an error class, its facts and its hint."""

    def build(exporter: LinkedExporter, operation: Operation, details: str) -> JumpstarterError:
        text = template.format(
            Asked=_start(operation.text),
            asked=operation.text,
            driver=operation.driver,
            method=operation.method,
            exporter=exporter.name,
            details=details.rstrip("."),
            timeout=argument("timeout"),
        )
        return kind(text, hint=hint)

    return build


def _exhausted(_exporter: LinkedExporter, operation: Operation, details: str) -> JumpstarterError:
    sizes = re.search(r"message larger than max \((\d+) vs\. (\d+)\)", details)
    if sizes is None:
        return DriverError(f"{_start(operation.text)} needed more than the exporter has: {details.rstrip('.')}.")
    which = "The answer" if "CLIENT" in details else "The request"
    return DriverError(
        f"{which} of {operation.text} is too large: it has {sizes[1]} bytes, and one message can have {sizes[2]}. Ask "
        f"for less at once, or use a byte stream or a file."
    )


_failed = _simple(DriverError, "{Asked} failed on the exporter: {details}.")

_TABLE: dict[grpc.StatusCode, Callable[[LinkedExporter, Operation, str], JumpstarterError]] = {
    Code.OK: _simple(DriverError, "{Asked} ended without an answer: {details}."),
    Code.CANCELLED: _simple(DriverError, "{Asked} was cancelled: {details}."),
    Code.UNKNOWN: _failed,
    Code.INVALID_ARGUMENT: _simple(
        DriverInvalidArgument, "{driver} did not accept the arguments of '{method}': {details}."
    ),
    Code.DEADLINE_EXCEEDED: _simple(
        DriverTimeout, "{driver} gave up by itself in '{method}': {details}. No {timeout} of this side was involved."
    ),
    Code.NOT_FOUND: _not_found,
    Code.ALREADY_EXISTS: _failed,
    Code.PERMISSION_DENIED: _simple(DriverError, "The exporter '{exporter}' did not permit {asked}: {details}."),
    Code.RESOURCE_EXHAUSTED: _exhausted,
    Code.FAILED_PRECONDITION: _simple(
        ExporterNotReady, "The exporter '{exporter}' is not ready for {asked}: {details}."
    ),
    Code.ABORTED: _simple(DriverError, "{Asked} was aborted by the exporter: {details}."),
    Code.OUT_OF_RANGE: _failed,
    Code.UNIMPLEMENTED: _simple(
        DriverMethodNotImplemented, "{Asked} is not implemented by the exporter '{exporter}': {details}."
    ),
    Code.INTERNAL: _failed,
    Code.UNAVAILABLE: _simple(
        DriverUnavailable,
        "{driver} could not reach its hardware in '{method}': {details}. The exporter itself answers.",
    ),
    Code.DATA_LOSS: _failed,
    Code.UNAUTHENTICATED: _simple(
        AuthenticationError,
        "The exporter '{exporter}' refused the passphrase: {details}.",
        Hint.GIVE_PASSPHRASE,
    ),
}
