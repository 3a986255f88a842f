"""Identify the pytest-xdist worker of this process, and whether it is of interest: light enough for every run."""

from __future__ import annotations

import pytest

from pytest_jumpstarter.attributes import DeviceAttributes

MARK = "@jumpstarter-"
"""The suffix of test ids for a group, like that of xdist's own groups. Only xdist's controller gets to see it."""

FIXTURE = "jumpstarter_client"


def worker_of(config: pytest.Config) -> str:
    """Return the id of the worker that this process is; empty where it is none."""
    workerinput = getattr(config, "workerinput", None)
    return str(workerinput["workerid"]) if workerinput is not None else ""


def wants_board(item: pytest.Item) -> bool:
    """Whether a test asks for a board."""
    names = getattr(item, "fixturenames", ())
    return FIXTURE in names or ("client" in names and is_ours(item))


def is_ours(item: pytest.Item) -> bool:
    """Whether a test is one of a `JumpstarterTest`."""
    cls = getattr(item, "cls", None)
    return cls is not None and issubclass(cls, DeviceAttributes)
