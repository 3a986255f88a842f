"""What tests of scripts share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scripts.forks import forks


@pytest.fixture(scope="session")
def robot_python() -> Iterator[str]:
    """A program in place of Python, whose processes have imported pytest and Robot Framework."""
    with forks("robot.run", "robot.libraries.BuiltIn", "robot.libraries.Easter", plugins=True) as program:
        yield program
