"""Lengths of time of leases and settings, checked."""

from __future__ import annotations

import datetime

from JumpstarterLibrary.common.durations import read_duration
from JumpstarterLibrary.common.values import InvalidValue


def duration(value: object, what: str) -> datetime.timedelta:
    """Return a length of time.

    Args:
        value: A timedelta, a number of seconds, or text: ``90``, ``30 min``, ``1h30m``, ``PT1H30M``.
        what: What it is for, as its owner spells it: ``lease_timeout``.

    Raises:
        ValueError: It is none, or not longer than nothing, or longer than a year; the text is a whole sentence.
    """
    try:
        return datetime.timedelta(seconds=read_duration(value, positive=True))
    except InvalidValue as error:
        raise ValueError(f"{what}: it {error}.") from None
