"""A pytest plugin for tests on boards: `JumpstarterTest`, upstream's import names, and errors that are one sentence.

Every pytest run in its environment imports this module, so it imports nothing that is heavy. The hooks only
decide whether there is anything to do; the work is in the modules that they name.

PYTEST_DONT_REWRITE: programs that import this module and call `pytest.main` would be warned that it came too late.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

import JumpstarterLibrary.version  # noqa: F401 (the package sets what gRPC reads, before a conftest.py imports gRPC)
from pytest_jumpstarter import compat_path, options
from pytest_jumpstarter.fixtures import registration
from pytest_jumpstarter.parallel.workers import wants_board
from pytest_jumpstarter.state import ITEM, TOLD, TROUBLE
from pytest_jumpstarter.testcase import JumpstarterTest

if TYPE_CHECKING:
    from pytest_jumpstarter.run import Run

__all__ = ["JumpstarterTest"]


# Settings


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the settings."""
    parser.addini(compat_path.SETTING, compat_path.HELP, type="string", default=compat_path.DEFAULT)
    options.declare(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Offer upstream's import names before the first conftest.py is imported."""
    compat_path.apply(early_config)


def pytest_configure(config: pytest.Config) -> None:
    """Check the settings, and offer the fixtures and the marker."""
    # Where a conftest.py has loaded the plugin, it is too late for the hook above.
    compat_path.apply(config)
    settings = options.Options(config)
    settings.check()
    config.addinivalue_line("markers", options.MARKER)
    registration.register(config, settings.autouse)
    if config.getoption("xmlpath", None) and not hasattr(config, "workerinput"):
        from pytest_jumpstarter.evidence.junit import JUnitErrors

        config.pluginmanager.register(JUnitErrors(config), "jumpstarter-junit")


def pytest_report_header(config: pytest.Config) -> str | None:
    """Tell where boards come from, if anything was said about it."""
    return options.Options(config).told()


# Boards


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> None:
    """Keep pytest quiet about wide fixtures of users' classes that are instance methods."""
    if isinstance(getattr(fixturedef.func, "__self__", None), JumpstarterTest):
        from pytest_jumpstarter.binding import suppress_scope_warning

        suppress_scope_warning(fixturedef)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Give boards back when a test is over, with all its repetitions."""
    item.config.stash[ITEM] = item
    try:
        return (yield)
    finally:
        run = _run_of(item.config)
        if run is not None:
            run.after()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    """Give all boards back, and tell which they were."""
    run, told = _run_of(session.config), session.config.stash.get(TOLD, None)
    if run is None and told is None:
        return (yield)
    from pytest_jumpstarter.parallel.suite import tell

    tell(session.config, told if run is None else run.evidence.known)
    try:
        return (yield)
    finally:
        if run is not None:
            run.close()


def _run_of(config: pytest.Config) -> Run | None:
    """Return the run with boards; None if no test has needed one, without an import of what only such a run needs."""
    module = sys.modules.get("pytest_jumpstarter.run")
    return None if module is None else config.stash.get(module.RUN, None)


# Reports


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin a new chapter in what boards say."""
    run = _run_of(item.config)
    if run is not None:
        run.evidence.test_starts()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Report our errors by their sentence, at the test's own line, with what the board said."""
    if "JumpstarterLibrary.errors" not in sys.modules:  # who has not imported it has none of its errors
        return (yield)
    from pytest_jumpstarter.evidence.reports import reported

    run = _run_of(item.config)
    return (yield from reported(item, call, None if run is None else run.evidence))


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: pytest.CollectReport | pytest.TestReport) -> tuple[str, str, str] | None:
    """Count a test as an error in which the lab was to blame."""
    return ("error", "E", "ERROR") if report.failed and getattr(report, TROUBLE, False) else None


# pytest-xdist


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> Generator[None, object, object]:
    """Tell xdist which tests belong on one worker."""
    workerinput = getattr(session.config, "workerinput", None)
    if workerinput is None or not any(map(wants_board, session.items)):
        return (yield)
    from pytest_jumpstarter.parallel.groups import grouped

    with grouped(session, workerinput):
        return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker how tests are spread."""
    from pytest_jumpstarter.parallel.worker_leases import prepare

    node.workerinput["jumpstarter_dist"] = node.config.getvalue("dist")
    prepare(node.config, node.workerinput)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep tests together that belong on one worker."""
    from pytest_jumpstarter.parallel.scheduling import scheduler

    return scheduler(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """Refuse what would take several boards, if that is wanted."""
    from pytest_jumpstarter.parallel.scheduling import refuse

    refuse(node.config, ids)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: Any) -> None:
    """Take over what a worker tells of its boards, and release the leases of one that has died."""
    if error is not None:
        from pytest_jumpstarter.parallel.crashes import release

        release(node.config, node.gateway.id)
    told = getattr(node, "workeroutput", {}).get("jumpstarter")
    if told:
        from pytest_jumpstarter.parallel.suite import take_over

        take_over(node.config, told)
