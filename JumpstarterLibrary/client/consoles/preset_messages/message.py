"""A kind of message that a system prints when it dies."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class FailingMessage:
    """A kind of message.

    Attributes:
        name: What errors call it, behind the preset.
        meaning: What it tells, for the manual.
        expression: Finds it in a line.
        meant_by: A typed line that provokes it on purpose; None if no line does.
    """

    name: str
    meaning: str
    expression: str
    meant_by: re.Pattern[str] | None = None
