"""Bring a board from its present state to another, step by step on the shortest path."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.boot.builtin_transitions import builtin_transitions
from JumpstarterLibrary.client.boot.context import Context
from JumpstarterLibrary.client.boot.detecting import Detector
from JumpstarterLibrary.client.boot.failures import Failures, headline, not_reached
from JumpstarterLibrary.client.boot.model import (
    BOOTING,
    BOOTLOADER,
    MCU_SHELL,
    OFF,
    STARTING,
    UNKNOWN,
    State,
    TransitionRule,
    shortest_path,
)
from JumpstarterLibrary.client.boot.starting import SYSTEM_STATES
from JumpstarterLibrary.client.boot.state_cache import StateCache
from JumpstarterLibrary.client.consoles.lost_exporter import exporter_checked
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.events import BoardStep, Notice
from JumpstarterLibrary.errors import BootFailed, DeviceCrashed, DeviceFailure, StateBroken
from JumpstarterLibrary.hints import Hint
from JumpstarterLibrary.types import StateChange

ON_THE_WAY = (STARTING, BOOTING)


class Transition:
    """A change of a board from its present state to another.

    Args:
        context: The board, how it boots, and until when.
        states: All its states.
        ways: The ways of one's own.
        knowledge: What is known of its state.
        failures: What failed before.
        target: Where to go.
    """

    def __init__(
        self,
        context: Context,
        states: Sequence[State],
        ways: Sequence[TransitionRule],
        knowledge: StateCache,
        failures: Failures,
        target: str,
    ) -> None:
        self._context, self._states, self._target = context, states, target
        self._board, self._knowledge, self._failures = context.board, knowledge, failures
        self._ways = [*builtin_transitions(context), *ways]
        self._steps: list[StateChange] = []
        self._taken: set[tuple[str, str]] = set()
        self._reason = ""
        self._hint: Hint | None = None

    def go(self) -> list[StateChange]:
        """Bring the board to the wanted state, and return the steps.

        Raises:
            BootFailed: A step failed.
            StateBroken: There is no way but through a state that failed before.
            InfrastructureError: A driver failed, or the link.
        """
        self._failures.refuse(self._target)
        self._refuse_hopeless(self._knowledge.state)
        state, shown, begin = self._look()
        cycled = False
        while state != self._target:
            way = self._next(state)
            self._taken.add((state, way.target))
            arrived = self._take(way, state, shown, begin)
            cycled = cycled or OFF in (state, shown)
            state = shown = arrived
            begin = clock.seconds()
        self._knowledge.learn(state)
        if cycled:
            self._failures.forget()
        return self._steps

    def _look(self) -> tuple[str, str, float]:
        """Return the board's state, what it is called in the log, and since when it is in it."""
        if self._target == OFF:
            return self._knowledge.state, self._knowledge.state, clock.seconds()
        state = self._detect()
        supply = self._board.known_supply
        if state == UNKNOWN and not self._board.screen.spoke and supply is not None and supply.on is None:
            # It is probably off. Whether it was is known once it says something; one that does not was on, and hangs.
            begin = clock.seconds()
            supply.switch_on(self._context.deadline)
            if self._board.console.wait_for_output(self._context.deadline.at_most(self._board.timing.boot_silence)):
                return STARTING, OFF, begin
        return state, UNKNOWN if state in ON_THE_WAY else state, clock.seconds()

    def _detect(self) -> str:
        detector = Detector(self._context, self._states)
        state = detector.look(may_stop=self._target == BOOTLOADER)
        self._reason, self._hint = detector.reason, detector.hint
        return state

    def _next(self, state: str) -> TransitionRule:
        """Return the first step of the shortest way."""
        broken = self._failures.states
        # A board that is no computer is not made one by taking its power.
        avoid = [OFF] if state == MCU_SHELL and self._target in SYSTEM_STATES else []
        path = shortest_path(self._ways, state, self._target, [*broken, *avoid])
        if path is None:
            self._refuse_hopeless(state)
            self._board.require_supply()
            why = f" ({self._reason})" if self._reason else ""
            power = "" if self._board.known_supply is not None else " There is no power driver to start anew with."
            raise self._board.screen.failure(
                BootFailed,
                f"No way leads from state '{state}'{why} to '{self._target}' on console {self._board.console.title}."
                f"{power}",
                hint=Hint.USE_PROMPT if state == MCU_SHELL else self._hint,
            )
        if (state, path[0].target) in self._taken:
            raise self._broken(path[0], state, BootFailed(f"The way was taken, and led back to '{state}'."))
        return path[0]

    def _refuse_hopeless(self, state: str) -> None:
        """Raise if all that leads from a state to where the board is wanted is broken."""
        if shortest_path(self._ways, state, self._target, self._failures.states) is None:
            for way in shortest_path(self._ways, state, self._target) or ():
                self._failures.refuse(way.target)

    def _take(self, way: TransitionRule, state: str, shown: str, begin: float) -> str:
        """Take one step, and return the state to which it led."""
        self._knowledge.forget("its state was being changed")
        limit = self._context.deadline.within(way.timeout)
        context = dataclasses.replace(self._context, deadline=limit)
        start = self._board.console.end
        try:
            with exporter_checked(self._board.console):
                arrived = way.act(context) or self._arrival(way.target, start, limit)
        except StateBroken:
            raise
        except DeviceFailure as error:
            self._emit_step(way, shown, "", begin, headline(error.facts))
            return self._after_failure(way, state, shown, error)
        step = StateChange(shown, arrived, clock.seconds() - begin)
        self._steps.append(step)
        self._emit_step(way, shown, arrived, begin)
        self._tell(str(step))
        return arrived

    def _after_failure(self, way: TransitionRule, state: str, shown: str, error: DeviceFailure) -> str:
        """Return the state that the board is in, if it was somewhere else than it seemed; otherwise raise."""
        out_of_time = self._context.deadline.expired
        crashed = isinstance(error, DeviceCrashed)  # a user who registers failing patterns wants no second try
        if state in ON_THE_WAY and not out_of_time and not crashed:
            self._tell(f"'{shown}' to '{way.target}' failed: {headline(error.facts).removesuffix('.')}")
            found = self._detect()
            return UNKNOWN if found in ON_THE_WAY else found
        if out_of_time and not crashed:
            # It is not the board's fault that it was given less time than it may take.
            raise not_reached(way.target, shown, error) from error
        raise self._broken(way, shown, error) from error

    def _arrival(self, target: str, start: int, limit: Deadline) -> str:
        """Wait until the board stands still in a state: the one that is wanted, or for longer in another."""
        screen = self._board.screen
        while not limit.expired:
            text = screen.settled(limit, start) or ""
            found = [state.name for state in self._states if state.shown(text)]
            if target in found:
                return target
            if not screen.goes_on(self._board.timing.look_time, limit) and found and not limit.expired:
                return found[0]
        raise screen.failure(BootFailed, f"The board did not come to state '{target}'.", start)

    def _broken(self, way: TransitionRule, state: str, cause: DeviceFailure) -> BootFailed:
        return self._failures.remember(way.target, state, cause, self._context.settings)

    def _emit_step(self, way: TransitionRule, before: str, arrived: str, begin: float, reason: str = "") -> None:
        seconds = clock.seconds() - begin
        step = BoardStep(self._board.console.name, before, way.target, arrived, seconds, reason)
        self._board.device.link.events.emit(step)

    def _tell(self, what: str) -> None:
        title = self._board.console.title
        self._board.device.link.events.emit(Notice(f"State of the board on console {title}: {what}."))
