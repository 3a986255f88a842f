"""Leased devices: connected by the first Dial, lost with a true word for every call in flight, and found again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.command import run_command
from JumpstarterLibrary.client.events import LinkChanged
from JumpstarterLibrary.client.leasing.device import LeasedDevice
from JumpstarterLibrary.client.liveness import QUIET_S
from JumpstarterLibrary.errors import (
    DriverUnavailable,
    FaultClass,
    InfrastructureError,
    LeaseExpired,
    LeaseReleased,
    LeaseTransferred,
    LinkError,
    NoSuchLease,
    OperationTimeout,
)

Code = grpc.StatusCode
During = Callable[[Callable[[], object]], Callable[[], Any]]
Eventually = Callable[[Callable[[], object]], None]

BROKE = (
    "The tunnel to exporter 'b1' (lease '{lease}') broke during 'wait' of driver 'probe': {reason}. It is not known "
    "whether the exporter carried it out. The lease lasts on, and the next call connects again."
)


def call_in_flight(rig: Any, device: LeasedDevice, during: During) -> Any:
    before = rig.probe.calls
    waiting = during(lambda: device.client.probe.call("wait"))
    assert rig.probe.started.wait(5)
    assert rig.probe.calls == before + 1
    return waiting


def test_one_connection_costs_one_dial(rig: Any) -> None:
    device = rig.lease()
    assert device.client.probe.count() == 1
    assert device.labels == {"board": "b", "number": "1"}
    assert device.link.name == "b1"
    assert rig.codes("Dial") == ["OK"]
    assert len(rig.lab.router.tunnels()) == 1
    assert rig.lab.router.waiting() == []


def test_the_whole_way_takes_few_calls(rig: Any) -> None:
    device = rig.lease()
    methods = [call.method for call in rig.lab.journal.entries(caller="tester")]
    assert methods[0] == "CreateLease"
    assert methods[-1] == "Dial"
    assert set(methods[1:-1]) == {"GetLease", "GetExporter"}
    assert rig.service.release(device) is True
    assert rig.codes("DeleteLease") == ["OK"]


def test_a_call_in_flight_fails_with_the_routers_drop_and_is_not_repeated(rig: Any, during: During) -> None:
    device = rig.lease()
    waiting = call_in_flight(rig, device, during)
    rig.lab.router.drop()
    with pytest.raises(LinkError) as info:
        waiting()
    reason = "the router ended it (The router dropped the tunnel)"
    assert str(info.value) == BROKE.format(lease=device.lease.name, reason=reason)
    assert type(info.value) is LinkError
    assert rig.probe.calls == 1
    assert device.client.probe.count() == 2
    assert rig.notices == [f"Exporter 'b1' was connected again; the tunnel had broken: {reason}."]
    assert rig.codes("Dial") == ["OK", "OK"]
    assert rig.codes("CreateLease") == ["OK"]


def test_a_silent_tunnel_is_noticed_and_the_next_call_works(rig: Any, during: During, pass_until: Any) -> None:
    device = rig.lease()
    waiting = call_in_flight(rig, device, during)
    rig.lab.router.drop(how="silent")
    # By now and then asking: the exporter listens, and may only be busy.
    pass_until(lambda: waiting.over, 0.5)
    with pytest.raises(LinkError) as info:
        waiting()
    reason = "the exporter answered nothing for 30 seconds (exporter_silence)"
    assert str(info.value) == BROKE.format(lease=device.lease.name, reason=reason)
    assert device.client.probe.count() == 2


SEARCHES: dict[str, Callable[[LeasedDevice], object]] = {
    "call": lambda device: device.client.probe.call("count", timeout=10),
    "begun call": lambda device: device.client.probe.begin("count", timeout=10),
    "results": lambda device: device.client.probe.streamingcall("count", timeout=10),
    "byte stream": lambda device: device.client.console.stream(timeout=10),
}


@pytest.mark.parametrize("kind", SEARCHES)
def test_the_callers_limit_ends_the_search_for_a_lost_exporter(
    kind: str, rig: Any, during: During, pass_until: Any, eventually: Eventually
) -> None:
    """A shorter search than usual says nothing about the next one: that has all its time again."""
    device = rig.lease()
    changes: list[LinkChanged] = []
    device.link.events.subscribe(changes.append, LinkChanged)
    rig.lab.exporters["b1"].crash()
    device._route.tunnel.cut("it was cut")
    rig.hold("Dial")
    for _ in range(2):
        searching = during(lambda: SEARCHES[kind](device))
        pass_until(lambda searching=searching: searching.over, 0.2)
        with pytest.raises(OperationTimeout) as info:
            searching()
        assert str(info.value) == (
            f"The exporter 'b1' of lease '{device.lease.name}' was not found again within 10 seconds; its tunnel had "
            f"broken: it was cut. Nothing was sent to it. Give it more time with timeout=."
        )
        assert info.value.fault is FaultClass.LAB
    assert [change.change for change in changes] == ["lost"]


def test_the_search_of_another_thread_holds_up_no_caller_with_a_limit(
    rig: Any, during: During, pass_until: Any, eventually: Eventually
) -> None:
    device = rig.lease()
    rig.lab.exporters["b1"].crash()
    device._route.tunnel.cut("it was cut")
    rig.hold("Dial")
    searching = during(lambda: device.client.probe.call("count", timeout=50))
    eventually(lambda: device._route.searching)
    with pytest.raises(OperationTimeout) as info:
        device.client.probe.call("count", timeout=0.1)
    assert str(info.value) == (
        f"Exporter 'b1' of lease '{device.lease.name}' was not found again within 100 milliseconds, by another thread "
        f"that looks for it. Nothing was sent to it. Give it more time with timeout=."
    )
    assert info.value.fault is FaultClass.LAB
    pass_until(lambda: searching.over, 1)
    with pytest.raises(OperationTimeout):
        searching()


LOSSES: dict[str, Callable[[Any], object]] = {
    "router": lambda rig: rig.lab.router.drop(how="silent"),
    "exporter": lambda rig: rig.lab.exporters["b1"].crash(),
}


@pytest.mark.parametrize("lost", LOSSES)
def test_a_console_tells_a_lost_lab_and_no_silent_board(lost: str, rig: Any, during: During, pass_until: Any) -> None:
    device = rig.lease()
    console = device.console("console")
    waiting = during(lambda: console.wait_for("login:", 24 * 3600))
    LOSSES[lost](rig)
    pass_until(lambda: waiting.over, 0.2)
    with pytest.raises(LinkError) as info:
        waiting()
    assert str(info.value).startswith(
        "The stream of console 'console' broke while waiting for 'login:': The tunnel to exporter 'b1' (lease '"
    )
    assert info.value.fault is FaultClass.LAB


def test_a_short_wait_tells_a_lost_lab_too(rig: Any) -> None:
    device = rig.lease()
    console = device.console("console")
    console.write(b"board\n")
    console.wait_for("board", 10)
    rig.lab.router.drop(how="silent")
    with pytest.raises(LinkError) as info:
        run_command(console, "true", 0.2)
    assert str(info.value) == (
        f"Exporter 'b1' (from lease '{device.lease.name}') does not answer, so that console 'console' was silent. It "
        f"is not known what the board said. Check that the exporter still runs."
    )


def test_an_exporter_that_vanished_behind_the_router_is_noticed(rig: Any, during: During, pass_until: Any) -> None:
    device = rig.lease()
    waiting = call_in_flight(rig, device, during)
    rig.lab.exporters["b1"].crash()
    pass_until(lambda: waiting.over)
    with pytest.raises(LinkError) as info:
        waiting()
    assert str(info.value).startswith("The tunnel to exporter 'b1' (lease '")
    rig.lab.exporters["b1"].start()
    assert device.client.probe.count() == 2


def test_an_idle_device_keeps_its_tunnel(rig: Any, clock: MovableClock, pass_until: Any) -> None:
    device = rig.lease()
    for _ in range(10):
        before = rig.exchanged()
        clock.advance(QUIET_S)
        pass_until(lambda before=before: rig.exchanged() > before)
    assert device.client.probe.count() == 1
    assert device.present.route.generation == 1
    assert rig.notices == []


def test_an_exporter_that_was_started_anew_has_other_ids(rig: Any, eventually: Eventually) -> None:
    device = rig.lease()
    before = device.client.probe.uuid
    rig.lab.exporters["b1"].crash()
    rig.lab.exporters["b1"].start()
    # The tunnel to the old one is still open for a moment; what is asked then is asked of nobody.
    with suppress(LinkError):
        while device.client.probe.uuid == before:
            device.client.probe.call("count", timeout=5)
    assert device.client.probe.count() >= 1
    assert device.client.probe.uuid != before


def test_consoles_are_read_on_with_a_mark_of_the_gap(rig: Any, eventually: Eventually) -> None:
    device = rig.lease()
    console = device.console("console")
    console.write(b"before\n")
    console.wait_for("before", 5)
    rig.lab.router.drop()
    eventually(lambda: device.present.route.lost)
    assert device.client.probe.count() == 1
    console = device.console("console")
    console.write(b"after\n")
    console.wait_for("after", 5)
    text = console.text(0)
    assert text.startswith("before\n\n[gap 0.")
    assert text.endswith(" s]\nafter\n")


def test_consoles_of_an_exporter_that_was_started_anew_are_read_on(rig: Any, eventually: Eventually) -> None:
    device = rig.lease()
    console = device.console("console")
    rig.lab.exporters["b1"].crash()
    rig.lab.exporters["b1"].start()
    rig.lab.router.drop()
    eventually(lambda: device.present.route.lost)
    console = device.console("console")
    console.write(b"after\n")
    console.wait_for("after", 5)
    assert device.consoles() == ["console"]


def test_an_expired_lease_is_told_as_that(rig: Any, during: During, pass_until: Any) -> None:
    device = rig.lease()
    probe = rig.probe
    waiting = call_in_flight(rig, device, during)
    rig.lab.controller.expire(device.lease.name)
    pass_until(lambda: waiting.over)
    expired = rf"^Lease '{device.lease.name}' of exporter 'b1' has expired at [0-9: -]+, after 30 minutes\."
    hint = r" Acquire a longer one, extend it in time, or let it extend itself with max_duration=\.$"
    with pytest.raises(LeaseExpired, match=expired + r" This ended 'wait' of driver 'probe'\." + hint):
        waiting()
    with pytest.raises(LeaseExpired, match=expired + hint):
        device.client.probe.count()
    assert probe.calls == 1


def test_a_lease_that_somebody_released_is_told_as_that(rig: Any, during: During, pass_until: Any) -> None:
    device = rig.lease()
    waiting = call_in_flight(rig, device, during)
    rig.lab.controller.release(device.lease.name)
    pass_until(lambda: waiting.over)
    text = (
        f"Lease '{device.lease.name}' of exporter 'b1' was released, but not by this run: by its owner elsewhere, by "
        f"its exporter or by an administrator. Acquire it again."
    )
    with pytest.raises(LeaseReleased) as info:
        waiting()
    assert str(info.value) == f"{text} This ended 'wait' of driver 'probe'."
    with pytest.raises(LeaseReleased) as info:
        device.client.probe.count()
    assert str(info.value) == text
    assert rig.notices == [text]


def test_a_transferred_lease_is_told_as_that(rig: Any, during: During, pass_until: Any) -> None:
    device = rig.lease()
    waiting = call_in_flight(rig, device, during)
    rig.lab.controller.transfer(device.lease.name, "other")
    pass_until(lambda: waiting.over)
    text = (
        f"Lease '{device.lease.name}' of exporter 'b1' was transferred to client 'other'. Ask its new owner, or "
        f"acquire "
        f"another lease."
    )
    with pytest.raises(LeaseTransferred) as info:
        waiting()
    assert str(info.value) == f"{text} This ended 'wait' of driver 'probe'."
    with pytest.raises(LeaseTransferred, match=f"^{text}$"):
        device.client.probe.count()
    assert rig.service.release(device) is True
    assert rig.active() == [device.lease.name]
    rig.lab.controller.release(device.lease.name)


def test_a_lease_that_went_with_its_exporter_is_told_as_that(rig: Any, during: During, pass_until: Any) -> None:
    device = rig.lease()
    waiting = call_in_flight(rig, device, during)
    rig.lab.controller.remove_exporter("b1")
    pass_until(lambda: waiting.over)
    text = f"Lease '{device.lease.name}' is gone, perhaps together with its exporter 'b1'."
    with pytest.raises(NoSuchLease) as info:
        waiting()
    assert str(info.value) == f"{text} This ended 'wait' of driver 'probe'."
    with pytest.raises(NoSuchLease) as info:
        device.client.probe.count()
    assert str(info.value) == text
    rig.lab.exporters["b1"].crash()


def test_the_end_is_told_without_the_keeper_too(rig: Any, during: During) -> None:
    device = rig.lease()
    waiting = call_in_flight(rig, device, during)
    rig.service.keeper.leave(device.lease)
    rig.lab.controller.expire(device.lease.name)
    with pytest.raises(LeaseExpired, match=r" This ended 'wait' of driver 'probe'\. Acquire a longer one,"):
        waiting()


def test_unplugged_hardware_is_no_broken_tunnel(rig: Any) -> None:
    device = rig.lease()
    with pytest.raises(DriverUnavailable) as info:
        device.client.probe.unplugged()
    assert str(info.value) == (
        "Driver 'probe' could not reach its hardware in 'unplugged': the cable is not plugged in. The exporter itself "
        "answers."
    )


def test_threads_that_use_a_device_while_it_breaks_get_only_true_words(
    rig: Any, during: During, eventually: Eventually
) -> None:
    device = rig.lease()
    over = threading.Event()
    failures: list[BaseException] = []
    done = [0] * 4

    def work(number: int) -> None:
        while not over.is_set():
            try:
                device.client.probe.call("count", timeout=30)
            except InfrastructureError as error:
                failures.append(error)
            else:
                done[number] += 1

    def each_goes_on() -> None:
        before = list(done)
        eventually(lambda: all(now > then for now, then in zip(done, before, strict=True)))

    workers = [during(lambda number=number: work(number)) for number in range(4)]
    for _ in range(6):
        each_goes_on()
        rig.lab.router.drop()
    each_goes_on()
    over.set()
    for worker in workers:
        worker()
    assert {type(error) for error in failures} <= {LinkError}
    wrong = [str(error) for error in failures if "router ended it" not in str(error)]
    assert wrong == []
    device.client.probe.count()


def test_closing_a_device_ends_the_search_for_its_exporter(rig: Any, during: During, eventually: Eventually) -> None:
    own = rig.only_lease()
    device = rig.service.attach(own.name)
    rig.fault("Dial", code=Code.FAILED_PRECONDITION, details="exporter is not ready (status: Available)")
    rig.lab.router.drop()
    eventually(lambda: device.present.route.lost)
    calling = during(lambda: device.client.probe.call("count", timeout=60))
    eventually(lambda: "FAILED_PRECONDITION" in rig.codes("Dial"))
    rig.service.release(device)
    with pytest.raises(InfrastructureError):
        calling()
    eventually(lambda: not any(thread.name.startswith("jumpstarter-tunnel") for thread in threading.enumerate()))


def test_closing_a_device_is_no_broken_tunnel_for_calls_in_flight(rig: Any, during: During) -> None:
    own = rig.only_lease()
    device = rig.service.attach(own.name)
    waiting = call_in_flight(rig, device, during)
    assert rig.service.release(device) is True
    with pytest.raises(LinkError) as info:
        waiting()
    assert str(info.value) == (
        "The link to exporter 'b1' was closed during 'wait' of driver 'probe'. It is not known whether the exporter "
        "carried it out."
    )


def test_releasing_a_device_ends_calls_in_flight(rig: Any, during: During) -> None:
    device = rig.lease()
    waiting = call_in_flight(rig, device, during)
    assert rig.service.release(device) is True
    with pytest.raises(InfrastructureError) as info:
        waiting()
    assert str(info.value) in (
        f"Lease '{device.lease.name}' was released by this run. This ended 'wait' of driver 'probe'.",
        "The link to exporter 'b1' was closed during 'wait' of driver 'probe'. It is not known whether the exporter "
        "carried it out.",
    )
    with pytest.raises(LeaseReleased, match=f"^Lease '{device.lease.name}' was released by this run.$"):
        device.client.probe.count()
    device.close()
    device.close()
