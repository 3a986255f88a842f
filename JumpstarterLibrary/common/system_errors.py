"""Errors of the operating system: which of them are a lack of something, and what helps."""

from __future__ import annotations

import errno

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)


def lacks_descriptors(error: OSError) -> bool:
    """Return whether there are too many open files, of this process or of the machine: that may pass."""
    return error.errno in _NO_DESCRIPTORS


def remedy(error: OSError) -> str:
    """Return what helps where a file cannot be written, as a sentence."""
    if error.errno in _NO_SPACE:
        return "Free some space there, or choose another output directory."
    if lacks_descriptors(error):
        return "Close files and devices, or raise the limit (ulimit -n)."
    return "Choose another output directory."
