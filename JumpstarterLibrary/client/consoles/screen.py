"""The end of a console without kernel messages: its last line, and whether it stands still."""

from __future__ import annotations

from collections.abc import Callable

from JumpstarterLibrary.client.console import Console
from JumpstarterLibrary.client.consoles.kernel import (
    without_begun_message,
    without_cut_messages,
    without_kernel_messages,
    without_repeated_messages,
)
from JumpstarterLibrary.client.consoles.prompts import Prompt, PromptKind, classify
from JumpstarterLibrary.client.deadline import Deadline

TAIL = 64 * 1024


class LastLines:
    """What a console shows at its end.

    Args:
        console: The console.
        begin: Returns where the present chapter begins: at the last power action. Default: what the console takes for
            that, for which all power drivers of a device are the same.
        waiting: What is awaited, for messages.
    """

    def __init__(self, console: Console, begin: Callable[[], int] | None = None, waiting: str = "") -> None:
        self._console = console
        self._begin = begin or (lambda: console.marks.get("power_on", 0))
        self._waiting = waiting
        self._whole = (0, 0, "")
        self._read = (0, 0, "")

    @property
    def begin(self) -> int:
        """Where the present chapter begins."""
        return self._begin()

    def text(self, since: int | None = None) -> str:
        """Return the last lines without kernel messages, which come in the middle of anything.

        Args:
            since: An offset to begin at. Default: as far back as matters, at most to the last power action.
        """
        self._read = self._reading()
        return self._read[2] if since is None else self._text_from(self._first_line(since))

    def line(self, since: int | None = None) -> str:
        """Return the last line as it is now."""
        return self.text(since).rpartition("\n")[2]

    def changes(self, limit: float, deadline: Deadline) -> bool:
        """Wait until the console says anything but kernel messages; return whether it did within some seconds."""
        return self._differs(self._reading(), limit, deadline)

    def goes_on(self, limit: float, deadline: Deadline) -> bool:
        """Wait likewise for what the console has not said yet when its text was read last.

        For a caller that has judged the text: what came while it did is new, too.
        """
        return self._differs(self._read, limit, deadline)

    def settled(self, deadline: Deadline, since: int | None = None) -> str | None:
        """Return the text once the console pauses; None if it does not until the deadline."""
        settle = self._console.timing.prompt_settle
        while True:
            whole = deadline.at_most(settle) == settle
            text = self.text(since)
            if not self.goes_on(settle, deadline):
                return text if whole else None

    def _reading(self) -> tuple[int, int, str]:
        """Return the offsets at which the text begins and ends, and the text."""
        first, end = self._first_line(self.begin), self._console.end
        return first, end, self._text_from(first)

    def _differs(self, reading: tuple[int, int, str], limit: float, deadline: Deadline) -> bool:
        """Wait until the text is another than that of a reading; return whether it is within some seconds.

        It begins where the reading did: a window that moves would lose an old line with every message, and look
        changed.
        """
        (first, end, before), pause = reading, deadline.within(limit)
        while self._console.wait_for_output(pause, self._waiting, since=end):
            end = self._console.end
            if self._text_from(first) != before:
                return True
        return False

    def patience(self, prompt: Prompt) -> float:
        """Return how many seconds a prompt has to go away by itself; none for one that does not."""
        timing = self._console.timing
        if prompt.kind is PromptKind.COUNTDOWN:
            return timing.boot_silence
        if prompt.kind is PromptKind.PASSPHRASE:
            return timing.unlock_timeout
        return timing.nudge_delay if prompt.may_pass else 0.0

    def _first_line(self, begin: int) -> int:
        """Return the offset of the first whole line that matters; what is left of a cut one may be half a message."""
        start = max(begin, self._console.start, self._console.end - TAIL)
        return start if start == begin else start + self._console.text(start).find("\n") + 1

    def _text_from(self, offset: int) -> str:
        text = without_begun_message(self._without_messages(offset))
        quiet = without_repeated_messages(without_cut_messages(text))
        # What a program prints again and again is no noise, unless it hides a prompt.
        return quiet if quiet != text and classify(quiet, self._console.prompts).waits else text

    def _without_messages(self, offset: int) -> str:
        """Return the text from an offset on without kernel messages; whole lines are searched for them once."""
        first, read, quiet = self._whole
        if first != offset or not self._console.start <= read <= self._console.end:
            read, quiet = max(offset, self._console.start), ""
        new = self._console.text(read)
        lines = new.rfind("\n") + 1
        quiet += without_kernel_messages(new[:lines])
        self._whole = (offset, read + lines, quiet)
        return quiet + without_kernel_messages(new[lines:])
