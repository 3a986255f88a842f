"""An exporter that stands still: when it is lost, what that ends, and how it is found again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.events import LinkChanged, Notice
from JumpstarterLibrary.client.liveness import MISSED, QUIET_S, Liveness
from JumpstarterLibrary.client.timing import Timing
from JumpstarterLibrary.errors import FaultClass, LinkError, OperationTimeout
from JumpstarterLibrary.exporter import Features, HostedExporter, serve
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.protocol import common_pb2, jumpstarter_pb2

During = Callable[[Callable[[], object]], Any]
Eventually = Callable[[Callable[[], object]], None]

LIMIT_S = Timing().exporter_silence


class Asked:
    """An exporter whose signs of life a test makes."""

    def __init__(self, clock: MovableClock, limit_s: float = LIMIT_S) -> None:
        self.heard = clock.seconds()
        self.questions: list[float] = []
        self.liveness = Liveness(lambda: self.heard, self.questions.append, lambda: limit_s)


def test_it_is_lost_after_the_limit_and_not_before(frozen_clock: MovableClock) -> None:
    asked = Asked(frozen_clock)
    for _ in range(29):
        frozen_clock.advance(1)
        assert not asked.liveness.look()
    frozen_clock.advance(1)
    assert asked.liveness.look()
    assert asked.questions == [QUIET_S] * 5


def test_a_sign_of_life_begins_all_anew(frozen_clock: MovableClock) -> None:
    asked = Asked(frozen_clock)
    for _ in range(10):
        for _ in range(28):
            frozen_clock.advance(1)
            assert not asked.liveness.look()
        asked.heard = frozen_clock.seconds()


@pytest.mark.parametrize("limit_s", [0.0, 0.01, 1.0, 7.0, 3600.0])
def test_any_limit_has_time_for_questions(limit_s: float, frozen_clock: MovableClock) -> None:
    asked = Asked(frozen_clock, limit_s)
    looks, begin = 0, frozen_clock.seconds()
    while not asked.liveness.look():
        frozen_clock.advance(asked.liveness.pace_s / 5)
        looks += 1
    assert len(asked.questions) >= MISSED
    assert limit_s <= frozen_clock.seconds() - begin <= max(1.2 * limit_s, 0.5)


def test_time_without_a_look_loses_no_exporter(frozen_clock: MovableClock) -> None:
    asked = Asked(frozen_clock)
    for _ in range(MISSED):
        frozen_clock.advance(24 * 3600)
        assert not asked.liveness.look()


class Frozen:
    """An exporter that stands still while a test says so.

    Attributes:
        going: Set while it answers.
        moved: Set once a call that is to stand still has come.
        asked: How often it was asked for its status.
    """

    def __init__(self, odd_exporter: Callable[..., str], over: threading.Event) -> None:
        self.going, self.moved, self.over = threading.Event(), threading.Event(), over
        self.asked = 0
        self.going.set()
        self.host = odd_exporter(
            get_status=self._status,
            driver_call=self._stand,
            streaming_driver_call=self._stand_streaming,
            stream=self._stream,
        )

    def _status(self, _request: object, context: Any) -> Any:
        self.asked += 1
        while not self.going.wait(0.01) and not self.over.is_set() and context.is_active():
            pass
        status = common_pb2.EXPORTER_STATUS_LEASE_READY
        return jumpstarter_pb2.GetStatusResponse(status=status, message="up\x1b]52;c;aGVsbG8=\x07\b")

    def _stand(self, _request: object, _context: Any) -> Any:
        self.moved.set()
        self.over.wait(20)
        return jumpstarter_pb2.DriverCallResponse()

    def _stand_streaming(self, _request: object, _context: Any) -> Any:
        self.moved.set()
        self.over.wait(20)
        yield jumpstarter_pb2.StreamingDriverCallResponse()

    def _stream(self, _requests: object, context: Any) -> Any:
        context.send_initial_metadata((("resource", '{"uuid": "u"}'),))
        self.moved.set()
        while not self.over.wait(0.01) and context.is_active():
            pass
        yield from ()


@pytest.fixture
def frozen(odd_exporter: Callable[..., str], over: threading.Event) -> Frozen:
    return Frozen(odd_exporter, over)


LOST = (
    "Exporter '{host}' (from host=) was lost during {asked}: it has answered nothing for 30 seconds "
    "(exporter_silence), not even the question for its status. It is not known whether it carried it out. Check that "
    "it still runs."
)

WAITS: dict[str, tuple[Callable[[Device], object], str]] = {
    "call": (lambda device: device.client.x.call("on"), "'on' of driver 'x'"),
    "begun call": (lambda device: device.client.x.begin("on").result(), "'on' of driver 'x'"),
    "results": (lambda device: list(device.client.x.streamingcall("read")), "'read' of driver 'x'"),
    "byte stream": (lambda device: device.client.x.stream().receive(), "'connect' of driver 'x'"),
}


@pytest.mark.parametrize("kind", WAITS)
def test_what_runs_on_it_ends(
    kind: str,
    frozen: Frozen,
    connecting: Callable[..., Device],
    clock: MovableClock,
    during: During,
    eventually: Eventually,
) -> None:
    device = connecting(frozen.host)
    wait, asked = WAITS[kind]
    waiting = during(lambda: wait(device))
    assert frozen.moved.wait(10)
    frozen.going.clear()
    begin = clock.seconds()
    eventually(lambda: clock.advance(0.5) or waiting.over)
    assert LIMIT_S - QUIET_S <= clock.seconds() - begin <= 3 * LIMIT_S
    with pytest.raises(LinkError) as caught:
        waiting()
    assert str(caught.value) == LOST.format(host=frozen.host, asked=asked)
    assert caught.value.fault is FaultClass.LAB


def test_a_console_tells_that_its_exporter_was_lost(
    frozen: Frozen, connecting: Callable[..., Device], clock: MovableClock, during: During, eventually: Eventually
) -> None:
    device = connecting(frozen.host)
    console = device.console("x")
    frozen.going.clear()
    waiting = during(lambda: console.wait_for("login:", 24 * 3600))
    eventually(lambda: clock.advance(0.5) or waiting.over)
    with pytest.raises(LinkError) as caught:
        waiting()
    lost = LOST.format(host=frozen.host, asked="'connect' of driver 'x'")
    assert str(caught.value) == f"The stream of console 'x' broke while waiting for 'login:': {lost}"
    assert caught.value.fault is FaultClass.LAB


def test_it_is_found_again_when_it_answers(
    frozen: Frozen, connecting: Callable[..., Device], clock: MovableClock, eventually: Eventually
) -> None:
    device = connecting(frozen.host)
    told: list[Any] = []
    device.link.events.subscribe(told.append, LinkChanged)
    device.link.events.subscribe(told.append, Notice)
    console = device.console("x")
    device.follow_logs()
    frozen.going.clear()
    eventually(lambda: clock.advance(0.5) or told)
    assert [(event.change, event.reason) for event in told] == [
        ("lost", "the exporter answered nothing for 30 seconds (exporter_silence)")
    ]
    assert not device.link.alive()
    for _ in range(2):
        with pytest.raises(LinkError) as caught:
            device.client.x.call("on", timeout=0.2)
        assert str(caught.value) == (
            f"Exporter '{frozen.host}' (from host=) was lost: it had answered nothing for 30 seconds "
            f"(exporter_silence), and does not answer now. Nothing was sent to it. Check that it still runs."
        )
        assert len(told) == 1
    frozen.going.set()
    with pytest.raises(OperationTimeout):
        device.client.x.call("on", timeout=0.2)  # which never answers
    assert [getattr(event, "change", None) for event in told] == ["lost", "reconnected", None]
    assert told[2].level == "WARN"
    assert told[2].text == (f"Exporter '{frozen.host}' answers again; the link to it was given up when it was silent.")
    assert device.console("x") is console
    assert "[gap " in console.text(0)
    state = device.status()
    assert (state.status, state.message) == ("LEASE_READY", "up\\x08")


def test_a_driver_may_work_for_as_long_as_it_wants(
    frozen: Frozen, connecting: Callable[..., Device], clock: MovableClock, during: During, eventually: Eventually
) -> None:
    device = connecting(frozen.host)
    waiting = during(lambda: device.client.x.call("on"))
    assert frozen.moved.wait(10)
    begin = clock.seconds()
    eventually(lambda: clock.advance(0.5) or clock.seconds() - begin > 2 * LIMIT_S)
    assert not waiting.over
    frozen.over.set()
    waiting()


def test_an_exporter_that_knows_no_status_is_not_lost(
    serving: Callable[..., HostedExporter],
    connecting: Callable[..., Device],
    clock: MovableClock,
    eventually: Eventually,
) -> None:
    device = connecting(serving(MockPower(), features=Features(get_status=False)).host)
    begin = clock.seconds()
    eventually(lambda: clock.advance(0.5) or clock.seconds() - begin > 2 * LIMIT_S)
    assert not device.link.given_up
    device.client.on()


def test_a_broken_connection_is_no_silence(
    connecting: Callable[..., Device],
    clock: MovableClock,
    eventually: Eventually,
) -> None:
    """gRPC tells it to all calls that wait, and connects again by itself."""
    with serve(MockPower(), grace=0) as exporter:
        device = connecting(exporter.host)
    begin = clock.seconds()
    eventually(lambda: clock.advance(0.5) or clock.seconds() - begin > 2 * LIMIT_S)
    assert not device.link.given_up
    with pytest.raises(LinkError) as caught:
        device.client.on()
    assert caught.value.__cause__.code() is grpc.StatusCode.UNAVAILABLE  # type: ignore[union-attr]


def test_what_asks_again_and_again_at_its_end_waits_once(frozen: Frozen, connecting: Callable[..., Device]) -> None:
    link = connecting(frozen.host).link
    frozen.going.clear()
    assert [link.alive() for _ in range(4)] == [False] * 4
    assert frozen.asked == 1
    link.heard()
    frozen.going.set()
    assert link.alive()
    assert frozen.asked == 2
