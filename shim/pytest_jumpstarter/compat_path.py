"""Where upstream's import names come from: the ini setting ``jumpstarter_compat`` decides."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

SETTING = "jumpstarter_compat"
DEFAULT = "fallback"
HELP = (
    "whether imports such as jumpstarter_testing are served by robotframework-jumpstarter: 'fallback' where upstream's "
    "package is not installed (the default), 'prefer' also where it is, 'off' never"
)

COMPAT = str(Path(__file__).parent / "compat")


def apply(config: pytest.Config) -> None:
    """Put the folder with upstream's names on ``sys.path`` until pytest is done, as the setting says. Twice is fine.

    Raises:
        pytest.UsageError: The setting is none of the choices.
    """
    choice = config.getini(SETTING)
    if choice not in ("fallback", "prefer", "off"):
        raise pytest.UsageError(f"{SETTING} is '{choice}', which is none of its choices: fallback, prefer, off.")
    if choice == "off" or COMPAT in sys.path:
        return
    if choice == "prefer":
        sys.path.insert(0, COMPAT)
    else:
        sys.path.append(COMPAT)
    config.add_cleanup(_remove)


def _remove() -> None:
    if COMPAT in sys.path:
        sys.path.remove(COMPAT)
