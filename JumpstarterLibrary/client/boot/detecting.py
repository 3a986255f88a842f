"""Detect the state of a board: by what its console shows, and what it answers to a nudge."""

from __future__ import annotations

from collections.abc import Sequence

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.boot.context import Context
from JumpstarterLibrary.client.boot.model import (
    BOOTING,
    EMERGENCY,
    NUDGE,
    OFF,
    RECOVERY,
    SHELL,
    STARTING,
    UNKNOWN,
    State,
)
from JumpstarterLibrary.client.boot.screen import TAIL, seen
from JumpstarterLibrary.client.boot.uboot import CARRIAGE_RETURN
from JumpstarterLibrary.client.consoles import boot_messages
from JumpstarterLibrary.client.consoles.prompts import Prompt, PromptKind, classify
from JumpstarterLibrary.client.deadline import Deadline, format_duration
from JumpstarterLibrary.hints import Hint

DEAD = "dead"


class Detector:
    """Detector of a board's state.

    Nothing is typed while a boot loader may take it for the key that stops it, and text that was typed at a prompt
    before is discarded there, never entered.

    Args:
        context: The board, and how it boots.
        states: The states that it can be in, the most particular first.

    Attributes:
        reason: Why the state is not known, if it is not.
        hint: What to try then, if anything.
    """

    def __init__(self, context: Context, states: Sequence[State]) -> None:
        self._context, self._states = context, states
        self._console, self._screen = context.board.console, context.board.screen
        self._supply, self._timing = context.board.known_supply, context.board.timing
        self.reason = ""
        self.hint: Hint | None = None

    def look(self, *, may_stop: bool = False) -> str:
        """Return the name of the board's state, or one of ``starting``, ``booting`` and ``unknown``.

        Args:
            may_stop: Whether it is fine to stop a boot loader.
        """
        if self._context.board.off:
            return OFF
        limit = self._context.deadline.within(self._timing.look_time)
        while True:
            if self._starts(self._screen.text()):
                self.reason = "it is on its way through its firmware"
                return STARTING
            text = self._screen.settled(limit)
            if text is None:
                return self._unsettled()
            state = self._match(text)
            if state is not None:
                self.reason = self._waits(text)
                return state.name if state.nudge is None else self._answer(state.nudge)
            if self._starts(text):
                continue
            self.reason = self._untouchable(text)
            if self.reason:
                if not self._passes(text):
                    return UNKNOWN
                limit = self._context.deadline.within(self._timing.look_time)
                continue
            if may_stop or not self._screen.goes_on(self._timing.nudge_delay, limit):
                return self._answer(NUDGE, quick=may_stop and not self._screen.spoke)

    def _unsettled(self) -> str:
        """Return what a board is doing that talks all the time."""
        self.reason = f"its console says things all the time, the last was: '{self._last_line()}'"
        phase = self._phase()
        return phase if phase in (STARTING, BOOTING) else UNKNOWN

    def _prompt(self, text: str) -> Prompt:
        return classify(text, self._context.board.prompts)

    def _untouchable(self, text: str) -> str:
        """Return why nothing may be typed where no state is shown; empty if it may."""
        prompt = self._prompt(text)
        if prompt.kind is PromptKind.BOOT_LOADER:
            self.hint = Hint.SET_PROMPT
            return (
                f"{prompt.described} waits with the prompt '{self._last_line()}', and the prompt that is set for the "
                f"board is '{self._context.board.prompt}'"
            )
        if self._phase() == DEAD:
            return "its kernel has panicked"
        asks = prompt.asks_user or prompt.asks_for_password
        return f"it asks '{self._last_line()}', where nothing is tried" if asks else ""

    def _passes(self, text: str) -> bool:
        """Wait where the prompt may go away by itself; return whether it did, or changed."""
        prompt = self._prompt(text)
        return prompt.may_pass and self._screen.goes_on(self._screen.patience(prompt), self._context.deadline)

    def _waits(self, text: str) -> str:
        """Return what waits at a prompt that is none of the system's; empty for others."""
        prompt = self._prompt(text)
        return f"{prompt.described} waits there with '{self._last_line()}'" if prompt.is_no_system else ""

    def _last_line(self) -> str:
        return self._console.hidden(seen(self._screen.line())).strip()[-200:]

    def _starts(self, text: str) -> bool:
        """Whether the board may be in its firmware, where a key could stop it.

        A board at a prompt has left it, although the firmware's messages may be the last.
        """
        if self._match(text) is not None:
            return False
        kind = self._prompt(text).kind
        if kind in (PromptKind.BOOT_LOADER, PromptKind.COUNTDOWN):
            return kind is PromptKind.COUNTDOWN
        if self._screen.spoke:
            return self._phase() == STARTING
        power = None if self._supply is None else self._supply.state
        return power is not None and power.on is True and clock.seconds() - power.since < self._timing.boot_silence

    def _phase(self) -> str:
        return last_phase(self._said())

    def _said(self) -> str:
        """Return the end of what was said, with kernel messages: some of them tell that it restarts."""
        return self._console.text(max(self._screen.begin, self._console.end - TAIL))

    def _match(self, text: str) -> State | None:
        return next(iter(self._matches(text)), None)

    def _matches(self, text: str) -> list[State]:
        return [state for state in self._states if state.shown(text)]

    def _answer(self, nudge: bytes, *, quick: bool = False) -> str:
        """Nudge the board, and return the state of what shows itself then.

        Args:
            nudge: What is typed.
            quick: Wait only for as long as an echo may take.
        """
        start, patience = self._console.end, self._timing.echo_timeout if quick else self._timing.answer_timeout
        line = self._last_line()
        self._console.write(nudge)
        limit = self._context.deadline.within(patience)
        states = self._shown_states(start, limit)
        if not states and self._console.line_end is None and self._only_echo(start):
            # Its line end was not taken. The comment is the last command now, which an empty line would repeat.
            self._console.write(CARRIAGE_RETURN)
            states = self._shown_states(start, self._context.deadline.within(patience))
            self._console.line_end = CARRIAGE_RETURN if states else None
        if not states and line and self._last_line() == line and self._console.end > start:
            # An unknown prompt. A shell may prompt with anything.
            states = [each for each in self._states if each.name == SHELL]
        for state in states:
            refused = state.probe(self._context)
            if refused is None:
                return maintenance_state(self._said()) or SHELL if state.name == SHELL else state.name
            if refused:
                self.reason, self.hint = refused, Hint.SET_PROMPT
                return UNKNOWN
        said = seen(self._console.shown(start)).strip()[-200:]
        self.reason = (
            f"it answered a nudge with '{said}'"
            if said
            else f"it did not answer in {format_duration(limit.timeout or 0)}"
        )
        # Only what reads from the console shows what is typed there; a kernel that boots does not.
        echoed = "#" in said and not said.strip("#\n\r ")
        return BOOTING if self._phase() == BOOTING and not echoed else UNKNOWN

    def _shown_states(self, start: int, limit: Deadline) -> list[State]:
        """Return the states that the answer to a nudge may show, the most particular first; empty if it shows none."""
        while self._screen.changes(limit.timeout or 0, limit):
            text = self._screen.settled(self._context.deadline.within(self._timing.look_time), start)
            if text is not None and not self._only_echo(start) and (states := self._matches(text)):
                return states
        return []

    def _only_echo(self, start: int) -> bool:
        """Whether only the comment of a nudge came back, and not even a line end; it looks like a shell's prompt."""
        return seen(self._console.shown(start)) == "#"


def maintenance_state(text: str) -> str:
    """Return the state of a shell that a console has told to be for maintenance; empty for other shells."""
    mode = boot_messages.maintenance_mode(text)
    return "" if mode is None else EMERGENCY if mode is boot_messages.EMERGENCY else RECOVERY


def last_phase(text: str) -> str:
    """Return what a console has told last of a boot: ``starting``, ``booting``, ``dead``, or ``unknown``."""
    found = {
        STARTING: boot_messages.end_of_last(boot_messages.STARTING, text),
        BOOTING: boot_messages.end_of_last(boot_messages.BOOTING, text),
        DEAD: boot_messages.end_of_last(boot_messages.PANIC, text),
        UNKNOWN: boot_messages.end_of_last(boot_messages.SYSTEM, text),
    }
    phase, position = max(found.items(), key=lambda item: item[1])
    return phase if position >= 0 else UNKNOWN
