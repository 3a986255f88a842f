"""A scheduler for xdist that keeps groups of tests on one worker, where there are any, and spreads the rest."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import pytest

from pytest_jumpstarter.options import Options
from pytest_jumpstarter.parallel.workers import MARK


def scheduler(config: pytest.Config, log: Any) -> Any:
    """Return the scheduler for ways to spread tests that know no groups; None for the others."""
    plain = {"load": "LoadScheduling", "worksteal": "WorkStealingScheduling"}.get(config.getvalue("dist"))
    return None if plain is None else Grouping(config, log, _made(plain, config, log))


def _made(name: str, config: pytest.Config, log: Any) -> Any:
    return getattr(importlib.import_module("xdist.scheduler"), name)(config, log)


class Grouping:
    """Is xdist's own scheduler until tests come that belong together; then the one for groups.

    Args:
        config: The run.
        log: xdist's log.
        plain: The scheduler that was asked for.
    """

    def __init__(self, config: pytest.Config, log: Any, plain: Any) -> None:
        self._config, self._log = config, log
        self._scheduler = plain
        self._decided = False

    def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
        """Take the tests that a worker has collected; the first worker's decide."""
        if not self._decided:
            self._decided = True
            if any(MARK in nodeid for nodeid in collection):
                self._group()
        self._scheduler.add_node_collection(node, collection)

    def remove_node(self, node: Any) -> str | None:
        """Forget a worker, and return the test that it was running if it crashed."""
        if not hasattr(self._scheduler, "assigned_work"):
            plain: str | None = self._scheduler.remove_node(node)
            return plain
        # The scheduler for groups would give the test that crashed its worker to the next one, with its group.
        for unit in self._scheduler.assigned_work[node].values():
            for nodeid, completed in unit.items():
                if not completed:
                    unit[nodeid] = True
                    self._scheduler.remove_node(node)
                    return str(nodeid.partition(MARK)[0])
        self._scheduler.remove_node(node)
        return None

    def _group(self) -> None:
        grouping = _made("LoadGroupScheduling", self._config, self._log)
        for node in self._scheduler.nodes:
            grouping.add_node(node)
        self._scheduler = grouping

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scheduler, name)


def refuse(config: pytest.Config, ids: list[str]) -> None:
    """Raise if tests had to be grouped, and that is not wanted."""
    first = next((nodeid for nodeid in ids if MARK in nodeid), None)
    if first is None or not Options(config).strict:
        return
    test, _, group = first.partition(MARK)
    count = sum(nodeid.endswith(MARK + group) for nodeid in ids)
    pytest.exit(
        f"--dist {config.getvalue('dist')} would spread the {count} tests of one board, of which {test} is the first, "
        f"over several workers, each with a board or a connection of its own. Use --dist loadscope, give them one "
        f"xdist_group with --dist loadgroup, or leave --jumpstarter-strict out to have them kept together.",
        returncode=pytest.ExitCode.USAGE_ERROR,
    )
