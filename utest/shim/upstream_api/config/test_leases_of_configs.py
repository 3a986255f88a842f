"""Leases of a client configuration: acquired, used and released, whatever happens meanwhile."""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from pytest_jumpstarter.shell import env
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.config.channel import ControllerChannel, settings_of
from pytest_jumpstarter.upstream_api.config.client import ClientConfigV1Alpha1
from pytest_jumpstarter.upstream_api.config.exceptions import (
    ConnectionError,
    ExporterOfflineError,
    ExporterUnreachableError,
    LeaseError,
)
from pytest_jumpstarter.upstream_api.config.lease import Lease

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.leasing import Lease as CoreLease
from JumpstarterLibrary.errors import (
    DriverError,
    HookFailed,
    LeaseExpired,
    LeaseInvalid,
    LeaseNotOwned,
    LeaseReleased,
    LeaseTimeout,
    LeaseUnsatisfiable,
    NoSuchLease,
    TokenExpired,
    UsageError,
)
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.lab import Clock, LabExporter, VirtualLab

Code = grpc.StatusCode
Active = Callable[[], list[str]]
Eventually = Callable[[Callable[[], object]], None]
HOUR = timedelta(hours=1)


@pytest.fixture
def pauseless(lab: VirtualLab, frozen_clock: MovableClock) -> Iterator[None]:
    """Let time pass only by pauses between two looks at leases that are decided, and at once."""
    with frozen_clock.skipping_pauses(lambda: all(lease.conditions for lease in lab.leases())):
        yield


@contextmanager
def held(config: ClientConfigV1Alpha1, **wanted: Any) -> Iterator[str]:
    """Hold a lease that is there already, for whoever it may concern."""
    lease = config.create_lease(HOUR, **wanted)
    try:
        end = time.monotonic() + 10
        while not config.get_lease(lease.name).exporter:
            assert time.monotonic() < end
        yield lease.name
    finally:
        with suppress(ConnectionError):  # the test may have done it
            config.delete_lease(lease.name)


# The usual


def test_a_lease_is_had_used_and_given_back(config: ClientConfigV1Alpha1, lab: VirtualLab, active: Active) -> None:
    with config.lease(selector="number=2", duration=timedelta(minutes=7)) as lease:
        assert active() == [lease.name]
        assert (lease.exporter_name, lease.exporter_labels) == ("b2", {"board": "b", "number": "2"})
        assert (lease.selector, lease.duration, lease.namespace) == ("number=2", timedelta(minutes=7), "default")
        assert (lease.client_name, lease.release, lease.lease_ended) == ("tester", True, False)
        with lease.connect() as client:
            assert isinstance(client, DriverClient)
            client.power.on()
            client.power.off()
        with lease.connect() as client:
            client.power.on()
    assert active() == []
    (record,) = [one for one in lab.leases() if one.name == lease.name]
    assert (record.conditions[-1].reason, record.duration) == ("Released", timedelta(minutes=7))
    assert (lease.lease_ended, lease.lease_transferred) == (False, False)


def test_an_exporter_by_its_name_with_tags(config: ClientConfigV1Alpha1, lab: VirtualLab) -> None:
    with config.lease(exporter_name="b1", tags={"build": "7"}) as lease:
        assert lease.exporter_name == "b1"
        assert config.get_lease(lease.name).tags == {"build": "7"}


def test_a_context_may_be_entered_by_hand(config: ClientConfigV1Alpha1, active: Active) -> None:
    context = config.lease("board=b")
    lease = context.__enter__()
    assert active() == [lease.name]
    context.__exit__(None, None, None)
    assert active() == []


def test_two_connections_at_once(config: ClientConfigV1Alpha1) -> None:
    with config.lease("board=b") as lease, lease.connect() as first:
        with lease.connect() as second:
            second.power.on()
        first.power.off()


def test_a_socket_for_other_programs(
    config: ClientConfigV1Alpha1, monkeypatch: pytest.MonkeyPatch, board_python: str
) -> None:
    with config.lease("board=b") as lease:
        with lease.serve_unix() as path:
            assert isinstance(path, Path)
            assert path.parent.stat().st_mode & 0o777 == 0o700
            monkeypatch.setenv("JUMPSTARTER_HOST", str(path))
            for _ in range(2):
                with env() as client:
                    client.power.on()
            code = "from pytest_jumpstarter.shell import env\nwith env() as client: client.power.off()"
            subprocess.run([board_python, "-c", code], check=True, timeout=120)
        assert not path.exists()


def test_the_controllers_word(config: ClientConfigV1Alpha1) -> None:
    import asyncio

    with config.lease("board=b") as lease:
        found = asyncio.run(lease.get())
    assert (found.name, found.exporter) == (lease.name, lease.exporter_name)


# Leases that are there already


def test_a_lease_by_its_name_is_used_and_left(config: ClientConfigV1Alpha1, active: Active) -> None:
    with held(config, exporter_name="b1") as name:
        with config.lease(lease_name=name) as lease:
            assert (lease.name, lease.exporter_name, lease.release) == (name, "b1", False)
            with lease.connect() as client:
                client.power.on()
        assert active() == [name]


def test_a_lease_of_the_environment_is_used_and_left(
    config: ClientConfigV1Alpha1, active: Active, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held(config, selector="board=b,number in (2,1)") as name:
        monkeypatch.setenv("JMP_LEASE", name)
        # Another writing of the same.
        with config.lease("number in (1,2), board=b") as lease:
            assert lease.name == name
        assert active() == [name]


def test_a_lease_that_is_to_be_given_back_all_the_same(config: ClientConfigV1Alpha1, active: Active) -> None:
    with held(config, selector="board=b") as name:
        with config.lease(lease_name=name) as lease:
            lease.release = True
        assert active() == []


def test_a_lease_that_is_to_be_kept(config: ClientConfigV1Alpha1, active: Active) -> None:
    with config.lease("board=b") as lease:
        lease.release = False
    assert active() == [lease.name]
    config.delete_lease(lease.name)


def test_a_lease_that_still_waits_is_waited_for(
    config: ClientConfigV1Alpha1,
    other: ClientConfigV1Alpha1,
    lab: VirtualLab,
    active: Active,
    during: Any,
    eventually: Eventually,
) -> None:
    with held(other, exporter_name="b1") as theirs:
        made = config.create_lease(HOUR, exporter_name="b1")
        looks = len(lab.journal.entries(method="GetLease", caller="tester"))
        freeing = during(
            lambda: (
                eventually(lambda: len(lab.journal.entries(method="GetLease", caller="tester")) > looks + 2)
                or other.delete_lease(theirs)
            )
        )
        with config.lease(lease_name=made.name) as lease:
            assert lease.exporter_name == "b1"
        freeing()
    assert active() == [made.name]
    config.delete_lease(made.name)


def test_another_selector_is_another_lease(
    config: ClientConfigV1Alpha1, active: Active, caplog: pytest.LogCaptureFixture
) -> None:
    with held(config, selector="number=1") as name:
        with config.lease("number=2", lease_name=name) as lease:
            assert lease.exporter_name == "b2"
            assert sorted(active()) == sorted([name, lease.name])
            assert lease.release is True
        # Upstream's would be left behind.
        assert active() == [name]
    text = f"Lease {name} was asked for with selector 'number=1', and not with 'number=2'. Another one is acquired "
    assert f"{text}instead." in caplog.messages


def test_a_lease_of_somebody_else(config: ClientConfigV1Alpha1, other: ClientConfigV1Alpha1, active: Active) -> None:
    with held(other, selector="board=b") as name:
        error = refused(config, LeaseError, lease_name=name)
        assert isinstance(error, LeaseNotOwned)
        assert str(error).startswith(f"Lease '{name}' belongs to client 'other', not to 'tester'. ")
        assert active() == [name]


def test_a_lease_that_is_not_there(config: ClientConfigV1Alpha1) -> None:
    error = refused(config, ConnectionError, lease_name="nothing")
    assert isinstance(error, NoSuchLease)
    assert str(error).startswith(f"The controller {config.endpoint} knows nothing of lease 'nothing'. ")


# What keeps a lease from being had


def refused(config: ClientConfigV1Alpha1, kind: type[Exception], **wanted: Any) -> Exception:
    with pytest.raises(kind) as info, config.lease(**wanted):
        pytest.fail("there is no lease")
    return info.value


def test_nothing_fits(config: ClientConfigV1Alpha1, active: Active) -> None:
    error = refused(config, LeaseError, selector="board=c")
    assert isinstance(error, LeaseUnsatisfiable)
    assert not isinstance(error, ConnectionError)
    assert str(error) == (
        "No exporter fits selector 'board=c': no exporter has board=c; 2 have board=b, 1 has board=shelf. Correct the "
        "selector."
    )
    assert active() == []


def test_no_exporter_becomes_free(
    config: ClientConfigV1Alpha1, other: ClientConfigV1Alpha1, active: Active, pauseless: None
) -> None:
    with held(other, exporter_name="b1") as name:
        error = refused(config, LeaseError, exporter_name="b1", acquisition_timeout=timedelta(seconds=20))
        assert isinstance(error, LeaseTimeout)
        assert isinstance(error, TimeoutError)
        assert str(error).startswith(
            "Exporter 'b1' did not become free within 20 seconds: it is leased ('b1' is held by client 'other' "
        )
        assert active() == [name]


def test_the_configurations_own_patience(
    config: ClientConfigV1Alpha1, other: ClientConfigV1Alpha1, pauseless: None
) -> None:
    config.leases.acquisition_timeout = 20
    with held(other, exporter_name="b1"):
        error = refused(config, LeaseTimeout, exporter_name="b1")
        assert str(error).startswith("Exporter 'b1' did not become free within 20 seconds: ")


def test_what_the_controller_refuses(config: ClientConfigV1Alpha1) -> None:
    error = refused(config, ConnectionError, selector="board~")
    assert isinstance(error, LeaseInvalid)
    assert isinstance(error, LeaseError)


def test_nothing_is_asked_for(config: ClientConfigV1Alpha1) -> None:
    error = refused(config, ValueError)
    assert str(error) == "A lease needs a selector or the name of an exporter. Give selector= or exporter=."


def test_an_expired_token(config: ClientConfigV1Alpha1, lab: VirtualLab) -> None:
    config.token, config.path = lab.controller.client_token("tester", life=timedelta(seconds=-5)), None
    error = refused(config, ConnectionError, selector="board=b")
    assert isinstance(error, TokenExpired)
    assert error.get_config() is config


def test_the_wait_is_logged(
    config: ClientConfigV1Alpha1, other: ClientConfigV1Alpha1, caplog: pytest.LogCaptureFixture, pauseless: None
) -> None:
    caplog.set_level(logging.INFO, "jumpstarter.client.lease")
    with held(other, exporter_name="b1"):
        refused(config, LeaseTimeout, exporter_name="b1", acquisition_timeout=timedelta(seconds=10))
    (line,) = [text for text in caplog.messages if text.startswith("Waiting for ")]
    assert line.startswith("Waiting for exporter 'b1' (lease '")
    assert "it is leased ('b1' is held by client 'other' until " in line


# Whatever ends the block


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt(), SystemExit(3), LeaseError("mine")])
def test_an_exception_in_the_block(config: ClientConfigV1Alpha1, active: Active, error: BaseException) -> None:
    def use() -> None:
        with config.lease("board=b") as lease, lease.connect() as client:
            client.power.on()
            raise error

    with pytest.raises(type(error)) as info:
        use()
    assert info.value is error
    assert active() == []


def test_an_error_of_a_driver_in_the_block(config: ClientConfigV1Alpha1, active: Active) -> None:
    def use() -> None:
        with config.lease("board=b") as lease, lease.connect() as client:
            client.power.call("no_such_method")

    with pytest.raises(DriverError, match="no_such_method"):
        use()
    assert active() == []


TIDY = """
import contextlib, os, threading, time
from pytest_jumpstarter.upstream_api.config.client import ClientConfigV1Alpha1

def present():
    entries = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            entries.append(os.readlink(f"/proc/self/fd/{number}"))
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("jumpstarter")]
    return names, sum("socket:" in entry for entry in entries)

def use():
    with config.lease("number=1") as lease, lease.connect() as client, lease.serve_unix(), lease.monitor():
        client.power.on()
    config.list_leases()

config = ClientConfigV1Alpha1.load("tester")
for _ in range(4):
    use()
end = time.monotonic() + 10
while present() != ([], 0):
    assert time.monotonic() < end, present()
    time.sleep(0.01)
"""


def test_nothing_is_left_behind(lab: VirtualLab, board_python: str) -> None:
    # It takes some seconds: a process of its own leases four times.
    done = subprocess.run([board_python, "-c", TIDY], check=False, timeout=60, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


SCRIPT = """
import sys, time
from datetime import timedelta
from pathlib import Path
from pytest_jumpstarter.upstream_api.config.client import ClientConfigV1Alpha1

config = ClientConfigV1Alpha1.load("tester")
with config.lease("number=1", duration=timedelta(hours=1)) as lease, lease.connect() as client:
    client.power.on()
    Path(sys.argv[1]).touch()
    time.sleep(60)
"""

WAITING = """
import sys
from pathlib import Path
from pytest_jumpstarter.upstream_api.config.client import ClientConfigV1Alpha1
from pytest_jumpstarter.upstream_api.config import active_lease

def tell(event):
    Path(sys.argv[1]).touch()

active_lease.LeaseAcquisitionSpinner.put = lambda self, event: tell(event)
with ClientConfigV1Alpha1.load("tester").lease("number=1") as lease:
    pass
"""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
@pytest.mark.parametrize("script", [SCRIPT, WAITING])
def test_a_program_that_is_stopped_gives_its_lease_back(
    lab: VirtualLab,
    other: ClientConfigV1Alpha1,
    board_python: str,
    tmp_path: Path,
    active: Active,
    eventually: Eventually,
    number: int,
    code: int,
    script: str,
) -> None:
    mark = tmp_path / "ready"
    with ExitStack() as stack:
        theirs = [stack.enter_context(held(other, selector="number=1"))] if script is WAITING else []
        process = stack.enter_context(
            subprocess.Popen([board_python, "-c", script, str(mark)], stderr=subprocess.PIPE, text=True)
        )
        try:
            eventually(lambda: mark.exists() or process.poll() is not None)
            process.send_signal(number)
            _, errors = process.communicate(timeout=120)
            assert process.returncode == code, errors
        finally:
            process.kill()
        assert active() == theirs


def test_a_release_that_is_interrupted_goes_on_when_the_connection_is_closed(
    config: ClientConfigV1Alpha1, active: Active, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, interruptions = CoreLease.release, [KeyboardInterrupt]

    def interrupted(lease: CoreLease) -> bool:
        if interruptions:
            raise interruptions.pop()
        return release(lease)

    monkeypatch.setattr(CoreLease, "release", interrupted)
    with pytest.raises(KeyboardInterrupt), config.lease("board=b") as lease:
        assert active() == [lease.name]
    assert interruptions == []
    assert active() == []


STORM = """
import random, signal, sys
from pytest_jumpstarter.upstream_api.config.client import ClientConfigV1Alpha1

class Interruption(BaseException):
    pass

def interrupt(number, frame):
    raise Interruption

config = ClientConfigV1Alpha1.load("tester")
with config.lease("number=1") as lease, lease.connect() as client:
    client.power.on()  # what is imported for it is not to be interrupted
signal.signal(signal.SIGALRM, interrupt)
random.seed(int(sys.argv[1]))
caught = 0
for _ in range(50):
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.001, 0.1))
        with config.lease("number=1") as lease, lease.connect() as client, lease.serve_unix(), lease.monitor():
            client.power.on()
        signal.setitimer(signal.ITIMER_REAL, 0)
    except BaseException:
        caught += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    left = [lease.name for lease in config.list_leases().leases]
    assert not left, left
assert caught > 5, caught
"""


def test_interruptions_at_any_moment(lab: VirtualLab, active: Active, board_python: str) -> None:
    """Another seed each time; one is repeated with STORM_SEED."""
    seed = os.environ.get("STORM_SEED", str(random.randrange(2**32)))
    # It takes some seconds: a process of its own leases fifty times.
    done = subprocess.run([board_python, "-c", STORM, seed], check=False, timeout=120, capture_output=True, text=True)
    assert done.returncode == 0, f"STORM_SEED={seed}: {done.stderr}"
    assert active() == [], f"STORM_SEED={seed}"


def test_many_threads(config: ClientConfigV1Alpha1, lab: VirtualLab, active: Active) -> None:
    seen: list[str] = []
    using: set[str] = set()

    def use() -> None:
        with config.lease("board=b") as lease, lease.connect() as client:
            assert lease.exporter_name not in using
            using.add(lease.exporter_name)
            client.power.on()
            using.remove(lease.exporter_name)
            seen.append(lease.name)

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(set(seen)) == 6
    assert active() == []


def test_a_release_that_does_not_work_is_told(
    config: ClientConfigV1Alpha1, lab: VirtualLab, caplog: pytest.LogCaptureFixture
) -> None:
    lab.controller.faults.add(
        "DeleteLease", caller="tester", code=Code.UNAUTHENTICATED, details="invalid jwt token", times=1
    )
    with config.lease("board=b") as lease:
        pass
    (text,) = [text for text in caplog.messages if "could not be released" in text]
    assert text.startswith(f"Lease '{lease.name}' could not be released: ")
    assert text.endswith(f" Free it with: jmp delete leases {lease.name}")
    config.delete_lease(lease.name)


def test_a_controller_that_is_away_for_a_moment(config: ClientConfigV1Alpha1, lab: VirtualLab, active: Active) -> None:
    lab.controller.faults.add("DeleteLease", caller="tester", code=Code.UNAVAILABLE, details="try again", times=2)
    with config.lease("board=b"):
        pass
    assert active() == []


# What happens to a lease meanwhile


def test_a_lease_that_ends_too_early(
    config: ClientConfigV1Alpha1, lab: VirtualLab, eventually: Eventually, clock: MovableClock
) -> None:
    with config.lease("board=b") as lease:
        with lease.connect() as client:
            lab.controller.expire(str(lease.name))
            eventually(lambda: clock.advance(0.1) or lease.lease_ended)
            with pytest.raises(LeaseError, match=" has expired at ") as info:
                client.power.on()
            # And the call is one that has failed.
            assert isinstance(info.value, DriverError)
        with pytest.raises(LeaseExpired), lease.connect():
            pytest.fail("it has ended")
        with pytest.raises(LeaseExpired), lease.serve_unix():
            pytest.fail("it has ended")


def test_a_lease_that_somebody_releases(
    config: ClientConfigV1Alpha1, lab: VirtualLab, eventually: Eventually, clock: MovableClock
) -> None:
    with config.lease("board=b") as lease, lease.connect() as client:
        lab.controller.release(str(lease.name))
        eventually(lambda: clock.advance(0.1) or lease.lease_ended)
        with pytest.raises(LeaseReleased, match="was released, but not by this run"):
            client.power.on()


def test_a_lease_that_is_handed_on(
    config: ClientConfigV1Alpha1,
    other: ClientConfigV1Alpha1,
    active: Active,
    eventually: Eventually,
    clock: MovableClock,
) -> None:
    with config.lease("board=b") as lease:
        config.update_lease(str(lease.name), client="other")
        eventually(lambda: clock.advance(0.1) or lease.lease_transferred)
        assert lease.lease_ended is False
    assert active() == [lease.name]
    other.delete_lease(str(lease.name))


def test_an_exporter_that_goes_away(
    config: ClientConfigV1Alpha1, lab: VirtualLab, eventually: Eventually, clock: MovableClock
) -> None:
    with config.lease("number=1") as lease:
        lab.exporters["b1"].stop()
        try:
            eventually(lambda: not config.get_exporter("b1").online)
            with clock.skipping_pauses(), pytest.raises(ExporterOfflineError) as info, lease.connect():
                pytest.fail("it is not there")
            assert isinstance(info.value, ExporterUnreachableError)
            assert isinstance(info.value, ConnectionError)
            assert str(info.value).startswith(f"The exporter 'b1' of lease '{lease.name}' is offline")
        finally:
            lab.exporters["b1"].start()
        eventually(lambda: config.get_exporter("b1").online)
        with lease.connect() as client:
            client.power.on()


def test_another_connection_to_the_controller(config: ClientConfigV1Alpha1, active: Active) -> None:
    with config.lease("board=b") as lease:
        with ControllerChannel(settings_of(config)) as channel:
            before = lease.channel
            lease.refresh_channel(channel)
            before.hang_up()
            with lease.connect() as client:
                client.power.on()
            lease.__exit__()
        assert active() == []


# Made by hand


def by_hand(channel: ControllerChannel, **more: Any) -> Lease:
    return Lease(
        channel=channel,
        duration=HOUR,
        selector="board=b",
        portal=None,
        namespace="default",
        allow=[],
        unsafe=False,
        **more,
    )


def test_a_lease_made_by_hand(config: ClientConfigV1Alpha1, active: Active) -> None:
    with ControllerChannel(settings_of(config)) as channel:
        lease = by_hand(channel, tags={"build": "7"})
        assert (lease.exporter_name, lease.exporter_labels, lease.name) == ("remote", {}, None)
        with lease, lease.connect() as client:
            assert active() == [lease.name]
            client.power.on()
        assert active() == []
        another = by_hand(channel)
        assert another.request() is another
        assert active() == [another.name]
        another.__exit__()
    assert "token" not in repr(lease)


def test_a_lease_is_of_no_use_before_it_is_had(config: ClientConfigV1Alpha1) -> None:
    with ControllerChannel(settings_of(config)) as channel:
        lease = by_hand(channel)
        for use in (lease.connect, lease.serve_unix, lease.monitor):
            with pytest.raises(UsageError) as info, use():
                pytest.fail("there is no lease")
            assert str(info.value) == (
                "The lease has no exporter yet. Use it in a `with` block, or call request() first."
            )
        lease.__exit__()


def test_names_of_upstream(monkeypatch: pytest.MonkeyPatch) -> None:
    from pytest_jumpstarter.compat_modules import COMPAT, install_hook

    install_hook()
    monkeypatch.syspath_prepend(COMPAT)
    found: dict[str, Any] = {}
    exec("from jumpstarter.client.lease import ClientService, DirectLease, Lease, LeaseAcquisitionSpinner", found)
    assert found["Lease"] is Lease


# Hooks


@pytest.fixture
def hooked(home: Path) -> Iterator[Callable[..., tuple[VirtualLab, ClientConfigV1Alpha1]]]:
    """Return what starts a lab whose exporter has hooks, and the configuration of its client."""
    with ExitStack() as stack:

        def start(**hooks: Any) -> tuple[VirtualLab, ClientConfigV1Alpha1]:
            exporters = [LabExporter(name="b1", labels={"board": "b"}, driver=MockPower, **hooks)]
            lab = stack.enter_context(VirtualLab(exporters, clock=Clock(scale=20)))
            lab.write_client_config(home)
            return lab, ClientConfigV1Alpha1.load("tester")

        yield start


def test_a_hook_before_the_lease_is_waited_for(
    hooked: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path, during: Any, eventually: Eventually
) -> None:
    caplog.set_level(logging.INFO, "jumpstarter.client.lease")
    script = f"until test -e {tmp_path}/go; do sleep 0.02; done"
    lab, config = hooked(before_lease=HookInstanceConfigV1Alpha1(script=script, timeout=60))
    waits = "runs its hook before the lease; waiting for it."
    opening = during(
        lambda: eventually(lambda: any(waits in text for text in caplog.messages)) or (tmp_path / "go").touch()
    )
    with config.lease("board=b") as lease, lease.connect() as client:
        client.on()
    opening()
    assert lab.leaks() == []


def test_a_hook_before_the_lease_that_fails(hooked: Any, eventually: Eventually) -> None:
    hook = HookInstanceConfigV1Alpha1(script="echo no cable; exit 3", timeout=10, on_failure="endLease")
    lab, config = hooked(before_lease=hook)

    def use() -> None:
        with config.lease("board=b") as lease, lease.connect():
            pytest.fail("its hook has failed")

    with pytest.raises(ExporterUnreachableError, match="hook before the lease failed") as info:
        use()
    assert isinstance(info.value, HookFailed)
    assert [one.name for one in lab.leases() if not one.ended] == []
    assert lab.leaks() == []
    eventually(lambda: str(config.get_exporter("b1").status) == "AVAILABLE")
