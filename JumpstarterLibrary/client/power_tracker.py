"""Track the power states of a device's drivers: no driver reports them, so each action of this process is noted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING
from weakref import WeakSet

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.events import Event, PowerAction

if TYPE_CHECKING:
    from JumpstarterLibrary.client.tree import Node

STARTS = ("on", "cycle", "rescue")
"""Methods of power drivers after which a board starts; ``off`` is the other one that switches."""


class PowerState:
    """The power state of one power driver: what it was told in this process, under any alias.

    Attributes:
        on: Whether power is on; None if that is not known: this process has not switched it, or switching it failed.
        since: When it was switched last, on the monotonic clock.
        actions: How often it was switched, or tried to be, or the board was restarted by its reset button.
        cycles: How often it was switched on after it had been off.
    """

    def __init__(self) -> None:
        self.on: bool | None = None
        self.since = clock.seconds()
        self.actions = 0
        self.cycles = 0
        self._was_off = False
        self._begins: dict[Hashable, int] = {}

    def begin(self, console: Hashable) -> int:
        """Return how far a console was at the last action; 0 if there was none since it was opened."""
        return self._begins.get(console, 0)

    def acts(self) -> None:
        """Make the power state unknown until an action is done; it may fail half-way."""
        self.actions += 1
        self.on = None

    def begins(self, ends: Mapping[Hashable, int]) -> None:
        """Begin a new chapter at the ends of the consoles: what was said before is no answer to what is asked then."""
        self.since = clock.seconds()
        self._begins.update(ends)

    def set_state(self, on: bool) -> None:
        """Record the new power state."""
        self.cycles += on and self._was_off
        self._was_off = not on
        self.on, self.since = on, clock.seconds()


class PowerTracker:
    """The power states of a device's power drivers.

    All devices of this process that are connected to the same exporter, perhaps under other aliases, learn what one of
    them switches.

    Args:
        root: The root of the device's tree.
        tell: Called when power is switched: on in a moment, or off just now. Returns the end of each open console.
        emit: Called with the event of each action.
    """

    def __init__(self, root: Node, tell: Callable[[], Mapping[Hashable, int]], emit: Callable[[Event], None]) -> None:
        self._root, self._tell, self._emit = root, tell, emit
        self._states: dict[str, PowerState] = {}
        with _lock:
            _all.add(self)

    def of(self, uuid: str) -> PowerState:
        """Return what is known of the power that a driver switches."""
        return self._states.setdefault(uuid, PowerState())

    def has(self, uuid: str) -> bool:
        """Return whether a driver has been taken for a power driver, under any name that its exporter gives it."""
        return uuid in self._states

    @property
    def actions(self) -> int:
        """How often any of them was switched, or tried to be."""
        return sum(state.actions for state in self._states.values())

    def begin(self, uuid: str, method: str) -> None:
        """Record that a method of a power driver is called in a moment."""
        for powers in self._sharing(uuid):
            powers._begin(powers.of(uuid), method)
            powers._record(uuid, method, done=False)

    def end(self, uuid: str, method: str) -> None:
        """Record that a method of a power driver was called."""
        for powers in self._sharing(uuid):
            powers._end(powers.of(uuid), method)
            powers._record(uuid, method, done=True)

    def restart(self, parent: Node) -> None:
        """Record that the boards below a driver are restarted in a moment by a reset button, power staying on."""
        known = {node.uuid for node in parent.walk() if self.has(node.uuid)}
        for uuid in known or {parent.uuid}:
            for powers in self._sharing(uuid):
                state = powers.of(uuid)
                if state.on is not False:
                    state.actions += 1
                    state.begins(powers._tell())
                powers._record(uuid, "reset", done=False)

    def _record(self, uuid: str, action: str, *, done: bool) -> None:
        """Emit the event of an action that switches power."""
        if action in (*STARTS, "off", "reset"):
            path = next((node.path for node in self._root.walk() if node.uuid == uuid), "")
            self._emit(PowerAction(path, action, done, self.of(uuid).on))

    def _begin(self, state: PowerState, method: str) -> None:
        if method == "on" and state.on:
            self._tell()  # nothing happens to a board that is on
        elif method in STARTS:
            if method == "cycle":
                state.set_state(False)
            state.acts()
            state.begins(self._tell())
        elif method == "off":
            state.acts()

    def _end(self, state: PowerState, method: str) -> None:
        if method in STARTS:
            if not state.on:
                state.set_state(True)
        elif method == "off":
            state.set_state(False)
            state.begins(self._tell())

    def _sharing(self, uuid: str) -> list[PowerTracker]:
        with _lock:
            others = [powers for powers in _all if powers is not self]
        return [self, *(other for other in others if any(node.uuid == uuid for node in other._root.walk()))]


_all: WeakSet[PowerTracker] = WeakSet()
_lock = threading.Lock()
