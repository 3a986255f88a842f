"""States, and the shortest path between them."""

from __future__ import annotations

import itertools
import random
import re

import pytest

from JumpstarterLibrary.client.boot.context import Context
from JumpstarterLibrary.client.boot.files import user_state
from JumpstarterLibrary.client.boot.model import ANY, UNKNOWN, TransitionRule, shortest_path
from JumpstarterLibrary.errors import UsageError


def nothing(_: Context) -> None:
    pass


def way(source: str, target: str, cost: float = 1.0) -> TransitionRule:
    return TransitionRule(source, target, nothing, cost)


def words(path: list[TransitionRule] | None) -> list[str] | None:
    return None if path is None else [str(way) for way in path]


def test_the_cheapest_way_wins_not_the_one_with_the_fewest_steps() -> None:
    ways = [way("a", "c", 5), way("a", "b"), way("b", "c")]
    assert words(shortest_path(ways, "a", "c")) == ["'a' to 'b'", "'b' to 'c'"]
    assert words(shortest_path(ways, "a", "c", avoid=["b"])) == ["'a' to 'c'"]


def test_ways_from_anywhere_begin_where_nobody_knows_the_state_too() -> None:
    ways = [way(ANY, "off"), way("off", "on")]
    assert words(shortest_path(ways, UNKNOWN, "on")) == ["'any' to 'off'", "'off' to 'on'"]
    assert shortest_path(ways, "on", "on") == []


def test_no_way() -> None:
    assert shortest_path([way("a", "b")], "b", "a") is None
    assert shortest_path([way("a", "b"), way("b", "c")], "a", "c", avoid=["c"]) is None


def test_a_later_way_takes_the_place_of_an_earlier_one() -> None:
    first, second = way("a", "b"), way("a", "b", 9)
    path = shortest_path([first, second], "a", "b")
    assert path is not None
    assert path[0] is second


@pytest.mark.parametrize("seed", range(20))
def test_no_other_path_is_shorter(seed: int) -> None:
    random_ways = random.Random(seed)
    names = [f"s{number}" for number in range(6)]
    ways = [
        way(source, target, random_ways.randint(1, 9))
        for source, target in itertools.permutations(names, 2)
        if random_ways.random() < 0.4
    ]
    costs = {(way.source, way.target): way.cost for way in ways}

    def cheapest() -> float | None:
        found = [
            sum(costs.get(step, float("inf")) for step in itertools.pairwise(["s0", *between, "s5"]))
            for count in range(5)
            for between in itertools.permutations(names[1:5], count)
        ]
        best = min(found)
        return None if best == float("inf") else best

    path = shortest_path(ways, "s0", "s5")
    assert (None if path is None else sum(way.cost for way in path)) == cheapest()


def test_what_shows_a_state() -> None:
    prompt = user_state("recovery", "recovery# ")
    assert prompt.shown("boot\nrecovery# ")
    assert prompt.shown("boot\nrecovery#")
    assert not prompt.shown("recovery# \n")
    assert not prompt.shown("recovery# ls")
    assert user_state("named", r"regexp:^\w+ >$").detect == re.compile(r"^\w+ >$")
    line = user_state("asleep", "sleeping", None)
    assert line.shown("now\nsleeping\n\n")
    assert not line.shown("sleeping\nawake\n")


@pytest.mark.parametrize("name", ["off", "any", "unknown", "starting", "booting", ""])
def test_names_that_are_taken(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        user_state(name, "x")
    assert str(caught.value) == f"'{name}' cannot be the name of a state of one's own"
