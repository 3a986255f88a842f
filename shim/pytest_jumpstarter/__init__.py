"""A pytest plugin for tests on boards: `JumpstarterTest`, upstream's import names, and errors that are one sentence.

Every pytest run in its environment imports this module, so it imports pytest and nothing that is heavy.

PYTEST_DONT_REWRITE: programs that import this module and call `pytest.main` would be warned that it came too late.
"""

from __future__ import annotations

import sys
from collections.abc import Generator

import pytest

from pytest_jumpstarter import compat_path
from pytest_jumpstarter.testcase import JumpstarterTest

__all__ = ["JumpstarterTest"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the settings."""
    parser.addini(compat_path.SETTING, compat_path.HELP, type="string", default=compat_path.DEFAULT)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Offer upstream's import names before the first conftest.py is imported."""
    compat_path.apply(early_config)


def pytest_configure(config: pytest.Config) -> None:
    """Do the same where a conftest.py has loaded the plugin, which is too late for the other hook."""
    compat_path.apply(config)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Report our errors by their sentence, at the test's own line."""
    errors = sys.modules.get("JumpstarterLibrary.errors")  # who has not imported it has none of its errors
    excinfo = call.excinfo
    if errors is None or excinfo is None or not isinstance(excinfo.value, errors.JumpstarterError):
        return (yield)
    if item.config.getoption("fulltrace", False):
        return (yield)
    from pytest_jumpstarter.failure import brief

    with brief(call, excinfo) as sentence:
        report = yield
    if sentence is not None and report.failed:
        report.longrepr = sentence
    return report
