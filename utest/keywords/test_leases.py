"""Keywords about leases: acquired, shared, scoped, extended, transferred, and given back in any case."""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.devices.request import DeviceRequest
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.leasing.device import LeasedDevice
from JumpstarterLibrary.errors import (
    ConfigurationError,
    LeaseError,
    LeaseExpired,
    LeaseInvalid,
    LeaseTimeout,
    LeaseTransferred,
    LeaseUnsatisfiable,
    NoSuchDevice,
    NoSuchLease,
    UsageError,
)
from JumpstarterLibrary.exporter import serve
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.lab import Clock
from JumpstarterLibrary.reporting.hints import ROBOT
from JumpstarterLibrary.types import Mode, Scope

Code = grpc.StatusCode
MINUTE = datetime.timedelta(minutes=1)
SECOND = datetime.timedelta(seconds=1)
Held = Callable[..., None]


def on(run: Any, alias: str | None = None) -> str:
    """Use a device, and return its exporter."""
    device = run.devices.get(alias)
    device.client.power.on()
    name: str = device.link.name
    return name


def again_and_again(function: Callable[[], object]) -> None:
    """Do something until it fails, for 5 seconds at most."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        function()


# Acquire Lease, Release Lease


def test_a_lease_is_acquired_used_and_released(run: Any) -> None:
    lease = run.lease.acquire_lease("number=2", duration=10 * MINUTE, tags={"job": "7"}, context={"why": "nightly"})
    assert (lease.device, lease.exporter, lease.client, lease.status) == ("device", "b2", "tester", "ready")
    assert (lease.selector, lease.labels) == ("number=2", {"board": "b", "number": "2"})
    assert (lease.tags["job"], lease.context["why"]) == ("7", "nightly")
    assert lease.end - lease.begin == 10 * MINUTE
    assert 9 * MINUTE < lease.time_left <= 10 * MINUTE
    assert on(run) == "b2"
    run.lease.release_lease()
    assert run.active() == []
    run.lease.release_lease(device="device")
    run.lease.release_lease()


def test_the_same_request_shares_a_lease_until_all_have_let_go(run: Any) -> None:
    first = run.lease.acquire_lease("board=b")
    second = run.lease.acquire_lease("board=b")
    assert second.name == first.name
    run.lease.release_lease()
    assert on(run) == first.exporter
    run.lease.release_lease()
    assert run.active() == []


def test_another_alias_is_another_lease(run: Any) -> None:
    first = run.lease.acquire_lease("board=b", alias="one")
    second = run.lease.acquire_lease("board=b", alias="two")
    assert {first.exporter, second.exporter} == {"b1", "b2"}
    assert on(run) == second.exporter
    assert on(run, "one") == first.exporter


def test_an_alias_of_something_else_is_taken(run: Any) -> None:
    run.lease.acquire_lease("number=1", alias="one")
    with pytest.raises(ConfigurationError) as info:
        run.lease.acquire_lease("number=2", alias="one")
    assert str(info.value) == ("There is a device 'one' already. Disconnect it first, or choose another alias.")
    assert len(run.active()) == 1


def test_a_lease_that_is_over_is_replaced_under_its_alias(run: Any, eventually: Any) -> None:
    first = run.lease.acquire_lease("board=b")
    run.lab.controller.expire(first.name)
    with pytest.raises(LeaseExpired):
        again_and_again(lambda: on(run))
    second = run.lease.acquire_lease("board=b")
    assert second.name != first.name
    assert second.device == "device"
    assert list(run.devices.all()) == ["device"]
    assert on(run)


def test_the_owners_of_a_lease_that_is_over_own_the_next_one(run: Any) -> None:
    first = run.lease.acquire_lease("board=b", scope=Scope.run)
    run.lab.controller.expire(first.name)
    with pytest.raises(LeaseExpired):
        again_and_again(lambda: on(run))
    run.devices.owner = "inner"
    run.lease.acquire_lease("board=b", scope=Scope.suite)
    run.devices.close_owned("inner")
    assert list(run.devices.all()) == ["device"]
    assert on(run)


def test_what_was_never_there_cannot_be_released(run: Any) -> None:
    with pytest.raises(NoSuchDevice, match=r"^No device 'bord' is connected\. Connected devices: none\.$"):
        run.lease.release_lease(device="bord")


def test_a_default_request_is_leased_when_a_device_is_needed(runs: Any) -> None:
    run = runs(default=DeviceRequest(request=LeaseRequest(exporter="b2")))
    run.devices.owner = "s1"
    assert on(run) == "b2"
    run.devices.close_owned("s1")
    assert len(run.active()) == 1
    assert run.lease.acquire_lease().exporter == "b2"
    assert len(run.active()) == 1
    run.devices.close_all()
    assert run.active() == []


def test_nothing_to_ask_for_is_told(run: Any) -> None:
    with pytest.raises(ConfigurationError) as info:
        run.lease.acquire_lease()
    info.value.phrase_hints(ROBOT)
    assert str(info.value) == (
        "A lease needs a selector or the name of an exporter. Give selector= or exporter=, here or at the library's "
        "import."
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"duration": 0 * MINUTE}, "duration= has to be longer than nothing and at most 365 days, not 0 milliseconds."),
        (
            {"duration": 2 * MINUTE, "max_duration": MINUTE},
            "max_duration= (60 seconds) is shorter than duration= (2 minutes). Give a longer one, or leave it out.",
        ),
        ({"tags": {f"t{n}": "x" for n in range(11)}}, "A lease can have 10 tags, not 11."),
        (
            {"tags": {"job": "a b"}},
            "The tag job=a b is not possible: a value has up to 63 letters, digits, '-', '_' and '.', with a letter or "
            "digit at both ends. Try 'a-b'.",
        ),
    ],
)
def test_what_cannot_be_asked_for_is_told_before_anybody_is_asked(
    run: Any, arguments: dict[str, Any], text: str
) -> None:
    with pytest.raises(UsageError) as info:
        run.lease.acquire_lease("board=b", **arguments)
    assert str(info.value) == text
    assert run.lab.leases() == []


def test_what_is_not_had_leaves_nothing(run: Any, held: Held, frozen_clock: MovableClock) -> None:
    held("b1")
    with (
        frozen_clock.skipping_pauses(run.decided),
        pytest.raises(LeaseTimeout, match=r"^No exporter for selector 'number=1' became free within 20 seconds: "),
    ):
        run.lease.acquire_lease("number=1", timeout=20 * SECOND)
    with (
        frozen_clock.skipping_pauses(run.decided),
        pytest.raises(LeaseUnsatisfiable, match=r"^No exporter fits selector 'number=7': "),
    ):
        run.lease.acquire_lease("number=7")
    assert run.active() == ["held-b1"]
    assert run.devices.all() == {}


def test_tags_and_context_of_the_ci_system_are_added_but_do_not_push_out_ours(runs: Any) -> None:
    environ = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "us/firmware",
        "GITHUB_RUN_ID": "42",
        "GITHUB_JOB": "boot",
    }
    run = runs(environ=environ)
    own = {f"t{number}": "x" for number in range(9)}
    lease = run.lease.acquire_lease("board=b", tags=own)
    assert set(own) < set(lease.tags)
    assert len(lease.tags) == 10


# Scopes


@pytest.mark.parametrize(
    ("scope", "kept"),
    [
        (Scope.test, {"test": False}),
        (Scope.suite, {"test": True, "suite": False}),
        (Scope.run, {"test": True, "suite": True}),
    ],
)
def test_a_lease_ends_with_its_scope(run: Any, scope: Scope, kept: dict[str, bool]) -> None:
    run.devices.owner, run.devices.test = "s1-s1", "s1-s1-t1"
    lease = run.lease.acquire_lease("board=b", scope=scope)
    run.devices.close_owned("s1-s1-t1")
    assert (lease.name in run.active()) is kept["test"]
    if "suite" in kept:
        run.devices.close_owned("s1-s1")
        assert (lease.name in run.active()) is kept["suite"]


def test_a_shared_lease_is_kept_as_long_as_the_widest_scope(run: Any) -> None:
    run.devices.owner, run.devices.test = "s1", "s1-t1"
    name = run.lease.acquire_lease("board=b", scope=Scope.test).name
    run.lease.acquire_lease("board=b", scope=Scope.suite)
    run.devices.close_owned("s1-t1")
    assert run.active() == [name]
    run.lease.acquire_lease("board=b", scope=Scope.run)
    run.devices.close_owned("s1")
    assert run.active() == [name]


def test_trouble_at_the_end_of_a_scope_keeps_nobody_else(run: Any) -> None:
    run.devices.owner = "s1"
    one = run.lease.acquire_lease("number=1", alias="one", scope=Scope.suite)
    run.lease.acquire_lease("number=2", alias="two", scope=Scope.suite)
    fault = run.lab.controller.faults.add(
        "DeleteLease", caller="tester", code=Code.UNAUTHENTICATED, details="invalid jwt token", times=1
    )
    run.devices.close_owned("s1")
    assert fault.hits == 1
    assert run.active() == [one.name]
    assert next(text for text in run.notices if "could not be released" in text).endswith(
        f"Free it with: jmp delete leases {one.name}"
    )
    run.lab.controller.release(one.name)
    from JumpstarterLibrary.client.leasing import exit_cleanup

    exit_cleanup.release_all()


# Shell, JMP_LEASE, virtual


def test_inside_a_shell_its_exporter_is_used_and_nothing_is_leased(runs: Any) -> None:
    with serve(MockPower()) as exporter:
        run = runs(environ={"JUMPSTARTER_HOST": exporter.host, "JMP_EXPORTER": "b7", "JMP_EXPORTER_LABELS": "a=b,c=d"})
        lease = run.lease.acquire_lease("number=1")
        assert (lease.exporter, lease.labels, lease.status) == ("b7", {"a": "b", "c": "d"}, "unknown")
        assert run.devices.mode("device") is Mode.shell
        with pytest.raises(ConfigurationError) as info:
            run.lease.acquire_lease("number=2")
        assert str(info.value) == (
            "This run is inside a shell, whose only device is in use already. Unset JUMPSTARTER_HOST, or use "
            "mode=lease, to lease another one."
        )
        with pytest.raises(
            LeaseError, match=r"^Device 'device' was not leased by this run \(mode shell\), so it has no "
        ):
            run.time.extend_lease()
        assert run.lab.leases() == []
        run.devices.close_all()


def test_the_lease_of_the_environment_is_used_and_never_released(runs: Any) -> None:
    run = runs(environ={"JMP_LEASE": "theirs"})
    outside = run.leases.service(Mode.lease).controller
    outside.create_lease(LeaseRequest(selector="number=2"), "theirs", 5)
    while not outside.lease("theirs").exporter:
        pass
    lease = run.lease.acquire_lease("number=1")
    assert (lease.name, lease.exporter) == ("theirs", "b2")
    with pytest.raises(ConfigurationError) as info:
        run.lease.acquire_lease("number=2", alias="two")
    assert str(info.value) == (
        "JMP_LEASE names one lease, 'theirs', which device 'device' uses already. Unset JMP_LEASE to lease another "
        "device."
    )
    run.lease.release_lease()
    assert run.active() == ["theirs"]
    run.lab.controller.release("theirs")


def test_a_virtual_lab_works_like_a_real_one(runs: Any) -> None:
    run = runs(default=DeviceRequest(Mode.virtual))
    lease = run.lease.acquire_lease("number=2")
    assert (lease.exporter, on(run)) == ("b2", "b2")
    assert run.devices.mode("device") is Mode.virtual
    assert len(run.exporters.get_exporters()) == 2


# Get Lease, Transfer Lease


def test_any_lease_can_be_looked_at(run: Any, held: Held) -> None:
    held("b1")
    lease = run.lease.get_lease(name="held-b1")
    assert (lease.client, lease.exporter, lease.status, lease.device) == ("other", "b1", "ready", "")
    with pytest.raises(NoSuchLease, match=r" knows nothing of lease 'nothing'\. Check its name; "):
        run.lease.get_lease(name="nothing")
    run.lease.acquire_lease("number=2")
    assert run.lease.get_lease().exporter == "b2"


def test_a_transferred_lease_is_disconnected_and_not_released(run: Any) -> None:
    lease = run.lease.acquire_lease("board=b")
    with pytest.raises(LeaseInvalid, match=r"there is no such client\. Check its name\.$"):
        run.lease.transfer_lease("nobody")
    assert on(run)
    device = run.devices.get()
    run.lease.transfer_lease("other")
    assert run.devices.all() == {}
    assert run.active() == [lease.name]
    with pytest.raises(LeaseTransferred, match=rf"^Lease '{lease.name}' was transferred to client 'other'\.$"):
        device.client.power.on()
    run.lab.controller.release(lease.name)


# Lease time


def test_lease_time_is_told_required_and_extended(runs: Any) -> None:
    run = runs(clock=Clock(scale=1))
    run.lease.acquire_lease("board=b", duration=10 * MINUTE)
    assert 9 * MINUTE < run.time.get_lease_time_left() <= 10 * MINUTE
    run.time.lease_should_have_time_left(9 * MINUTE)
    with pytest.raises(
        LeaseError,
        match=r"^The lease of device 'device' lasts only (10 minutes|59\d(\.\d)? seconds) from now on, and 15 minutes "
        r"are needed\. Extend it with `Extend Lease`, or acquire a longer one\.$",
    ):
        run.time.lease_should_have_time_left()
    assert 39 * MINUTE < run.time.extend_lease(30 * MINUTE) <= 40 * MINUTE
    run.time.lease_should_have_time_left()


def test_a_lease_that_extends_itself_counts_with_its_limit(runs: Any) -> None:
    run = runs(clock=Clock(scale=1))
    run.lease.acquire_lease("board=b", duration=MINUTE, max_duration=60 * MINUTE)
    run.time.lease_should_have_time_left(50 * MINUTE)
    with pytest.raises(
        LeaseError, match=r"^The lease of device 'device' lasts only 3\d+(\.\d)? seconds from now on, and "
    ):
        run.time.lease_should_have_time_left(61 * MINUTE)


def test_nothing_is_left_of_a_lease_that_is_over(run: Any) -> None:
    lease = run.lease.acquire_lease("board=b")
    run.lab.controller.expire(lease.name)
    with pytest.raises(LeaseExpired, match=rf"^Lease '{lease.name}' of exporter 'b1' has expired at "):
        again_and_again(run.time.get_lease_time_left)


# Acquire Devices


def test_several_devices_are_had_together(run: Any) -> None:
    leases = run.lease.acquire_devices(phone="number=2", headunit="board=b")
    assert [(lease.device, lease.exporter) for lease in leases] == [("phone", "b2"), ("headunit", "b1")]
    assert (on(run, "phone"), on(run, "headunit")) == ("b2", "b1")
    run.devices.close_all()
    assert run.active() == []


@pytest.mark.parametrize(("exporter", "missing"), [("b1", "one"), ("b2", "two")])
def test_if_one_is_missing_none_is_kept(
    run: Any, held: Held, frozen_clock: MovableClock, exporter: str, missing: str
) -> None:
    held(exporter)
    with frozen_clock.skipping_pauses(run.decided), pytest.raises(LeaseTimeout) as info:
        run.lease.acquire_devices(timeout=30 * SECOND, one="number=1", two="number=2")
    assert frozen_clock.seconds() >= 30
    assert str(info.value).startswith(
        f"The devices one, two did not become free together within 30 seconds. The last one missing was '{missing}': "
        f"No exporter for selector 'number={exporter[1]}' became free within "
    )
    assert run.active() == [f"held-{exporter}"]
    assert run.devices.all() == {}


def test_if_one_cannot_be_had_at_all_that_is_told_at_once(run: Any, frozen_clock: MovableClock) -> None:
    with (
        frozen_clock.skipping_pauses(run.decided),
        pytest.raises(LeaseUnsatisfiable, match=r"^No exporter fits selector 'number=7': "),
    ):
        run.lease.acquire_devices(one="number=1", two="number=7")
    assert frozen_clock.seconds() < 1
    assert run.active() == []
    with pytest.raises(UsageError, match=r"^There is nothing to acquire\. Give devices as alias=selector\.$"):
        run.lease.acquire_devices()


def test_an_interruption_gives_all_of_them_back(run: Any, held: Held) -> None:
    held("b2")
    target = threading.main_thread()

    def tick() -> None:
        assert threading.current_thread() is target
        if run.active() != ["held-b2"]:
            raise KeyboardInterrupt

    run.tick = tick
    with pytest.raises(KeyboardInterrupt):
        run.lease.acquire_devices(one="number=1", two="number=2")
    assert run.active() == ["held-b2"]


def test_the_current_device_follows(run: Any) -> None:
    run.lease.acquire_devices(one="number=1", two="number=2")
    assert isinstance(run.devices.get("one"), LeasedDevice)
    current = run.devices.alias()
    run.lease.release_lease(device=current)
    assert run.devices.alias() == {"one": "two", "two": "one"}[current]
