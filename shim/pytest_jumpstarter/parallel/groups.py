"""Group tests that belong on one worker: those of a class that has a board, or all if there is one board only."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from JumpstarterLibrary.types import Mode
from pytest_jumpstarter.options import Options
from pytest_jumpstarter.parallel.workers import MARK
from pytest_jumpstarter.schedule import shared_request_of

logger = logging.getLogger("pytest_jumpstarter")

SPREADING = ("load", "worksteal", "loadgroup")
"""Ways to spread tests over workers that take a class apart."""


@contextmanager
def grouped(session: pytest.Session, workerinput: Mapping[str, Any]) -> Iterator[None]:
    """Let a worker tell the controller which tests belong together, while the block runs.

    Args:
        session: The worker's session, whose tests are collected.
        workerinput: What the controller has told the worker.
    """
    dist = workerinput.get("jumpstarter_dist")
    worker: Any = next(filter(_speaks, session.config.pluginmanager.get_plugins()), None)
    if dist not in SPREADING or worker is None:
        yield
        return
    speak, ids = worker.sendevent, _ids(session, by_mark=dist == "loadgroup")

    def sendevent(name: str, **details: object) -> None:
        speak(name, **({**details, "ids": ids} if name == "collectionfinish" else details))

    worker.sendevent = sendevent
    try:
        yield
    finally:
        del worker.sendevent


def _speaks(plugin: object) -> bool:
    """Whether a plugin is the one by which xdist's worker speaks to the controller."""
    return type(plugin).__name__ == "WorkerInteractor" and hasattr(plugin, "sendevent")


def _ids(session: pytest.Session, *, by_mark: bool) -> list[str]:
    """Return the ids of all tests, with their groups."""
    options = Options(session.config)
    groups = [_group(item, options) for item in session.items]
    sizes = Counter(filter(None, groups))
    numbers = {group: number for number, group in enumerate(sizes, 1)}
    ids = []
    for item, group in zip(session.items, groups, strict=True):
        alone = group is None or sizes[group] == 1
        own = _own_group(item) if by_mark else None
        ids.append(item.nodeid if alone else own or f"{item.nodeid}{MARK}{numbers[group]}")
    return ids


def _own_group(item: pytest.Item) -> str | None:
    """Return the id of a test with the group that its user has put it into; None without one."""
    marks = list(item.iter_markers("xdist_group"))
    if not marks:
        return None
    names = {str(mark.args[0] if mark.args else mark.kwargs.get("name", "default")) for mark in marks}
    suffix = f"@{'_'.join(sorted(names))}"
    # xdist does that as well, but not with every release of pytest.
    return item.nodeid.removesuffix(suffix) + suffix


def _group(item: pytest.Item, options: Options) -> object:
    """Return what names the group of a test; None for none."""
    try:
        wanted = shared_request_of(item, options)
        if wanted is None:
            return None
        mode = wanted.resolve_mode(lab=options.virtual_lab is not None)
    except Exception as error:  # noqa: BLE001 - a user's property may raise anything; its test reports the error
        logger.debug("%s will have no board: %s", item.nodeid, error)
        return None
    if mode.mode is Mode.shell or mode.lease is not None:
        return mode.lease or mode.mode
    return item.getparent(pytest.Class)
