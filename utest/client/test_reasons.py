"""gRPC's details in plain words, as several of its releases have them."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.client.reasons import link_reason, tls_reason


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ("failed to connect to all addresses; last error: UNKNOWN: Connection refused", "connection refused"),
        ("connect failed: addr: unix:/run/socket error: No such file or directory", "its socket is gone"),
        ("DNS resolution failed for lab:1: C-ares status is not ARES_SUCCESS", "the host name could not be resolved"),
        ("Socket closed", "the connection was closed"),
        ("recvmsg:Connection reset by peer", "the connection was closed"),
        ("Cancelling all calls", "the exporter was stopped"),
        ("keepalive timeout", "it answers no more"),
        ("something new", "something new"),
    ],
)
def test_links(details: str, reason: str) -> None:
    assert link_reason(details) == reason


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ("Hostname Verification Check failed.", "its certificate is not for this host name"),
        ("Peer name 127.0.0.1 is not in peer certificate", "its certificate is not for this host name"),
        ("CERTIFICATE_VERIFY_FAILED: certificate has expired", "its certificate has expired"),
        (
            "CERTIFICATE_VERIFY_FAILED: unable to get local issuer certificate",
            "its certificate is not trusted here: another authority signed it, or it has expired",
        ),
        ("SSL_ERROR_SSL: OPENSSL_internal:WRONG_VERSION_NUMBER", "it does not speak TLS"),
        ("Ssl handshake failed: something new", "Ssl handshake failed: something new"),
    ],
)
def test_tls(details: str, reason: str) -> None:
    assert tls_reason(details) == reason
