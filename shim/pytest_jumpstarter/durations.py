"""Lengths of time of leases and settings, checked."""

from __future__ import annotations

import datetime

from JumpstarterLibrary.client.durations import LONGEST, parse_duration


def duration(value: object, what: str) -> datetime.timedelta:
    """Return a length of time.

    Args:
        value: A timedelta, a number of seconds, or text: ``90``, ``30 min``, ``1h30m``, ``1 min 30 s``.
        what: What it is for, as its owner spells it: ``lease_timeout``.

    Raises:
        ValueError: It is none, or not longer than nothing, or longer than a year; the text is a whole sentence.
    """
    seconds = parse_duration(value)
    if seconds is None:
        raise ValueError(
            f"{what}: {value!r} is no length of time. Give a timedelta, a number of seconds, or text such as '30 min' "
            f"or '1h30m'."
        )
    if not 0 < seconds <= LONGEST.total_seconds():
        raise ValueError(f"{what}: {value} has to be longer than nothing and at most {LONGEST.days} days.")
    return datetime.timedelta(seconds=seconds)
