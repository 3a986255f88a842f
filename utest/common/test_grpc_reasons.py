"""Reasons told from gRPC's details, as several of its releases have them."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.common.grpc_reasons import (
    Failure,
    TlsFailure,
    failure_of,
    is_about_tls,
    is_unsent,
    tls_failure_of,
)


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ("failed to connect to all addresses; last error: UNKNOWN: Connection refused", Failure.REFUSED),
        ("connect failed: addr: unix:/run/socket error: No such file or directory", Failure.NO_SOCKET),
        ("DNS resolution failed for lab:1: C-ares status is not ARES_SUCCESS", Failure.UNRESOLVED),
        ("Socket closed", Failure.CLOSED),
        ("recvmsg:Connection reset by peer", Failure.CLOSED),
        ("Cancelling all calls", Failure.STOPPED),
        ("keepalive timeout", Failure.SILENT),
        ("Deadline Exceeded", Failure.TIMEOUT),
        ("connect: Network is unreachable", Failure.NO_ROUTE),
        ("something new", None),
    ],
)
def test_links(details: str, reason: Failure | None) -> None:
    assert failure_of(details) is reason


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ("Hostname Verification Check failed.", TlsFailure.WRONG_HOST),
        ("Peer name 127.0.0.1 is not in peer certificate", TlsFailure.WRONG_HOST),
        ("CERTIFICATE_VERIFY_FAILED: certificate has expired", TlsFailure.EXPIRED),
        (
            "CERTIFICATE_VERIFY_FAILED: unable to get local issuer certificate",
            TlsFailure.UNTRUSTED,
        ),
        ("SSL_ERROR_SSL: OPENSSL_internal:WRONG_VERSION_NUMBER", TlsFailure.NO_TLS),
        ("Ssl handshake failed: something new", None),
    ],
)
def test_tls(details: str, reason: TlsFailure | None) -> None:
    assert tls_failure_of(details) is reason


@pytest.mark.parametrize(
    ("details", "about_tls"),
    [
        ("tls-lab:443: Ssl handshake failed", True),
        ("tls-lab:443: Hostname Verification Check failed.", True),
        ("failed to connect to all addresses; last error: tls-lab:443: Connection refused", False),
    ],
)
def test_a_servers_name_is_no_word_about_tls(details: str, about_tls: bool) -> None:
    assert is_about_tls(details, "TLS-lab:443") is about_tls


@pytest.mark.parametrize(
    ("details", "unsent"),
    [
        ("failed to connect to all addresses; last error: UNKNOWN: Connection refused", True),
        ("DNS resolution failed for lab:1", True),
        ("name resolution failure", True),
        ("Socket closed", False),
        ("failed to connect to the exporter", False),
    ],
)
def test_only_grpcs_own_words_prove_that_a_call_was_not_sent(details: str, unsent: bool) -> None:
    assert is_unsent(details) is unsent
