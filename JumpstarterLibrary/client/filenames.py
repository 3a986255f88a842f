"""File names from names that others chose."""

from __future__ import annotations

import re

_UNSAFE = re.compile(r"[^\w.-]+")


def file_name(name: str) -> str:
    """Return a file name for a driver path or alias: one part of a path, with any characters in the name.

    Driver names come from the exporter, which must not choose where we write.
    """
    return _UNSAFE.sub("_", name).lstrip(".") or "_"
