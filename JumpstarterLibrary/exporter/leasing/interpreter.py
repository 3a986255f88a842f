"""Choose the program that runs a hook's script."""

from __future__ import annotations

import sys
from pathlib import Path

from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1

SHELL = "/bin/sh"


def command(hook: HookInstanceConfigV1Alpha1) -> list[str]:
    """Return the command line of a hook, by upstream's rules.

    The script is a file's path or the commands themselves. ``exec`` is the interpreter, one program without arguments;
    without it, files that end in ``.py`` are run by the Python that runs the exporter, everything else by ``/bin/sh``,
    regardless of their first line.
    """
    path = _file(hook.script)
    if path is None:
        return [hook.exec or SHELL, "-c", hook.script]
    if hook.exec is not None:
        return [hook.exec, str(path)]
    return [sys.executable if path.suffix == ".py" else SHELL, str(path)]


def _file(script: str) -> Path | None:
    try:
        path = Path(script.strip())
        return path if path.is_file() else None
    except (OSError, ValueError):
        # Commands that cannot be a path: too long, or with a null byte.
        return None
