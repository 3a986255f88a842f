"""A lab of boards that give their exporters trouble."""

from __future__ import annotations

from typing import Any

from atest_drivers import RecordingPower

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.lab import Clock, ControllerFeatures, LabExporter, VirtualLab

PORT = "There is no serial port /dev/ttyUSB7. Plug it in."


class Port:
    """Builds the drivers of a board, unless its port is unplugged."""

    plugged = True

    def __call__(self) -> Driver:
        if not self.plugged:
            raise ConfigurationError(PORT)
        return board()


def board() -> Driver:
    """Return a board with power."""
    return Composite(children={"power": RecordingPower()})


port = Port()


def unplug_port() -> None:
    """Unplug the port of exporter ``port-1``."""
    port.plugged = False


def plug_port_in() -> None:
    """Plug the port of exporter ``port-1`` in."""
    port.plugged = True


def lab(**options: Any) -> VirtualLab:
    """Return a lab that has not started."""
    fatal = HookInstanceConfigV1Alpha1(script="echo no card reader; exit 3", on_failure="exit")
    boards = [
        LabExporter(name="port-1", labels={"board": "port"}, driver=port),
        LabExporter(name="fatal-1", labels={"board": "fatal"}, driver=board, before_lease=fatal),
        LabExporter(
            name="old-1",
            labels={"board": "old", "old-pool": "x", "rack": "7"},
            driver=board,
            motd="Do not touch the left cable.",
        ),
    ]
    features = ControllerFeatures(
        hidden_labels=frozenset({"rack"}), deprecated_labels={"old-pool": "use board instead"}
    )
    return VirtualLab(boards, clock=Clock(scale=10), features=features, **options)
