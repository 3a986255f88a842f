"""Asking for a lease: the wait is told, what cannot come is refused at once, and nothing is ever left behind."""

from __future__ import annotations

import datetime
import itertools
import re
import threading
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.leasing.acquire import FIRST_CONTACT_S, LAST_PAUSE_S, LEAST_S, acquire
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.leasing.exit_cleanup import unregister
from JumpstarterLibrary.client.leasing.lease import Lease
from JumpstarterLibrary.errors import (
    AuthenticationError,
    ConfigurationError,
    ControllerUnreachable,
    JumpstarterError,
    LeaseInvalid,
    LeaseNotOwned,
    LeaseReleased,
    LeaseTimeout,
    LeaseUnsatisfiable,
    TlsError,
    TokenExpired,
)
from JumpstarterLibrary.lab import Clock
from JumpstarterLibrary.lab.features import ControllerFeatures
from JumpstarterLibrary.lab.policies import AccessRule, ExporterAccessPolicy

Code = grpc.StatusCode
During = Callable[[Callable[[], object]], Callable[[], Any]]
Eventually = Callable[[Callable[[], object]], None]


def ask(rig: Any, timeout: float = 60, *, progress_s: float = 3600, tick: Any = lambda: None, **request: Any) -> Lease:
    """Acquire a lease; it is released at the end of the test."""
    request.setdefault("selector", "board=b" if "exporter" not in request else None)
    controller = rig.controller_of(request.pop("settings", rig.settings))
    lease = acquire(
        controller, LeaseRequest(**request), Deadline(timeout), progress_s=progress_s, events=rig.events, tick=tick
    )
    rig._stack.callback(unregister, lease)
    rig._stack.callback(lease.release)
    return lease


def refusal(rig: Any, kind: type[JumpstarterError], timeout: float = 60, **request: Any) -> str:
    """Return the message with which a request fails; nothing of it is left."""
    with pytest.raises(kind) as info:
        ask(rig, timeout, **request)
    assert type(info.value) is kind
    assert rig.active() == [] or all(name.startswith("lease-of-") for name in rig.active())
    return str(info.value)


@pytest.fixture
def refused_in_time(rig: Any, frozen_clock: MovableClock) -> Callable[..., str]:
    """Do as ``refusal``, in a time that passes only by the pauses between two looks at a lease that is decided."""

    def ask(kind: type[JumpstarterError], timeout: float = 60, *, at: Any = rig, **request: Any) -> str:
        with frozen_clock.skipping_pauses(at.decided):
            return refusal(at, kind, timeout, **request)

    return ask


# Waiting


def test_a_free_exporter_is_had_at_once(rig: Any) -> None:
    lease = ask(rig)
    assert lease.exporter == "b1"
    assert rig.codes("CreateLease") == ["OK"]
    assert rig.notices == []


def test_looks_are_fast_first_and_slow_later(
    rig: Any, refused_in_time: Callable[..., str], frozen_clock: MovableClock
) -> None:
    rig.only_lease(client="other")
    times: list[float] = []
    rig.fault("GetLease", act=lambda _: times.append(frozen_clock.seconds()))
    refused_in_time(LeaseTimeout)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert gaps[0] < 0.1
    assert all(gap < 1.3 * LAST_PAUSE_S for gap in gaps)
    assert 0.7 * LAST_PAUSE_S < sum(gaps[-6:-1]) / 5 < 1.3 * LAST_PAUSE_S
    assert len(times) < 100


def test_each_change_is_told_with_who_holds_what(rig: Any, during: During, eventually: Eventually) -> None:
    holder = rig.only_lease(client="other", duration=datetime.timedelta(hours=1))
    join = during(lambda: ask(rig, name="mine"))
    eventually(lambda: len(rig.notices) == 1)
    rig.lab.exporters["b1"].stop()
    eventually(lambda: len(rig.notices) == 2)
    rig.lab.exporters["b1"].start()
    eventually(lambda: len(rig.notices) == 3)
    holder.release()
    assert join().exporter == "b1"
    waiting = (
        "Waiting for selector 'board=b' (lease 'mine'): those that match are {} (1 exporter matches, {} online; 'b1' "
    )
    told = [re.sub(r" since \d+ seconds?", "", text) for text in rig.notices]
    assert told[0].startswith(waiting.format("leased", 1) + "is held by client 'other' until ")
    assert told[1] == waiting.format("offline", 0) + "is offline)."
    assert told[2].startswith(waiting.format("leased", 1) + "is held by client 'other' until ")


def test_without_any_time_what_is_free_is_had(rig: Any) -> None:
    assert ask(rig, 0).exporter == "b1"


def test_without_any_time_what_is_not_free_is_not_waited_for(rig: Any) -> None:
    rig.only_lease(client="other")
    assert refusal(rig, LeaseTimeout, 0).startswith(
        "No exporter for selector 'board=b' became free within 0 milliseconds: "
    )


def test_a_long_wait_is_told_again_and_again(rig: Any, refused_in_time: Callable[..., str]) -> None:
    rig.only_lease(client="other")
    ticks: list[int] = []
    refused_in_time(LeaseTimeout, progress_s=15, tick=lambda: ticks.append(1), name="mine")
    assert 4 <= len(rig.notices) <= 5
    assert rig.notices[0].startswith("Waiting for selector 'board=b' (lease 'mine'): those that match are leased (")
    assert re.match(r"Waiting for selector 'board=b' \(lease 'mine'\) since \d+ seconds: ", rig.notices[-1])
    assert len(ticks) >= 60 / 0.2


def test_a_wait_without_a_change_is_told_once(rig: Any, refused_in_time: Callable[..., str]) -> None:
    rig.only_lease(client="other")
    refused_in_time(LeaseTimeout)
    assert len(rig.notices) == 1


def test_too_late_tells_who_holds_what_and_takes_the_request_back(
    rigs: Callable[..., Any], frozen_clock: MovableClock
) -> None:
    rig = rigs(2)
    rig.only_lease(client="other", selector="number=1")
    rig.lab.exporters["b2"].stop()
    with frozen_clock.skipping_pauses(rig.decided):
        text = refusal(rig, LeaseTimeout)
    begin, _, rest = text.partition(" until ")
    assert begin == (
        "No exporter for selector 'board=b' became free within 60 seconds: those that match are leased "
        "(2 exporters match, 1 online; 'b1' is held by client 'other'"
    )
    assert rest.partition(",")[2] == (
        " 'b2' is offline). The request was taken back. Wait longer with timeout=, or ask for another exporter."
    )
    assert rig.active() == ["lease-of-other"]


def test_too_late_for_one_exporter_by_its_name(rig: Any, refused_in_time: Callable[..., str]) -> None:
    rig.lab.exporters["b1"].stop()
    assert refused_in_time(LeaseTimeout, exporter="b1") == (
        "Exporter 'b1' did not become free within 60 seconds: it is offline. The request was taken back. Wait longer "
        "with timeout=, or ask for another exporter."
    )


def test_a_lease_that_begins_later_waits_for_that(rigs: Callable[..., Any], frozen_clock: MovableClock) -> None:
    rig = rigs(clock=Clock(scale=0))
    begin = rig.lab.clock.now() + datetime.timedelta(hours=1)
    with frozen_clock.skipping_pauses():
        text = refusal(rig, LeaseTimeout, begin=begin, name="later")
    assert "it is to begin later (1 exporter matches, 1 online; 'b1' is free)" in text
    assert rig.notices == [
        "Waiting for selector 'board=b' (lease 'later'): it is to begin later (1 exporter matches, 1 online; 'b1' is "
        "free)."
    ]


def test_who_waits_is_told_of_an_end_elsewhere(rig: Any, during: During, eventually: Eventually) -> None:
    rig.only_lease(client="other")
    join = during(lambda: ask(rig, name="mine"))
    eventually(lambda: "mine" in rig.active())
    rig.lab.controller.release("mine")
    with pytest.raises(LeaseReleased, match=r"^Lease 'mine' was released, but not by this run: by its owner elsewhere"):
        join()


# What will never fit


def test_labels_that_nobody_has_are_told_with_the_nearest(
    refused_in_time: Callable[..., str], frozen_clock: MovableClock
) -> None:
    assert refused_in_time(LeaseUnsatisfiable, selector="board=c") == (
        "No exporter fits selector 'board=c': no exporter has board=c; 1 has board=b. Correct the selector."
    )
    assert frozen_clock.seconds() < 0.1


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (
            {"exporter": "b9"},
            "Exporter 'b9' cannot be leased: the controller knows none of that name. `jmp get exporters` lists what "
            "there is.",
        ),
        (
            {"exporter": "b1", "selector": "board=c"},
            "Exporter 'b1' cannot be leased: it does not have the labels of selector 'board=c'. Leave one of the two "
            "out.",
        ),
        (
            {"exporter": "b2"},
            "Exporter 'b2' cannot be leased: its administrator has disabled it. Choose another one, or give "
            "allow_disabled=True.",
        ),
        (
            {"selector": "number=2"},
            "No exporter fits selector 'number=2': those that match are disabled by their administrator. Choose "
            "another selector, or give allow_disabled=True.",
        ),
    ],
)
def test_reasons_have_their_sentences(rigs: Callable[..., Any], request_: dict[str, Any], sentence: str) -> None:
    rig = rigs(2)
    rig.lab.controller.change_exporter("b2", enabled=False)
    assert refusal(rig, LeaseUnsatisfiable, **request_) == sentence


def test_a_disabled_exporter_can_be_allowed(rig: Any) -> None:
    rig.lab.controller.change_exporter("b1", enabled=False)
    assert ask(rig, allow_disabled=True).exporter == "b1"


def policy(**rule: Any) -> ExporterAccessPolicy:
    return ExporterAccessPolicy("board=b", [AccessRule(**rule)])


def test_policies_that_do_not_let_us_are_told_with_their_words(rigs: Callable[..., Any]) -> None:
    rig = rigs(policies=[policy(description="night shift only", clients=["shift=night"])])
    text = refusal(rig, LeaseUnsatisfiable)
    assert text.startswith(
        "No exporter fits selector 'board=b': the access policies do not let client 'tester' have it for 30 minutes ("
    )
    assert "night shift only" in text
    assert text.endswith("). Ask for less time, or ask the administrator.")


def test_spot_access_is_told(rigs: Callable[..., Any]) -> None:
    rig = rigs(policies=[policy(spot_access=True)])
    assert refusal(rig, LeaseUnsatisfiable) == (
        "No exporter fits selector 'board=b': the best one can only be had on spot access, which the controller does "
        "not grant yet. Choose another one."
    )


def test_an_old_controllers_word_for_offline_is_waited_out(
    rigs: Callable[..., Any], during: During, pass_until: Any
) -> None:
    rig = rigs(features=ControllerFeatures(no_exporter_reason=True))
    rig.lab.exporters["b1"].stop()
    join = during(lambda: ask(rig))
    pass_until(lambda: len(rig.calls("CreateLease")) > 2)
    rig.lab.exporters["b1"].start()
    pass_until(lambda: join.over)
    lease = join()
    assert lease.exporter == "b1"
    assert rig.active() == [lease.name]
    # Told at the change, not at each try.
    assert len(rig.notices) == 1
    assert "those that match are offline (1 exporter matches, 0 online; 'b1' is offline)." in rig.notices[0]


def test_an_old_controllers_word_for_offline_ends_with_the_time(
    rigs: Callable[..., Any], frozen_clock: MovableClock
) -> None:
    rig = rigs(features=ControllerFeatures(no_exporter_reason=True))
    rig.lab.exporters["b1"].stop()
    with frozen_clock.skipping_pauses(rig.decided):
        text = refusal(rig, LeaseTimeout, 20)
    assert text == (
        "No exporter for selector 'board=b' became free within 20 seconds: those that match are offline "
        "(1 exporter matches, 0 online; 'b1' is offline). The request was taken back. Wait longer with timeout=, or "
        "ask for another exporter."
    )


def test_a_name_of_the_callers_is_not_asked_for_again_and_again(rigs: Callable[..., Any]) -> None:
    rig = rigs(features=ControllerFeatures(no_exporter_reason=True))
    rig.lab.exporters["b1"].stop()
    text = refusal(rig, LeaseUnsatisfiable, name="mine")
    assert text == (
        "There is no lease of selector 'board=b': those that match are offline, and this controller is too old to wait "
        "for that under a name of yours. Leave name= out."
    )


# Creating


def test_a_request_needs_something_to_ask_for(rig: Any) -> None:
    with pytest.raises(ConfigurationError) as info:
        ask(rig, selector=None)
    assert str(info.value) == "A lease needs a selector or the name of an exporter. Give selector= or exporter=."


def test_what_the_controller_does_not_accept_is_told_and_not_released(rig: Any) -> None:
    text = refusal(rig, LeaseInvalid, tags={"a/b": "c"})
    assert text.startswith(
        f"The controller {rig.lab.endpoint} did not accept the request for a lease of selector 'board=b': invalid "
        f"lease "
        f"tags: "
    )
    assert rig.codes("DeleteLease") == []


def test_a_lost_answer_makes_no_second_lease(rig: Any) -> None:
    rig.fault("CreateLease", when="after", times=1)
    lease = ask(rig)
    assert lease.ours is True
    assert rig.active() == [lease.name]
    assert rig.codes("CreateLease") == ["UNAVAILABLE", "UNKNOWN"]


def test_an_answer_that_does_not_come_in_time_leaves_no_lease(rig: Any) -> None:
    # It takes a second: gRPC counts that.
    rig.hold("CreateLease", when="after", code=Code.OK, times=1)
    with pytest.raises(ControllerUnreachable) as info:
        ask(rig, LEAST_S)
    assert str(info.value) == (
        f"The controller {rig.lab.endpoint} did not answer within 1 second when it was asked for a lease of selector "
        f"'board=b'. Check that it runs, and the network."
    )
    assert rig.active() == []


def test_the_same_request_again_finds_its_lease_and_leaves_it_to_whoever_made_it(rig: Any) -> None:
    first = ask(rig, name="nightly", selector="board=b, number!=2")
    second = ask(rig, name="nightly", selector="number notin (2),board in (b)")
    assert second.exporter == first.exporter
    assert second.ours is False
    assert rig.notices == ["Lease 'nightly' exists already, and is this client's. It is used, and not released here."]


@pytest.mark.parametrize(
    ("request_", "what"),
    [
        ({"selector": "number=1"}, "client 'tester' asked for selector 'board=b'"),
        ({"exporter": "b1"}, "client 'tester' asked for selector 'board=b'"),
    ],
)
def test_a_name_that_asked_for_something_else_is_not_ours(rig: Any, request_: dict[str, Any], what: str) -> None:
    own = ask(rig, name="nightly")
    with pytest.raises(LeaseNotOwned) as info:
        ask(rig, name="nightly", **request_)
    assert str(info.value) == (
        f"A lease 'nightly' exists already: {what}. Names are never free again; choose another one, or none."
    )
    assert rig.active() == [own.name]
    assert rig.codes("DeleteLease") == []


def test_a_name_of_another_client_is_not_ours(rig: Any) -> None:
    rig.only_lease("nightly", client="other")
    with pytest.raises(LeaseNotOwned) as info:
        ask(rig, name="nightly")
    assert str(info.value) == (
        "A lease 'nightly' exists already: client 'other' asked for selector 'board=b'. Names are never free again; "
        "choose another one, or none."
    )
    assert rig.active() == ["nightly"]
    assert rig.codes("DeleteLease") == []


def test_a_name_whose_lease_is_over_is_no_ones_release(rig: Any) -> None:
    ask(rig, name="nightly").release()
    rig.notices.clear()
    with pytest.raises(LeaseNotOwned) as info:
        ask(rig, name="nightly")
    assert str(info.value) == (
        "A lease 'nightly' existed already, and is over. Names are never free again; choose another one, or none."
    )
    assert rig.notices == []


def test_a_lease_whose_owner_cannot_be_asked_is_left_alone(rig: Any) -> None:
    own = ask(rig, name="nightly")
    fault = rig.fault("GetLease", code=Code.UNAVAILABLE, details="no leader")
    with pytest.raises(ControllerUnreachable):
        ask(rig, name="nightly")
    fault.clear()
    assert rig.active() == [own.name]


def test_a_controller_that_forgot_to_write_it_down_is_asked_again(rig: Any) -> None:
    # What reads from a cache may not know yet what was just written.
    rig.fault("GetLease", code=Code.UNKNOWN, details='leases.jumpstarter.dev "x" not found', times=2)
    assert ask(rig).exporter == "b1"


# Trouble with the controller


def test_a_controller_that_never_answers_is_given_up_soon(rig: Any, frozen_clock: MovableClock) -> None:
    settings = rig.settings_of("tester", endpoint="127.0.0.1:1")
    with frozen_clock.skipping_pauses(), pytest.raises(ControllerUnreachable) as info:
        ask(rig, settings=settings)
    assert FIRST_CONTACT_S < frozen_clock.seconds() <= FIRST_CONTACT_S + LAST_PAUSE_S
    assert str(info.value) == (
        "The controller 127.0.0.1:1 cannot be reached: connection refused. Check the endpoint of the client "
        "configuration (the test) and the network."
    )


def test_a_controller_that_is_away_meanwhile_is_waited_for(rig: Any, during: During, eventually: Eventually) -> None:
    holder = rig.only_lease(client="other")
    join = during(lambda: ask(rig))
    eventually(lambda: len(rig.active()) == 2)
    fault = rig.fault("GetLease", code=Code.UNAVAILABLE, details="no leader")
    eventually(lambda: fault.hits >= 1)
    holder.release()
    fault.clear()
    assert join().exporter == "b1"


def test_a_controller_that_stays_away_is_given_up(
    rig: Any, during: During, eventually: Eventually, pass_until: Any
) -> None:
    rig.only_lease(client="other")
    settings = rig.settings_of("tester", retry_timeout=5)
    join = during(lambda: ask(rig, settings=settings))
    eventually(lambda: rig.notices)
    rig.fault("GetLease", code=Code.UNAVAILABLE, details="no leader")
    pass_until(lambda: join.over)
    with pytest.raises(ControllerUnreachable, match=r" failed when it was asked for lease '[0-9a-f-]+': no leader\.$"):
        join()
    assert rig.active() == ["lease-of-other"]


NOT_INITIALIZED: dict[str, Any] = {"code": Code.UNKNOWN, "details": "oidc: authenticator not initialized"}
"""What a real controller answers in the first ten seconds after each start."""


def test_a_controller_that_has_just_started_is_waited_for(
    rig: Any, during: During, eventually: Eventually, clock: MovableClock
) -> None:
    fault = rig.fault("*", **NOT_INITIALIZED)
    join = during(lambda: ask(rig))
    eventually(lambda: fault.hits >= 2)
    clock.advance(FIRST_CONTACT_S + LAST_PAUSE_S)
    hits = fault.hits
    eventually(lambda: fault.hits > hits + 1)
    fault.clear()
    lease = join()
    assert lease.exporter == "b1"
    assert rig.codes("CreateLease")[-2:] == ["UNKNOWN", "OK"]
    assert rig.notices == [
        f"Waiting for selector 'board=b': the controller {rig.lab.endpoint} has just started, and accepts no client "
        "yet."
    ]


def test_a_controller_that_starts_anew_meanwhile_is_waited_for(
    rig: Any, during: During, eventually: Eventually, clock: MovableClock
) -> None:
    holder = rig.only_lease(client="other")
    join = during(lambda: ask(rig))
    eventually(lambda: rig.notices)
    fault = rig.fault("*", **NOT_INITIALIZED)
    eventually(lambda: fault.hits >= 2)
    clock.advance(30)
    hits = fault.hits
    eventually(lambda: fault.hits > hits)
    holder.release()
    fault.clear()
    assert join().exporter == "b1"
    assert sum("has just started" in notice for notice in rig.notices) == 1


@pytest.mark.usefixtures("frozen_clock")
def test_an_interrupted_wait_for_a_controller_that_starts_leaves_nothing(rig: Any, alarm: Any) -> None:
    fault = rig.fault("*", **NOT_INITIALIZED)
    # Told in the pause between two requests.
    alarm.when(lambda: rig.notices)
    with pytest.raises(alarm.Interruption):
        ask(rig)
    fault.clear()
    assert rig.codes("DeleteLease") == []
    assert rig.lab.leases() == []


def test_a_controller_that_does_not_get_ready_is_given_up_in_time(rig: Any, frozen_clock: MovableClock) -> None:
    rig.fault("*", **NOT_INITIALIZED)
    with frozen_clock.skipping_pauses():
        sentence = refusal(rig, ControllerUnreachable, 60)
    assert sentence == (
        f"The controller {rig.lab.endpoint} has just started, and accepts no client yet (oidc: authenticator not "
        "initialized). Try again in some seconds."
    )
    assert 60 <= frozen_clock.seconds() < 60 + LAST_PAUSE_S


@pytest.mark.parametrize(
    ("method", "code", "details", "kind"),
    [
        ("CreateLease", Code.UNKNOWN, "token is expired", TokenExpired),
        ("CreateLease", Code.PERMISSION_DENIED, "permission denied for client default/tester", AuthenticationError),
        (
            "CreateLease",
            Code.UNAVAILABLE,
            "failed to connect to all addresses; last error: UNKNOWN: Ssl handshake failed: CERTIFICATE_VERIFY_FAILED",
            TlsError,
        ),
        ("GetLease", Code.UNKNOWN, "token is expired", TokenExpired),
        ("GetLease", Code.UNAUTHENTICATED, "missing authorization header", AuthenticationError),
    ],
)
def test_a_refused_identity_is_told_at_once(
    rig: Any, method: str, code: grpc.StatusCode, details: str, kind: type[JumpstarterError]
) -> None:
    rig.fault(method, code=code, details=details)
    refusal(rig, kind)
    assert rig.codes(method) == [code.name]


# Interruptions


@pytest.mark.parametrize("method", ["CreateLease", "GetLease"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interruption_leaves_no_lease(
    rig: Any, alarm: Any, during: During, pass_until: Any, method: str, when: str
) -> None:
    fault = rig.hold(method, when=when, code=Code.OK if when == "after" else None, times=1)
    alarm.when(lambda: fault.hits)
    over = threading.Event()
    # A request that may still be on its way is waited for.
    passing = during(lambda: pass_until(over.is_set))
    with pytest.raises(alarm.Interruption):
        ask(rig)
    over.set()
    passing()
    assert len(rig.codes(method)) == 1
    assert rig.active() == []


def test_an_interrupted_wait_takes_the_request_back(rig: Any, alarm: Any) -> None:
    rig.only_lease(client="other")
    alarm.when(lambda: rig.notices)
    with pytest.raises(alarm.Interruption):
        ask(rig)
    assert rig.active() == ["lease-of-other"]
    assert rig.codes("DeleteLease") == ["OK"]


def test_what_the_tick_raises_takes_the_request_back(rig: Any) -> None:
    rig.only_lease(client="other")

    def tick() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask(rig, tick=tick)
    assert rig.active() == ["lease-of-other"]
