"""Messages of a Linux kernel on a console: they come out in the middle of anything, even of a word.

What ``dmesg`` prints looks the same. The difference is the time in the brackets: a message that comes out by itself is
newer than every one that came out before, and its time is the kernel's present one.

Vendors add to the time: Amlogic the processor (``[   12.345678@2]``), HiSilicon a unit (``[   12.345678s]``), kernels
with ``printk_caller`` the task (``[   12.345678][  T123]``), MediaTek and Samsung both behind it. Some consoles show
the level before it (``<6>``), or the time of day in its place.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

_TIME_OF_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]?\d \d\d:\d\d:\d\d \d{4}"

STAMP = re.compile(r"\[ *(\d+\.\d{6})(?:@\d+|s)?\]")
_MESSAGE = re.compile(rf"\[(?: *\d+\.\d{{6}}(?:@\d+|s)?|{_TIME_OF_DAY})\][^\n]*(?:\n|$)")
_MESSAGE_WITH_LEVEL = re.compile(rf"(?:<\d{{1,3}}>)?{_MESSAGE.pattern}")
MESSAGE_BEGIN = (
    # At the beginning of a line, with or without its level.
    r"(?:^(?:<\d{1,3}>)?"
    # Behind its time, and behind what vendors add to it: Spreadtrum and Qualcomm the processor and more.
    r"|\]-? {0,2}(?:c\d+ +(?:\d+ +)?|-?\([^()\n]{1,40}\) ?|CPU\d+: )?"
    # Printed over a prompt, by a kernel that shows no times. Other lines may quote a message.
    r"|^[#$] |^[^\s\"'`|#][^\"'`|\n]{0,150}?(?:[\])~/\w ][#$] ?|[\])~/\w][>%] ?|\blogin: ?|assword: ?))"
)
"""Where the text of a message begins, as a part of a regular expression."""
_LEVEL = re.compile(r"<\d{1,3}>(?=\[)")
_BEGUN = re.compile(
    r"(?:<(?:\d{1,3}>?)?|(?:<\d{1,3}>)?\[(?: *(?:\d+(?:\.\d*)?(?:@\d*|s)?)?|[A-Z][a-z]{0,2}[\w: ]{0,21}))\Z"
)
_LONGEST_BEGIN = 40
"""Characters at the end of a text in which the begin of a message, not yet with its time, is looked for."""

_NO_NUMBERS = str.maketrans("", "", "0123456789abcdefx")
"""Makes two messages the same that differ in decimal or hexadecimal numbers only."""
_CUT = re.compile(r"\d{1,6}\.\d{6}(?:@\d+|s)?\][^\n]*\n")
_CUT_WINDOW = 4096
_REPEATS_LINES = 100
"""Lines at the end of a text in which repeated messages are looked for."""
_LONGEST_MESSAGE = 1024
"""Characters of a kernel's message at most."""

_RECENT = 2048
"""Characters at the end of new output in which the last message's time is looked for."""

SLACK_S = 0.5
TOLERANCE = 0.9
"""How far the kernel's time may be behind what is expected: seconds, and a share of the time since its last message."""

SLOWEST = 0.5
"""The slowest that a kernel's time is expected to run, as it does in a virtual machine that waits for its processor."""

LONG_ENOUGH_S = 1.0
"""Seconds from which on two messages tell how fast it runs."""


def without_kernel_messages(text: str) -> str:
    """Return a console's text as it would be without anything that looks like a kernel message."""
    return _MESSAGE.sub("", _without_levels(text)) if "[" in text else text


def parts_between_messages(text: str) -> Iterator[tuple[int, str]]:
    """Yield what is left of a text without anything that looks like a kernel message, each part with its place."""
    at = 0
    for message in _MESSAGE_WITH_LEVEL.finditer(text):
        yield at, text[at : message.start()]
        at = message.end()
    yield at, text[at:]


def without_begun_message(text: str) -> str:
    """Return a text without a kernel message at its end of which only the begin has come."""
    return text[:-_LONGEST_BEGIN] + _BEGUN.sub("", text[-_LONGEST_BEGIN:])


def _without_levels(text: str) -> str:
    """Return a text without the levels that some consoles show before a message's time."""
    return _LEVEL.sub("", text) if ">[" in text else text


def without_cut_messages(text: str) -> str:
    """Return a text without the ends of messages at its end whose begins something else has cut off, such as a prompt.

    Args:
        text: The text, without whole messages.
    """
    return text[:-_CUT_WINDOW] + _CUT.sub("", text[-_CUT_WINDOW:])


def without_repeated_messages(text: str) -> str:
    """Return a text without the lines at its end that came more than once and differ in their numbers only.

    Kernels that show no times print such messages, and what the first of them is glued to may be a prompt that waits.
    """
    if not text.endswith("\n"):
        return text
    lines, shapes = text.split("\n"), text.translate(_NO_NUMBERS).split("\n")
    recent = Counter(shapes[-_REPEATS_LINES:-1])
    repeated = {shape for shape, count in recent.items() if shape and count > 1}
    last = len(lines) - 2
    while last >= 0 and shapes[last] in repeated:
        last -= 1
    if last < 0 or not repeated:
        return text
    line = lines[last]
    places = range(max(1, len(line) - _LONGEST_MESSAGE), len(line))
    glued = next((at for at in places if line[at:].translate(_NO_NUMBERS) in repeated), None)
    return "\n".join([*lines[:last], line[:glued] if glued is not None else f"{line}\n"])


class KernelClock:
    """The kernel's time, as far as its messages tell.

    Attributes:
        last: The time in the last message that came out by itself; None if there was none since the board was started.
        paused: Whether what looks like messages may be a command's output, and tells nothing.
    """

    def __init__(self) -> None:
        self.last: float | None = None
        self.paused = False
        self._last_came = 0.0
        self._first = self._first_came = 0.0

    def restart(self) -> None:
        """Forget everything: the board was switched."""
        self.last = None

    def heard(self, text: str, now: float) -> None:
        """Learn from new output, which came at some second of our own clock."""
        if self.paused or "[" not in text:
            return
        stamps = STAMP.findall(text[-_RECENT:])
        if stamps:
            self.learn(float(stamps[-1]), now)

    def learn(self, stamp: float, now: float) -> None:
        """Take a message's time for the present one."""
        if self.last is None or stamp < self.last:
            # A kernel that was started anew; or one that tells an old story, which does no harm.
            self._first, self._first_came = stamp, now
        self.last, self._last_came = stamp, now

    def newer_than(self, now: float) -> float | None:
        """Return a kernel time that all messages from now on are newer than; None if it is unknown."""
        if self.last is None:
            return None
        since = (now - self._last_came) * self._rate() * TOLERANCE - SLACK_S
        return self.last + max(0.0, since)

    def is_live(self, message: str, now: float) -> bool:
        """Whether a message came out by itself just now; no if its time does not tell."""
        stamp, oldest = STAMP.search(message), self.newer_than(now)
        if stamp is None or oldest is None or self.last is None:
            return False
        return oldest < float(stamp[1]) <= self.last + (now - self._last_came) / TOLERANCE + SLACK_S

    def _rate(self) -> float:
        took = self._last_came - self._first_came
        if self.last is None or took < LONG_ENOUGH_S:
            return SLOWEST
        return min(1.0, max(SLOWEST, (self.last - self._first) / took))


def separate(text: str, newer_than: float | None) -> tuple[str, list[tuple[int, str]]]:
    """Take the kernel messages that came out by themselves out of a text.

    Args:
        text: What the console said.
        newer_than: The time that they are newer than; what is older was printed by a program. None if it is not known:
            then only what breaks into a line is a message.

    Returns:
        The rest of the text; and the messages, each with its place in that rest.
    """
    text = _without_levels(text)
    rest: list[str] = []
    messages: list[tuple[int, str]] = []
    at = length = 0
    before, last = "\n", -1.0
    for match in STAMP.finditer(text):
        if match.start() < at:
            continue
        between, stamp = text[at : match.start()], float(match[1])
        if newer_than is None:
            live = not (between or before).endswith("\n")
        else:
            # No message comes out twice; but one of several lines has the same time in all of them.
            live = stamp > newer_than and (stamp > last or (stamp == last and not between))
        if not live:
            continue
        last = stamp
        rest.append(between)
        length += len(between)
        before = between or before
        end = text.find("\n", match.end())
        end = len(text) if end < 0 else end
        messages.append((length, text[match.start() : end]))
        at = end + 1
    rest.append(text[at:])
    return "".join(rest), messages
