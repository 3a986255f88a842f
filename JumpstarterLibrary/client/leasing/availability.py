"""Tell which exporters could be leased, which clients hold the others, and why none fits."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from JumpstarterLibrary.client.deadline import Deadline, Seconds, format_duration
from JumpstarterLibrary.client.leasing.controller import Controller, ExporterInfo, LeaseRequest
from JumpstarterLibrary.client.leasing.lease import local_time
from JumpstarterLibrary.client.leasing.state import LeaseState, Phase
from JumpstarterLibrary.client.selectors import nearest, parse_selector
from JumpstarterLibrary.errors import InfrastructureError
from JumpstarterLibrary.hints import Hint

logger = logging.getLogger(__name__)

SHOWN = 5
"""How many exporters a message names."""


@dataclass(frozen=True)
class Availability:
    """An exporter, and the lease that holds it.

    Attributes:
        exporter: The exporter.
        lease: Its lease; None if it is free.
    """

    exporter: ExporterInfo
    lease: LeaseState | None

    @property
    def free(self) -> bool:
        """Whether it could be leased now."""
        ready = self.exporter.status in ("AVAILABLE", "UNSPECIFIED")
        return self.exporter.online and self.exporter.enabled and self.lease is None and ready

    def __str__(self) -> str:
        """Return its availability in words."""
        name = f"'{self.exporter.name}'"
        if not self.exporter.enabled:
            return f"{name} is disabled"
        if not self.exporter.online:
            return f"{name} is offline"
        if self.lease is not None:
            end = self.lease.planned_end
            until = f" until {local_time(end)}" if end else ""
            return f"{name} is held by client '{self.lease.client}'{until}"
        if not self.free:
            return f"{name} is not ready ({self.exporter.status})"
        return f"{name} is free"


def availability(
    controller: Controller, selector: str = "", timeout: Seconds = None, *, hidden: bool = True
) -> list[Availability]:
    """Return the exporters that match a selector, with the clients that hold them.

    Args:
        controller: The controller.
        selector: Label expression, which may have labels that the administrator has hidden. Default: all exporters.
        timeout: For all questions.
        hidden: Return also the labels that the administrator has hidden or deprecated; False for what users see.

    Raises:
        ConfigurationError: The selector is not one.
        LinkError: The controller cannot be reached, or refuses this client.
    """
    wanted = parse_selector(selector) if selector else None
    deadline = Deadline.of(timeout)
    # Filters of the server know all of the grammar, but this side decides, so that every controller gives the same.
    everyone = controller.exporters("", deadline, hidden=hidden or wanted is not None)
    exporters = [one for one in everyone if wanted is None or wanted.matches(one.labels)]
    held = {lease.exporter: lease for lease in controller.leases("", deadline) if lease.phase is Phase.ready}
    if wanted is not None and not hidden:
        seen = shown_labels(controller, deadline)
        exporters = [replace(one, labels=seen.get(one.name, {})) for one in exporters]
    return [Availability(exporter, held.get(exporter.name)) for exporter in exporters]


def shown_labels(controller: Controller, timeout: Seconds = None) -> dict[str, dict[str, str]]:
    """Return the labels of all exporters that their administrator shows to users, by the exporter's name.

    Raises:
        LinkError: The controller cannot be reached, or refuses this client.
    """
    return {one.name: one.labels for one in controller.exporters("", timeout)}


def holders(controller: Controller, request: LeaseRequest, timeout: Seconds) -> str:
    """Return who has what a request waits for, as the end of a sentence; nothing if that cannot be told."""
    try:
        found = _candidates(controller, request, timeout)
    except InfrastructureError as error:
        logger.debug("who holds the exporters is not known: %s", error)
        return ""
    if not found:
        return ""
    if request.exporter:
        # That it is offline has been said.
        return f" ({found[0]})" if found[0].exporter.online else ""
    online = sum(one.exporter.online for one in found)
    named = [str(one) for one in found[:SHOWN]]
    if len(found) > SHOWN:
        named.append(f"and {len(found) - SHOWN} more")
    matches = "1 exporter matches" if len(found) == 1 else f"{len(found)} exporters match"
    return f" ({matches}, {online} online; {', '.join(named)})"


def held_by(controller: Controller, request: LeaseRequest, held: Mapping[str, str], timeout: Seconds) -> str:
    """Return the exporters that fit a request, where leases of the caller hold all of them; otherwise nothing.

    Args:
        controller: Who knows the leases.
        request: What is wanted.
        held: The caller's leases by name, with what uses them in words, such as ``device 'left'``.
        timeout: For the question.
    """
    try:
        found = _candidates(controller, request, timeout)
    except InfrastructureError as error:
        logger.debug("who holds the exporters is not known: %s", error)
        return ""
    own = [(one.exporter.name, held.get(one.lease.name if one.lease else "")) for one in found]
    if not all(user for _, user in own):
        return ""
    return ", ".join(f"exporter '{exporter}' ({user})" for exporter, user in own)


def unfit(
    controller: Controller, request: LeaseRequest, state: LeaseState, timeout: Seconds
) -> tuple[str, Hint | None]:
    """Return why no exporter fits, or why the one that was named cannot be leased, and the hint if there is one.

    The reason is the end of a sentence.
    """
    known = _UNFIT.get(state.reason)
    if known is not None:
        reason, hint = known
        return reason.format(selector=request.selector), hint
    return _unfit_otherwise(controller, request, state, timeout), None


def _unfit_otherwise(controller: Controller, request: LeaseRequest, state: LeaseState, timeout: Seconds) -> str:
    said = state.message.rstrip(".") or state.reason
    deadline = Deadline.of(timeout)
    try:
        everyone = controller.exporters("", deadline, hidden=True)
        seen = shown_labels(controller, deadline)
    except InfrastructureError as error:
        logger.debug("the nearest labels are not known: %s", error)
        return f"{said}. Check the selector with `jmp get exporters`."
    if request.selector:
        wanted = parse_selector(request.selector)
        if not any(wanted.matches(one.labels) for one in everyone):
            return f"{nearest(wanted, seen)}. Correct the selector."
    limit = format_duration(request.duration.total_seconds())
    return (
        f"the access policies do not let client '{controller.client}' have it for {limit} ({said}). Ask for less "
        f"time, or ask the administrator."
    )


_UNFIT: dict[str, tuple[str, Hint | None]] = {
    "ExporterNotFound": ("the controller knows none of that name. `jmp get exporters` lists what there is.", None),
    "SelectorMismatch": ("it does not have the labels of selector '{selector}'. Leave one of the two out.", None),
    "ExporterDisabled": ("its administrator has disabled it.", Hint.ALLOW_DISABLED_EXPORTER),
    "AllDisabled": ("those that match are disabled by their administrator.", Hint.ALLOW_DISABLED_EXPORTERS),
    "SpotAccess": (
        "the best one can only be had on spot access, which the controller does not grant yet. Choose another one.",
        None,
    ),
}


def _candidates(controller: Controller, request: LeaseRequest, timeout: Seconds) -> list[Availability]:
    found = availability(controller, request.selector or "", timeout)
    return [one for one in found if request.exporter in (None, one.exporter.name)]
