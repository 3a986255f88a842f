"""A lease that its exporter cannot start fails with the driver's sentence, whichever sign of it comes first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.leasing.start_failure import StartFailure
from JumpstarterLibrary.errors import ConfigurationError, ExporterNotReady, FaultClass
from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.lab import LabExporter
from JumpstarterLibrary.lab.refusal import Refusal
from JumpstarterLibrary.protocol import common_pb2

Code = grpc.StatusCode
OFFLINE = common_pb2.EXPORTER_STATUS_OFFLINE
AVAILABLE = common_pb2.EXPORTER_STATUS_AVAILABLE

PORT = "There is no serial port /dev/ttyUSB7. Plug it in."
SHOWN = f"Lease 'mine' could not be started: {PORT}"
COULD_NOT = "Exporter 'b1' could not start lease 'mine': There is no serial port /dev/ttyUSB7. Plug it in."
STAYS = f"{COULD_NOT} It takes no lease until its drivers start."
BACK = f"{COULD_NOT} It works again; acquire it once more."


class Board:
    """A board whose port can be unplugged."""

    plugged = True

    def __call__(self) -> Driver:
        if not self.plugged:
            raise ConfigurationError(PORT)
        return Composite(children={"power": MockPower()})


def refusal(lease: Callable[[], Any]) -> str:
    with pytest.raises(ExporterNotReady) as info:
        lease()
    assert (type(info.value), info.value.fault) == (ExporterNotReady, FaultClass.LAB)
    return str(info.value)


def test_the_lease_fails_and_the_next_one_works(rigs: Callable[..., Any]) -> None:
    board = Board()
    rig = rigs(exporters=[LabExporter(name="b1", labels={"board": "b"}, driver=board)])
    board.plugged = False
    assert refusal(lambda: rig.lease(timeout=60, name="mine")) == STAYS
    assert rig.active() == []
    board.plugged = True
    assert rig.lease(timeout=60).lease.exporter == "b1"


def test_another_board_is_taken_while_one_is_broken(rigs: Callable[..., Any]) -> None:
    board, labels = Board(), {"board": "b"}
    rig = rigs(exporters=[LabExporter(name="b1", labels=labels, driver=board), LabExporter(name="b2", labels=labels)])
    board.plugged = False
    refused = 0
    for _ in range(8):
        try:
            rig.service.release(rig.lease(timeout=60), 5)
        except ExporterNotReady:
            refused += 1
    assert refused <= 1


@pytest.mark.parametrize(("status", "text"), [(OFFLINE, STAYS), (AVAILABLE, BACK)])
def test_a_lease_that_was_released_before_it_was_dialled(rigs: Callable[..., Any], status: int, text: str) -> None:
    rig = rigs(exporters=[LabExporter(name="b1", labels={"board": "b"})])

    def release(_: object) -> None:
        rig.lab.controller.faults.add("ReportStatus", caller="b1", act=lambda _: Refusal("no", Code.UNAVAILABLE))
        rig.lab.controller.report("b1", *said)
        rig.lab.controller.release("mine")

    said = (status, SHOWN if status == OFFLINE else f"Available again. {SHOWN}")
    rig.fault("Dial", act=release)
    assert refusal(lambda: rig.lease(timeout=60, name="mine")) == text


@pytest.mark.parametrize(
    ("status", "message", "failure"),
    [
        ("OFFLINE", SHOWN, StartFailure("mine", PORT.rstrip("."))),
        ("OFFLINE", "Lease 'l0' could not be started: no hook", StartFailure("l0", "no hook")),
        ("AVAILABLE", f"Available again. {SHOWN}", StartFailure("mine", PORT.rstrip("."), back=True)),
        ("AVAILABLE", "Available again. Lease 'l0' could not be started: no hook", None),
        ("LEASE_READY", SHOWN, None),
        ("OFFLINE", "Exporter shutting down", None),
    ],
)
def test_which_status_tells_of_a_lease_that_was_not_started(
    status: str, message: str, failure: StartFailure | None
) -> None:
    assert StartFailure.of(status, message, "mine") == failure
