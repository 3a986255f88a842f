"""Choose the program that runs a hook's script."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

from JumpstarterLibrary.exporter.classes import SHIM
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1

SHELL = "/bin/sh"


def command(hook: HookInstanceConfigV1Alpha1) -> list[str]:
    """Return the command line of a hook, by upstream's rules.

    The script is a file's path or the commands themselves. ``exec`` is the interpreter, one program without arguments;
    without it, files that end in ``.py`` are run by the Python that runs the exporter, everything else by ``/bin/sh``,
    regardless of their first line. Scripts that this Python runs find upstream's import names, as drivers do.
    """
    path = _file(hook.script)
    if path is None:
        return [hook.exec or SHELL, "-c", hook.script]
    program = hook.exec or (sys.executable if path.suffix == ".py" else SHELL)
    # By way of the package that has upstream's names behind all others, if it is installed.
    ours = shutil.which(program) == sys.executable and importlib.util.find_spec(SHIM) is not None
    return [program, "-m", SHIM, str(path)] if ours else [program, str(path)]


def _file(script: str) -> Path | None:
    try:
        path = Path(script.strip())
        return path if path.is_file() else None
    except (OSError, ValueError):
        # Commands that cannot be a path: too long, or with a null byte.
        return None
