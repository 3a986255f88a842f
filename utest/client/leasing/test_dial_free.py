"""Nobody dials before the exporter knows of its lease, because a controller holds such a Dial back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.leasing import dial
from JumpstarterLibrary.lab import Clock


def test_the_controller_does_not_hold_a_dial_back(rigs: Callable[..., Any], frozen_clock: MovableClock) -> None:
    # In a time that stands still: what is held back is never answered.
    rig = rigs(clock=Clock(scale=0))
    for _ in range(3):
        with frozen_clock.skipping_pauses(rig.settled):
            device = rig.lease()
        assert rig.service.release(device) is True
    assert rig.codes("Dial") == ["OK"] * 3


def test_an_exporter_that_calls_itself_free_is_dialled_in_the_end(
    rig: Any,
    clock: MovableClock,
    during: Callable[[Callable[[], object]], Callable[[], Any]],
    eventually: Callable[[Callable[[], object]], None],
) -> None:
    rig.lab.exporters["b1"].pause()
    leased = during(rig.lease)
    eventually(lambda: len(rig.calls("GetExporter")) > 1)
    clock.advance(dial.FREE_S)
    eventually(lambda: rig.calls("Dial"))
    rig.lab.exporters["b1"].resume()
    assert leased().client.probe.count() == 1
    assert rig.codes("Dial") == ["OK"]


def test_a_controller_that_does_not_tell_is_not_asked_twice(rig: Any) -> None:
    fault = rig.fault("GetExporter", code=grpc.StatusCode.UNIMPLEMENTED)
    assert rig.lease().client.probe.count() == 1
    assert fault.hits == 1
    assert rig.codes("Dial") == ["OK"]
