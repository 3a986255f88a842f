"""The attributes by which a test class says which device it needs, and how."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, ClassVar

Time = datetime.timedelta | float | str
"""A timedelta, a number of seconds, or text: ``30 min``, ``1h30m``, ``PT1H30M``."""


class DeviceAttributes:
    """The attributes of `JumpstarterTest`, which has their meaning, without its fixture."""

    selector: ClassVar[Any] = None
    exporter_name: ClassVar[Any] = None
    lease_name: ClassVar[Any] = None
    lease_duration: ClassVar[Time] = datetime.timedelta(minutes=30)
    lease_max_duration: ClassVar[Time | None] = None
    lease_timeout: ClassVar[Time | None] = None
    lease_progress: ClassVar[Time | None] = None
    lease_scope: ClassVar[str] = "class"
    lease_tags: ClassVar[Mapping[str, str] | None] = None
    mode: ClassVar[str | None] = None
