"""Stop the boot at the boot loader's prompt."""

from __future__ import annotations

import re
from dataclasses import dataclass

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.boot.board import Board
from JumpstarterLibrary.client.boot.screen import TAIL, seen
from JumpstarterLibrary.client.boot.uboot import UBoot
from JumpstarterLibrary.client.console import Console
from JumpstarterLibrary.client.consoles.boot_messages import BOOT_START, KERNEL
from JumpstarterLibrary.client.consoles.lost_exporter import exporter_checked
from JumpstarterLibrary.client.consoles.prompts import PromptKind, classify
from JumpstarterLibrary.client.deadline import Deadline, Seconds, format_duration
from JumpstarterLibrary.client.pattern import Pattern
from JumpstarterLibrary.errors import BootFailed, CommandFailed
from JumpstarterLibrary.hints import Hint

INTERVAL_S = 0.1

AUTOBOOT = "regexp:(?i)autoboot"
"""What U-Boot says while it can be stopped."""

_GOES_ON = re.compile(r"[^\n]*\n\s*\S")
EARLIER = " A board that looks for the key only once needs it earlier: with an empty pattern, and a shorter interval."


@dataclass(frozen=True)
class Interruption:
    """Options of stopping a boot.

    Attributes:
        key: What is typed for it.
        pattern: What the console says when it is time to; an empty one means from the beginning on.
        interval: Seconds from one key to the next.
    """

    key: bytes = b" "
    pattern: str = AUTOBOOT
    interval: float = INTERVAL_S


def interrupt_boot(
    board: Board, how: Interruption | None = None, timeout: Seconds = None, *, switch_on: bool = True
) -> float:
    """Stop the boot at the boot loader's prompt.

    A prompt that waits already is taken. A board that has said nothing yet is switched on.

    Args:
        board: The board.
        how: How it is stopped. Default: a space each 0.1 seconds once the console says something of autoboot.
        timeout: Seconds or timedelta until the prompt must be there. Default: the timing's ``interrupt_timeout``.
        switch_on: Switch it on if it has said nothing since the last power action, and has a power driver.

    Returns:
        The seconds that it took.

    Raises:
        BootFailed: There was no prompt in time, or the kernel was started instead.
        InfrastructureError: The console or the power driver failed.
    """
    attempt = _Attempt(board, how or Interruption(), Deadline.of(timeout, board.timing.interrupt_timeout))
    with exporter_checked(board.console):
        return attempt.run(switch_on)


class _Attempt:
    def __init__(self, board: Board, how: Interruption, deadline: Deadline) -> None:
        self._board, self._how, self._deadline = board, how, deadline
        self._console: Console = board.console
        self._uboot = UBoot(board.console, board.prompt)
        self._pattern = Pattern(how.pattern) if how.pattern else None
        self._since = self._shown = 0
        self._asked: int | None = None
        self._going_on: float | None = None
        self._other_since: float | None = None

    def run(self, switch_on: bool) -> float:
        begin = clock.seconds()
        if not self._waits_already():
            self._since, self._shown = self._chapter()
            if switch_on:
                self._switch_on()
            self._press_until_prompt()
        self._console.cursor = self._console.end
        return clock.seconds() - begin

    def _waits_already(self) -> bool:
        supply = self._board.known_supply
        # A board that this process has not switched may have stood at its prompt before its console was opened.
        unswitched = not self._console.powered and (supply is None or supply.on is None)
        unheard = unswitched and not self._board.screen.spoke
        if not unheard and not self._uboot.waits():
            return False
        try:
            glance = self._deadline.within(self._board.timing.echo_timeout)
            self._uboot.wake(glance if unheard else self._deadline)
        except CommandFailed:
            return False
        return True

    def _chapter(self) -> tuple[int, int]:
        """Return from where on to look, and from where on to show the text in an error.

        That is behind the last banner, even if the caller has waited for more; and the begin of the banner's line.
        """
        begin = max(self._board.screen.begin, self._console.start, self._console.end - TAIL)
        text = self._console.text(begin)
        banner = max(BOOT_START.finditer(text), key=lambda match: match.end(), default=None)
        if banner is None:
            return begin, begin
        return begin + banner.end(), begin + text.rfind("\n", 0, banner.start()) + 1

    def _switch_on(self) -> None:
        supply, spoke = self._board.known_supply, self._board.screen.spoke
        if supply is None and not spoke and not self._board.power_actions:
            self._board.require_supply()
        if supply is not None and (self._board.off or (supply.on is not True and not spoke)):
            supply.switch_on(self._deadline)
            self._since = self._shown = self._console.cursor

    def _press_until_prompt(self) -> None:
        pressed: float | None = None
        while not self._prompt_came():
            # Asked once: the time must not run out between the look for another prompt and the end without any.
            late, now = self._deadline.expired, clock.seconds()
            text = self._console.text(self._since)
            seen = self._time_has_come(text)
            self._check_prompt(now, late)
            if pressed is not None:
                self._check_in_time(text, now)
            if seen and (pressed is None or now - pressed >= self._how.interval):
                self._console.write(self._how.key, self._deadline)
                pressed = now
            if late:
                why = "" if seen else f" It never said '{self._how.pattern}', so that no key was pressed."
                raise self._failure(f"There was no prompt '{self._board.prompt}'.{why}")
            left = self._how.interval if pressed is None else max(0.0, pressed + self._how.interval - now)
            self._console.wait_for_output(self._deadline.at_most(left if seen else 1.0))

    def _time_has_come(self, text: str) -> bool:
        """Whether the console has said that a key can be pressed."""
        if self._pattern is None:
            return True
        if self._asked is None and (found := self._pattern.search(text)) is not None:
            self._asked = found.end
        return self._asked is not None

    def _check_in_time(self, text: str, now: float) -> None:
        """Raise if the boot went on although a key was pressed."""
        if KERNEL.search(text):
            raise self._failure(f"The kernel was started before it took the key.{EARLIER}")
        if self._asked is not None and _GOES_ON.match(text, self._asked):
            self._going_on = self._going_on or now
            if now - self._going_on > self._board.timing.uboot_prompt_timeout:
                raise self._failure(f"It went on before it took the key.{EARLIER}")

    def _check_prompt(self, now: float, late: bool) -> None:
        """Raise if another prompt than the board's stays, or stands there when the time is over."""
        prompt = classify(self._board.screen.text(self._since), self._board.prompts)
        if prompt.kind is not PromptKind.BOOT_LOADER or prompt.configured:
            self._other_since = None
            return
        self._other_since = self._other_since or now
        if late or now - self._other_since > self._board.timing.uboot_prompt_timeout:
            loader, line = prompt.described, self._console.hidden(seen(prompt.line))
            which = f"{loader[:1].upper()}{loader[1:]} waits with the prompt '{line}'"
            why = f"{which}, and the prompt that is set for the board is '{self._board.prompt}'."
            raise self._failure(why, Hint.SET_PROMPT)

    def _prompt_came(self) -> bool:
        """Whether there is a prompt that answers; keys that are still on their way are forgotten there."""
        if not classify(self._board.screen.text(self._since), self._board.prompts).configured:
            return False
        try:
            self._uboot.wake(self._deadline)
        except CommandFailed:
            return False
        return True

    def _failure(self, why: str, hint: Hint | None = None) -> BootFailed:
        limit = format_duration(self._deadline.timeout or 0)
        return self._board.screen.failure(
            BootFailed,
            f"The boot on console {self._console.title} was not stopped within {limit}. {why}",
            self._shown,
            hint=hint,
        )
