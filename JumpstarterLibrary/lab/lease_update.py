"""UpdateLease: what may change of a lease, and the controller's peculiar ways of refusing the rest."""

from __future__ import annotations

from JumpstarterLibrary.lab.identifiers import parse_name
from JumpstarterLibrary.lab.lease_request import LeaseTime, reconcile_times, times_of
from JumpstarterLibrary.lab.model import LeaseRecord
from JumpstarterLibrary.lab.refusal import Refusal
from JumpstarterLibrary.lab.state import ControllerState
from JumpstarterLibrary.protocol import client_pb2

_TIMES = ("duration", "begin_time", "end_time")


def apply_update(lease: LeaseRecord, wanted: client_pb2.Lease, state: ControllerState) -> None:
    """Change a lease, wholly or not at all.

    Args:
        lease: The lease.
        wanted: What is to change: those of ``duration``, ``begin_time``, ``end_time`` and ``client`` that are there.
        state: Where a new client has to be.

    Raises:
        Refusal: It may not change so.
    """
    times = None
    if any(wanted.HasField(name) for name in _TIMES):
        times = _new_times(lease, wanted)
    client = _new_client(lease, wanted.client, state) if wanted.client else lease.client
    if times is not None:
        lease.begin, lease.end, lease.duration = times.begin, times.end, times.duration
    lease.client = client


def _new_times(lease: LeaseRecord, wanted: client_pb2.Lease) -> LeaseTime:
    # The request has to be complete by itself: begin_time or end_time alone is refused here.
    given = times_of(wanted).stored()
    begin, end, duration = lease.begin, lease.end, lease.duration
    if wanted.HasField("begin_time"):
        if lease.exporter is not None and given.begin != lease.begin:
            raise Refusal("cannot update BeginTime: lease has already started")
        begin = given.begin
    if wanted.HasField("end_time"):
        end = given.end
    if wanted.HasField("duration"):
        duration = given.duration
    return reconcile_times(begin, end, duration).stored()


def _new_client(lease: LeaseRecord, path: str, state: ControllerState) -> str:
    namespace, name = parse_name(path, "clients")
    if namespace != lease.namespace:
        raise Refusal(f"cannot transfer lease: client {name} is in another namespace, {namespace}")
    if lease.exporter is None:
        raise Refusal("cannot transfer lease: it has no exporter yet")
    if lease.ended:
        raise Refusal("cannot transfer lease: it has ended")
    if name not in state.clients:
        raise Refusal(f'target client not found: clients.jumpstarter.dev "{name}" not found')
    return name
