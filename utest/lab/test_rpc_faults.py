"""Faults of RPCs, met by real callers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.lab.rpc_faults import RpcFaults
from JumpstarterLibrary.protocol import client_pb2, jumpstarter_pb2

Failing = Callable[[Callable[[], object]], tuple[str, str]]


@pytest.fixture
def faults() -> RpcFaults:
    return RpcFaults()


@pytest.fixture
def faulty(serve: Any, faults: RpcFaults) -> Any:
    return serve(faults=faults)


def test_before_nothing_is_done(faulty: Any, faults: RpcFaults, failing: Failing) -> None:
    peer = faulty.client()
    fault = faults.add("CreateLease", code=grpc.StatusCode.RESOURCE_EXHAUSTED, details="full", times=1)
    assert failing(lambda: peer.create(name="mine")) == ("RESOURCE_EXHAUSTED", "full")
    assert faulty.controller.leases() == []
    assert (fault.hits, fault.over) == (1, True)
    peer.create(name="mine")
    journal = faulty.controller.journal.entries("ClientService", "CreateLease")
    assert [call.code for call in journal] == [grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.OK]


def test_after_only_the_answer_is_lost(faulty: Any, faults: RpcFaults, failing: Failing) -> None:
    peer = faulty.client()
    faults.add("CreateLease", when="after", times=1)
    assert failing(lambda: peer.create(name="mine")) == ("UNAVAILABLE", "the answer was lost")
    assert [lease.name for lease in faulty.controller.leases()] == ["mine"]
    faults.add("DeleteLease", when="after", code=grpc.StatusCode.INTERNAL, details="gone", times=1)
    assert failing(lambda: peer.delete("mine")) == ("INTERNAL", "gone")
    assert failing(lambda: peer.delete("mine"))[0] == "FAILED_PRECONDITION"


def test_slow(faulty: Any, faults: RpcFaults, eventually: Any) -> None:
    peer = faulty.client()
    faults.add("*", delay=10)
    request = _list()
    future = peer.client_stub.list_exporters.future(request, metadata=peer.metadata, timeout=5)
    eventually(lambda: faulty.controller.journal.open == {"calls": 1})
    faulty.clock.advance(9)
    assert not future.done()
    faulty.clock.advance(1)
    assert list(future.result().exporters) == []


def test_what_is_slow_goes_on_when_the_fault_is_cleared(faulty: Any, faults: RpcFaults, eventually: Any) -> None:
    peer = faulty.client()
    fault = faults.add("*", delay=3600)
    calls = [peer.client_stub.list_exporters.future(_list(), metadata=peer.metadata, timeout=10) for _ in range(2)]
    eventually(lambda: fault.hits == 2)
    fault.clear()
    assert [list(call.result().exporters) for call in calls] == [[], []]


def test_for_one_caller_until_cleared(faulty: Any, faults: RpcFaults, failing: Failing) -> None:
    alice, bob = faulty.client("alice"), faulty.client("bob")
    fault = faults.add("ListExporters", caller="bob", code=grpc.StatusCode.UNAVAILABLE, details="away")
    alice.exporters()
    for _ in range(2):
        assert failing(bob.exporters) == ("UNAVAILABLE", "away")
    fault.clear()
    bob.exporters()
    assert fault.hits == 2
    faults.add("ListExporters", code=grpc.StatusCode.UNAVAILABLE)
    faults.clear()
    bob.exporters()


def test_one_of_two_rpcs_of_the_same_name(faulty: Any, faults: RpcFaults, failing: Failing) -> None:
    peer = faulty.client()
    faults.add("ClientService/GetLease", code=grpc.StatusCode.ABORTED, details="x")
    assert failing(lambda: peer.get("mine")) == ("ABORTED", "x")
    request = jumpstarter_pb2.GetLeaseRequest(name="mine")
    assert failing(lambda: peer.call(peer.controller_stub.get_lease, request))[0] == "UNKNOWN"


def test_streams_can_be_refused(faulty: Any, faults: RpcFaults, failing: Failing) -> None:
    exporter = faulty.exporter().come()
    faults.add("Status", code=grpc.StatusCode.UNAVAILABLE, details="not now", times=2)
    for _ in range(2):
        assert failing(lambda: next(exporter.status())) == ("UNAVAILABLE", "not now")
    stream = exporter.status()
    assert next(stream).leased is False
    stream.cancel()


def test_the_oldest_fault_comes_first(faulty: Any, faults: RpcFaults, failing: Failing) -> None:
    peer = faulty.client()
    faults.add("ListExporters", code=grpc.StatusCode.INTERNAL, times=1)
    faults.add("ListExporters", code=grpc.StatusCode.UNAVAILABLE, times=1)
    assert [failing(peer.exporters)[0] for _ in range(2)] == ["INTERNAL", "UNAVAILABLE"]
    peer.exporters()


def test_what_is_not_implemented_stays_so(faulty: Any, faults: RpcFaults) -> None:
    faults.add("*", code=grpc.StatusCode.ABORTED)
    method = faulty.channel.unary_unary("/jumpstarter.v1.ControllerService/AuditStream")
    with pytest.raises(grpc.RpcError) as info:
        method(b"", timeout=5)
    error: Any = info.value
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


def _list() -> Any:
    return client_pb2.ListExportersRequest(parent="namespaces/default")
