"""Select the source of upstream's import names, by the ini setting ``jumpstarter_compat``."""

from __future__ import annotations

import sys

import pytest

from pytest_jumpstarter.compat_finder import CompatFinder
from pytest_jumpstarter.compat_modules import COMPAT, append_to_path, install_hook
from pytest_jumpstarter.compat_tests import TestsOfPackages

SETTING = "jumpstarter_compat"
DEFAULT = "fallback"
HELP = (
    "whether imports such as jumpstarter_testing are served by robotframework-jumpstarter: 'fallback' where upstream's "
    "package is not installed (the default), 'prefer' also where it is, 'off' never"
)


def apply(config: pytest.Config) -> None:
    """Put the entry for upstream's names on ``sys.path`` until pytest is done, as the setting says. Twice is fine.

    Raises:
        pytest.UsageError: The setting is none of the choices.
    """
    choice = config.getini(SETTING)
    if choice not in ("fallback", "prefer", "off"):
        raise pytest.UsageError(f"{SETTING} is '{choice}', which is none of its choices: fallback, prefer, off.")
    if choice == "off" or COMPAT in sys.path:
        return
    finder = offer(prefer=choice == "prefer")
    config.add_cleanup(lambda: _withdraw(finder))
    config.pluginmanager.register(TestsOfPackages(finder), "jumpstarter-tests-of-packages")


def offer(*, prefer: bool = False) -> CompatFinder:
    """Make upstream's names importable in this process, and return what finds their modules.

    Args:
        prefer: Also where upstream's own packages are installed. Default: those win.
    """
    if prefer:
        install_hook()
        sys.path.insert(0, COMPAT)
    else:
        append_to_path()
    finder = CompatFinder()
    sys.meta_path.insert(0, finder)
    return finder


def _withdraw(finder: CompatFinder) -> None:
    if COMPAT in sys.path:
        sys.path.remove(COMPAT)
    if finder in sys.meta_path:
        sys.meta_path.remove(finder)
