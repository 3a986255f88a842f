"""An exporter lives through leases with troubles of its board, and the soak notices where it does not."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.exporter.leasing.exporter import LeasedExporter
from utest.chaos.exporter_soak import soak

SEED = 1
LEASES = 10
"""`inv nightly` has 200."""


def test_troubles_of_a_board_cost_leases_and_nothing_else() -> None:
    report = soak(LEASES, SEED)
    assert report.broken == []
    assert len(report.troubles) >= 4
    assert 3 <= len(report.lost) <= LEASES - report.troubles["nothing"]
    told = ("Exporter 'b1' could not start lease '", "Exporter 'b1' of lease '")
    assert sum(line.startswith(told) for line in report.lost) >= 3


def test_an_exporter_that_does_not_come_back_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> None: ...

    monkeypatch.setattr("utest.chaos.exporter_soak.LEASE_S", 0.3)
    monkeypatch.setattr(LeasedExporter, "_recover", never)
    report = soak(2, SEED)
    assert [line for line in report.broken if line.startswith("The lease behind ")] != []
