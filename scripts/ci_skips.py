"""In continuous integration a skipped test is a failed one: a tool that is missing there must not go unnoticed.

A pytest plugin (``-p scripts.ci_skips``) and a Robot Framework listener (``--listener scripts.ci_skips``). Both do
nothing unless the environment variable ``CI`` is ``true``. Expected failures (xfail) are no skips.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

ROBOT_LISTENER_API_VERSION = 3


def _strict() -> bool:
    return os.environ.get("CI") == "true"


def _fail(report: Any) -> None:
    """Turn a report of a skip into one of a failure that gives the skip's reason."""
    if not _strict() or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{report.nodeid}: skipped, which is a failure where CI=true: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge a test."""
    report = yield
    _fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Judge a module that was skipped as a whole."""
    report = yield
    _fail(report)
    return report


def end_test(_data: Any, result: Any) -> None:
    """Judge a Robot test."""
    if _strict() and result.status == "SKIP":
        result.status = "FAIL"
        result.message = f"Skipped, which is a failure where CI=true: {result.message}"
