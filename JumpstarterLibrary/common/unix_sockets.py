"""Private directories for unix sockets, and the length that the path of a socket may have."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile
from pathlib import Path

from JumpstarterLibrary.errors import ConfigurationError

PATH_LIMIT = 107
"""Bytes of a unix socket's path, on Linux; other systems take a few less."""

PREFIX = "jumpstarter-"

OWN_BYTES = len(f"/{PREFIX}01234567/") + 16
"""Bytes of a private directory's name and of the socket in it, such as ``qmp.sock``."""

SHORT = ("/tmp", "/var/tmp")
"""Directories that every system has, for sockets only, where the usual ones have long paths."""

_directories: dict[Path, int] = {}
"""Directories that were made and not removed yet, each with the process that made it."""


def private_directory() -> Path:
    """Make a directory that only this user may enter, in ``$XDG_RUNTIME_DIR`` or the temporary directory.

    Where their paths are too long for sockets, it is in ``/tmp`` or ``/var/tmp``.

    It is removed at the end of the process, unless ``remove_directory`` has removed it before.

    Raises:
        OSError: It cannot be made.
    """
    directory = _parent() / f"{PREFIX}{secrets.token_hex(4)}"
    # Noted first: an interruption may come as soon as the directory is there.
    _directories[directory] = os.getpid()
    try:
        directory.mkdir(0o700)
    except OSError:
        del _directories[directory]
        raise
    return directory


def _parent() -> Path:
    """Return the first directory whose path leaves room for that of a socket; the first one where none does."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    usual = [runtime] if runtime and Path(runtime).is_dir() else []
    parents = [Path(parent) for parent in (*usual, tempfile.gettempdir(), *SHORT)]
    fitting = (parent for parent in parents if len(os.fsencode(parent)) + OWN_BYTES <= PATH_LIMIT and parent.is_dir())
    return next(fitting, parents[0])


def remove_directory(directory: Path) -> None:
    """Remove a private directory and what is in it. Removing it twice is fine."""
    _directories.pop(directory, None)
    shutil.rmtree(directory, ignore_errors=True)


@atexit.register
def _remove_all() -> None:
    for directory, process in list(_directories.items()):
        if process == os.getpid():  # and not that of a parent that this process was forked from
            remove_directory(directory)


def check_path(path: str | Path, source: str = "") -> None:
    """Check that a socket can have this path.

    Args:
        path: The path.
        source: Which setting gave it, for the message. Default: the message needs none.

    Raises:
        ConfigurationError: It is too long.
    """
    length = len(os.fsencode(path))
    if length > PATH_LIMIT:
        origin = f" (from {source})" if source else ""
        raise ConfigurationError(
            f"The socket path '{path}'{origin} has {length} bytes, but unix sockets take {PATH_LIMIT}. Use a shorter "
            f"one, for example by a symbolic link to its directory."
        )
