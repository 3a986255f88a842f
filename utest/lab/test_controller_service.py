"""ControllerService over real sockets: exporters come, listen, report and go; clients dial."""

from __future__ import annotations

import base64
import json
import queue
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.lab.clock import Clock
from JumpstarterLibrary.lab.features import ControllerFeatures, RouterEntry
from JumpstarterLibrary.protocol import jumpstarter_pb2, kubernetes_pb2

Failing = Callable[[Callable[[], object]], tuple[str, str]]


class Stream:
    """A server stream, read in the background."""

    def __init__(self, call: Any) -> None:
        self.call = call
        self.answers: queue.Queue[Any] = queue.Queue()
        self.error: Any = None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for answer in self.call:
                self.answers.put(answer)
        except grpc.RpcError as error:
            self.error = error

    def next(self) -> Any:
        return self.answers.get(timeout=10)

    def end(self) -> Any:
        """Return the error with which it ends, None if there is none."""
        self._thread.join(10)
        assert not self._thread.is_alive()
        return self.error

    def cancel(self) -> None:
        self.call.cancel()
        self._thread.join(10)


@pytest.fixture
def open_stream() -> Iterator[Callable[[Any], Stream]]:
    """Read a server stream in the background until the test ends."""
    streams: list[Stream] = []

    def start(call: Any) -> Stream:
        streams.append(Stream(call))
        return streams[-1]

    yield start
    for stream in streams:
        stream.cancel()


def leased(lab: Any, name: str = "mine", **fields: Any) -> tuple[Any, Any]:
    """Return an exporter and the client that has leased it."""
    exporter, peer = lab.exporter().come(), lab.client()
    peer.create(name=name, **fields)
    peer.until(name, "Ready", "Ready")
    return exporter, peer


# Register, ReportStatus, Unregister


def test_registration_keeps_the_services_labels_only(lab: Any) -> None:
    exporter = lab.exporter("board1", {"board": "rpi4", "jumpstarter.dev/old": "x"})
    uuid = exporter.register(labels={"jumpstarter.dev/name": "bench", "board": "rpi5", "other": "y"})
    record = lab.controller.exporter("board1")
    assert record.labels == {"board": "rpi4", "jumpstarter.dev/name": "bench"}
    assert record.uid == uuid
    assert record.registered
    exporter.register(labels={"jumpstarter.dev/name": "bench"})
    assert exporter.register() == uuid


def test_devices_are_stored_as_reported(lab: Any) -> None:
    exporter = lab.exporter()
    request = jumpstarter_pb2.RegisterRequest(
        reports=[
            jumpstarter_pb2.DriverInstanceReport(uuid="root"),
            jumpstarter_pb2.DriverInstanceReport(uuid="leaf", parent_uuid="root", labels={"a": "b"}),
        ]
    )
    exporter.call(exporter.controller_stub.register, request)
    devices = lab.controller.exporter("board1").devices
    assert [(one.uuid, one.parent_uuid, one.labels) for one in devices] == [
        ("root", None, {}),
        ("leaf", "root", {"a": "b"}),
    ]


def test_going(lab: Any, eventually: Any) -> None:
    exporter = lab.exporter().come()
    peer = lab.client()
    eventually(lambda: peer.exporter("board1").online)
    exporter.report("OFFLINE", "Exporter shutting down")
    eventually(lambda: not peer.exporter("board1").online)
    exporter.unregister("Exporter shutdown")
    known = peer.exporter("board1")
    assert (known.status, known.status_message) == (1, "Exporter shutdown")
    assert not lab.controller.exporter("board1").registered


def test_the_old_flag_releases_the_running_lease(lab: Any) -> None:
    exporter, peer = leased(lab)
    exporter.report("AVAILABLE", release=True)
    peer.until("mine", "Ready", "Released")
    exporter.report("AVAILABLE", release=True)


def test_there_is_no_telemetry(lab: Any) -> None:
    exporter = lab.exporter()
    answer = exporter.call(exporter.controller_stub.get_service_endpoints, jumpstarter_pb2.GetServiceEndpointsRequest())
    assert list(answer.telemetry_endpoints) == []


def test_an_old_controller(serve: Any, failing: Failing) -> None:
    lab = serve(features=ControllerFeatures(service_endpoints=False, report_status=False))
    exporter, peer = lab.exporter(), lab.client()
    exporter.register()
    missing = ("UNIMPLEMENTED", "Method not found!")
    assert failing(lambda: exporter.report("AVAILABLE")) == missing
    request = jumpstarter_pb2.GetServiceEndpointsRequest()
    assert failing(lambda: exporter.call(exporter.controller_stub.get_service_endpoints, request)) == missing
    # Without any status, what is online can be leased and dialled.
    status = exporter.status()
    assert next(status).leased is False
    peer.create(name="mine")
    peer.until("mine", "Ready", "Ready")
    assert next(status).lease_name == "mine"
    assert failing(lambda: peer.dial("mine")) == ("UNAVAILABLE", "exporter is not listening on lease mine")
    status.cancel()


# Status


def test_the_first_message_comes_at_once_then_changes_only(lab: Any, open_stream: Any) -> None:
    exporter, peer = lab.exporter().come(), lab.client()
    stream = open_stream(exporter.status())
    assert stream.next() == jumpstarter_pb2.StatusResponse(leased=False)
    peer.create(name="mine", context={"job": "7"})
    assert stream.next() == jumpstarter_pb2.StatusResponse(
        leased=True, lease_name="mine", client_name="alice", context={"job": "7"}
    )
    exporter.report("LEASE_READY")
    peer.update("mine", peer.wish(60))
    peer.delete("mine")
    assert stream.next() == jumpstarter_pb2.StatusResponse(leased=False)
    assert stream.answers.empty()
    late = open_stream(exporter.status())
    assert late.next().leased is False


def test_a_stream_that_opens_during_a_lease_tells_of_it(lab: Any, open_stream: Any) -> None:
    exporter, _peer = leased(lab)
    assert open_stream(exporter.status()).next().lease_name == "mine"


def test_streams_are_counted(lab: Any, open_stream: Any, eventually: Any) -> None:
    exporter, _peer = leased(lab)
    stream = open_stream(exporter.status())
    stream.next()
    listening = open_stream(exporter.listen("mine"))
    eventually(lambda: lab.controller.journal.open == {"calls": 2, "controller streams": 1, "leases": 1, "listens": 1})
    stream.cancel()
    listening.cancel()
    eventually(lambda: lab.controller.journal.open == {"leases": 1})


def test_an_open_stream_is_a_sign_of_life(lab: Any, open_stream: Any, eventually: Any) -> None:
    exporter, peer = lab.exporter().come(), lab.client()
    stream = open_stream(exporter.status())
    stream.next()
    lab.clock.advance(10_000)
    assert peer.exporter("board1").online
    lab.clock.advance(5)
    stream.cancel()
    eventually(lambda: lab.controller.exporter("board1").open_streams == 0)
    # The last sign of life was at 10 000 s.
    lab.clock.advance(54.9)
    assert peer.exporter("board1").online
    lab.clock.advance(0.1)
    eventually(lambda: not peer.exporter("board1").online)
    assert peer.exporter("board1").status == 1


def test_reports_are_signs_of_life(lab: Any, eventually: Any) -> None:
    exporter, peer = lab.exporter().come(), lab.client()
    eventually(lambda: peer.exporter("board1").online)
    lab.clock.advance(59)
    exporter.report("AVAILABLE")
    lab.clock.advance(59)
    assert peer.exporter("board1").online
    lab.clock.advance(1)
    eventually(lambda: not peer.exporter("board1").online)
    exporter.report("AVAILABLE")
    eventually(lambda: peer.exporter("board1").online)


def test_opening_a_stream_takes_offline_back(lab: Any, open_stream: Any, eventually: Any) -> None:
    exporter, peer = lab.exporter().come(), lab.client()
    lab.clock.advance(60)
    eventually(lambda: peer.exporter("board1").status == 1)
    peer.create(name="mine")
    peer.until("mine", "Pending", "Offline")
    stream = open_stream(exporter.status())
    assert stream.next().leased is False
    # Without a status it can be leased.
    peer.until("mine", "Ready", "Ready")
    assert stream.next().lease_name == "mine"
    assert peer.exporter("board1").status == 0


def test_an_exporter_that_comes_back_hears_of_its_lease_again(lab: Any, open_stream: Any, eventually: Any) -> None:
    exporter, peer = leased(lab)
    lab.clock.advance(60)
    eventually(lambda: not peer.exporter("board1").online)
    assert open_stream(exporter.status()).next().lease_name == "mine"


def test_the_stream_of_a_deleted_exporter_breaks(lab: Any, open_stream: Any) -> None:
    stream = open_stream(lab.exporter().come().status())
    stream.next()
    lab.controller.remove_exporter("board1")
    error = stream.end()
    assert (error.code().name, error.details()) == ("UNKNOWN", 'exporters.jumpstarter.dev "board1" not found')


# Listen and Dial


def test_both_ends_get_the_same_token(lab: Any, open_stream: Any) -> None:
    exporter, peer = leased(lab)
    exporter.report("LEASE_READY")
    listening = open_stream(exporter.listen("mine"))
    answer = _dialled(peer)
    heard = listening.next()
    assert (heard.router_endpoint, heard.router_token) == (answer.router_endpoint, answer.router_token)
    assert answer.router_endpoint == "router.example:8083"
    again = peer.dial("mine")
    first, second = (
        lab.controller.router_key.verify(token, lab.clock.now()) for token in (answer.router_token, again.router_token)
    )
    assert first != second
    payload = answer.router_token.split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(payload + "=="))["sub"] == first


def _dialled(peer: Any, name: str = "mine") -> Any:
    """Return a Dial's answer, once the exporter listens."""
    while True:
        try:
            return peer.dial(name)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:  # type: ignore[attr-defined]
                raise


def test_refusals_of_listen(lab: Any, failing: Failing) -> None:
    exporter, _peer = leased(lab)
    other = lab.exporter("board2").come()
    assert failing(lambda: next(exporter.listen(""))) == ("UNKNOWN", "empty lease name")
    assert failing(lambda: next(exporter.listen("x"))) == ("UNKNOWN", 'leases.jumpstarter.dev "x" not found')
    assert failing(lambda: next(other.listen("mine"))) == ("UNKNOWN", "permission denied")


def test_refusals_of_dial(lab: Any, failing: Failing) -> None:
    exporter, peer = leased(lab)
    bob = lab.client("bob")
    assert failing(lambda: peer.dial("")) == ("UNKNOWN", "empty lease name")
    assert failing(lambda: peer.dial("x")) == ("UNKNOWN", 'leases.jumpstarter.dev "x" not found')
    assert failing(lambda: bob.dial("mine")) == ("UNKNOWN", "permission denied")
    peer.create(name="waits")
    assert failing(lambda: peer.dial("waits")) == ("UNKNOWN", "lease not active")
    exporter.report("LEASE_READY")
    assert failing(lambda: peer.dial("mine")) == ("UNAVAILABLE", "exporter is not listening on lease mine")
    lab.controller.routers.clear()
    assert failing(lambda: peer.dial("mine")) == ("UNKNOWN", "no router available")


@pytest.mark.parametrize(
    ("status", "details"),
    [
        ("OFFLINE", "exporter is offline"),
        ("BEFORE_LEASE_HOOK_FAILED", "exporter beforeLease hook failed"),
        ("AFTER_LEASE_HOOK_FAILED", "exporter afterLease hook failed"),
    ],
)
def test_statuses_that_shut_the_gate(lab: Any, failing: Failing, status: str, details: str) -> None:
    exporter, peer = leased(lab)
    exporter.report(status)
    assert failing(lambda: peer.dial("mine")) == ("FAILED_PRECONDITION", details)


def test_an_unknown_status_shuts_the_gate(lab: Any, failing: Failing) -> None:
    exporter, peer = leased(lab)
    request = jumpstarter_pb2.ReportStatusRequest(status=42)  # type: ignore[arg-type]
    exporter.call(exporter.controller_stub.report_status, request)
    assert failing(lambda: peer.dial("mine")) == ("FAILED_PRECONDITION", "exporter not ready (status: 42)")


@pytest.mark.parametrize("status", ["LEASE_READY", "BEFORE_LEASE_HOOK", "AFTER_LEASE_HOOK", "UNSPECIFIED"])
def test_statuses_that_open_it(lab: Any, failing: Failing, status: str) -> None:
    exporter, peer = leased(lab)
    exporter.report(status)
    assert failing(lambda: peer.dial("mine"))[0] == "UNAVAILABLE"


def test_dial_waits_for_an_exporter_that_is_on_its_way(lab: Any, open_stream: Any, eventually: Any) -> None:
    exporter, peer = leased(lab)
    listening = open_stream(exporter.listen("mine"))
    eventually(lambda: "listens" in lab.controller.journal.open)
    request = jumpstarter_pb2.DialRequest(lease_name="mine")
    dialling = peer.controller_stub.dial.future(request, metadata=peer.metadata, timeout=10)
    eventually(lambda: lab.controller.journal.open["calls"] == 2)
    exporter.report("LEASE_READY")
    assert not dialling.done()
    lab.clock.advance(0.5)
    assert dialling.result().router_token == listening.next().router_token


def test_dial_gives_up_waiting(serve: Any, failing: Failing, open_stream: Any) -> None:
    lab = serve(clock=Clock(scale=0))
    exporter, peer = leased(lab, seconds=100_000)
    open_stream(exporter.status()).next()
    lab.clock.scale = 1000
    began = lab.clock.seconds()
    refused = failing(lambda: peer.dial("mine"))
    assert refused == ("FAILED_PRECONDITION", "exporter is not ready (status: Available)")
    assert lab.clock.seconds() - began >= 27.5


def test_dial_does_not_care_whether_the_lease_has_ended(lab: Any, open_stream: Any) -> None:
    exporter, peer = leased(lab)
    exporter.report("LEASE_READY")
    listening = open_stream(exporter.listen("mine"))
    peer.delete("mine")
    peer.until("mine", "Ready", "Released")
    assert _dialled(peer).router_token == listening.next().router_token


def test_the_queue_holds_eight(lab: Any, failing: Failing) -> None:
    exporter, peer = leased(lab)
    exporter.report("LEASE_READY")
    listeners = lab.controller._controller._listeners
    asked = lab.controller._do(lambda: listeners.open("mine"))
    tokens = [peer.dial("mine").router_token for _ in range(8)]
    assert len(set(tokens)) == 8
    assert failing(lambda: peer.dial("mine")) == ("RESOURCE_EXHAUSTED", "listener buffer full on lease mine")
    lab.controller._do(lambda: listeners.close("mine", asked))
    assert failing(lambda: peer.dial("mine"))[0] == "UNAVAILABLE"


def test_a_newer_listener_takes_over(lab: Any, open_stream: Any, eventually: Any) -> None:
    exporter, peer = leased(lab)
    exporter.report("LEASE_READY")
    first = open_stream(exporter.listen("mine"))
    token = _dialled(peer).router_token
    second = open_stream(exporter.listen("mine"))
    assert first.next().router_token == token
    assert first.end() is None
    answer = peer.dial("mine")
    assert second.next().router_token == answer.router_token
    # The end of the first has not taken the queue of the second away.
    eventually(lambda: lab.controller.journal.open["listens"] == 1)
    assert second.answers.empty()
    assert peer.dial("mine").router_token == second.next().router_token


def test_nobody_listens_any_more(lab: Any, failing: Failing, open_stream: Any, eventually: Any) -> None:
    exporter, peer = leased(lab)
    exporter.report("LEASE_READY")
    stream = open_stream(exporter.listen("mine"))
    _dialled(peer)
    stream.cancel()
    eventually(lambda: "listens" not in lab.controller.journal.open)
    assert failing(lambda: peer.dial("mine")) == ("UNAVAILABLE", "exporter is not listening on lease mine")


def test_routers_are_ranked_by_the_exporters_labels(serve: Any, open_stream: Any) -> None:
    full = {"board": "rpi4", "jumpstarter.dev/name": "board1", "more": "x"}
    lab = serve(routers=[RouterEntry("plain:1"), RouterEntry("near:2", full), RouterEntry("half:3", {"board": "rpi4"})])
    exporter, peer = leased(lab)
    exporter.report("LEASE_READY")
    open_stream(exporter.listen("mine"))
    assert {_dialled(peer).router_endpoint for _ in range(8)} == {"near:2"}


def test_other_routers_are_as_good_as_each_other(serve: Any, open_stream: Any) -> None:
    lab = serve(routers=[RouterEntry("a:1", {"board": "rpi4"}), RouterEntry("b:2")])
    exporter, peer = leased(lab)
    exporter.report("LEASE_READY")
    stream = open_stream(exporter.listen("mine"))
    seen = set()
    while len(seen) < 2:
        seen.add(_dialled(peer).router_endpoint)
        stream.next()
    assert seen == {"a:1", "b:2"}


# ReleaseLease


def test_an_exporter_releases_its_lease_as_often_as_it_likes(lab: Any, failing: Failing) -> None:
    exporter, peer = leased(lab)
    other = lab.exporter("board2").come()
    assert failing(lambda: exporter.release("x")) == ("NOT_FOUND", "lease x not found")
    assert failing(lambda: other.release("mine")) == (
        "FAILED_PRECONDITION",
        "lease mine is not held by exporter board2",
    )
    exporter.release("mine")
    peer.until("mine", "Ready", "Released")
    exporter.release("mine")


# The legacy RPCs


def test_clients_release_in_the_old_way(lab: Any, failing: Failing) -> None:
    _exporter, peer = leased(lab)
    bob = lab.client("bob")

    def release(who: Any, name: str) -> Callable[[], object]:
        request = jumpstarter_pb2.ReleaseLeaseRequest(name=name)
        return lambda: who.call(who.controller_stub.release_lease, request)

    assert failing(release(bob, "mine")) == ("UNKNOWN", "permission denied")
    assert failing(release(peer, "x")) == ("UNKNOWN", 'leases.jumpstarter.dev "x" not found')
    release(peer, "mine")()
    peer.until("mine", "Ready", "Released")


def test_leases_in_the_old_way(lab: Any, failing: Failing, eventually: Any) -> None:
    lab.exporter().come()
    peer, bob = lab.client(), lab.client("bob")
    stub = peer.controller_stub
    selector = kubernetes_pb2.LabelSelector(
        match_labels={"board": "rpi4"},
        match_expressions=[
            kubernetes_pb2.LabelSelectorRequirement(key="x", operator="NotIn", values=["b", "a"]),
            kubernetes_pb2.LabelSelectorRequirement(key="y", operator="DoesNotExist"),
        ],
    )
    request = jumpstarter_pb2.RequestLeaseRequest(selector=selector)
    request.duration.FromTimedelta(timedelta(minutes=1))
    name = peer.call(stub.request_lease, request).name
    assert peer.until(name, "Ready", "Ready").selector == "board=rpi4,x notin (a,b),!y"

    def get(who: Any, wanted: str) -> Any:
        return who.call(stub.get_lease, jumpstarter_pb2.GetLeaseRequest(name=wanted))

    lease = get(peer, name)
    assert lease.duration.ToTimedelta() == timedelta(minutes=1)
    assert dict(lease.selector.match_labels) == {"board": "rpi4"}
    assert [(one.key, one.operator, list(one.values)) for one in lease.selector.match_expressions] == [
        ("x", "NotIn", ["a", "b"]),
        ("y", "DoesNotExist", []),
    ]
    assert lease.exporter_uuid == lab.controller.exporter("board1").uid
    assert lease.HasField("begin_time")
    assert not lease.HasField("end_time")
    assert [one.type for one in lease.conditions] == ["Ready"]
    assert failing(lambda: get(bob, name)) == ("UNKNOWN", "permission denied")
    assert failing(lambda: get(peer, "x")) == ("UNKNOWN", 'leases.jumpstarter.dev "x" not found')
    listing = jumpstarter_pb2.ListLeasesRequest()
    assert list(peer.call(stub.list_leases, listing).names) == [name]
    assert list(bob.call(stub.list_leases, listing).names) == []
    peer.delete(name)
    eventually(lambda: list(peer.call(stub.list_leases, listing).names) == [])
    assert get(peer, name).HasField("end_time")


def test_a_lease_without_a_duration_ends_when_it_begins(lab: Any, failing: Failing) -> None:
    lab.exporter().come()
    peer = lab.client()
    selector = kubernetes_pb2.LabelSelector(match_labels={"board": "rpi4"})
    request = jumpstarter_pb2.RequestLeaseRequest(selector=selector)
    name = peer.call(peer.controller_stub.request_lease, request).name
    lease = peer.until(name, "Ready", "Expired")
    assert not lease.HasField("duration")
    bad = kubernetes_pb2.LabelSelector(
        match_expressions=[kubernetes_pb2.LabelSelectorRequirement(key="a", operator="Like")]
    )
    assert failing(
        lambda: peer.call(peer.controller_stub.request_lease, jumpstarter_pb2.RequestLeaseRequest(selector=bad))
    ) == ("UNKNOWN", '"Like" is not a valid label selector operator')
