"""Change a controller's objects without a call over the wire, for tests and faults."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Literal

from JumpstarterLibrary.common.uuid7 import uuid7
from JumpstarterLibrary.errors import UsageError
from JumpstarterLibrary.lab.administration import Administration
from JumpstarterLibrary.lab.clock import Clock
from JumpstarterLibrary.lab.model import LeaseRecord
from JumpstarterLibrary.lab.selection import Rejection

_REFUSED = {
    "expired": "oidc: verify token: oidc: token is expired",
    "invalid": "oidc: verify token: failed to verify signature",
}


class ControllerTestHooks(Administration):
    """Changes to a controller's objects that faults make."""

    clock: Clock

    def report(self, exporter: str, status: int, message: str = "") -> None:
        """Take a status of an exporter as reported, without the exporter.

        Args:
            exporter: Its name.
            status: A number of the protocol's ExporterStatus.
            message: The text that goes with it.
        """

        def report() -> None:
            record = self.state.exporters[exporter]
            record.status, record.status_message = status, message
            self._reconciler.exporter_changed(exporter)

        self._do(report)

    def add_lease(self, client: str, exporter: str, duration: timedelta, name: str = "") -> str:
        """Ask for a lease of one exporter in the name of a client, and return the lease's name.

        Args:
            client: Who gets it.
            exporter: The exporter's name; it need not be there.
            duration: For how long.
            name: The lease's name. Default: one that is new.

        Raises:
            UsageError: The client is not there, or the name is taken.
        """

        def add() -> str:
            if client not in self.state.clients or name in self.state.leases:
                raise UsageError(f"There is no client {client!r}, or there is a lease {name!r} already.")
            lease = LeaseRecord(
                self.namespace,
                name or uuid7(),
                client,
                created=self.clock.now(),
                exporter_name=exporter,
                duration=duration,
            )
            self._reconciler.lease_added(lease)
            return lease.name

        return self._do(add)

    @contextmanager
    def forced(self, verdict: Rejection) -> Iterator[None]:
        """Let all requests for leases come to one verdict while the block runs."""
        self._force(verdict)
        try:
            yield
        finally:
            self._force(None)

    def _force(self, verdict: Rejection | None) -> None:
        def force() -> None:
            self.state.forced = None if verdict is None else (verdict.kind, verdict.reason, verdict.message)
            self._reconciler.everything_changed()

        self._do(force)

    @contextmanager
    def tokens_refused(self, client: str, how: Literal["expired", "invalid"]) -> Iterator[None]:
        """Refuse the tokens that a client has by now while the block runs.

        Args:
            client: The client.
            how: Whether they are taken for expired, or for not signed by this controller.
        """
        subject = self.state.clients[client].subject
        self._issuer.refuse(subject, _REFUSED[how])
        try:
            yield
        finally:
            self._issuer.accept(subject)
