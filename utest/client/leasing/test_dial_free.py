"""Nobody dials before the exporter knows of its lease, because a controller holds such a Dial back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.leasing import dial
from JumpstarterLibrary.lab import Clock

HELD_BACK_S = 0.5
"""What a Dial costs at least that comes while the exporter still calls itself free."""


def test_the_controller_does_not_hold_a_dial_back(rigs: Callable[..., Any]) -> None:
    rig = rigs(clock=Clock())
    for _ in range(3):
        device = rig.lease()
        assert rig.service.release(device) is True
    assert rig.codes("Dial") == ["OK"] * 3
    took = [call.seconds for call in rig.lab.journal.entries(method="Dial")]
    assert max(took) < HELD_BACK_S


def test_an_exporter_that_calls_itself_free_is_dialled_in_the_end(
    rig: Any,
    monkeypatch: pytest.MonkeyPatch,
    during: Callable[[Callable[[], object]], Callable[[], Any]],
    eventually: Callable[[Callable[[], object]], None],
) -> None:
    monkeypatch.setattr(dial, "FREE_S", 0.05)
    rig.lab.exporters["b1"].pause()
    leased = during(rig.lease)
    eventually(lambda: rig.lab.journal.entries(method="Dial"))
    assert len(rig.lab.journal.entries(method="GetExporter")) > 1
    rig.lab.exporters["b1"].resume()
    assert leased().client.probe.count() == 1
    assert rig.codes("Dial") == ["OK"]


def test_a_controller_that_does_not_tell_is_not_asked_twice(rig: Any) -> None:
    fault = rig.fault("GetExporter", code=grpc.StatusCode.UNIMPLEMENTED)
    assert rig.lease().client.probe.count() == 1
    assert fault.hits == 1
    assert rig.codes("Dial") == ["OK"]
