"""An administrator's actions on a controller: add, change and remove objects; end leases before their time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any, TypeVar

from JumpstarterLibrary.errors import UsageError
from JumpstarterLibrary.lab.model import ClientRecord, ExporterRecord, LeaseRecord
from JumpstarterLibrary.lab.policies import ExporterAccessPolicy
from JumpstarterLibrary.lab.reconcile import Reconciler
from JumpstarterLibrary.lab.selector import is_subdomain
from JumpstarterLibrary.lab.state import ControllerState
from JumpstarterLibrary.lab.tokens import TOKEN_LIFE, TokenIssuer

Result = TypeVar("Result")

ADMIN_LIMIT_S = 30.0
"""Seconds for the controller's loop to do what another thread asks of it."""

NAMES_SHOWN = 20
"""Names in an error message."""


class Administration:
    """The part of a controller that is not reached over the wire. Its methods may be used from any thread.

    Args:
        state: The controller's objects.
        reconciler: Who has to know of changes.
        issuer: Mints tokens.

    Attributes:
        namespace: The namespace of all objects.
        state: As given.
    """

    def __init__(self, state: ControllerState, reconciler: Reconciler, issuer: TokenIssuer) -> None:
        self.namespace = state.namespace
        self.state = state
        self._reconciler = reconciler
        self._issuer = issuer
        self._loop: asyncio.AbstractEventLoop | None = None

    # Clients, exporters, policies

    def add_client(self, name: str, labels: Mapping[str, str] | None = None, *, username: str | None = None) -> str:
        """Add a client and return its token.

        Args:
            name: Its name.
            labels: What access policies look at.
            username: A user name, prefix included, of an external issuer that may also be it.

        Raises:
            UsageError: The name cannot be, or is taken.
        """
        self._check_name("client", name, self.state.clients)
        client = ClientRecord(self.namespace, name, dict(labels or {}), username)
        self._do(lambda: self.state.clients.__setitem__(name, client))
        return self.client_token(name)

    def add_exporter(
        self,
        name: str,
        labels: Mapping[str, str] | None = None,
        *,
        enabled: bool = True,
        username: str | None = None,
    ) -> str:
        """Add an exporter and return its token.

        Args:
            name: Its name.
            labels: What selectors look at.
            enabled: False: it is leased only to those who allow it.
            username: A user name, prefix included, of an external issuer that may also be it.

        Raises:
            UsageError: The name cannot be, or is taken.
        """
        self._check_name("exporter", name, self.state.exporters)
        exporter = ExporterRecord(self.namespace, name, dict(labels or {}), enabled, username)

        def add() -> None:
            self.state.add_exporter(exporter)
            self._reconciler.exporter_changed(name)

        self._do(add)
        return self.exporter_token(name)

    def add_policy(self, policy: ExporterAccessPolicy) -> None:
        """Add an access policy. With the first one, exporters that no policy covers cannot be leased any more."""

        def add() -> None:
            self.state.policies.append(policy)
            self._reconciler.everything_changed()

        self._do(add)

    def clear_policies(self) -> None:
        """Remove all access policies: every client may lease every exporter."""

        def clear() -> None:
            self.state.policies.clear()
            self._reconciler.everything_changed()

        self._do(clear)

    def client_token(self, name: str, *, life: timedelta = TOKEN_LIFE, **overrides: Any) -> str:
        """Return another token of a client. Earlier ones stay valid.

        Args:
            name: The client.
            life: How long it is valid; a negative time gives an expired one.
            **overrides: Claims instead of the usual ones.
        """
        client = _get(self.state.clients, "client", name)
        return self._issuer.mint("client", self.namespace, name, client.uid, life=life, **overrides)

    def exporter_token(self, name: str, *, life: timedelta = TOKEN_LIFE, **overrides: Any) -> str:
        """Return another token of an exporter; see ``client_token``."""
        exporter = _get(self.state.exporters, "exporter", name)
        return self._issuer.mint("exporter", self.namespace, name, exporter.uid, life=life, **overrides)

    def exporter(self, name: str) -> ExporterRecord:
        """Return a copy of an exporter's record.

        Raises:
            UsageError: There is none of that name.
        """
        return self._do(lambda: replace(_get(self.state.exporters, "exporter", name)))

    def change_exporter(
        self, name: str, *, labels: Mapping[str, str] | None = None, enabled: bool | None = None
    ) -> None:
        """Change an exporter as an administrator does.

        Args:
            name: Which.
            labels: All its labels anew. Default: as they are.
            enabled: Whether it is leased. Default: as it is. Its running lease goes on.

        Raises:
            UsageError: There is none of that name.
        """

        def change() -> None:
            exporter = _get(self.state.exporters, "exporter", name)
            if labels is not None:
                self.state.relabel(exporter, labels)
            if enabled is not None:
                exporter.enabled = enabled
            self._reconciler.exporter_changed(name)

        self._do(change)

    def remove_exporter(self, name: str) -> None:
        """Delete an exporter, and with it all leases that it ever had.

        Raises:
            UsageError: There is none of that name.
        """
        self._do(lambda: self._reconciler.exporter_removed(_get(self.state.exporters, "exporter", name)))

    # Leases

    def lease(self, name: str) -> LeaseRecord:
        """Return a copy of a lease's record.

        Raises:
            UsageError: There is none of that name.
        """
        return self._do(lambda: _get(self.state.leases, "lease", name).copy())

    def leases(self) -> list[LeaseRecord]:
        """Return copies of all leases' records, oldest first, those that have ended included."""
        return self._do(lambda: [lease.copy() for lease in self.state.leases.values()])

    def release(self, name: str) -> None:
        """End a lease, as an administrator does.

        Raises:
            UsageError: There is none of that name.
        """
        self._change_lease(name, lambda lease: setattr(lease, "release", True))

    def expire(self, name: str) -> None:
        """Let a lease's time be over now.

        Raises:
            UsageError: There is none of that name, or it has not begun: one that waits does not expire.
        """

        def expire(lease: LeaseRecord) -> None:
            if lease.effective_begin is None:
                raise UsageError(f"The lease {name} has no exporter yet, so that its time cannot be over.")
            lease.expired = True

        self._change_lease(name, expire)

    def transfer(self, name: str, client: str) -> None:
        """Give a lease to another client.

        Raises:
            UsageError: There is no such lease or client.
        """
        _get(self.state.clients, "client", client)
        self._change_lease(name, lambda lease: setattr(lease, "client", client))

    def _change_lease(self, name: str, change: Callable[[LeaseRecord], None]) -> None:
        def do() -> None:
            lease = _get(self.state.leases, "lease", name)
            change(lease)
            self._reconciler.lease_changed(name)
            if lease.exporter is not None:
                self._reconciler.exporter_changed(lease.exporter)

        self._do(do)

    def _check_name(self, kind: str, name: str, objects: Mapping[str, object]) -> None:
        if not is_subdomain(name):
            raise UsageError(
                f"{name!r} cannot be the name of {'an' if kind == 'exporter' else 'a'} {kind}. "
                "Use lower-case letters, digits, '-' and '.'."
            )
        if name in objects:
            raise UsageError(f"There is already {'an' if kind == 'exporter' else 'a'} {kind} {name!r}.")

    # Threads

    def run(self, coroutine: Coroutine[Any, Any, Result], timeout: float = ADMIN_LIMIT_S) -> Result:
        """Run a coroutine on the controller's loop, from another thread, and return its result.

        Args:
            coroutine: What to run.
            timeout: Seconds to wait for it.

        Raises:
            UsageError: It has no loop now, or this is the loop's own thread.
        """
        if self._loop is None or self._loop is _running_loop():
            coroutine.close()
            raise UsageError(
                "The controller has no event loop in another thread. Enter it with 'with'; on its own loop use 'await'."
            )
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(timeout)
        finally:
            future.cancel()

    def _do(self, function: Callable[[], Result]) -> Result:
        """Call a function where it cannot meet the controller half-way: on its loop, if it has one."""
        if self._loop is None or self._loop is _running_loop():
            return function()

        async def call() -> Result:
            return function()

        return self.run(call())


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _get(objects: Mapping[str, Result], kind: str, name: str) -> Result:
    found = objects.get(name)
    if found is None:
        known = ", ".join(islice(objects, NAMES_SHOWN)) or "none"
        raise UsageError(
            f"There is no {kind} {name!r}. There is: {known}{', …' if len(objects) > NAMES_SHOWN else ''}."
        )
    return found
