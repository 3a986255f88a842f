from __future__ import annotations

import logging
from typing import Any

import pytest

from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter.drivers.power import MockPower, SyncMockPower


@pytest.mark.parametrize("kind", [MockPower, SyncMockPower])
def test_switches_and_measures(connect: Any, caplog: pytest.LogCaptureFixture, kind: type[Driver]) -> None:
    caplog.set_level(logging.INFO)
    with connect(kind()) as wire:
        assert wire.call("on") is None
        assert wire.call("off") is None
        assert caplog.messages == ["power on", "power off"]
        assert wire.items("read") == [{"voltage": 0, "current": 0}, {"voltage": 5, "current": 2}]
        (report,) = wire.report().reports
        assert dict(report.labels) == {"jumpstarter.dev/client": "jumpstarter_driver_power.client.PowerClient"}
