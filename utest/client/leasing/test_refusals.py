"""The border where a controller's statuses become our errors: each has its class and its whole sentence."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.leasing.refusals import (
    Peer,
    already_exists,
    lost_answer,
    surely_not_done,
    token_expired,
    translate_control,
    transport_error,
)
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

PEER = Peer("controller", "lab:8082", "ns/me", "the file x.yaml")
LOGIN = "Check namespace, name and token of the client configuration, or log in again: `jmp login`."
NOT_ACCEPTED = "The controller lab:8082 did not accept client ns/me (the file x.yaml): "


def translated(error: grpc.RpcError, asked: str = "lease 'x'", seconds: float = 10) -> JumpstarterError:
    return translate_control(error, asked, PEER, Deadline(seconds))


@pytest.mark.parametrize(
    ("code", "details", "kind", "text"),
    [
        (
            "DEADLINE_EXCEEDED",
            "Deadline Exceeded",
            ControllerUnreachable,
            "The controller lab:8082 did not answer within 10 seconds when it was asked for lease 'x'. Check that it "
            "runs, and the network.",
        ),
        (
            "UNAVAILABLE",
            "etcd has no leader.",
            ControllerUnreachable,
            "The controller lab:8082 failed when it was asked for lease 'x': etcd has no leader.",
        ),
        (
            "UNAVAILABLE",
            "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:8082: Connection refused",
            ControllerUnreachable,
            "The controller lab:8082 cannot be reached: connection refused. Check the endpoint of the client "
            "configuration (the file x.yaml) and the network.",
        ),
        (
            "UNAVAILABLE",
            "DNS resolution failed for lab:8082: C-ares status is not ARES_SUCCESS: Domain name not found",
            ControllerUnreachable,
            "The controller lab:8082 cannot be reached: the host name could not be resolved. Check the endpoint of the "
            "client configuration (the file x.yaml) and the network.",
        ),
        (
            "UNAVAILABLE",
            "failed to connect to all addresses; last error: UNAVAILABLE: connect timed out",
            ControllerUnreachable,
            "The controller lab:8082 cannot be reached: there was no answer in time. Check the endpoint of the client "
            "configuration (the file x.yaml) and the network.",
        ),
        (
            "UNAVAILABLE",
            "failed to connect to all addresses; last error: UNKNOWN: Ssl handshake failed: SSL_ERROR_SSL: "
            "error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED: self signed certificate",
            TlsError,
            "The secure connection to controller lab:8082 could not be made: its certificate is not trusted here: "
            "another authority signed it, or it has expired. Check tls.ca and tls.insecure of the client configuration "
            "(the file x.yaml), and the name in its endpoint.",
        ),
        (
            "UNAVAILABLE",
            "failed to connect to all addresses; last error: UNKNOWN: Hostname Verification Check failed.",
            TlsError,
            "The secure connection to controller lab:8082 could not be made: its certificate is not for this host "
            "name. Check tls.ca and tls.insecure of the client configuration (the file x.yaml), and the name in its "
            "endpoint.",
        ),
        (
            "UNKNOWN",
            "failed to verify token: token is expired by 3h",
            TokenExpired,
            "The token of client ns/me (the file x.yaml) has expired. Log in again: `jmp login`.",
        ),
        (
            "UNAUTHENTICATED",
            "missing authorization header",
            AuthenticationError,
            f"{NOT_ACCEPTED}its token is not valid (missing authorization header). {LOGIN}",
        ),
        (
            "UNKNOWN",
            "failed to authenticate token",
            AuthenticationError,
            f"{NOT_ACCEPTED}its token is not valid (failed to authenticate token). {LOGIN}",
        ),
        (
            "PERMISSION_DENIED",
            "namespace mismatch",
            AuthenticationError,
            f"{NOT_ACCEPTED}it asked for another namespace than its own (namespace mismatch). {LOGIN}",
        ),
        (
            "PERMISSION_DENIED",
            "permission denied for client ns/me",
            AuthenticationError,
            f"{NOT_ACCEPTED}its token belongs to another client (permission denied for client ns/me). {LOGIN}",
        ),
        (
            "INVALID_ARGUMENT",
            "object kind mismatch",
            AuthenticationError,
            f"{NOT_ACCEPTED}it is not configured as a client (object kind mismatch). {LOGIN}",
        ),
        (
            "INVALID_ARGUMENT",
            "missing metadata: jumpstarter-kind",
            AuthenticationError,
            f"{NOT_ACCEPTED}its identity was incomplete (missing metadata: jumpstarter-kind). {LOGIN}",
        ),
        (
            "UNKNOWN",
            'clients.jumpstarter.dev "me" not found',
            AuthenticationError,
            f"{NOT_ACCEPTED}there is no client of that name in that namespace. {LOGIN}",
        ),
        (
            "UNKNOWN",
            'leases.jumpstarter.dev "x" not found',
            NoSuchLease,
            "The controller lab:8082 knows nothing of lease 'x'. Check its name; `jmp get leases` and `jmp get "
            "exporters` list what is there.",
        ),
        (
            "UNKNOWN",
            "UpdateLease permission denied",
            LeaseNotOwned,
            "Client ns/me may not have lease 'x': it is not the owner (UpdateLease permission denied). Ask its owner, "
            "or acquire another lease.",
        ),
        (
            "UNKNOWN",
            "cannot transfer lease: lease has already ended",
            LeaseInvalid,
            "The controller lab:8082 did not accept the request for lease 'x': cannot transfer lease: lease has "
            "already "
            "ended.",
        ),
        (
            "UNKNOWN",
            'target client not found: clients.jumpstarter.dev "you" not found',
            LeaseInvalid,
            "The controller lab:8082 refused lease 'x': there is no such client. Check its name.",
        ),
        (
            "UNKNOWN",
            "failed to parse label selector: found '=='",
            LeaseInvalid,
            "The controller lab:8082 did not accept the request for lease 'x': failed to parse label selector: found "
            "'=='.",
        ),
        (
            "INVALID_ARGUMENT",
            "invalid lease tags: too many",
            LeaseInvalid,
            "The controller lab:8082 did not accept the request for lease 'x': invalid lease tags: too many.",
        ),
        (
            "UNIMPLEMENTED",
            "Method not found!",
            InfrastructureError,
            "The controller lab:8082 does not know how to give lease 'x': it is too old for that (Method not found!).",
        ),
        ("INTERNAL", "panic", LeaseError, "The controller lab:8082 refused lease 'x': panic."),
        ("INTERNAL", "", LeaseError, "The controller lab:8082 refused lease 'x': no details, status INTERNAL."),
        (
            "UNKNOWN",
            "The provided continue parameter is too old to display a consistent list result; the token is gone",
            LeaseError,
            "The controller lab:8082 refused lease 'x': The provided continue parameter is too old to display a "
            "consistent list result; the token is gone.",
        ),
    ],
)
def test_each_status_has_its_error(refused: Any, code: str, details: str, kind: type[Exception], text: str) -> None:
    error = translated(refused(code, details))
    assert type(error) is kind
    assert str(error) == text


def test_no_status_is_without_an_error(refused: Any) -> None:
    for code in grpc.StatusCode:
        text = str(translated(refused(code.name, "")))
        assert text.endswith(".")
        assert not text.endswith("..")
        assert "StatusCode" not in text


def test_details_of_many_lines_become_one(refused: Any) -> None:
    assert str(translated(refused("INTERNAL", "first\n   second"))).endswith(": first second.")


def test_the_name_of_a_host_is_no_reason() -> None:
    details = "failed to connect to all addresses; last error: UNKNOWN: tls-lab:443: Connection refused"
    found = transport_error(details, Peer("router", "tls-lab:443", "ns/me", "x"))
    assert type(found) is ControllerUnreachable
    assert str(found).startswith(
        "The router tls-lab:443, to which the controller leads, cannot be reached: connection refused."
    )


def test_words_of_a_server_are_not_taken_for_grpcs() -> None:
    assert transport_error("exporter is not listening on lease x", PEER) is None


@pytest.mark.parametrize(
    ("code", "details", "lost", "unsent"),
    [
        ("UNAVAILABLE", "Socket closed", True, False),
        ("UNAVAILABLE", "failed to connect to all addresses; last error: Connection refused", True, True),
        ("UNAVAILABLE", "DNS resolution failed for lab:1", True, True),
        ("UNAVAILABLE", "errors resolving lab:1", True, True),
        ("DEADLINE_EXCEEDED", "Deadline Exceeded", True, False),
        ("CANCELLED", "CANCELLED", True, False),
        ("UNKNOWN", "already exists", False, False),
        ("UNKNOWN", "oidc: authenticator not initialized", True, True),
        ("INTERNAL", "", False, False),
    ],
)
def test_what_may_have_been_done(refused: Any, code: str, details: str, lost: bool, unsent: bool) -> None:
    error = refused(code, details)
    assert (lost_answer(error), surely_not_done(error)) == (lost, unsent)


def test_words_that_are_looked_for_may_be_written_in_any_way(refused: Any) -> None:
    assert already_exists(refused("UNKNOWN", 'leases.jumpstarter.dev "x" Already Exists'))
    assert token_expired(refused("UNKNOWN", "Token is expired"))
    assert not token_expired(refused("UNKNOWN", "token is invalid"))
