"""Where unix sockets live."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from JumpstarterLibrary.errors import ConfigurationError

PATH_LIMIT = 107
"""Bytes of a unix socket's path, on Linux; other systems take a few less."""


def private_directory() -> Path:
    """Return a new directory that only this user may enter, in ``$XDG_RUNTIME_DIR`` or the temporary directory."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    parent = runtime if runtime and Path(runtime).is_dir() else None
    return Path(tempfile.mkdtemp(prefix="jumpstarter-", dir=parent))


def check_path(path: Path) -> None:
    """Check that a socket can have this path.

    Raises:
        ConfigurationError: It is too long.
    """
    length = len(os.fsencode(path))
    if length > PATH_LIMIT:
        raise ConfigurationError(
            f"The socket path {path} has {length} bytes, but unix sockets take {PATH_LIMIT}. Choose a shorter one."
        )
