"""Attach to and join leases that another owner has made and will release."""

from __future__ import annotations

from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.events import Events
from JumpstarterLibrary.client.leasing.acquire import Acquisition, Tick, said
from JumpstarterLibrary.client.leasing.controller import Controller, LeaseRequest
from JumpstarterLibrary.client.leasing.lease import Lease, end_error
from JumpstarterLibrary.client.leasing.state import LeaseState, Phase
from JumpstarterLibrary.errors import LeaseError, LeaseNotOwned


def attach(controller: Controller, name: str, deadline: Deadline, events: Events | None = None) -> Lease:
    """Return a lease that another owner has made, and will release.

    Raises:
        NoSuchLease: There is none of that name.
        LeaseNotOwned: It belongs to another client.
        LeaseError: It is over, or has no exporter yet.
        LinkError: The controller cannot be reached, or refuses this client.
    """
    lease = Lease(controller, name, events or Events(), ours=False)
    state = usable(controller, name, deadline)
    if state.phase is Phase.waiting:
        raise LeaseError(f"Lease '{name}' has no exporter yet: {said(state)}. Wait until it is ready.")
    lease.learn(state)
    return lease


def join(
    controller: Controller,
    state: LeaseState,
    deadline: Deadline,
    *,
    progress_s: float = 15.0,
    events: Events | None = None,
    tick: Tick = lambda: None,
) -> Lease:
    """Return a lease that another owner has made, and will release, as soon as it has an exporter.

    Args:
        controller: Who is asked.
        state: What ``usable`` told of the lease.
        deadline: Until when to wait.
        progress_s: See ``Acquisition``, like the others.
        events: Where lines about the wait go.
        tick: Called several times a second, in the waiting thread.

    Raises:
        InfrastructureError: See ``Acquisition.run``.
    """
    request = LeaseRequest(
        selector=state.selector or None, exporter=state.wanted_exporter or None, duration=state.duration
    )
    acquisition = Acquisition(
        controller, request, deadline, progress_s=progress_s, events=events or Events(), tick=tick
    )
    return acquisition.join(state.name)


def usable(controller: Controller, name: str, deadline: Deadline) -> LeaseState:
    """Return the state of a lease that this client may use, now or as soon as it has an exporter.

    Raises:
        NoSuchLease: There is none of that name.
        LeaseNotOwned: It belongs to another client.
        LeaseError: It is over.
        LinkError: The controller cannot be reached, or refuses this client.
    """
    state = controller.lease(name, deadline)
    if state.client and state.client != controller.client:
        raise LeaseNotOwned(
            f"Lease '{name}' belongs to client '{state.client}', not to '{controller.client}'. Ask its owner to "
            f"transfer it, or acquire another one."
        )
    if state.phase.over:
        raise end_error(state)
    return state
