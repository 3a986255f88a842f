"""The one border where statuses become errors: every code, and what its sentence says."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, NoReturn

import grpc
import pytest

from JumpstarterLibrary.client import Deadline, Device
from JumpstarterLibrary.client.status import _TABLE, Operation, link_error, translate
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

Code = grpc.StatusCode

FAILED = "'m' of driver 'x' failed on the exporter: the details."

EXPECTED: dict[grpc.StatusCode, tuple[type[JumpstarterError], str]] = {
    Code.CANCELLED: (DriverError, "'m' of driver 'x' was cancelled: the details."),
    Code.UNKNOWN: (DriverError, FAILED),
    Code.INVALID_ARGUMENT: (DriverInvalidArgument, "Driver 'x' did not accept the arguments of 'm': the details."),
    Code.DEADLINE_EXCEEDED: (
        DriverTimeout,
        "Driver 'x' gave up by itself in 'm': the details. No timeout= of this side was involved.",
    ),
    Code.NOT_FOUND: (
        DriverMethodNotImplemented,
        "Driver 'x' has no unary method 'm': the details. Check the name, and whether it is a unary call, a streaming "
        "call or a byte stream.",
    ),
    Code.ALREADY_EXISTS: (DriverError, FAILED),
    Code.PERMISSION_DENIED: (DriverError, "The exporter '{host}' did not permit 'm' of driver 'x': the details."),
    Code.RESOURCE_EXHAUSTED: (DriverError, "'m' of driver 'x' needed more than the exporter has: the details."),
    Code.FAILED_PRECONDITION: (
        ExporterNotReady,
        "The exporter '{host}' is not ready for 'm' of driver 'x': the details.",
    ),
    Code.ABORTED: (DriverError, "'m' of driver 'x' was aborted by the exporter: the details."),
    Code.OUT_OF_RANGE: (DriverError, FAILED),
    Code.UNIMPLEMENTED: (
        DriverMethodNotImplemented,
        "'m' of driver 'x' is not implemented by the exporter '{host}': the details.",
    ),
    Code.INTERNAL: (DriverError, FAILED),
    Code.UNAVAILABLE: (
        DriverUnavailable,
        "Driver 'x' could not reach its hardware in 'm': the details. The exporter itself answers.",
    ),
    Code.DATA_LOSS: (DriverError, FAILED),
    Code.UNAUTHENTICATED: (
        AuthenticationError,
        "The exporter '{host}' refused the passphrase: the details. Give the right one with passphrase= or "
        "JMP_GRPC_PASSPHRASE.",
    ),
}


def test_every_code_is_mapped() -> None:
    assert _TABLE.keys() == set(Code)
    assert EXPECTED.keys() == set(Code) - {Code.OK}


@pytest.mark.parametrize("code", EXPECTED, ids=lambda code: code.name)
def test_every_code_over_a_real_socket(
    code: grpc.StatusCode, odd_exporter: Callable[..., str], connecting: Callable[..., Device]
) -> None:
    def refuse(_request: object, context: Any) -> NoReturn:
        context.abort(code, "the\n  details.")

    host = odd_exporter(driver_call=refuse)
    with pytest.raises(JumpstarterError) as caught:
        connecting(host).driver("x").call("m")
    kind, sentence = EXPECTED[code]
    assert (type(caught.value), str(caught.value)) == (kind, sentence.format(host=host))
    cause: Any = caught.value.__cause__
    assert cause.code() is code


class Link:
    """What the border wants to know of a link."""

    name, source, route = "board:1", "host=", None

    def __init__(self, *, answers: bool = True, connected: bool = True, secure: bool = False) -> None:
        self.answers, self.connected, self.secure = answers, connected, secure

    def alive(self) -> bool:
        return self.answers


class Status(grpc.RpcError):
    """What a stub raises."""

    def __init__(self, code: grpc.StatusCode, details: str | None) -> None:
        self._code, self._details = code, details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str | None:
        return self._details


OPERATION = Operation("'m' of the root driver", "The root driver", "m", "streaming")


def border(code: grpc.StatusCode, details: str | None, link: Any, deadline: Deadline | None = None) -> JumpstarterError:
    return translate(Status(code, details), link, OPERATION, deadline)


def test_without_details() -> None:
    error = border(Code.UNKNOWN, None, Link())
    assert str(error) == "'m' of the root driver failed on the exporter: no details, status UNKNOWN."


def test_an_answer_that_is_missing() -> None:
    error = border(Code.OK, "", Link())
    assert str(error) == "'m' of the root driver ended without an answer: no details, status OK."


@pytest.mark.parametrize(("side", "what"), [("CLIENT", "answer"), ("SERVER", "request")])
def test_a_message_that_is_too_large(side: str, what: str) -> None:
    error = border(
        Code.RESOURCE_EXHAUSTED, f"Stream removed ({side}: Received message larger than max (7 vs. 5))", Link()
    )
    assert type(error) is DriverError
    assert str(error) == (
        f"The {what} of 'm' of the root driver is too large: it has 7 bytes, and one message can have 5. Ask for less "
        f"at once, or use a byte stream or a file."
    )


def test_our_deadline_and_the_drivers_own() -> None:
    ours = border(Code.DEADLINE_EXCEEDED, "Deadline Exceeded", Link(), Deadline(0))
    assert type(ours) is OperationTimeout
    assert str(ours) == (
        "'m' of the root driver did not finish within 0 milliseconds and was cancelled. The exporter may still be "
        "working on it. Give it more time with timeout=."
    )
    for deadline in (None, Deadline(None), Deadline(60)):
        theirs = border(Code.DEADLINE_EXCEEDED, "no edge on pin 3", Link(), deadline)
        assert type(theirs) is DriverTimeout
        assert str(theirs) == (
            "The root driver gave up by itself in 'm': no edge on pin 3. No timeout= of this side was involved."
        )


def test_a_driver_that_is_unavailable_and_a_link_that_is_lost() -> None:
    assert type(border(Code.UNAVAILABLE, "no relay", Link(answers=True))) is DriverUnavailable
    lost = border(Code.UNAVAILABLE, "Socket closed", Link(answers=False))
    assert type(lost) is LinkError
    assert str(lost) == (
        "The link to exporter 'board:1' broke during 'm' of the root driver: the connection was closed. "
        "It is not known whether the exporter carried it out."
    )


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        (
            "failed to connect to all addresses; last error: FAILED_PRECONDITION: unix:/tmp/x: No such file or "
            "directory",
            "its socket is gone",
        ),
        (
            "connections to all backends failing; last error: UNKNOWN: ipv4:10.0.0.1:1: Connection refused",
            "connection refused",
        ),
        ("DNS resolution failed for board:1: no such name", "the host name could not be resolved"),
    ],
)
def test_a_call_that_was_never_sent_is_told_from_one_that_broke(details: str, reason: str) -> None:
    error = border(Code.UNAVAILABLE, details, Link(answers=False))
    assert type(error) is LinkError
    assert str(error) == (
        f"Exporter 'board:1' (from host=) cannot be reached any more: {reason}. 'm' of the root driver was not sent to "
        "it. Check that it still runs and listens there."
    )


def test_an_exporter_that_was_never_reached() -> None:
    error = border(Code.UNAVAILABLE, "Connection refused", Link(answers=False, connected=False))
    assert str(error) == (
        "Exporter 'board:1' (from host=) cannot be reached: connection refused. Check that it runs and listens there."
    )


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ("Ssl handshake failed: SSL_ERROR_SSL", "Ssl handshake failed: SSL_ERROR_SSL"),
        ("Hostname Verification Check failed.", "its certificate is not for this host name"),
        ("bad certificate", "its certificate is not trusted here: another authority signed it, or it has expired"),
    ],
)
def test_a_secure_connection_that_cannot_be_made(details: str, reason: str) -> None:
    link: Any = Link(answers=False, connected=False, secure=True)
    error = link_error(link, OPERATION, details)
    assert type(error) is TlsError
    assert str(error) == (
        f"The secure connection to exporter 'board:1' could not be made: {reason}. "
        f"Check ca=, the host name and tls= (verify, pin or plaintext)."
    )


def test_words_of_tls_in_a_plain_address_are_no_tls() -> None:
    plain: Any = Link(answers=False, connected=False, secure=False)
    assert type(link_error(plain, OPERATION, "unix:/tmp/tls/s: Connection refused")) is LinkError
    secure: Any = Link(answers=False, connected=False, secure=True)
    secure.name = "tls-board:1"
    assert type(link_error(secure, OPERATION, "DNS resolution failed for tls-board:1: no such name")) is LinkError


def test_a_missing_rpc_of_the_exporter_itself() -> None:
    error = translate(Status(Code.NOT_FOUND, "who?"), _any(Link()), Operation("the report of its drivers"))
    assert (type(error), str(error)) == (DriverError, "The report of its drivers failed: who?.")


def _any(value: Any) -> Any:
    return value


def test_a_socket_that_nobody_listens_on_any_more(connecting: Callable[..., Device], tmp_path: Any) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
    with pytest.raises(LinkError) as caught:
        connecting(path)
    assert type(caught.value) is LinkError
    assert str(caught.value).startswith(f"Exporter '{path}' (from host=) cannot be reached: ")
    assert str(caught.value).endswith(": connection refused. Check that it runs and listens there.")
