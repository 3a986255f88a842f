"""The controller as a whole: TLS, health, restarts, administration, both ways of entering it, and many at once."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.errors import ConfigurationError, UsageError
from JumpstarterLibrary.lab.certificates import Authority, self_signed
from JumpstarterLibrary.lab.clock import Clock
from JumpstarterLibrary.lab.controller import MockController
from JumpstarterLibrary.lab.features import ControllerFeatures, RouterEntry
from JumpstarterLibrary.lab.journal import Journal
from JumpstarterLibrary.lab.policies import ExporterAccessPolicy
from JumpstarterLibrary.protocol import ClientStub, client_pb2

Failing = Callable[[Callable[[], object]], tuple[str, str]]

LIST = client_pb2.ListExportersRequest(parent="namespaces/default")


def metadata(name: str, token: str) -> tuple[tuple[str, str], ...]:
    return (
        ("authorization", f"Bearer {token}"),
        ("jumpstarter-kind", "Client"),
        ("jumpstarter-namespace", "default"),
        ("jumpstarter-name", name),
    )


def health(channel: grpc.Channel, service: bytes = b"") -> Any:
    request = b"" if not service else bytes([10, len(service)]) + service
    check = channel.unary_unary("/grpc.health.v1.Health/Check")
    return check(request, timeout=5)


def test_health_without_authentication(lab: Any, failing: Failing) -> None:
    assert health(lab.channel) == b"\x08\x01"
    assert health(lab.channel, b"jumpstarter.v1.ControllerService") == b"\x08\x01"
    assert failing(lambda: health(lab.channel, b"other")) == ("NOT_FOUND", "unknown service")
    watching = lab.channel.unary_stream("/grpc.health.v1.Health/Watch")(b"\x0a\x01x", timeout=5)
    assert next(watching) == b"\x08\x03"
    watching.cancel()


def test_entering_it_on_an_event_loop() -> None:
    async def run() -> int:
        async with MockController() as controller:
            token = controller.add_client("alice")
            credentials = grpc.ssl_channel_credentials(controller.ca)
            async with grpc.aio.secure_channel(controller.endpoint, credentials) as channel:
                method = channel.unary_unary(
                    "/jumpstarter.client.v1.ClientService/ListExporters",
                    client_pb2.ListExportersRequest.SerializeToString,
                    client_pb2.ListExportersResponse.FromString,
                )
                controller.add_exporter("board1")
                answer = await method(LIST, metadata=metadata("alice", token), timeout=5)
                return len(answer.exporters)

    assert asyncio.run(run()) == 1


def test_objects_can_come_before_it_serves_and_be_read_afterwards() -> None:
    controller = MockController()
    token = controller.add_client("alice")
    controller.add_exporter("board1")
    with controller:
        credentials = grpc.ssl_channel_credentials(controller.ca)
        with grpc.secure_channel(controller.endpoint, credentials) as channel:
            answer = ClientStub(channel).list_exporters(LIST, metadata=metadata("alice", token), timeout=5)
            assert len(answer.exporters) == 1
    assert controller.exporter("board1").name == "board1"
    assert controller.leases() == []


def test_it_can_be_entered_again() -> None:
    controller = MockController()
    for _ in range(2):
        with (
            controller,
            grpc.secure_channel(controller.endpoint, grpc.ssl_channel_credentials(controller.ca)) as channel,
        ):
            assert health(channel) == b"\x08\x01"


def test_plaintext() -> None:
    with MockController(plaintext=True) as controller, grpc.insecure_channel(controller.endpoint) as channel:
        assert controller.ca == b""
        assert health(channel) == b"\x08\x01"


def test_a_certificate_of_ones_own() -> None:
    certificate = self_signed("lab.example")
    with MockController(certificate=certificate) as controller:
        assert controller.ca == certificate.certificate
        credentials = grpc.ssl_channel_credentials(controller.ca)
        options = [("grpc.ssl_target_name_override", "lab.example")]
        with grpc.secure_channel(controller.endpoint, credentials, options) as channel:
            assert health(channel) == b"\x08\x01"
        with grpc.secure_channel(controller.endpoint, credentials) as channel, pytest.raises(grpc.RpcError) as info:
            health(channel)
        error: Any = info.value
        assert error.code() is grpc.StatusCode.UNAVAILABLE


def test_another_authority_is_not_trusted(lab: Any) -> None:
    credentials = grpc.ssl_channel_credentials(Authority().pem)
    with grpc.secure_channel(lab.controller.endpoint, credentials) as channel, pytest.raises(grpc.RpcError) as info:
        health(channel)
    error: Any = info.value
    assert error.code() is grpc.StatusCode.UNAVAILABLE


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError) as info, MockController(port=port):
            pass
    assert str(info.value) == (
        f"The controller cannot listen on 127.0.0.1:{port}. Is the port free, and the address this machine's?"
    )


def test_its_loop_is_for_other_threads() -> None:
    async def nothing() -> None:
        raise AssertionError("This must not run.")

    async def on_its_loop() -> None:
        async with MockController() as controller:
            controller.run(nothing())

    text = "The controller has no event loop in another thread. Enter it with 'with'; on its own loop use 'await'."
    for function in (lambda: MockController().run(nothing()), lambda: asyncio.run(on_its_loop())):
        with pytest.raises(UsageError) as info:
            function()
        assert str(info.value) == text


# Restarts


def test_a_restart_loses_streams_and_queues_and_nothing_else(lab: Any, failing: Failing, eventually: Any) -> None:
    exporter, peer = lab.exporter().come(), lab.client()
    peer.create(name="mine", seconds=3600)
    peer.until("mine", "Ready", "Ready")
    exporter.report("LEASE_READY")
    endpoint = lab.controller.endpoint
    status, listening = exporter.status(), exporter.listen("mine")
    assert next(status).lease_name == "mine"
    eventually(lambda: "listens" in lab.controller.journal.open)
    peer.dial("mine")
    lab.controller.restart()
    for stream in (status, listening):
        assert failing(lambda stream=stream: [next(stream) for _ in range(9)])[0] in ("UNAVAILABLE", "CANCELLED")
    assert lab.controller.endpoint == endpoint
    eventually(lambda: _works(peer))
    assert peer.get("mine").conditions[0].status == "True"
    assert failing(lambda: peer.dial("mine")) == ("UNAVAILABLE", "exporter is not listening on lease mine")
    eventually(lambda: lab.controller.journal.open == {"leases": 1})


def _works(peer: Any) -> bool:
    try:
        peer.exporters()
    except grpc.RpcError:
        return False
    return True


def test_nothing_is_decided_while_it_is_away(lab: Any, eventually: Any) -> None:
    exporter, peer = lab.exporter().come(), lab.client()
    peer.create(name="mine", seconds=60)
    peer.until("mine", "Ready", "Ready")
    lab.controller.run(lab.controller.stop_serving())
    lab.clock.advance(100)
    lab.controller.run(lab.controller.stop_serving())
    assert not lab.controller.lease("mine").ended
    lab.controller.run(lab.controller.start_serving())
    lab.controller.run(lab.controller.start_serving())
    eventually(lambda: lab.controller.lease("mine").ended)
    assert not lab.controller.exporter("board1").online
    assert exporter.name == "board1"


def test_features_of_single_rpcs_count_after_a_restart(lab: Any, failing: Failing, eventually: Any) -> None:
    exporter, peer = lab.exporter(), lab.client()
    exporter.come()
    lab.controller.features.report_status = False
    exporter.report("AVAILABLE")
    lab.controller.restart()
    eventually(lambda: _works(peer))
    assert failing(lambda: exporter.report("AVAILABLE"))[0] == "UNIMPLEMENTED"


# Administration


def test_leases_are_ended_and_given_away_by_administrators(lab: Any) -> None:
    exporter, alice = lab.exporter().come(), lab.client("alice")
    lab.client("bob")
    status = exporter.status()
    assert next(status).leased is False
    alice.create(name="mine")
    alice.until("mine", "Ready", "Ready")
    assert next(status).client_name == "alice"
    lab.controller.transfer("mine", "bob")
    assert next(status).client_name == "bob"
    assert alice.get("mine").client == "namespaces/default/clients/bob"
    lab.controller.expire("mine")
    alice.until("mine", "Ready", "Expired")
    alice.create(name="next")
    alice.until("next", "Ready", "Ready")
    lab.controller.release("next")
    alice.until("next", "Ready", "Released")
    status.cancel()


def test_copies_do_not_change(lab: Any) -> None:
    lab.exporter().come()
    peer = lab.client()
    peer.create(name="mine")
    peer.until("mine", "Ready", "Ready")
    before = lab.controller.lease("mine")
    peer.delete("mine")
    peer.until("mine", "Ready", "Released")
    assert (before.ended, before.conditions[0].status) == (False, True)
    assert lab.controller.lease("mine").ended


def test_what_administrators_cannot_do(lab: Any) -> None:
    lab.client("alice").create(name="waits", begin=lab.clock.now() + timedelta(hours=1))
    controller = lab.controller
    for action, text in (
        (lambda: controller.lease("x"), "There is no lease 'x'. There is: waits."),
        (lambda: controller.release("x"), "There is no lease 'x'. There is: waits."),
        (lambda: controller.transfer("waits", "bob"), "There is no client 'bob'. There is: alice."),
        (lambda: controller.exporter("x"), "There is no exporter 'x'. There is: none."),
        (
            lambda: controller.expire("waits"),
            "The lease waits has no exporter yet, so that its time cannot be over.",
        ),
        (lambda: controller.add_client("alice"), "There is already a client 'alice'."),
        (
            lambda: controller.add_exporter("Board"),
            "'Board' cannot be the name of an exporter. Use lower-case letters, digits, '-' and '.'.",
        ),
    ):
        with pytest.raises(UsageError) as info:
            action()
        assert str(info.value) == text


def test_long_lists_of_names_are_cut(lab: Any) -> None:
    for number in range(21):
        lab.controller.add_client(f"c{number}")
    with pytest.raises(UsageError, match=r" c0, c1, .*c19, …\.$"):
        lab.controller.client_token("x")


def test_what_is_given_is_used() -> None:
    journal, clock, features = Journal(), Clock(scale=0), ControllerFeatures()
    entry = RouterEntry("r:1")
    controller = MockController(journal=journal, clock=clock, features=features, routers=[entry], namespace="lab")
    assert controller.journal is journal
    assert controller.clock is clock
    assert controller.features is features
    assert controller.routers == [entry]
    assert controller.namespace == "lab"


# Size


def test_two_hundred_exporters_and_leases(serve: Any) -> None:
    # Hundreds of anything take some seconds.
    lab = serve(clock=Clock())
    count = 200
    client = lab.client("client")
    exporters = [lab.exporter(f"board{number}", {"board": "rpi4", "number": str(number)}) for number in range(count)]
    lab.controller.add_policy(ExporterAccessPolicy())
    lab.controller.clear_policies()
    before = threading.active_count()
    with ThreadPoolExecutor(8) as pool:
        # They wait before any exporter is there: each that comes is news for all of them.
        list(pool.map(lambda number: client.create(name=f"lease{number}"), range(count)))
        streams = list(pool.map(lambda exporter: exporter.come().status(), exporters))
        first = list(pool.map(next, streams))
        ready = list(pool.map(lambda number: client.until(f"lease{number}", "Ready", "Ready"), range(count)))
        assert len({lease.exporter for lease in ready}) == count
        told = [one if one.leased else next(stream) for one, stream in zip(first, streams, strict=True)]
        assert len({one.lease_name for one in told}) == count
        list(pool.map(lambda number: client.delete(f"lease{number}"), range(count)))
        list(pool.map(lambda number: client.until(f"lease{number}", "Ready", "Released"), range(count)))
    for stream in streams:
        stream.cancel()
    assert threading.active_count() < before + 50
    assert client.leases() == []
