"""Pauses and how they grow."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.exporter.leasing.timing import Backoff, ExporterTiming


def test_pauses_are_scaled() -> None:
    assert ExporterTiming(scale=20).real(1.0) == 0.05


@pytest.mark.parametrize("scale", [0, -1])
def test_time_does_not_stand_still(scale: float) -> None:
    with pytest.raises(ValueError, match=rf"^The scale of an exporter's timing must be above 0, not {scale}\.$"):
        ExporterTiming(scale=scale)


def test_a_backoff_doubles_up_to_its_limit_and_begins_anew() -> None:
    backoff = Backoff(ExporterTiming(scale=2, retry_first_s=1, retry_limit_s=6))
    for expected in (0.5, 1.0, 2.0, 3.0, 3.0):
        assert expected * 0.79 < backoff.pause() < expected * 1.21
    backoff.reset()
    assert 0.4 <= backoff.pause() <= 0.6


def test_pauses_differ_between_exporters() -> None:
    assert len({Backoff(ExporterTiming()).pause() for _ in range(20)}) > 15
