"""What a soak run does with its leases, and what it learns of each of its calls."""

from __future__ import annotations

import datetime
import hashlib
import io
import random
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from JumpstarterLibrary.client import Timing
from JumpstarterLibrary.client.events import Event, Events, Notice
from JumpstarterLibrary.client.leasing import LeasedDevice, LeaseRequest, LeaseService
from JumpstarterLibrary.client.source import Source
from JumpstarterLibrary.errors import JumpstarterError
from utest.chaos.soak_bench import BOARDS, ERRORS, Ledger, content

QUICK = Timing(exporter_silence=1.6)
"""The patience with silent exporters, much shorter than it is."""

LEASE_S = 2.5
CALL_S = 1.5
PATIENCE_S = 0.5
AFTER_ERROR_S = 0.1
DEVICES = 2
SIZES = (0, 1, 5000, 300_000, 2_000_000)


class Broken(Exception):
    """A rule of the soak is broken."""


@dataclass
class Held:
    """A device that the run holds, and the service that it came from.

    Attributes:
        device: The device.
        service: The service.
        own: Whether the run has leased it itself.
    """

    device: LeasedDevice
    service: LeaseService
    own: bool = True


@dataclass(frozen=True)
class Complaint:
    """An error of ours, without what it would keep alive.

    Attributes:
        kind: Its class.
        text: What it says.
    """

    kind: type[JumpstarterError]
    text: str

    def __str__(self) -> str:
        return f"{self.kind.__name__}: {self.text}"


@dataclass
class Story:
    """What happened.

    Attributes:
        lines: Each action with its end.
        errors: The errors of ours that actions ended with.
        broken: The rules that were broken.
        notices: What the leases told.
        kept: Of each lease whose release failed, its name and what was told of that.
    """

    lines: list[str] = field(default_factory=list)
    errors: list[Complaint] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)


class Actions:
    """Does random things, one after the other.

    Args:
        chance: Where the choices come from.
        ledger: What drivers were told.
        services: Two services of the client; the second one only attaches.
    """

    def __init__(self, chance: random.Random, ledger: Ledger, services: tuple[LeaseService, LeaseService]) -> None:
        self.story = Story()
        self._chance = chance
        self._ledger = ledger
        self._services = services
        self._held: list[Held] = []
        self._events = Events()
        self._events.subscribe(self._note)

    def _note(self, event: Event) -> None:
        if isinstance(event, Notice):
            self.story.notices.append(event.text)

    def run(self, number: int, over: Callable[[], bool]) -> None:
        """Do so many things, the first of which is a lease.

        Args:
            number: How many.
            over: Whether there is no more time for another one.
        """
        self._do(self._acquire)
        for _ in range(number):
            if over():
                break
            choices = [self._acquire, self._list] if len(self._held) < DEVICES else []
            choices += self._CALLS * 2 if self._held else []
            self._do(self._chance.choice(choices) if choices else self._wait)

    def finish(self) -> None:
        """Let go of everything."""
        while self._held:
            self._do(self._release)

    def _do(self, action: Callable[[], str]) -> None:
        name = action.__name__.strip("_")
        try:
            told = action()
        except JumpstarterError as error:
            told = self._complain(error)
            # Otherwise all actions of a run would meet the same fault.
            threading.Event().wait(self._chance.choice((0.0, AFTER_ERROR_S)))
        self.story.lines.append(f"{name}: {told}")

    def _complain(self, error: JumpstarterError) -> str:
        complaint = Complaint(type(error), str(error))
        self.story.errors.append(complaint)
        return str(complaint)

    # Leases

    def _acquire(self) -> str:
        chance = self._chance
        board = chance.choice(BOARDS)
        wanted: dict[str, Any] = chance.choice(
            (
                {"selector": "board=soak"},
                {"selector": f"name={board}"},
                {"exporter": board},
                {"selector": f"name={board} | board=soak"},
            )
        )
        if chance.random() < 0.3:
            wanted |= {"duration": datetime.timedelta(seconds=60), "max_duration": datetime.timedelta(hours=1)}
        service = self._services[0]
        device = service.lease(LeaseRequest(**wanted), LEASE_S, events=self._events, tick=lambda: None, timing=QUICK)
        self._held.append(Held(device, service))
        return f"{device.lease.exporter}, {device.lease.name}"

    def _attach(self) -> str:
        service = self._services[1]
        device = service.attach(self._some().device.lease.name, LEASE_S, events=self._events, timing=QUICK)
        self._held.append(Held(device, service, own=False))
        return device.lease.name

    def _extend(self) -> str:
        return str(self._some().device.lease.extend(datetime.timedelta(minutes=10)))

    def _look(self) -> str:
        lease = self._some().device.lease
        return str(lease.state(CALL_S).phase)

    def _list(self) -> str:
        return f"{len(self._services[0].exporters('board=soak', CALL_S))} exporters"

    def _release(self) -> str:
        held = self._some()
        self._held.remove(held)
        released = held.service.release(held.device, PATIENCE_S)
        if not released:
            self.story.kept.append((held.device.lease.name, held.device.lease.trouble))
        return "done" if released else held.device.lease.trouble

    # Calls

    def _once(self) -> str:
        return self._unary("once")

    def _block(self) -> str:
        return self._unary("block")

    def _unary(self, method: str) -> str:
        call = self._new_call()
        answer = self._tally().call(method, call, self._chance.choice((0.0, 0.0, 0.3)), timeout=CALL_S)
        self._carried_out(call, answer == call)
        return "done"

    def _fail(self) -> str:
        call = self._new_call()
        try:
            self._tally().call("fail", call, self._chance.choice(list(ERRORS)), timeout=CALL_S)
        finally:
            self._at_most_once(call)
        raise Broken(f"call {call} did not fail")

    def _several(self) -> str:
        call, number = self._new_call(), self._chance.choice((0, 1, 5))
        results = list(self._tally().streamingcall("several", call, number, 0.02, timeout=CALL_S))
        self._carried_out(call, results == list(range(number)))
        return f"{number} results"

    def _upload(self) -> str:
        call, data = self._new_call(), content(self._chance.randrange(256), self._chance.choice(SIZES))
        transfer = self._tally()._upload("take", Source.of(data), call, timeout=CALL_S)
        digest = hashlib.sha256(data).hexdigest()
        self._carried_out(call, transfer.sha256 == digest == self._ledger.digest(call))
        return f"{len(data)} bytes"

    def _download(self) -> str:
        call, size, sink = self._new_call(), self._chance.choice(SIZES), io.BytesIO()
        self._tally()._download("give", sink, call, size, timeout=CALL_S)
        self._carried_out(call, sink.getvalue() == content(0, size))
        return f"{size} bytes"

    def _console(self) -> str:
        console = self._some().device.console()
        text = uuid.UUID(int=self._chance.getrandbits(128)).hex
        console.write(f"{text}\n".encode(), CALL_S)
        console.wait_for(text, CALL_S)
        return "heard"

    def _many(self) -> str:
        """Call from several threads at once."""
        proxy, found = self._tally(), []

        def work(call: str) -> None:
            try:
                self._carried_out(call, proxy.call("once", call, 0.05, timeout=CALL_S) == call)
                found.append("done")
            except JumpstarterError as error:
                found.append(self._complain(error))
            except Exception as error:  # noqa: BLE001 - any other one is what the soak looks for
                self.story.broken.append(f"in a thread: {type(error).__name__}: {error}")

        threads = [threading.Thread(target=work, args=(self._new_call(),), name="soak-call") for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return ", ".join(found)

    def _wait(self) -> str:
        threading.Event().wait(self._chance.choice((0.02, 0.2)))
        return "done"

    @property
    def _CALLS(self) -> list[Callable[[], str]]:
        return [
            *(self._once, self._once, self._block, self._fail, self._several, self._upload, self._download),
            *(self._console, self._many, self._extend, self._look, self._release, self._wait, self._attach),
        ]

    # Inside

    def _some(self) -> Held:
        return self._chance.choice(self._held)

    def _tally(self) -> Any:
        return self._some().device.client.tally

    def _new_call(self) -> str:
        return uuid.UUID(int=self._chance.getrandbits(128)).hex

    def _carried_out(self, call: str, right: bool) -> None:
        """A call has succeeded: it was carried out, and its answer is right."""
        if not right or self._ledger.count(call) != 1:
            raise Broken(f"call {call} succeeded: right {right}, carried out {self._ledger.count(call)} times")

    def _at_most_once(self, call: str) -> None:
        if self._ledger.count(call) > 1:
            raise Broken(f"call {call} was carried out {self._ledger.count(call)} times")
