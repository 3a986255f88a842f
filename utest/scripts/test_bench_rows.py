"""The table of the benchmark."""

from __future__ import annotations

from bench.rows import Row, Target, table


def test_targets_are_judged() -> None:
    assert Target("<= 1.15 x bare", 1.15, 1.15).met
    assert not Target("<= 1.15 x bare", 1.16, 1.15).met
    assert Target(">= 2.5 x upstream", 2.5, 2.5, at_least=True).met
    assert not Target(">= 2.5 x upstream", 2.4, 2.5, at_least=True).met


def test_table_shows_figures_and_verdicts() -> None:
    figures = {"ours": 540.4, "upstream": 850.0}
    row = Row("unary call", "us", figures, (Target("<= 0.5 x upstream", 540.4 / 850, 0.5),))
    assert table([row, Row("distributions", "", {"ours": 17.0})]).splitlines() == [
        "               unit          ours  upstream      bare  target",
        "unary call     us             540       850         -  <= 0.5 x upstream: 0.64, MISSED",
        "distributions                  17         -         -",
    ]


def test_record_has_the_verdicts() -> None:
    row = Row("import", "ms", {"ours": 100.0}, (Target("<= 200", 100.0, 200.0),))
    assert row.record() == {
        "name": "import",
        "unit": "ms",
        "figures": {"ours": 100.0},
        "targets": [{"text": "<= 200", "value": 100.0, "limit": 200.0, "at_least": False, "met": True}],
    }
