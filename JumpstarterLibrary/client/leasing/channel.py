"""TLS channels to a controller and to the routers that it names."""

from __future__ import annotations

from collections.abc import Mapping

import grpc

from JumpstarterLibrary.client.address import Address
from JumpstarterLibrary.client.channel import RECEIVE_LIMIT
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.pinning import fetch_certificate
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.hints import Hint

DEFAULT_PORT = 443


KEEPALIVE: dict[str, str | int] = {
    # A peer that vanished from the network says nothing; controllers and routers let themselves be asked this often.
    "grpc.keepalive_time_ms": 20_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.http2.max_pings_without_data": 0,
    "grpc.keepalive_permit_without_calls": 1,
}


def open_secure_channel(
    endpoint: str, ca: bytes | None, insecure: bool, options: Mapping[str, str | int], deadline: Deadline
) -> grpc.Channel:
    """Return a TLS channel. Nothing is sent yet, except that ``insecure`` fetches the certificate.

    Args:
        endpoint: ``HOST:PORT``; the port is 443 unless given.
        ca: PEM bundle of the authorities to trust; None for the system's.
        insecure: Trust the certificate that the server shows now. The host name is still checked.
        options: Channel arguments, beside and above our own.
        deadline: When fetching the certificate gives up, if its own limits do not end it earlier.

    Raises:
        ConfigurationError: The endpoint is no ``HOST:PORT``.
        LinkError: ``insecure`` found no server.
        TlsError: ``insecure`` found a server that does not speak TLS.
    """
    address = Address.parse(endpoint)
    if address.path is not None:
        address = Address.parse(f"{endpoint}:{DEFAULT_PORT}")
    if address.host is None or "/" in endpoint:
        raise ConfigurationError(f"The endpoint '{endpoint}' is no HOST:PORT. Correct it in the client configuration.")
    arguments: dict[str, str | int] = {
        "grpc.max_receive_message_length": RECEIVE_LIMIT,
        "grpc.use_local_subchannel_pool": 1,
        "grpc.initial_reconnect_backoff_ms": 100,
        "grpc.max_reconnect_backoff_ms": 1000,
        **KEEPALIVE,
    }
    if address.loopback:
        arguments["grpc.enable_http_proxy"] = 0
    arguments.update(options)
    roots = fetch_certificate(address.host, address.port, deadline, Hint.CHECK_ENDPOINT) if insecure else ca
    return grpc.secure_channel(address.target, grpc.ssl_channel_credentials(roots), options=list(arguments.items()))


def call_credentials(kind: str, namespace: str | None, name: str, token: str) -> grpc.CallCredentials:
    """Return the credentials by which gRPC itself tells a controller who calls, for channels of others.

    Args:
        kind: ``Client`` or ``Exporter``.
        namespace: Its namespace.
        name: Its name.
        token: Its token.
    """
    identity = (
        ("jumpstarter-kind", kind),
        ("jumpstarter-namespace", namespace or ""),
        ("jumpstarter-name", name),
    )

    def tell(_context: grpc.AuthMetadataContext, answer: grpc.AuthMetadataPluginCallback) -> None:
        answer(identity, None)

    told = grpc.metadata_call_credentials(tell)  # type: ignore[arg-type] # a function will do
    return grpc.composite_call_credentials(told, grpc.access_token_call_credentials(token))
