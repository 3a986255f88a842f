"""Leased devices for whoever runs tests: one controller, many devices, and nothing left at the end."""

from __future__ import annotations

import datetime
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client import Timing
from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.leasing import exit_cleanup
from JumpstarterLibrary.client.leasing.acquire import FIRST_CONTACT_S, LAST_PAUSE_S, NEXT_CONTACT_S, acquire
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.leasing.service import LeaseService
from JumpstarterLibrary.client.link import ExporterState, Link
from JumpstarterLibrary.client.settings import ClientSettings
from JumpstarterLibrary.errors import (
    ConfigurationError,
    ControllerUnreachable,
    InfrastructureError,
    LeaseReleased,
    LeaseTimeout,
    LeaseUnsatisfiable,
    OperationTimeout,
)
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1
from JumpstarterLibrary.exporter.session import Features
from JumpstarterLibrary.lab.features import ControllerFeatures
from JumpstarterLibrary.lab.router import WAITING

Code = grpc.StatusCode
During = Callable[[Callable[[], object]], Callable[[], Any]]
Eventually = Callable[[Callable[[], object]], None]
HOUR = datetime.timedelta(hours=1)


class Gate:
    """What hooks wait for, until it is opened."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def hook(self) -> HookInstanceConfigV1Alpha1:
        script = f"until test -e {self._path}; do sleep 0.02; done"
        return HookInstanceConfigV1Alpha1(script=script, timeout=60)

    def open(self) -> None:
        self._path.touch()


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    found = Gate(tmp_path / "gate")
    yield found
    found.open()


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> Any:
    """No lease of a test is left for the exit of the interpreter."""
    yield
    assert exit_cleanup.registered() == []


def test_nothing_is_asked_before_it_is_needed() -> None:
    asked: list[int] = []

    def find() -> ClientSettings:
        asked.append(1)
        raise ConfigurationError("There is no client.")

    service = LeaseService(find)
    service.close()
    assert asked == []
    with pytest.raises(ConfigurationError, match=r"^There is no client\.$"):
        service.lease(LeaseRequest(selector="board=b"))
    service.close()


def test_a_lease_from_begin_to_end(rig: Any) -> None:
    device = rig.lease()
    assert device.client.probe.count() == 1
    assert device.lease.ours is True
    assert rig.service.release(device) is True
    assert rig.service.release(device) is True
    assert rig.active() == []
    assert rig.codes("DeleteLease") == ["OK"]
    rig.service.close()
    rig.service.close()


def test_many_devices_share_one_controller(rigs: Any, during: During) -> None:
    rig = rigs(6)
    devices = [join() for join in [during(lambda: rig.lease(timeout=20)) for _ in range(6)]]
    assert {device.link.name for device in devices} == {f"b{number}" for number in range(1, 7)}
    assert all(join() >= 1 for join in [during(device.client.probe.count) for device in devices])
    assert all(join() for join in [during(lambda one=device: rig.service.release(one)) for device in devices])
    assert rig.active() == []


def test_the_whole_time_counts_for_the_connection_too(
    rig: Any, during: During, eventually: Eventually, clock: MovableClock
) -> None:
    rig.lab.router.behaviour.never_pair = True
    join = during(lambda: rig.lease(timeout=60))
    eventually(lambda: rig.lab.journal.open.get(WAITING) == 2)
    clock.advance(60)
    with pytest.raises(OperationTimeout, match="did not answer within 60 seconds"):
        join()
    assert rig.active() == []


def test_the_configuration_says_how_long(rig: Any, frozen_clock: MovableClock) -> None:
    rig.only_lease(client="other")
    service = rig.service_of(rig.settings_of("tester", acquisition_timeout=20))
    with (
        frozen_clock.skipping_pauses(rig.decided),
        pytest.raises(LeaseTimeout, match=r"^No exporter for selector 'board=b' became free within 20 seconds: "),
    ):
        service.lease(LeaseRequest(selector="board=b"))


def test_a_controller_that_was_away_is_not_waited_for_again(rig: Any, frozen_clock: MovableClock) -> None:
    service = rig.service_of(rig.settings_of("tester", endpoint="127.0.0.1:1"))
    passed = []
    for _ in range(2):
        begin = frozen_clock.seconds()
        with frozen_clock.skipping_pauses(), pytest.raises(ControllerUnreachable):
            service.lease(LeaseRequest(selector="board=b"), 60)
        passed.append(frozen_clock.seconds() - begin)
    assert FIRST_CONTACT_S < passed[0] <= FIRST_CONTACT_S + LAST_PAUSE_S
    assert NEXT_CONTACT_S < passed[1] <= NEXT_CONTACT_S + LAST_PAUSE_S


# Alternatives


def test_the_first_alternative_that_is_free_is_taken(rigs: Any) -> None:
    rig = rigs(2)
    rig.only_lease(client="other", selector="number=1")
    device = rig.lease("number=1 | number=2", name="mine")
    assert device.link.name == "b2"
    assert rig.lab.controller.lease("mine").selector is not None
    assert str(rig.lab.controller.lease("mine").selector) == "number=2"


def test_of_busy_alternatives_the_first_that_anything_fits_is_waited_for(
    rigs: Any, during: During, eventually: Eventually
) -> None:
    rig = rigs(2)
    held = [rig.only_lease(f"held-{number}", client="other", selector=f"number={number}") for number in (1, 2)]
    join = during(lambda: rig.lease("board=x | number=1 | number=2", name="mine"))
    eventually(lambda: rig.notices)
    held[0].release()
    assert join().link.name == "b1"


def test_alternatives_that_nothing_fits_are_told_with_the_nearest(rig: Any) -> None:
    with pytest.raises(LeaseUnsatisfiable) as info:
        rig.lease("board=x | number=7")
    assert str(info.value) == (
        "No exporter fits any of the alternatives of selector 'board=x | number=7': no exporter has board=x; 1 has "
        "board=b; no exporter has number=7; 1 has number=1. Correct one."
    )
    assert rig.codes("CreateLease") == []


def test_a_selector_that_is_none_is_told_before_anything_is_asked(rig: Any) -> None:
    for selector in ("board==b", "=b", "board=b |", "board in"):
        with pytest.raises(ConfigurationError):
            rig.lease(selector)
    assert rig.codes("CreateLease") == []


def test_exporters_of_alternatives_are_listed_once(rigs: Any) -> None:
    rig = rigs(3)
    found = rig.service.exporters("number=2 | board=b")
    assert [one.exporter.name for one in found] == ["b2", "b1", "b3"]
    assert [one.exporter.name for one in rig.service.exporters()] == ["b1", "b2", "b3"]


# Trouble on the way, and interruptions


def test_a_connection_that_fails_gives_the_lease_back(rig: Any) -> None:
    rig.fault("Dial", code=Code.UNKNOWN, details="no router available")
    with pytest.raises(InfrastructureError) as info:
        rig.lease(name="mine")
    assert str(info.value) == (f"The controller {rig.lab.endpoint} refused a way to lease 'mine': no router available.")
    assert rig.active() == []


def test_an_interruption_while_dialling_leaves_no_lease(rig: Any, alarm: Any) -> None:
    fault = rig.hold("Dial")
    alarm.when(lambda: fault.hits)
    with pytest.raises(alarm.Interruption):
        rig.lease()
    assert rig.active() == []


def test_an_interruption_between_dials_leaves_no_lease(rig: Any, alarm: Any) -> None:
    fault = rig.fault("Dial", code=Code.UNAVAILABLE, details="exporter is not listening on lease x")
    alarm.when(lambda: fault.hits > 2)
    with pytest.raises(alarm.Interruption):
        rig.lease()
    assert rig.active() == []


def test_an_interruption_while_connecting_leaves_no_lease(rig: Any, alarm: Any) -> None:
    rig.lab.router.behaviour.never_pair = True
    alarm.when(rig.lab.router.waiting)
    with pytest.raises(alarm.Interruption):
        rig.lease()
    assert rig.active() == []


def test_an_interruption_while_a_hook_runs_leaves_no_lease(rigs: Any, boards_of: Any, alarm: Any, gate: Gate) -> None:
    rig = rigs(exporters=boards_of(before_lease=gate.hook()))
    alarm.when(lambda: rig.notices)
    with pytest.raises(alarm.Interruption):
        rig.lease()
    assert rig.active() == []


STORM = """
import random, signal, sys
from JumpstarterLibrary.client.leasing import LeaseRequest, LeaseService, exit_cleanup
from JumpstarterLibrary.client.settings import find_settings

class Interruption(BaseException):
    pass

def interrupt(number, frame):
    raise Interruption

random.seed(int(sys.argv[1]))
service = LeaseService(find_settings)
service.controller  # what is imported for it is not to be interrupted
caught = 0
for _ in range(40):
    try:
        signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.001, 0.04))
        device = service.lease(LeaseRequest(selector="board=b"), 10)
        device.client.probe.call("count", timeout=5)
        service.release(device)
    except Interruption:
        caught += 1
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
    # What was caught between two steps is for the exit of the interpreter.
    exit_cleanup.release_all()
print(caught > 10, flush=True)
"""


def test_interruptions_at_any_moment_leave_no_lease(rig: Any, tmp_path: Path) -> None:
    # Forty leases take two seconds, in a process of their own: what is caught in the middle of gRPC leaves a thread of
    # gRPC's behind.
    seed = random.randrange(10_000)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("JMP_", "JUMPSTARTER_"))}
    done = subprocess.run(
        [sys.executable, "-c", STORM, str(seed)],
        env={**environ, **rig.lab.environment(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), f"seed {seed}: {done.stderr}"
    assert rig.active() == []


def test_who_is_interrupted_while_releasing_has_released(
    rig: Any, alarm: Any, during: During, eventually: Eventually
) -> None:
    device = rig.lease()
    fault = rig.hold("DeleteLease", times=1)
    alarm.when(lambda: fault.hits)
    answered = during(lambda: eventually(lambda: alarm.count) or fault.clear())
    with pytest.raises(alarm.Interruption):
        rig.service.release(device)
    answered()
    assert rig.active() == []
    assert rig.service.release(device) is True


def test_closing_releases_a_lease_whose_request_was_interrupted_at_its_very_end(
    rig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any, **options: Any) -> None:
        acquire(*arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr("JumpstarterLibrary.client.leasing.service.acquire", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rig.lease()
    assert len(rig.active()) == 1
    rig.service.close()
    assert rig.active() == []


# Attaching


def test_attaching_never_releases(rig: Any) -> None:
    own = rig.only_lease()
    device = rig.service.attach(own.name, events=rig.events)
    assert device.client.probe.count() == 1
    assert rig.service.release(device) is True
    assert rig.active() == [own.name]
    assert rig.codes("DeleteLease") == []
    # Nor is the exporter told that its session is over.
    again = rig.service.attach(own.name, events=rig.events)
    assert again.status().status == "LEASE_READY"
    rig.service.close()
    assert rig.active() == [own.name]
    again.close()


def test_a_leased_device_has_the_timing_that_was_given(rig: Any) -> None:
    timing = Timing(boot_timeout=9.0)
    device = rig.service.lease(LeaseRequest(selector="board=b"), 10, timing=timing)
    assert device.timing == timing
    rig.service.release(device)
    with rig.service.attach(rig.only_lease().name, timing=timing) as attached:
        assert attached.timing == timing


def test_an_interrupted_attachment_never_releases(rig: Any, alarm: Any) -> None:
    own = rig.only_lease()
    rig.lab.router.behaviour.never_pair = True
    alarm.when(rig.lab.router.waiting)
    with pytest.raises(alarm.Interruption):
        rig.service.attach(own.name)
    assert rig.active() == [own.name]


# The end


def test_closing_the_service_releases_what_is_held(rig: Any) -> None:
    device = rig.lease()
    rig.service.close()
    assert rig.active() == []
    with pytest.raises(LeaseReleased, match=r" was released by this run\.$"):
        device.client.probe.count()
    device.close()


def test_closing_beside_a_call_in_flight_ends_it(rig: Any, during: During) -> None:
    device = rig.lease()
    waiting = during(lambda: device.client.probe.call("wait"))
    assert rig.probe.started.wait(5)
    rig.service.close()
    with pytest.raises(LeaseReleased):
        waiting()
    device.close()


def test_a_hook_after_the_lease_is_told_of(
    rigs: Any, boards_of: Any, gate: Gate, during: During, eventually: Eventually
) -> None:
    rig = rigs(exporters=boards_of(after_lease=gate.hook()))
    # The exporter shows each status for a second only, before it releases the lease.
    rig.hold("ReleaseLease", caller="b1")
    device = rig.lease()
    join = during(lambda: rig.service.release(device, 60))
    eventually(lambda: rig.notices)
    gate.open()
    assert join() is True
    assert rig.notices == ["Exporter 'b1' runs its hook after the lease."]


def test_an_exporter_that_releases_the_lease_of_a_finished_session_first_is_nothing_to_tell(
    rigs: Any, boards_of: Any, during: During, eventually: Eventually, pass_until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = HookInstanceConfigV1Alpha1(script="true", timeout=10)
    rig = rigs(exporters=boards_of(after_lease=hook))
    device = rig.lease()
    end_session, get_status = Link.end_session, Link.get_status

    def late(self: Link, *args: Any) -> ExporterState:
        eventually(lambda: rig.active() == [])
        eventually(lambda: rig.lab.exporters["b1"].session is None)
        return get_status(self, *args)

    def end(self: Link, *args: Any) -> bool:
        monkeypatch.setattr(Link, "get_status", late)
        return end_session(self, *args)

    monkeypatch.setattr(Link, "end_session", end)
    join = during(lambda: rig.service.release(device))
    eventually(lambda: rig.active() == [])
    # The lease is looked at while the controller holds the answer to the next Dial back.
    pass_until(lambda: join.over)
    assert join() is True
    assert [text for text in rig.notices if "released" in text] == []
    with pytest.raises(LeaseReleased, match=r" was released by this run\.$"):
        device.client.probe.count()


def test_a_hook_that_takes_long_is_not_waited_for_longer_than_wanted(
    rigs: Any, boards_of: Any, gate: Gate, during: During, eventually: Eventually, clock: MovableClock
) -> None:
    rig = rigs(exporters=boards_of(after_lease=gate.hook()))
    device = rig.lease()
    join = during(lambda: rig.service.release(device, 60))
    eventually(lambda: rig.notices)
    clock.advance(60)
    assert join() is True
    assert rig.notices == [
        "Exporter 'b1' runs its hook after the lease.",
        "The hook after the lease of exporter 'b1' still runs after 60 seconds.",
    ]


def test_a_hook_after_the_lease_that_fails_is_told_with_its_lines(rigs: Any, boards_of: Any) -> None:
    hook = HookInstanceConfigV1Alpha1(script="echo no cable; exit 3", timeout=10, on_failure="warn")
    rig = rigs(exporters=boards_of(after_lease=hook))
    # The exporter says so for a second only, before it releases the lease.
    rig.hold("ReleaseLease", caller="b1")
    device = rig.lease()
    assert rig.service.release(device) is True
    assert [text for text in rig.notices if "failed" in text] == [
        "The hook after the lease of exporter 'b1' failed: The afterLease hook failed with exit status 3. Its last "
        "lines were:\n  no cable\n  The afterLease hook failed with exit status 3 (onFailure: warn)."
    ]


def test_a_hook_before_the_lease_that_failed_is_not_taken_for_one_after_it(
    rigs: Any, boards_of: Any, gate: Gate, during: During, eventually: Eventually
) -> None:
    before = HookInstanceConfigV1Alpha1(script="exit 3", timeout=10, on_failure="warn")
    rig = rigs(exporters=boards_of(before_lease=before, after_lease=gate.hook()))
    # The exporter shows each status for a second only, before it releases the lease.
    rig.hold("ReleaseLease", caller="b1")
    device = rig.lease()
    rig.notices.clear()
    join = during(lambda: rig.service.release(device, 60))
    eventually(lambda: rig.notices)
    gate.open()
    assert join() is True
    assert rig.notices == ["Exporter 'b1' runs its hook after the lease."]


# Old and odd


def test_an_exporter_that_is_too_old_for_its_status_works(rigs: Any, boards_of: Any) -> None:
    features = Features(get_status=False, end_session=False, log_stream=False)
    rig = rigs(exporters=boards_of(features=features))
    device = rig.lease()
    assert device.client.probe.count() == 1
    assert device.status().version is None
    assert rig.service.release(device) is True
    assert rig.notices == []


def test_a_controller_that_is_too_old_for_statuses_works(rigs: Any) -> None:
    rig = rigs(features=ControllerFeatures(service_endpoints=False, report_status=False))
    device = rig.lease()
    assert device.client.probe.count() == 1
    assert rig.service.release(device) is True


def test_a_controller_that_shows_its_certificate_for_the_first_time_works(rigs: Any) -> None:
    rig = rigs(tls="self-signed")
    service = rig.service_of(rig.settings_of("tester", ca=None, insecure=True))
    device = service.lease(LeaseRequest(selector="board=b"), 10)
    assert device.client.probe.count() == 1
    assert service.release(device) is True
    service.close()
