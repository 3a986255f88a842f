"""Access policies: whom they admit, and what they say."""

from __future__ import annotations

from datetime import timedelta

import pytest

from JumpstarterLibrary.lab.policies import (
    ANY_CLIENT,
    AccessRule,
    Approval,
    ExporterAccessPolicy,
    approval,
    descriptions,
)
from JumpstarterLibrary.lab.selector import SelectorError

HOUR = timedelta(hours=1)
BOARD = {"board": "rpi4"}
ALICE = {"team": "qa"}


def test_without_policies_everybody_may() -> None:
    assert approval([], BOARD, ALICE, HOUR) == ANY_CLIENT


def test_both_selectors_have_to_match() -> None:
    policy = ExporterAccessPolicy("board=rpi4", [AccessRule(["team=qa", "team=dev"], priority=3)])
    assert approval([policy], BOARD, ALICE, HOUR) == Approval(3, False)
    assert approval([policy], {"board": "rpi5"}, ALICE, HOUR) is None
    assert approval([policy], BOARD, {"team": "ops"}, HOUR) is None
    assert approval([ExporterAccessPolicy("", [AccessRule([])])], BOARD, ALICE, HOUR) is None
    assert approval([ExporterAccessPolicy("")], BOARD, ALICE, HOUR) is None


def test_too_long_is_not_admitted() -> None:
    policy = ExporterAccessPolicy("", [AccessRule(maximum_duration=HOUR)])
    assert approval([policy], BOARD, ALICE, HOUR) is not None
    assert approval([policy], BOARD, ALICE, HOUR + timedelta(seconds=1)) is None


def test_the_best_rule_counts() -> None:
    rules = [AccessRule(priority=99, spot_access=True), AccessRule(priority=1), AccessRule(priority=5)]
    assert approval([ExporterAccessPolicy("", rules)], BOARD, ALICE, HOUR) == Approval(5, False)
    assert approval([ExporterAccessPolicy("", rules[:1])], BOARD, ALICE, HOUR) == Approval(99, True)


def test_what_rules_say_to_those_they_do_not_admit() -> None:
    policies = [
        ExporterAccessPolicy("board=rpi4", [AccessRule(["team=dev"], description="developers only")]),
        ExporterAccessPolicy("board=rpi5", [AccessRule(["team=ops"], description="another board")]),
        ExporterAccessPolicy("", [AccessRule(["team=qa"], description="yours"), AccessRule(["a=b"])]),
        ExporterAccessPolicy("", [AccessRule(maximum_duration=HOUR, description="an hour at most")]),
    ]
    assert descriptions(policies, [BOARD], ALICE, 2 * HOUR) == "developers only; an hour at most"
    long = [ExporterAccessPolicy("", [AccessRule(["a=b"], description="x" * 5000)])]
    assert len(descriptions(long, [BOARD], ALICE, HOUR)) == 4096


def test_wrong_selectors_are_refused_at_once() -> None:
    with pytest.raises(SelectorError):
        ExporterAccessPolicy("a b")
    with pytest.raises(SelectorError):
        AccessRule(["=x"])
