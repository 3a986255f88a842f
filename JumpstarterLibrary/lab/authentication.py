"""Authenticate callers by an RPC's metadata, in the controller's order, with its codes and texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

import grpc

from JumpstarterLibrary.lab.clock import Clock
from JumpstarterLibrary.lab.features import ControllerFeatures
from JumpstarterLibrary.lab.model import ClientRecord, ExporterRecord
from JumpstarterLibrary.lab.refusal import Refusal, invalid, not_found
from JumpstarterLibrary.lab.selector import NAME_LIMIT
from JumpstarterLibrary.lab.state import ControllerState
from JumpstarterLibrary.lab.tokens import NO_AUTHENTICATOR, USER_PREFIX, Claims, TokenIssuer, TokenRefused

AUTHORIZATION = "authorization"
NAMESPACE = "jumpstarter-namespace"
KIND = "jumpstarter-kind"
NAME = "jumpstarter-name"

_Kind = Literal["Client", "Exporter"]
_Metadata = Sequence[tuple[str, str]]


class Authentication:
    """Finds the object that a caller is, or refuses it.

    Args:
        state: The controller's objects.
        clock: Lab time.
        issuers: Whose tokens count: the controller's own issuer first, then external ones.
        features: Whether unknown clients are added.
    """

    def __init__(
        self, state: ControllerState, clock: Clock, issuers: Sequence[TokenIssuer], features: ControllerFeatures
    ) -> None:
        self._state = state
        self._clock = clock
        self._issuers = list(issuers)
        self._features = features

    def client(self, context: Any) -> ClientRecord:
        """Return the client that calls.

        Args:
            context: The RPC's servicer context.

        Raises:
            Refusal: It is none, or not who it says it is.
        """
        metadata = context.invocation_metadata() or ()
        claims, name = self._identity(metadata, "Client")
        client: ClientRecord = self._object(
            metadata, self._state.clients, "clients", name, self._provision(claims, name)
        )
        if claims.user not in (f"{USER_PREFIX}{client.subject}", client.username):
            raise _denied("client", client)
        return client

    def exporter(self, context: Any) -> ExporterRecord:
        """Return the exporter that calls.

        Args:
            context: The RPC's servicer context.

        Raises:
            Refusal: It is none, or not who it says it is.
        """
        metadata = context.invocation_metadata() or ()
        claims, name = self._identity(metadata, "Exporter")
        exporter: ExporterRecord = self._object(metadata, self._state.exporters, "exporters", name)
        if claims.user not in (f"{USER_PREFIX}{exporter.subject}", exporter.username):
            raise _denied("exporter", exporter)
        return exporter

    def client_in(self, context: Any, namespace: str) -> ClientRecord:
        """Return the client that calls, if what it asks for is in its own namespace.

        Args:
            context: The RPC's servicer context.
            namespace: Of what it asks for.

        Raises:
            Refusal: As ``client``; or another namespace.
        """
        client = self.client(context)
        if client.namespace != namespace:
            raise Refusal("namespace mismatch", grpc.StatusCode.PERMISSION_DENIED)
        return client

    def _identity(self, metadata: _Metadata, kind: _Kind) -> tuple[Claims, str]:
        claims, issuer = self._claims(_bearer(metadata))
        _only(metadata, NAMESPACE)
        found = _only(metadata, KIND)
        name = self._name(metadata, claims, issuer)
        if found != kind:
            raise invalid("object kind mismatch")
        return claims, name

    def _claims(self, token: str) -> tuple[Claims, TokenIssuer]:
        now = self._clock.now()
        for issuer in self._issuers:
            try:
                return issuer.verify(token, now), issuer
            except TokenRefused as refused:
                if refused.ours:
                    raise Refusal(refused.details) from refused
        raise Refusal(NO_AUTHENTICATOR)

    def _name(self, metadata: _Metadata, claims: Claims, issuer: TokenIssuer) -> str:
        if issuer.prefix == USER_PREFIX:
            return _only(metadata, NAME)
        derived = derived_name(claims.user.removeprefix(issuer.prefix))
        given = _values(metadata, NAME)
        if any(name != derived for name in given):
            raise invalid(f"name mismatch: the token's user is {derived!r}, not {given[0]!r}")
        return derived

    def _object(
        self,
        metadata: _Metadata,
        objects: dict[str, Any],
        plural: str,
        name: str,
        provision: Callable[[], Any] | None = None,
    ) -> Any:
        here = _only(metadata, NAMESPACE) == self._state.namespace
        found = objects.get(name) if here else None
        if found is None and here and provision is not None:
            found = provision()
        if found is None:
            raise not_found(plural, name)
        return found

    def _provision(self, claims: Claims, name: str) -> Callable[[], ClientRecord] | None:
        if not self._features.provisioning:
            return None

        def add() -> ClientRecord:
            client = ClientRecord(self._state.namespace, name, username=claims.user)
            self._state.clients[name] = client
            return client

        return add


def kind_of(context: Any) -> str:
    """Return the kind that a caller says it is; empty without. Nothing is checked yet."""
    values = _values(context.invocation_metadata() or (), KIND)
    return values[0] if values else ""


def derived_name(user: str) -> str:
    """Return the object name that stands for the user of an external issuer."""
    return re.sub(r"[^a-z0-9]+", "-", user.lower()).strip("-")[:NAME_LIMIT].strip("-")


def _bearer(metadata: _Metadata) -> str:
    values = _values(metadata, AUTHORIZATION)
    if not values:
        raise Refusal("missing authorization header", grpc.StatusCode.UNAUTHENTICATED)
    if len(values) > 1:
        raise invalid("multiple authorization headers")
    scheme, blank, token = values[0].partition(" ")
    if not blank or scheme.lower() != "bearer":
        raise invalid("malformed authorization header")
    return token


def _only(metadata: _Metadata, key: str) -> str:
    values = _values(metadata, key)
    if not values:
        raise invalid(f"missing metadata: {key}")
    if len(values) > 1:
        raise invalid(f"multiple metadata: {key}")
    return values[0]


def _values(metadata: _Metadata, key: str) -> list[str]:
    return [value for name, value in metadata if name == key]


def _denied(kind: str, found: ClientRecord | ExporterRecord) -> Refusal:
    return Refusal(f"permission denied for {kind} {found.namespace}/{found.name}", grpc.StatusCode.PERMISSION_DENIED)
