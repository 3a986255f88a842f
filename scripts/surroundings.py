"""Tests run without the user's home, settings and working directory: what lies there decides no test.

A Robot Framework listener (``--listener scripts.surroundings``). ``utest/conftest.py`` does the same for unit tests,
and ``interop/conftest.py`` what matters there.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROBOT_LISTENER_API_VERSION = 3

OURS = ("JUMPSTARTER_", "JMP_")
"""Beginnings of the variables that the product reads."""

XDG = ("XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")
"""Variables that name a user's folders elsewhere than in the home. What is for sockets stays: it has short paths."""

_homes: list[str] = []


def clean_environment(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return an environment with another home, and without variables by which the product is set up.

    Args:
        environ: The environment.
        home: The home; an empty folder.
    """
    kept = {name: value for name, value in environ.items() if not name.startswith(OURS) and name not in XDG}
    return {**kept, "HOME": str(home)}


def pass_hangups_on() -> None:
    """Let a hang-up end the programs that tests start, also under ``nohup``, whose children ignore it otherwise.

    The run itself goes on ignoring it: a program inherits that a signal is ignored, but no handler.
    """
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)


def let_ctrl_c_interrupt() -> None:
    """Let Ctrl-C interrupt this process and its children also where a shell has started it in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def start_suite(data: Any, _result: Any) -> None:
    """Clean the environment before the first suite."""
    if data.parent is None:
        pass_hangups_on()
        let_ctrl_c_interrupt()
        _homes.append(tempfile.mkdtemp(prefix="home-"))
        cleaned = clean_environment(os.environ, Path(_homes[-1]))
        os.environ.clear()
        os.environ.update(cleaned)


def close() -> None:
    """Remove the home."""
    while _homes:
        shutil.rmtree(_homes.pop(), ignore_errors=True)
