"""However robot and pytest end, the board is free soon after, and the process does not linger."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator

import pytest

from utest.chaos.kill_matrix import CASES, RUNNERS, Case, KillMatrix, Outcome, limits, table

STATUSES = {
    "normal end": 0,
    "SIGKILL": -signal.SIGKILL,
    "crash (os.abort)": -signal.SIGABRT,
    "crash (os._exit)": 3,
}
"""Exit statuses by which the test knows that a run ended in the way that it was to."""


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[KillMatrix, dict[Case, Outcome]]]:
    """Run everything, once for all tests."""
    with KillMatrix(tmp_path_factory.mktemp("kill-matrix")) as matrix:
        outcomes = matrix.run()
        sys.stdout.write(f"{table(list(outcomes.values()))}\n")
        yield matrix, outcomes


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_board_is_free(matrix: tuple[KillMatrix, dict[Case, Outcome]], case: Case) -> None:
    outcome = matrix[1][case]
    process_limit, free_limit = limits(case)
    assert outcome.ended_s < process_limit, outcome.output
    assert outcome.free_s < free_limit, outcome.output
    assert outcome.released is not case.way.helpless, outcome.output
    expected = STATUSES.get(case.way.name)
    assert outcome.status == expected if expected is not None else outcome.status != 0, outcome.output
    assert "could not be released" not in outcome.output


def test_every_way_is_tried_with_both_runners() -> None:
    assert {(case.runner, case.way.name) for case in CASES} == {
        (runner, case.way.name) for runner in RUNNERS for case in CASES
    }


def test_nothing_is_left_in_the_lab(matrix: tuple[KillMatrix, dict[Case, Outcome]]) -> None:
    assert matrix[0].lab.leaks(10) == []
