"""File names from names that others chose: one part of a path, short, and another one for each name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

LONGEST = 100
"""Bytes of a name that are kept."""

_UNSAFE = re.compile(r"[^\w.-]+")
_TAKEN = re.compile(r"(?:-[0-9a-f]{12}|-stream|\.timed)$")
"""Ends of the names that are made here and of the files beside a transcript: no name of others may look like one."""


def file_name(name: str) -> str:
    """Return a file name, without an extension, for a driver path or alias; no other name has the same one.

    Exporters choose the names of drivers, and must not choose where a transcript is written. A name that cannot be a
    part of a path as it is, or that is too long, gets a number made of all of it.

    Args:
        name: The name, with any characters and of any length.
    """
    safe = _UNSAFE.sub("_", name).lstrip(".")
    if safe == name and safe and len(name.encode()) <= LONGEST and not _TAKEN.search(name):
        return name
    return f"{_shortened(safe) or '_'}-{_number(name)}"


def driver_file_name(names: Sequence[str]) -> str:
    """Return the file name for a driver: its path, unless a dot in one of its names makes that the path of another.

    Args:
        names: The names from the root's child down to the driver; none for the root.
    """
    path = ".".join(names)
    if all("." not in name for name in names):
        return file_name(path)
    return f"{_shortened(_UNSAFE.sub('_', path).lstrip('.')) or '_'}-{_number(chr(0).join(names))}"


def _shortened(name: str) -> str:
    return name.encode()[:LONGEST].decode(errors="ignore")


def _number(name: str) -> str:
    return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:12]
