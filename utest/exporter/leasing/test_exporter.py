"""An exporter that registers: its whole life, against a controller and a router over TLS."""

from __future__ import annotations

import asyncio
import re
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import grpc
import grpc.aio
import pytest

from JumpstarterLibrary.errors import AuthenticationError, ConfigurationError, LinkError, TlsError
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.leasing import ControllerAccess, ExporterTiming, LeasedExporter
from JumpstarterLibrary.exporter.leasing.channels import shared_channels
from JumpstarterLibrary.lab.certificates import Authority
from JumpstarterLibrary.lab.controller import MockController
from JumpstarterLibrary.lab.features import ControllerFeatures
from JumpstarterLibrary.protocol import common_pb2

OFFLINE = common_pb2.EXPORTER_STATUS_OFFLINE
AVAILABLE = common_pb2.EXPORTER_STATUS_AVAILABLE
LEASE_READY = common_pb2.EXPORTER_STATUS_LEASE_READY


class Watched(MockPower):
    """A driver that tells of its life."""

    made: ClassVar[list[Any]]
    closed: ClassVar[list[Any]]

    def close(self) -> None:
        self.closed.append(self)
        super().close()


@pytest.fixture
def watched() -> Any:
    """A factory of trees, and which of their drivers were made and closed."""

    class Counted(Watched):
        made: ClassVar[list[Any]] = []
        closed: ClassVar[list[Any]] = []

    def factory() -> Composite:
        Counted.made.append(driver := Counted())
        return Composite(children={"power": driver})

    factory.made, factory.closed = Counted.made, Counted.closed  # type: ignore[attr-defined]
    return factory


def test_an_exporter_registers_and_waits_without_drivers(play: Any, watched: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = bench.build(labels={"jumpstarter.dev/place": "lab 1", "other": "x"}, factory=watched)
        assert (exporter.status, exporter.registered.is_set()) == (OFFLINE, False)
        running = bench.run(exporter)
        await bench.until(lambda: "Status" in bench.calls())
        assert bench.calls()[0] == "Register"
        assert sorted(bench.calls()[1:]) == ["GetServiceEndpoints", "ReportStatus", "Status"]
        await bench.until(bench.reported)
        assert bench.reported() == [("AVAILABLE", "Exporter registered and available")]
        record = bench.controller.exporter("e1")
        assert [device.labels.get("jumpstarter.dev/name") for device in record.devices] == [None, "power"]
        assert record.labels["jumpstarter.dev/place"] == "lab 1"
        assert "other" not in record.labels
        # The tree that was registered is gone, and there is no other one.
        assert watched.made == watched.closed
        assert (len(watched.made), exporter.session, exporter.lease, exporter.tunnels) == (1, None, None, [])
        assert (exporter.status, exporter.registered.is_set()) == (AVAILABLE, True)
        await exporter.stop()
        assert await running == 0
        assert bench.calls()[-2:] == ["ReportStatus", "Unregister"]
        assert bench.reported()[-1] == ("OFFLINE", "Exporter shutting down")
        unregister = bench.controller.journal.entries(method="Unregister")[0]
        assert unregister.request.reason == "Exporter shutdown"
        assert exporter.registered.is_set() is False

    play(test)


def test_every_call_carries_the_exporters_identity(play: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter()
        await bench.ready("l1", exporter)
        await exporter.stop()
        for call in bench.controller.journal.entries(caller="e1"):
            identity = {key: value for key, value in call.metadata.items() if key.startswith(("auth", "jump"))}
            assert identity == {
                "authorization": "Bearer ***",
                "jumpstarter-kind": "Exporter",
                "jumpstarter-namespace": "default",
                "jumpstarter-name": "e1",
            }
            assert call.code in (grpc.StatusCode.OK, grpc.StatusCode.CANCELLED)

    play(test)


def test_a_lease_from_the_first_call_to_the_last(play: Any, shown: Any, watched: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter(motd="Hello.", factory=watched)
        await bench.ready("l1", exporter)
        assert (exporter.lease, exporter.status) == ("l1", LEASE_READY)
        remote = await bench.remote("l1")
        report = await remote.report()
        assert (report.motd, len(report.reports)) == ("Hello.", 2)
        assert await remote.status() == ("LEASE_READY", 2)
        await remote.call("power", "on")
        assert await remote.logs(1) == [("DRIVER", "INFO", "power on")]
        (tunnel,) = exporter.tunnels
        bench.controller.release("l1")
        await bench.until(lambda: exporter.lease is None)
        assert tunnel.ending
        assert bench.reported()[1:] == [
            ("LEASE_READY", "Ready for commands"),
            ("AVAILABLE", "Available for new lease"),
        ]
        assert shown == [
            (1, "AVAILABLE", "Available for new lease"),
            (2, "LEASE_READY", "Ready for commands"),
            (3, "AVAILABLE", "Available for new lease"),
        ]
        assert watched.made == watched.closed
        await bench.until(lambda: not bench.router.tunnels())
        listens = bench.controller.journal.entries(method="Listen")
        assert [call.request.lease_name for call in listens] == ["l1"]

    play(test)


def test_each_lease_has_drivers_and_a_session_of_its_own(play: Any, watched: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter(factory=watched)
        registered = {device.uuid for device in bench.controller.exporter("e1").devices}
        seen = [registered]
        for name in ("l1", "l2"):
            await bench.ready(name, exporter)
            report = await (await bench.remote(name)).report()
            seen.append({report.uuid, *(driver.uuid for driver in report.reports)})
            bench.controller.release(name)
            await bench.until(lambda: exporter.lease is None)
            await bench.until(lambda: bench.controller.exporter("e1").lease is None)
        assert seen[0].isdisjoint(seen[1])
        assert seen[1].isdisjoint(seen[2])
        assert len(watched.made) == 3

    play(test)


def test_end_session_without_hooks_changes_the_status_only(play: Any, shown: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter()
        await bench.ready("l1", exporter)
        remote = await bench.remote("l1")
        assert await remote.end_session() is True
        await bench.until(lambda: bench.statuses()[-1] == "AVAILABLE")
        assert await remote.status() == ("AVAILABLE", 3)
        await remote.call("power", "on")
        assert await remote.end_session() is True
        assert exporter.lease == "l1"
        assert "ReleaseLease" not in bench.calls()
        bench.controller.release("l1")
        await bench.until(lambda: exporter.lease is None)
        assert len(shown) == 3

    play(test)


def test_calls_that_run_when_a_lease_ends_get_a_moment(play: Any) -> None:
    async def test(bench: Any) -> None:
        # On a busy machine a fifth of the second is not enough to tell them.
        exporter = await bench.exporter(timing=ExporterTiming(scale=1))
        await bench.ready("l1", exporter)
        remote = await bench.remote("l1")
        call = await remote.echo()
        await call.wait_for_connection()
        bench.controller.release("l1")
        begin = asyncio.get_running_loop().time()
        await bench.until(lambda: exporter.lease is None)
        # Byte streams that only wait end at once; the session does not wait for them.
        assert asyncio.get_running_loop().time() - begin < 2
        # Which of the two reaches the client first, the session's word or the tunnel's end, is chance.
        assert await call.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)

    play(test)


def test_two_clients_at_once(play: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter()
        await bench.ready("l1", exporter)
        one, other = await bench.remote("l1"), await bench.remote("l1")
        assert (await one.report()).uuid == (await other.report()).uuid
        assert len(exporter.tunnels) == len(bench.router.tunnels()) == 2

    play(test)


def test_a_lease_that_follows_without_an_idle_message(play: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter()
        await bench.ready("l1", exporter)
        await bench.lease("l2", wait=False)
        bench.controller.release("l1")
        await bench.until(lambda: exporter.lease == "l2")
        await bench.until(lambda: bench.statuses()[-1] == "LEASE_READY")
        assert len((await (await bench.remote("l2")).report()).reports) == 3
        states = [call.request.lease_name for call in bench.controller.journal.entries(method="Listen")]
        assert states == ["l1", "l2"]

    play(test, features=ControllerFeatures(skip_idle=True))


def test_a_transfer_changes_the_client_and_nothing_else(play: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter()
        await bench.ready("l1", exporter)
        remote = await bench.remote("l1")
        before = (await remote.report()).uuid
        bench.controller.add_client("bob")
        bench.controller.transfer("l1", "bob")
        await bench.until(lambda: exporter.client == "bob")
        assert (await remote.report()).uuid == before
        assert bench.statuses() == ["AVAILABLE", "LEASE_READY"]

    play(test)


def test_an_exporter_that_ends_with_its_lease(play: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter(exit_on_lease_end=True)
        await bench.ready("l1", exporter)
        bench.controller.release("l1")
        assert await bench.running[exporter] == 0
        assert bench.calls()[-1] == "Unregister"

    play(test)


# Stopping


def test_stopping_in_a_lease_cuts_clients_off(play: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter()
        await bench.ready("l1", exporter)
        remote = await bench.remote("l1")
        await remote.report()
        await exporter.stop()
        assert bench.running[exporter].result() == 0
        # Without hooks it is the client who has the lease; it goes on without its exporter.
        assert "ReleaseLease" not in bench.calls()
        assert bench.reported()[-2:] == [("LEASE_READY", "Ready for commands"), ("OFFLINE", "Exporter shutting down")]
        await bench.until(lambda: not bench.router.tunnels())

    play(test)


def test_stopping_after_the_lease(play: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter()
        await bench.ready("l1", exporter)
        remote = await bench.remote("l1")
        exporter.request_stop(after_lease=True)
        await remote.report()
        bench.controller.release("l1")
        assert await bench.running[exporter] == 0
        idle = await bench.exporter("e2")
        idle.request_stop(after_lease=True)
        assert await bench.running[idle] == 0

    play(test)


def test_a_controller_that_does_not_listen_to_a_goodbye(play: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter(timing=ExporterTiming(scale=50, stop_limit_s=0.1))
        for method in ("ReportStatus", "Unregister"):
            bench.controller.faults.add(method, delay=60)
        await exporter.stop()
        assert await bench.running[exporter] == 0
        assert "The controller was not told that the exporter stops: " in caplog.text

    play(test)


def test_an_exporter_that_is_cancelled_says_nothing(play: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter()
        await bench.ready("l1", exporter)
        await (await bench.remote("l1")).report()
        bench.running[exporter].cancel()
        await asyncio.wait([bench.running[exporter]])
        assert bench.statuses()[-1] == "LEASE_READY"
        assert "Unregister" not in bench.calls()
        assert exporter.session is None

    play(test)


# Registrations that fail


def test_a_token_that_is_not_accepted(play: Any) -> None:
    async def test(bench: Any) -> None:
        access = replace(bench.access(), token="no.such.token")
        message = (
            f"^Exporter 'default/e1' could not register with the controller at {access.endpoint}: failed to "
            f"authenticate token. Check the exporter's namespace, name and token.$"
        )
        with pytest.raises(AuthenticationError, match=message):
            await bench.run(bench.build(access=access))

    play(test)


def test_a_controller_that_has_just_started_is_waited_for(play: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def test(bench: Any) -> None:
        refused = {"code": grpc.StatusCode.UNKNOWN, "details": "oidc: authenticator not initialized"}
        fault = bench.controller.faults.add("Register", **refused, times=3)
        await bench.exporter()
        assert fault.hits == 3
        sentence = (
            "Exporter 'default/e1' could not register with the controller at {}: it has just started, and accepts no "
            "exporter yet (oidc: authenticator not initialized)."
        )
        assert caplog.messages.count(sentence.format(bench.controller.endpoint)) == 3

    play(test)


def test_a_token_that_has_expired(play: Any) -> None:
    async def test(bench: Any) -> None:
        access = bench.access()
        token = bench.controller.exporter_token("e1", life=timedelta(seconds=-1))
        with pytest.raises(
            AuthenticationError, match=r": its token has expired\. Get a new one from the controller's administrator\.$"
        ):
            await bench.run(bench.build(access=replace(access, token=token)))

    play(test)


def test_a_controller_with_another_authority(play: Any) -> None:
    async def test(bench: Any) -> None:
        access = replace(bench.access(), ca=Authority().pem)
        with pytest.raises(TlsError, match=r": the controller's certificate is not trusted here\. Check tls\.ca\.$"):
            await bench.run(bench.build(access=access))

    play(test)


def test_a_certificate_for_another_host() -> None:
    authority = Authority()

    async def run() -> None:
        async with MockController(certificate=authority.issue("elsewhere.example")) as controller:
            access = ControllerAccess(
                controller.endpoint, "default", "e1", controller.add_exporter("e1"), authority.pem
            )
            exporter = LeasedExporter(access, Composite)
            with pytest.raises(TlsError, match=r": the controller's certificate is not for this host name\.$"):
                await exporter.run()

    asyncio.run(run())


def test_a_controller_that_is_not_there(unused_port: int) -> None:
    access = ControllerAccess(f"127.0.0.1:{unused_port}", "default", "e1", "t", plaintext=True)
    message = (
        rf"^Exporter 'default/e1' could not register with the controller at 127\.0\.0\.1:{unused_port}: no server "
        rf"listens there\. Check the endpoint, and that the controller runs\.$"
    )
    with pytest.raises(LinkError, match=message):
        asyncio.run(LeasedExporter(access, Composite).run())


def test_drivers_that_cannot_be_made(play: Any) -> None:
    def broken() -> Composite:
        raise ConfigurationError("export.power: there is no such thing.")

    async def test(bench: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"^export\.power: there is no such thing\.$"):
            await bench.run(bench.build(factory=broken))
        assert bench.calls() == []

    play(test)


# A controller that comes and goes


def test_a_lease_outlives_its_controller(play: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter()
        await bench.ready("l1", exporter)
        remote = await bench.remote("l1")
        before = (await remote.report()).uuid
        streams = len(bench.controller.journal.entries(method="Status"))
        await bench.controller.stop_serving()
        # Upstream's exporter would give up after five attempts.
        for _ in range(20):
            await remote.call("power", "on")
            await asyncio.sleep(0.01)
        await bench.controller.start_serving()
        await bench.until(lambda: len(bench.controller.journal.entries(method="Status")) > streams)
        await bench.until(lambda: bench.statuses()[2:] == ["LEASE_READY"])
        # Another tunnel, by a Listen stream of the new controller.
        assert (await (await bench.remote("l1")).report()).uuid == before
        assert (await remote.report()).uuid == before

    play(test)


def test_a_lease_that_ended_while_the_controller_was_away(play: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter()
        await bench.ready("l1", exporter)
        await bench.controller.stop_serving()
        bench.controller.release("l1")
        await bench.controller.start_serving()
        await bench.until(lambda: exporter.lease is None)
        await bench.ready("l2", exporter)
        assert exporter.lease == "l2"

    play(test)


def test_a_status_that_could_not_be_told_is_told_later(play: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter()
        fault = bench.controller.faults.add("ReportStatus", code=grpc.StatusCode.UNAVAILABLE, details="busy", times=3)
        await bench.lease("l1")
        await bench.until(lambda: fault.hits == 3)
        await bench.until(lambda: bench.controller.exporter("e1").status == LEASE_READY)
        assert exporter.lease == "l1"

    play(test)


def test_an_old_controller(play: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = bench.build()
        bench.run(exporter)
        await bench.until(lambda: "Status" in bench.calls())
        await bench.lease("l1")
        remote = await bench.remote("l1")
        assert await remote.status() == ("LEASE_READY", 2)
        refused = [
            call.method for call in bench.controller.journal.entries() if call.code is grpc.StatusCode.UNIMPLEMENTED
        ]
        assert set(refused) == {"GetServiceEndpoints", "ReportStatus"}
        # Not again and again.
        assert refused.count("ReportStatus") <= 2

    play(test, features=ControllerFeatures(service_endpoints=False, report_status=False))


# What faults need


def test_a_crash_is_not_announced(play: Any, watched: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter(factory=watched)
        await bench.ready("l1", exporter)
        await (await bench.remote("l1")).report()
        (tunnel,) = exporter.tunnels
        directory = Path(exporter.session and bench_socket(exporter)).parent
        await exporter.crash()
        await exporter.crash()
        assert not tunnel.ending
        assert (exporter.lease, exporter.session, exporter.registered.is_set()) == (None, None, False)
        assert bench.statuses()[-1] == "LEASE_READY"
        assert "Unregister" not in bench.calls()
        assert watched.made == watched.closed
        assert not directory.exists()
        assert not bench.running[exporter].done()
        await bench.until(lambda: bench.router.journal.open.get("half-open streams") == 1)
        bench.router.drop()
        await exporter.stop()
        assert await bench.running[exporter] == 0

    play(test)


def bench_socket(exporter: LeasedExporter) -> str:
    """Return the socket of an exporter's session, which its tunnels lead to."""
    return exporter.tunnels[0]._path


def test_a_restarted_exporter_serves_the_same_lease_with_new_drivers(play: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter()
        await bench.ready("l1", exporter)
        before = await (await bench.remote("l1")).report()
        exporter.pause()
        await exporter.restart()
        assert exporter.registered.is_set()
        await bench.until(lambda: exporter.lease == "l1" and exporter.status == LEASE_READY)
        after = await (await bench.remote("l1")).report()
        assert {driver.uuid for driver in before.reports}.isdisjoint(driver.uuid for driver in after.reports)
        assert bench.statuses() == ["AVAILABLE", "LEASE_READY", "AVAILABLE", "LEASE_READY"]
        bench.router.drop()

    play(test)


def test_a_restart_waits_for_the_controller(play: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter()
        await bench.controller.stop_serving()
        restarting = asyncio.create_task(exporter.restart())
        await asyncio.sleep(0.05)
        assert not restarting.done()
        await bench.controller.start_serving()
        await restarting
        assert exporter.registered.is_set()

    play(test)


def test_a_restart_that_is_refused_ends_the_exporter(play: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter()
        await exporter.crash()
        bench.controller.remove_exporter("e1")
        await exporter.restart()
        with pytest.raises(AuthenticationError, match=r"^Exporter 'default/e1' could not register .*not found"):
            await bench.running[exporter]

    play(test)


def test_nothing_passes_through_a_paused_exporter(play: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter()
        await bench.ready("l1", exporter)
        remote = await bench.remote("l1")
        await remote.report()
        exporter.pause()
        call = asyncio.ensure_future(remote.report())
        bench.controller.release("l1")
        await asyncio.sleep(0.1)
        assert not call.done()
        assert exporter.lease == "l1"
        exporter.resume()
        await bench.until(lambda: exporter.lease is None)
        await asyncio.wait([call])

    play(test)


def test_statuses_can_be_forced(play: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter()
        await bench.ready("l1", exporter)
        remote = await bench.remote("l1")
        assert await remote.status() == ("LEASE_READY", 2)
        exporter.force_status(OFFLINE, "Gone fishing", skip=3)
        assert await remote.status() == ("OFFLINE", 6)
        await bench.until(lambda: bench.reported()[-1] == ("OFFLINE", "Gone fishing"))
        assert exporter.status == OFFLINE

    play(test)


def test_statuses_can_be_kept_from_the_controller(play: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter()
        exporter.telling = False
        await bench.lease("l1")
        await bench.until(lambda: exporter.status == LEASE_READY)
        await asyncio.sleep(0.05)
        assert bench.statuses() == ["AVAILABLE"]

    play(test)


# Many


def test_many_idle_exporters_are_cheap(play: Any, open_descriptors: Any) -> None:
    count = 120

    async def test(bench: Any) -> None:
        await bench.exporter("first")
        threads, sockets = set(threading.enumerate()), open_descriptors()
        exporters = [bench.build(f"e{number}") for number in range(count)]
        for exporter in exporters:
            bench.run(exporter)
        await bench.until(lambda: all(exporter.registered.is_set() for exporter in exporters))
        await bench.until(lambda: bench.controller.journal.open["controller streams"] == count + 1)
        # Three connections for 121 exporters, of both ends; the first one was there before.
        await bench.until(lambda: len(open_descriptors() - sockets) <= 4)
        new = [thread.name for thread in set(threading.enumerate()) - threads]
        assert [name for name in new if not re.match("Dummy|asyncio", name)] == []
        for exporter in exporters:
            exporter.request_stop()
        await asyncio.gather(*(bench.running[exporter] for exporter in exporters))

    play(test)


def test_a_connection_that_nobody_uses_is_closed(play: Any) -> None:
    async def test(bench: Any) -> None:
        for name in ("e1", "e2"):
            await bench.exporter(name)
        assert [len(channels) for channels in shared_channels()._open.values()] == [1]
        await asyncio.gather(*(exporter.stop() for exporter in bench.running))
        assert shared_channels()._open == {}

    play(test)
