"""Kernel messages on a console: they come in the middle of anything, even of a word."""

from __future__ import annotations

import re

_MESSAGE = re.compile(r"\[ *\d+\.\d{6}\][^\n]*(?:\n|$)")


def without_kernel_messages(text: str) -> str:
    """Return a console's text as it would be without kernel messages."""
    return _MESSAGE.sub("", text)
