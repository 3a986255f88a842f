"""One gRPC channel per device."""

from __future__ import annotations

import grpc

from JumpstarterLibrary.client.config import DirectConnection
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.pinning import fetch_certificate
from JumpstarterLibrary.types import Tls

RECEIVE_LIMIT = 64 * 1024 * 1024
"""Bytes of one message that we accept. Exporters send without a limit, and gRPC's 4 MiB would lose answers."""


PATIENCE_MS = 3_600_000


def open_channel(connection: DirectConnection, deadline: Deadline, *, patient: bool = False) -> grpc.Channel:
    """Return a channel to an exporter. Nothing is sent yet, except that ``tls=pin`` fetches the certificate.

    Args:
        connection: Where the exporter is and how to reach it.
        deadline: When ``tls=pin`` gives up, if its own limits do not end it earlier.
        patient: Leave it to the caller how long the exporter may take for its first word. Behind a tunnel that is as
            long as its hook before the lease runs; otherwise gRPC gives up after 20 seconds, and connects anew.

    Raises:
        LinkError: ``tls=pin`` found no server.
        TlsError: ``tls=pin`` found a server that does not speak TLS.
    """
    address = connection.address
    options: list[tuple[str, int]] = [
        ("grpc.max_receive_message_length", RECEIVE_LIMIT),
        # Two devices at one address keep a connection each, so that closing one leaves the other alone.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2000),
    ]
    if patient:
        options.append(("grpc.min_reconnect_backoff_ms", PATIENCE_MS))
    if address.loopback:
        options.append(("grpc.enable_http_proxy", 0))
    if address.path is None:
        # A peer that vanished from the network says nothing. Exporters tolerate one ping every 10 seconds on TCP; on a
        # unix socket they answer pings with ENHANCE_YOUR_CALM, and the kernel reports a dead peer there anyway.
        options += [
            ("grpc.keepalive_time_ms", 20_000),
            ("grpc.keepalive_timeout_ms", 20_000),
            ("grpc.http2.max_pings_without_data", 0),
        ]
    if connection.tls is Tls.plaintext:
        return grpc.insecure_channel(address.target, options=options)
    roots = connection.ca
    if connection.tls is Tls.pin:
        roots = fetch_certificate(address.host or "", address.port, deadline)
    return grpc.secure_channel(address.target, grpc.ssl_channel_credentials(roots), options=options)
