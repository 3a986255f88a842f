"""The settings of a client that asks a controller for leases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from JumpstarterLibrary.client.settings import authorities
from JumpstarterLibrary.client.settings.tokens import token_facts

ACQUISITION_S = 7200.0
DIAL_S = 60.0
RETRY_S = 300.0

MASK = "***"


@dataclass(frozen=True)
class SettingLine:
    """One setting as users are shown it.

    Attributes:
        key: Its dotted key in a client's file.
        value: Its value; secrets are masked.
        origin: Where it came from: ``file``, ``environment JMP_TOKEN``, ``argument`` or ``default``.
    """

    key: str
    value: str
    origin: str

    def __str__(self) -> str:
        return f"{self.key}: {self.value} ({self.origin})"


@dataclass(frozen=True, kw_only=True)
class ClientSettings:
    """Who the client is and how it reaches its controller.

    Attributes:
        namespace: The client's namespace.
        name: The client's name.
        endpoint: The controller, ``HOST:PORT``.
        token: The client's token; never shown.
        ca: PEM bundle of the authorities to trust; None for the system's, and if ``insecure``.
        insecure: Trust any certificate that the server shows first. The host name must still match.
        refresh_token: With which a new token can be had; never shown.
        grpc_options: Channel arguments, on top of the usual ones.
        drivers_allow: Patterns of client classes that may be imported.
        drivers_unsafe: Whether all of them may.
        acquisition_timeout: Seconds to wait for an exporter.
        dial_timeout: Seconds to wait for a connection to it.
        retry_timeout: Seconds in which a lease whose exporter cannot be reached may be replaced.
        alias: The client's alias; None if there is no file.
        path: The file; None if there is none.
        source: Which client this is, in one phrase.
        origins: Where each value came from, by its dotted key in a client's file.
    """

    namespace: str
    name: str
    endpoint: str
    token: str = field(repr=False)
    ca: bytes | None = field(default=None, repr=False)
    insecure: bool = False
    refresh_token: str | None = field(default=None, repr=False)
    grpc_options: Mapping[str, str | int] = field(default_factory=lambda: MappingProxyType({}))
    drivers_allow: tuple[str, ...] = ()
    drivers_unsafe: bool = False
    acquisition_timeout: float = ACQUISITION_S
    dial_timeout: float = DIAL_S
    retry_timeout: float = RETRY_S
    alias: str | None = None
    path: Path | None = None
    source: str = "arguments"
    origins: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    @property
    def tokens(self) -> tuple[str, ...]:
        """The tokens, which nothing may show."""
        return tuple(token for token in (self.token, self.refresh_token) if token)

    def described(self) -> list[SettingLine]:
        """Return each setting with its value and where it came from; secrets are masked."""
        shown = {
            "metadata.namespace": self.namespace,
            "metadata.name": self.name,
            "endpoint": self.endpoint,
            "token": self._shown_token(),
            "refresh_token": MASK if self.refresh_token else "none",
            "tls.ca": self._shown_ca(),
            "tls.insecure": _yes(self.insecure),
            "grpcOptions": ", ".join(f"{key}={value}" for key, value in self.grpc_options.items()) or "none",
            "drivers.allow": ", ".join(self.drivers_allow) or "none",
            "drivers.unsafe": _yes(self.drivers_unsafe),
            "leases.acquisition_timeout": f"{self.acquisition_timeout:g} s",
            "leases.dial_timeout": f"{self.dial_timeout:g} s",
            "leases.retry_timeout": f"{self.retry_timeout:g} s",
        }
        return [SettingLine(key, value, self.origins.get(key, "default")) for key, value in shown.items()]

    def token_expiry(self) -> datetime | None:
        """Return when the token ends, in UTC; None if it is no JWT or does not say. Never raises."""
        facts = token_facts(self.token)
        return facts.expires if facts else None

    def _shown_token(self) -> str:
        facts = token_facts(self.token)
        return f"{MASK} ({facts})" if facts else MASK

    def _shown_ca(self) -> str:
        if self.insecure:
            return "not used"
        if self.ca is None:
            return "the system's authorities"
        number = authorities.count(self.ca)
        return f"{number} certificate{'s' * (number != 1)}"


def _yes(value: bool) -> str:
    return "true" if value else "false"
