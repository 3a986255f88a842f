"""Connect an exporter to its controller, and to the routers that the controller names."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from JumpstarterLibrary.common.environment import INSECURE
from JumpstarterLibrary.common.values import check_port, within
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.config import ExporterConfigV1Alpha1

KIND = "Exporter"

DEFAULT_OPTIONS: Mapping[str, Any] = {
    "grpc.lb_policy_name": "round_robin",
    "grpc.keepalive_time_ms": 20_000,
    "grpc.keepalive_timeout_ms": 180_000,
    "grpc.http2.max_pings_without_data": 0,
    "grpc.keepalive_permit_without_calls": 1,
    # gRPC's own pauses between connections grow to two minutes; a controller that is back is to be found sooner.
    "grpc.initial_reconnect_backoff_ms": 200,
    "grpc.max_reconnect_backoff_ms": 5_000,
}
"""Channel options towards controller and routers; a configuration's ``grpcOptions`` come on top."""


@dataclass(frozen=True)
class ControllerAccess:
    """The controller's endpoint, the exporter's identity there, and the connection's security.

    Attributes:
        endpoint: The controller, ``host:port``.
        namespace: The exporter's namespace.
        name: The exporter's name.
        token: What proves it.
        ca: PEM text of the authorities to trust. Default: gRPC's own.
        insecure: Trust the first certificate that the server shows; the host name must still match.
        options: Further channel options; they win over the defaults.
        plaintext: Speak no TLS. For a lab's controller only, since the token can be read on the way.
    """

    endpoint: str
    namespace: str
    name: str
    token: str = field(repr=False)
    ca: bytes | None = field(default=None, repr=False)
    insecure: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    plaintext: bool = False

    @classmethod
    def from_config(cls, config: ExporterConfigV1Alpha1, environ: Mapping[str, str] | None = None) -> Self:
        """Return what a configuration file says.

        Args:
            config: The configuration.
            environ: Environment variables, of which ``JMP_GRPC_INSECURE=1`` counts. Default: the process's.

        Raises:
            ConfigurationError: The endpoint, the token or the exporter's name or namespace is missing, the endpoint's
                port is beyond the last one, or ``tls.ca`` is no base64 text.
        """
        environ = os.environ if environ is None else environ
        with within(f"{config.path or 'The configuration'}: endpoint"):
            check_port(config.endpoint or "")
        return cls(
            endpoint=_needed(config, "endpoint", config.endpoint),
            namespace=_needed(config, "metadata.namespace", config.namespace),
            name=_needed(config, "metadata.name", config.name),
            token=_needed(config, "token", config.token),
            ca=_authorities(config),
            insecure=config.tls_insecure or any(environ.get(name) == "1" for name in INSECURE),
            options=config.grpc_options,
        )

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Return what goes with every call to the controller."""
        return (
            ("authorization", f"Bearer {self.token}"),
            ("jumpstarter-kind", KIND),
            ("jumpstarter-namespace", self.namespace),
            ("jumpstarter-name", self.name),
        )

    def channel_options(self) -> tuple[tuple[str, Any], ...]:
        """Return all channel options."""
        return tuple(sorted({**DEFAULT_OPTIONS, **self.options}.items()))


def _needed(config: ExporterConfigV1Alpha1, key: str, value: str | None) -> str:
    if not value:
        raise ConfigurationError(
            f"{config.path or 'The configuration'} has no {key}, which an exporter needs that registers with a "
            f"controller. Add it, or serve without a controller by --unix or --tcp."
        )
    return value


def _authorities(config: ExporterConfigV1Alpha1) -> bytes | None:
    if not config.tls_ca:
        return None
    try:
        return base64.b64decode(config.tls_ca, validate=False)
    except binascii.Error as error:
        raise ConfigurationError(
            f"{config.path or 'The configuration'}: tls.ca is no base64 text of PEM certificates: {error}."
        ) from error
