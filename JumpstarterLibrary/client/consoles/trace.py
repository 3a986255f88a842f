"""Tell when the trace of a board that dies is over: the output ends, or goes on and on, or a new boot begins."""

from __future__ import annotations

from JumpstarterLibrary.client.consoles.boot_messages import BANNER

LIMIT_S = 60.0
"""How long a trace lasts at most: a board that lives on may never be silent again."""

LIMIT = 64 * 1024
"""Characters of a trace at most; a line at 9600 baud takes about as long for them as the limit."""

END_MARK = "---[ end "
"""What a Linux kernel says behind each part of a trace."""

REST_S = 5.0
"""How long a trace goes on behind the last such mark."""


class Trace:
    """The trace that begins with a line of a console.

    Args:
        start: Offset from which on a line that begins a new boot ends it.
        now: Seconds of the monotonic clock.
        silence: Seconds of silence after which it is over.

    Attributes:
        start: That offset.
        end: Offset behind what is known to belong to it.
        closed: Whether nothing more will belong to it.
    """

    def __init__(self, start: int, now: float, silence: float) -> None:
        self.start = self.end = start
        self.closed = False
        self._silence = silence
        self._heard = now
        self._limit = self._latest = now + LIMIT_S
        self._marked = start

    def hear(self, text: str, end: int, now: float) -> None:
        """Take output that ends at an offset; it may begin with some that was there before."""
        self.closed = self.closed or self.left(now) <= 0
        if self.closed or end <= self.end:
            return
        base = end - len(text)
        banner = next((match for match in BANNER.finditer(text) if base + match.start() > self.start), None)
        if banner is not None:
            self.closed, end = True, base + banner.start()
        mark = base + text.rfind(END_MARK)
        if mark > max(self._marked, base - 1):
            self._marked, self._latest = mark, min(self._limit, now + REST_S)
        self.end, self._heard = end, now

    def left(self, now: float) -> float:
        """Return the seconds until it is over if nothing is said; not more than 0 if it is over."""
        if self.closed or self.end - self.start >= LIMIT:
            return 0.0
        return min(self._heard + self._silence, self._latest) - now
