"""The table of the benchmark."""

from __future__ import annotations

import pytest

from bench.leases import MANY, call_rows, many_rows
from bench.rows import Row, Target, table
from bench.wire import MIB


def test_targets_are_judged() -> None:
    assert Target("<= 1.15 x bare", 1.15, 1.15).met
    assert not Target("<= 1.15 x bare", 1.16, 1.15).met
    assert Target(">= 2.5 x upstream", 2.5, 2.5, at_least=True).met
    assert not Target(">= 2.5 x upstream", 2.4, 2.5, at_least=True).met


def test_table_shows_figures_and_verdicts() -> None:
    figures = {"ours": 540.4, "upstream": 850.0}
    row = Row("unary call", "One call.", "us", figures, (Target("<= 0.5 x upstream", 540.4 / 850, 0.5),))
    assert table([row, Row("distributions", "What pip installs.", "", {"ours": 17.0})]).splitlines() == [
        "               unit          ours  upstream      bare  target",
        "unary call     us             540       850         -  <= 0.5 x upstream: 0.64, MISSED",
        "distributions                  17         -         -",
    ]


def test_record_has_the_verdicts() -> None:
    row = Row("import", "An import.", "ms", {"ours": 100.0}, (Target("<= 200", 100.0, 200.0),))
    assert row.record() == {
        "name": "import",
        "meaning": "An import.",
        "unit": "ms",
        "figures": {"ours": 100.0},
        "targets": [{"text": "<= 200", "value": 100.0, "limit": 200.0, "at_least": False, "met": True}],
        "reason": "",
        "broken": False,
    }


def test_a_call_through_the_tunnel_is_held_against_both() -> None:
    micros = {("direct", "ours"): 500.0, ("direct", "upstream"): 800.0}
    micros |= {("tunnel", "ours"): 1300.0, ("tunnel", "upstream"): 1600.0}
    without, through = call_rows(micros)
    assert (without.figures, without.targets) == ({"ours": 500.0, "upstream": 800.0}, ())
    assert through.figures == {"ours": 1300.0, "upstream": 1600.0}
    assert list(map(str, through.targets)) == ["<= 2.5 x without: 2.60, MISSED", "<= 0.85 x upstream: 0.81, met"]


@pytest.mark.parametrize(
    ("used", "leaks", "verdicts"),
    [
        (MANY, [], ["all 100 succeed: 100.00, met", "leaks <= 0: 0.00, met"]),
        (MANY - 1, ["2 tunnels"], ["all 100 succeed: 99.00, MISSED", "leaks <= 0: 1.00, MISSED"]),
    ],
)
def test_many_leases_have_to_succeed_and_to_leave_nothing(used: int, leaks: list[str], verdicts: list[str]) -> None:
    held = {"seconds": [0.25] * MANY, "peak": 80 * MIB}
    calls = {"seconds": [1.0], "peak": 201 * MIB, "value": used}
    released = {"seconds": [2.0], "peak": 70 * MIB, "value": MANY}
    whole, memory = many_rows(held, calls, released, leaks)
    assert whole.figures == {"ours": 28.0}
    assert list(map(str, whole.targets)) == verdicts
    assert memory.figures == {"ours": 201.0}
    assert list(map(str, memory.targets)) == ["<= 200: 201.00, MISSED"]
