"""Files that a run leaves in its output directory."""

from __future__ import annotations

from pathlib import Path

_claimed: set[Path] = set()
"""Directories that this process has given out; the library may be imported several times, the process is one."""


def transcript_directory(parent: Path, name: str) -> Path:
    """Return a directory for the transcripts of one connection, which no other connection of this run has.

    Transcripts that an earlier run left there are removed.
    """
    number = 1
    while (directory := parent / (name if number == 1 else f"{name}-{number}")) in _claimed:
        number += 1
    _claimed.add(directory)
    for old in directory.glob("*.log"):
        old.unlink()
    return directory
