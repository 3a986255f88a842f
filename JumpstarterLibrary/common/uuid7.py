"""UUIDs of version 7 (RFC 9562): a timestamp in milliseconds, then random bits. Names of leases are such.

Within one process each is greater than the one before, also in the same millisecond and when the clock goes back: the
random part is then counted up, by steps that cannot be guessed. Python 3.14 makes them itself.
"""

from __future__ import annotations

import os
import secrets
import sys
import threading
import time
import uuid
from collections.abc import Callable

_RANDOM_BITS = 74
_STEP_BITS = 32


class Uuid7:
    """A source of UUIDs, for all threads.

    Args:
        milliseconds: The time since 1970.
        random_bits: Returns a number with that many random bits.
    """

    def __init__(
        self,
        milliseconds: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        random_bits: Callable[[int], int] = secrets.randbits,
    ) -> None:
        self._milliseconds = milliseconds
        self._random_bits = random_bits
        self._lock = threading.Lock()
        self._time = -1
        self._random = 0

    def __call__(self) -> str:
        """Return a new UUID as text, in lower case."""
        now = self._milliseconds()
        with self._lock:
            if now > self._time:
                self._begin(now)
            else:
                self._random += 1 + self._random_bits(_STEP_BITS)
                if self._random >> _RANDOM_BITS:
                    self._begin(self._time + 1)
            moment, number = self._time, self._random
        high, low = number >> 62, number & ((1 << 62) - 1)
        return str(uuid.UUID(int=moment << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low))

    def _begin(self, moment: int) -> None:
        self._time = moment
        # The highest bit stays free, so that there is room to count.
        self._random = self._random_bits(_RANDOM_BITS - 1)


_source = Uuid7()


def uuid7() -> str:
    """Return a new UUID of version 7 as text, in lower case, greater than all before it in this process."""
    if sys.version_info >= (3, 14):
        return str(uuid.uuid7())
    return _source()


def _renew() -> None:
    # A copy of the parent's state could repeat the parent's UUIDs; a copy of its lock could be locked for ever.
    global _source
    _source = Uuid7()


os.register_at_fork(after_in_child=_renew)
