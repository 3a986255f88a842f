"""Leased devices for whoever runs tests: one controller, many devices, and nothing left at the end."""

from __future__ import annotations

import datetime
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client import Timing
from JumpstarterLibrary.client.leasing import device as device_module
from JumpstarterLibrary.client.leasing import dial, last_resort
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.leasing.service import LeaseService
from JumpstarterLibrary.client.link import ExporterState, Link
from JumpstarterLibrary.client.settings import ClientSettings
from JumpstarterLibrary.errors import (
    ConfigurationError,
    InfrastructureError,
    LeaseReleased,
    LeaseTimeout,
    LeaseUnsatisfiable,
)
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1
from JumpstarterLibrary.exporter.session import Features
from JumpstarterLibrary.lab import Clock
from JumpstarterLibrary.lab.features import ControllerFeatures

Code = grpc.StatusCode
During = Callable[[Callable[[], object]], Callable[[], Any]]
Eventually = Callable[[Callable[[], object]], None]
HOUR = datetime.timedelta(hours=1)


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> Any:
    """No lease of a test is left for the exit of the interpreter."""
    yield
    assert last_resort._held == {}


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


def test_the_whole_time_counts_for_the_connection_too(rig: Any, during: During) -> None:
    rig.lab.router.behaviour.never_pair = True
    begin = time.monotonic()
    with pytest.raises(InfrastructureError):
        rig.lease(timeout=0.6)
    assert time.monotonic() - begin < 2
    assert rig.active() == []


def test_the_configuration_says_how_long(rig: Any) -> None:
    rig.only_lease(client="other")
    service = rig.service_of(rig.settings_of("tester", acquisition_timeout=0.2))
    with pytest.raises(
        LeaseTimeout, match=r"^No exporter for selector 'board=b' became free within 200 milliseconds: "
    ):
        service.lease(LeaseRequest(selector="board=b"))


# Alternatives


def test_the_first_alternative_that_is_free_is_taken(rigs: Any) -> None:
    rig = rigs(2)
    rig.only_lease(client="other", selector="number=1")
    device = rig.lease("number=1 | number=2", name="mine")
    assert device.link.name == "b2"
    assert rig.lab.controller.lease("mine").selector is not None
    assert str(rig.lab.controller.lease("mine").selector) == "number=2"


def test_of_busy_alternatives_the_first_that_anything_fits_is_waited_for(rigs: Any, during: During) -> None:
    rig = rigs(2)
    held = [rig.only_lease(f"held-{number}", client="other", selector=f"number={number}") for number in (1, 2)]
    join = during(lambda: rig.lease("board=x | number=1 | number=2", name="mine"))
    threading.Event().wait(0.2)
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
    rig.fault("Dial", delay=3 * rig.lab.clock.scale)
    alarm(0.3)
    begin = time.monotonic()
    with pytest.raises(alarm.Interruption):
        rig.lease()
    assert time.monotonic() - begin < 2
    assert rig.active() == []


def test_an_interruption_between_dials_leaves_no_lease(rig: Any, alarm: Any) -> None:
    rig.fault("Dial", code=Code.UNAVAILABLE, details="exporter is not listening on lease x")
    alarm(0.4)
    with pytest.raises(alarm.Interruption):
        rig.lease()
    assert rig.active() == []


def test_an_interruption_while_connecting_leaves_no_lease(rig: Any, alarm: Any) -> None:
    rig.lab.router.behaviour.never_pair = True
    alarm(0.4)
    begin = time.monotonic()
    with pytest.raises(alarm.Interruption):
        rig.lease()
    assert time.monotonic() - begin < 2
    assert rig.active() == []


def test_an_interruption_while_a_hook_runs_leaves_no_lease(
    rigs: Any, boards_of: Any, alarm: Any, eventually: Eventually
) -> None:
    hook = HookInstanceConfigV1Alpha1(script="sleep 1", timeout=10)
    rig = rigs(exporters=boards_of(before_lease=hook))
    alarm(0.5)
    with pytest.raises(alarm.Interruption):
        rig.lease()
    assert rig.active() == []


STORM = """
import random, signal, sys, time
from JumpstarterLibrary.client.leasing import LeaseRequest, LeaseService, last_resort
from JumpstarterLibrary.client.settings import find_settings

class Interruption(BaseException):
    pass

def interrupt(number, frame):
    raise Interruption

random.seed(int(sys.argv[1]))
service = LeaseService(find_settings)
service.controller  # what is imported for it is not to be interrupted
longest, caught = 0.0, 0
for _ in range(40):
    begin = time.monotonic()
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
    longest = max(longest, time.monotonic() - begin)
    # What was caught between two steps is for the exit of the interpreter.
    last_resort.release_all()
print(caught > 10, longest < 4, flush=True)
"""


def test_interruptions_at_any_moment_leave_no_lease(rig: Any, tmp_path: Path) -> None:
    # In a process of its own: what is caught in the middle of gRPC leaves a thread of gRPC's behind.
    seed = random.randrange(10_000)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("JMP_", "JUMPSTARTER_"))}
    done = subprocess.run(
        [sys.executable, "-c", STORM, str(seed)],
        env={**environ, **rig.lab.environment(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "True True\n"), f"seed {seed}: {done.stderr}"
    assert rig.active() == []


def test_who_is_interrupted_while_releasing_has_released(rig: Any, alarm: Any) -> None:
    device = rig.lease()
    rig.fault("DeleteLease", delay=0.3 * rig.lab.clock.scale, times=1)
    alarm(0.1)
    with pytest.raises(alarm.Interruption):
        rig.service.release(device)
    assert rig.active() == []
    assert rig.service.release(device) is True


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
    alarm(0.3)
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


def test_a_hook_after_the_lease_is_told_of(rigs: Any, boards_of: Any) -> None:
    hook = HookInstanceConfigV1Alpha1(script="echo cleaning; sleep 0.3", timeout=10)
    rig = rigs(exporters=boards_of(after_lease=hook))
    device = rig.lease()
    assert rig.service.release(device) is True
    assert rig.notices == ["Exporter 'b1' runs its hook after the lease."]


def test_an_exporter_that_releases_the_lease_of_a_finished_session_first_is_nothing_to_tell(
    rigs: Any, boards_of: Any, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial, "WATCH_S", 0.1)
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
    assert rig.service.release(device) is True
    assert [text for text in rig.notices if "released" in text] == []
    with pytest.raises(LeaseReleased, match=r" was released by this run\.$"):
        device.client.probe.count()


def test_a_hook_that_takes_long_is_not_waited_for_longer_than_wanted(rigs: Any, boards_of: Any) -> None:
    hook = HookInstanceConfigV1Alpha1(script="sleep 1", timeout=10)
    rig = rigs(exporters=boards_of(after_lease=hook))
    device = rig.lease()
    begin = time.monotonic()
    assert rig.service.release(device, 0.4) is True
    assert time.monotonic() - begin < 0.9
    assert rig.notices == [
        "Exporter 'b1' runs its hook after the lease.",
        "The hook after the lease of exporter 'b1' still runs after 400 milliseconds.",
    ]


def test_a_hook_after_the_lease_that_fails_is_told_with_its_lines(rigs: Any, boards_of: Any) -> None:
    hook = HookInstanceConfigV1Alpha1(script="echo no cable; exit 3", timeout=10, on_failure="warn")
    # The exporter says so for a second only.
    rig = rigs(exporters=boards_of(after_lease=hook), clock=Clock(scale=2))
    device = rig.lease()
    assert rig.service.release(device) is True
    assert [text for text in rig.notices if "failed" in text] == [
        "The hook after the lease of exporter 'b1' failed: The afterLease hook failed with exit status 3. Its last "
        "lines were:\n  no cable\n  The afterLease hook failed with exit status 3 (onFailure: warn)."
    ]


def test_a_hook_before_the_lease_that_failed_is_not_taken_for_one_after_it(
    rigs: Any, boards_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_module, "GOODBYE_S", 0.5)
    before = HookInstanceConfigV1Alpha1(script="exit 3", timeout=10, on_failure="warn")
    after = HookInstanceConfigV1Alpha1(script="sleep 0.2", timeout=10)
    rig = rigs(exporters=boards_of(before_lease=before, after_lease=after))
    device = rig.lease()
    rig.notices.clear()
    assert rig.service.release(device) is True
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
