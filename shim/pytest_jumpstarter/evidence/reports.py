"""Reports of tests: what the board said goes in, and who was to blame."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from JumpstarterLibrary.errors import FaultClass, InfrastructureError, JumpstarterError
from pytest_jumpstarter.failure import clean_report, trim_traceback
from pytest_jumpstarter.hints import PYTEST
from pytest_jumpstarter.options import Options
from pytest_jumpstarter.state import TROUBLE

if TYPE_CHECKING:
    from pytest_jumpstarter.evidence.collector import EvidenceCollector


def reported(
    item: pytest.Item, call: pytest.CallInfo[None], evidence: EvidenceCollector | None
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make the report of a phase of a test, as a hook wrapper does.

    Our errors are their sentence, at the user's own line; where the lab was to blame the test counts as an error.

    Args:
        item: The test.
        call: The phase.
        evidence: What the tests of the run leave; None where no test has needed a board.
    """
    if evidence is not None and call.when != "setup":
        known = item.user_properties
        known += [one for one in evidence.properties(item) if one not in known]
    report = yield from _brief(item, call)
    if evidence is not None and report.failed:
        clean_report(report)
    if call.excinfo is not None and report.failed:
        trouble = is_trouble(call.excinfo.value)
        if evidence is not None:
            evidence.failed = True
            lost = evidence.lost(item) if _is_of_pexpect(call.excinfo.value) else None
            report.sections += ([("Board", lost)] if lost else []) + evidence.sections(item)
            trouble = trouble or lost is not None
        if trouble and call.when == "call" and Options(item.config).trouble_is_error:
            setattr(report, TROUBLE, True)
    return report


def _brief(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    excinfo = call.excinfo
    if excinfo is None or not isinstance(excinfo.value, JumpstarterError):
        return (yield)
    excinfo.value.phrase_hints(PYTEST)
    if item.config.getoption("fulltrace", False):
        return (yield)
    with trim_traceback(call, excinfo) as sentence:
        report = yield
    if sentence is not None and report.failed:
        report.longrepr = sentence
    return report


def is_trouble(error: BaseException) -> bool:
    """Whether an error counts against the lab, or all errors of a group do; what is not known goes by the class."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(is_trouble, error.exceptions))
    if isinstance(error, JumpstarterError) and error.fault is not FaultClass.UNKNOWN:
        return error.fault is FaultClass.LAB
    return isinstance(error, InfrastructureError)


def _is_of_pexpect(error: BaseException) -> bool:
    """Whether an error says that a console is silent or over, which says nothing about who is to blame."""
    return type(error).__module__ == "pexpect.exceptions"
