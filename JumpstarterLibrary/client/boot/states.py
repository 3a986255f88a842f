"""Detect the state of a device, and change it by the shortest way."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from JumpstarterLibrary.client.boot.board import Board, find_board
from JumpstarterLibrary.client.boot.builtin_transitions import builtin_states
from JumpstarterLibrary.client.boot.context import BootSettings, Context
from JumpstarterLibrary.client.boot.detecting import Detector
from JumpstarterLibrary.client.boot.failures import Failures
from JumpstarterLibrary.client.boot.files import read_states
from JumpstarterLibrary.client.boot.model import (
    BUILTIN,
    UNKNOWN,
    State,
    TransitionRule,
)
from JumpstarterLibrary.client.boot.state_cache import StateCache
from JumpstarterLibrary.client.boot.transition import ON_THE_WAY, Transition
from JumpstarterLibrary.client.consoles.lost_exporter import check_exporter, exporter_checked
from JumpstarterLibrary.client.consoles.presets import named_patterns
from JumpstarterLibrary.client.consoles.prompts import PromptSettings
from JumpstarterLibrary.client.deadline import Deadline, Seconds
from JumpstarterLibrary.client.device import Device
from JumpstarterLibrary.client.events import Event, TransferEnded
from JumpstarterLibrary.errors import StateMismatch, UsageError
from JumpstarterLibrary.hints import Hint
from JumpstarterLibrary.types import StateChange


class DeviceStates:
    """The states of one board.

    Args:
        device: The device.
        driver: Path of the U-Boot or serial driver. Default: the only one.

    Attributes:
        settings: How the board boots.
    """

    def __init__(self, device: Device, driver: str | None = None) -> None:
        self.settings = BootSettings()
        self._device, self._driver = device, driver
        self._states: list[State] = []
        self._ways: list[TransitionRule] = []
        self._board = find_board(device, driver)
        self._knowledge = StateCache(self._board)
        self._failures = Failures(self._board)

    def note_transfer(self, event: Event) -> None:
        """Take note of a file or image that was written: states that the board failed to reach are tried again."""
        if isinstance(event, TransferEnded) and event.direction == "upload":
            self._failures.cause_changed()

    @property
    def board(self) -> Board:
        """The board; its console is read on, if its link was lost, or its stream was ended."""
        self._device.ready()
        if self._board.console.gone:
            self._board.console.resume()
        return self._board

    @property
    def names(self) -> list[str]:
        """The names of the states that it can be in."""
        return list(dict.fromkeys([*BUILTIN, *self._own_names()]))

    @property
    def known(self) -> str:
        """The state as far as it is known, without looking at the board; otherwise ``unknown``."""
        self._device.ready()
        return self._knowledge.state

    # Definitions

    def configure(self, settings: BootSettings) -> None:
        """Change how the board boots."""
        if (settings.prompt, settings.power) != (self.settings.prompt, self.settings.power):
            self._board = find_board(self._device, self._driver, settings.power, settings.prompt)
            self._knowledge = StateCache(self._board)
            self._failures = Failures(self._board)
        elif replace(settings, user=self.settings.user, password=self.settings.password) != self.settings:
            self._failures.forget()  # credentials are compared where a login is tried again
        self.settings = settings
        self.announce_console()

    def announce_console(self) -> None:
        """Give the board's console its prompts and its line end, for all that read it and type on it."""
        console = self._board.console
        login, password = self.settings.login_prompt, self.settings.password_prompt
        console.prompts = PromptSettings(self._board.prompt, login, password)
        console.line_end = self.settings.line_end or console.line_end

    def define(self, states: Sequence[State], ways: Sequence[TransitionRule]) -> None:
        """Add a user's own states, and ways between states; they take the place of others with the same names.

        Raises:
            UsageError: A way begins or ends at a state that is not defined.
        """
        new = {state.name for state in states}
        kept = [state for state in self._states if state.name not in new]
        known = {*self.names, *new, "any"}
        for way in ways:
            for name in (way.source, way.target):
                if name not in known:
                    raise UsageError(f"A way leads from {way}, but there is no state '{name}'. Define it with detect.")
        self._states = [*states, *kept]
        self._ways = [*self._ways, *ways]
        # What is defined anew is tried anew.
        self._failures.forget()

    def load(self, path: Path) -> list[str]:
        """Read settings, timing, states and ways from a YAML file; return the names of the states that it defines.

        Raises:
            ConfigurationError: It cannot be read, or does not say what it should.
            UsageError: The board has no such power driver.
        """
        device = self._device
        labels = device.exporter_labels()
        content = read_states(path, self.settings, self._board.timing, self.names, labels, device.exporter)
        # A board that cannot be configured so has no states of the file either.
        self.configure(content.settings)
        self.define(content.states, content.ways)
        if content.timing is not None:
            supply = self._board.known_supply
            power = [] if supply is None else [supply.proxy]
            self._device.set_timing(content.timing, self._board.console.driver, *power)
        for name, patterns in map(named_patterns, content.failing):
            self._board.console.fail_on(name, patterns)
        return [state.name for state in content.states]

    def forget_failures(self) -> None:
        """Forget the failures, so that states that have failed are tried again."""
        self._failures.forget()

    # States

    def get(self, timeout: Seconds = None) -> tuple[str, str]:
        """Detect the state of the board.

        Args:
            timeout: Seconds or timedelta. Default: the timing's ``state_timeout``, of which it takes only a part.

        Returns:
            The state's name, and why it is ``unknown`` if it is.
        """
        context = self._context(self.settings, timeout)
        detector = Detector(context, self._all_states())
        state = detector.look()
        if state in (UNKNOWN, *ON_THE_WAY):
            check_exporter(context.board.console, "the board's state")
            self._knowledge.forget(detector.reason)
            return UNKNOWN, detector.reason
        self._knowledge.learn(state)
        self._failures.reached(state)
        return state, ""

    def should_be(self, expected: str, timeout: Seconds = None) -> None:
        """Check which state the board is in; it may also be expected to be ``unknown``.

        Raises:
            StateMismatch: It is in another one.
            StateBroken: Likewise, and it has failed to reach the expected one before.
            UsageError: There is no such state.
        """
        expected = self._known_name(expected, UNKNOWN)
        state, reason = self.get(timeout)
        if state != expected:
            self._failures.refuse(expected)
            found = f"unknown: {reason}" if state == UNKNOWN else f"'{state}'"
            raise self._board.screen.failure(
                StateMismatch,
                f"The state of the board on console {self._board.console.title} should be '{expected}', and is "
                f"{found}.",
            )

    def ensure(self, target: str, timeout: Seconds = None, settings: BootSettings | None = None) -> list[StateChange]:
        """Bring the board to a state, by the shortest way from where it is.

        Args:
            target: The state.
            timeout: Seconds or timedelta for all of it. Default: the timing's ``state_timeout``.
            settings: How it boots this time. Default: as it does.

        Returns:
            The steps; none if it was there already.

        Raises:
            BootFailed: A step failed. The state that it should have led to is not tried again before power was cycled.
            StateBroken: A state is needed that the board has failed to reach before.
            UsageError: There is no such state.
            InfrastructureError: A driver failed, or the link.
        """
        target = self._known_name(target)
        context = self._context(settings or self.settings, timeout)
        self._failures.forgive(context.settings)
        journey = Transition(context, self._all_states(), self._ways, self._knowledge, self._failures, target)
        try:
            with exporter_checked(context.board.console):
                return journey.go()
        finally:
            self._failures.count()

    def _context(self, settings: BootSettings, timeout: Seconds) -> Context:
        board = self.board
        return Context(board, settings, Deadline.of(timeout, board.timing.state_timeout))

    def _all_states(self) -> list[State]:
        return [*self._states, *builtin_states(self._board.prompts)]

    def _own_names(self) -> list[str]:
        return [state.name for state in self._states]

    def _known_name(self, name: str, *more: str) -> str:
        """Return a state's name as it is, however its letters were written."""
        known = [*self.names, *more]
        found = name if name in known else next((each for each in known if each.lower() == name.lower()), None)
        if found is None:
            raise UsageError(f"There is no state '{name}', only {', '.join(self.names)}.", hint=Hint.DEFINE_STATE)
        return found


_all: dict[Device, dict[str | None, DeviceStates]] = {}
_lock = threading.Lock()


def states_of(device: Device, driver: str | None = None) -> DeviceStates:
    """Return the states of a board, always the same object for as long as the device is connected.

    Args:
        device: The device.
        driver: Path of the U-Boot or serial driver. Default: the only one.
    """
    with _lock:
        if device not in _all:
            _all[device] = {}
            device.before_close.append(partial(_forget, device))
        known = _all[device]
    if driver not in known:
        new = DeviceStates(device, driver)
        same = (states for states in known.values() if states.board.console is new.board.console)
        known[driver] = next(same, new)
        if known[driver] is new:
            device.link.events.subscribe(new.note_transfer, TransferEnded)
        known[driver].announce_console()
    return known[driver]


def _forget(device: Device) -> None:
    with _lock:
        known = _all.pop(device, {})
    for states in known.values():
        device.link.events.unsubscribe(states.note_transfer)
