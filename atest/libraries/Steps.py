"""Steps from state to state, compared."""

from __future__ import annotations

from robot.api.deco import library

from JumpstarterLibrary.types import StateChange


@library(scope="GLOBAL", auto_keywords=True)
class Steps:
    """Compares what ``Ensure Device State`` returns."""

    def steps_should_be(self, steps: list[StateChange], *expected: str) -> None:
        """Fail unless these are the steps, written as ``source > target``."""
        found = tuple(f"{step.source} > {step.target}" for step in steps)
        assert found == expected, f"The steps were {found}, not {expected}."
