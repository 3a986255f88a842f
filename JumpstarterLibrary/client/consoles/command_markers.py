"""Make and find the markers that stand before and behind the output of a command of ``Run Command``.

In what is typed, two quotation marks split each of them, so that no echo is taken for what the shell prints.
"""

from __future__ import annotations

import re
import secrets

PREFIX = "JMP"
"""What each of them begins with: a quick look before the expressions."""

_TOKEN = r"[0-9a-f]{8}"

COMMAND_BEGIN = re.compile(rf"{PREFIX}{_TOKEN}B")
"""The marker before the output: a line of its own."""
COMMAND_END = re.compile(rf"{PREFIX}{_TOKEN}E:\d+:")
"""The marker behind it, with the exit status: what stands below its line is that shell's prompt."""
COMMAND_MARKER = re.compile(rf"{PREFIX}(?P<token>{_TOKEN})(?:B|(?P<end>E:\d+:))")
"""Either of them, with the token of its command."""


def new_token() -> str:
    """Return what tells the markers of one command from those of all others."""
    return secrets.token_hex(4)


def begin_marker(token: str) -> str:
    """Return the marker before the output of a command."""
    return f"{PREFIX}{token}B"


def end_marker(token: str) -> str:
    """Return the marker behind the output of a command, up to the status."""
    return f"{PREFIX}{token}E:"


def as_typed(marker: str) -> str:
    """Return a marker as it is typed in a shell's command."""
    return marker.replace(PREFIX, f'{PREFIX}""', 1)
