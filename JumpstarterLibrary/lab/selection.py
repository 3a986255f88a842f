"""Select the exporter for a lease, or the reason for none, in the controller's decision order."""

from __future__ import annotations

from dataclasses import dataclass

from JumpstarterLibrary.lab.features import ControllerFeatures
from JumpstarterLibrary.lab.model import (
    AVAILABLE,
    INVALID,
    NO_STATUS,
    PENDING,
    UNSATISFIABLE,
    ExporterRecord,
    LeaseRecord,
)
from JumpstarterLibrary.lab.policies import Approval, approval, descriptions
from JumpstarterLibrary.lab.state import ControllerState


@dataclass(frozen=True)
class ExporterChoice:
    """The exporter for a lease.

    Attributes:
        exporter: Its name.
        approval: Of the best policy.
    """

    exporter: str
    approval: Approval


@dataclass(frozen=True)
class Rejection:
    """Why there is none, as a condition.

    Attributes:
        kind: ``Pending``, ``Unsatisfiable`` or ``Invalid``.
        reason: One word.
        message: A sentence.
    """

    kind: str
    reason: str
    message: str


class _Refused(Exception):
    """Carries a verdict's kind, reason and message out of the decision."""


@dataclass(frozen=True)
class _Candidate:
    exporter: ExporterRecord
    approval: Approval
    holder: LeaseRecord | None

    @property
    def order(self) -> tuple[bool, bool, int, str]:
        spot, priority = self.approval.order
        return self.holder is not None, spot, priority, self.exporter.name

    @property
    def taken(self) -> bool:
        # A lease with spot access gives way, as far as this step is concerned.
        return self.holder is not None and not self.holder.spot


class Selection:
    """Decides for one lease after the other, and remembers refusals as long as nothing changes.

    Args:
        state: The controller's objects.
        features: What the controller can do.
    """

    def __init__(self, state: ControllerState, features: ControllerFeatures) -> None:
        self._state = state
        self._features = features
        self._generation = -1
        self._refused: dict[tuple[object, ...], Rejection] = {}

    def choose(self, lease: LeaseRecord) -> ExporterChoice | Rejection:
        """Return the exporter for a lease, or why it gets none now.

        Many leases often wait for the same few exporters. What is said of one holds for all that ask the same, until
        an exporter, a policy or a lease changes.
        """
        if self._state.forced is not None:
            return Rejection(*self._state.forced)
        if self._generation != self._state.generation:
            self._generation = self._state.generation
            self._refused.clear()
        key = self._key(lease)
        verdict = self._refused.get(key)
        if verdict is not None:
            return verdict
        try:
            return self._choose(lease)
        except _Refused as refused:
            verdict = Rejection(*refused.args)
            self._refused[key] = verdict
            return verdict

    def _key(self, lease: LeaseRecord) -> tuple[object, ...]:
        key = (str(lease.selector), lease.exporter_name, lease.allow_disabled)
        return (*key, lease.client, lease.wanted_time) if self._state.policies else key

    def _choose(self, lease: LeaseRecord) -> ExporterChoice:
        if not lease.selector and not lease.exporter_name:
            raise _Refused(INVALID, "InvalidSelector", "The lease names neither labels nor an exporter.")
        matching = self._by_name(lease) if lease.exporter_name else self._by_selector(lease)
        approved = self._approved(lease, matching)
        online = [one for one in approved if one.exporter.registered and one.exporter.online]
        if not online:
            self._refuse_offline(len(approved))
        return self._best(online)

    def _by_name(self, lease: LeaseRecord) -> list[ExporterRecord]:
        name = lease.exporter_name
        exporter = self._state.exporters.get(name)
        if exporter is None:
            raise _Refused(UNSATISFIABLE, "ExporterNotFound", f"There is no exporter {name}.")
        if not lease.selector.matches(exporter.labels):
            raise _Refused(
                UNSATISFIABLE, "SelectorMismatch", f"The labels of exporter {name} do not match {lease.selector}."
            )
        if not exporter.enabled and not lease.allow_disabled:
            raise _Refused(UNSATISFIABLE, "ExporterDisabled", f"Exporter {name} is disabled.")
        return [exporter]

    def _by_selector(self, lease: LeaseRecord) -> list[ExporterRecord]:
        matching = [self._state.exporters[name] for name in sorted(self._state.matching(lease.selector))]
        enabled = [exporter for exporter in matching if exporter.enabled or lease.allow_disabled]
        if matching and not enabled:
            raise _Refused(
                UNSATISFIABLE, "AllDisabled", f"All exporters that match the selector are disabled ({len(matching)})."
            )
        return enabled

    def _approved(self, lease: LeaseRecord, matching: list[ExporterRecord]) -> list[_Candidate]:
        client = self._state.clients.get(lease.client)
        labels = client.labels if client is not None else {}
        found = []
        for exporter in matching:
            approved = approval(self._state.policies, exporter.labels, labels, lease.wanted_time)
            if approved is not None:
                held = self._state.held.get(exporter.name)
                found.append(_Candidate(exporter, approved, self._state.leases[held] if held else None))
        if not found:
            message = f"{len(matching)} exporters match the selector, and no policy lets {lease.client} have one."
            known = descriptions(
                self._state.policies, [exporter.labels for exporter in matching], labels, lease.wanted_time
            )
            raise _Refused(UNSATISFIABLE, "NoAccess", f"{message} Policies: {known}" if known else message)
        return found

    def _refuse_offline(self, approved: int) -> None:
        # Today's controller means to name an example in this text and the next, and names none.
        message = f"None of {approved} exporters that would do (e.g. ) is online."
        if self._features.no_exporter_reason:
            raise _Refused(UNSATISFIABLE, "NoExporter", message)
        raise _Refused(PENDING, "Offline", message)

    def _best(self, online: list[_Candidate]) -> ExporterChoice:
        first = min(online, key=lambda one: one.order)
        if first.approval.spot:
            raise _Refused(
                UNSATISFIABLE,
                "SpotAccess",
                f"Exporters such as {first.exporter.name} are left for spot access only, which cannot be had.",
            )
        free = [one for one in online if not one.taken]
        if not free:
            raise _Refused(PENDING, "NotAvailable", f"All of {len(online)} exporters that would do (e.g. ) are leased.")
        ready = [one for one in free if one.exporter.status in (AVAILABLE, NO_STATUS)]
        if not ready:
            raise _Refused(
                PENDING, "NotReady", f"None of {len(free)} free exporters is ready, e.g. {free[0].exporter.name}."
            )
        best = min(ready, key=lambda one: one.order)
        if best.holder is not None:
            raise _Refused(PENDING, "NotAvailable", f"Spot lease {best.holder.name} still has {best.exporter.name}.")
        return ExporterChoice(best.exporter.name, best.approval)
