"""A virtual lab, or the same drivers without one, in a process of its own."""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from serve import serve

from JumpstarterLibrary.exporter.driver import Driver
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.drivers.storage import MockStorageMux
from JumpstarterLibrary.exporter.drivers.virtual import VirtualBoard
from JumpstarterLibrary.exporter.hosting import serve as serve_drivers
from JumpstarterLibrary.lab import LabExporter, VirtualLab
from JumpstarterLibrary.lab.model import READY, LeaseRecord


def simple_board() -> Driver:
    """Return what calls and uploads are measured with, as upstream's client knows it, too."""
    return Composite(children={"power": MockPower(), "mux": MockStorageMux()})


BOARDS: dict[str, Callable[[], Driver]] = {"simple": simple_board, "virtual": VirtualBoard}


class Lab:
    """The lab; or, without a tunnel, one exporter.

    Args:
        folder: Where the client's configuration goes.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._ready: dict[str, float] = {}
        self._stack = ExitStack()
        atexit.register(self._stack.close)  # the media are files

    def start(self, count: str, board: str) -> None:
        """Start a lab with so many boards of a kind."""
        wanted = [
            LabExporter(name=f"board-{n}", labels={"board": "bench"}, driver=BOARDS[board]) for n in range(int(count))
        ]
        self._lab = self._stack.enter_context(VirtualLab(exporters=wanted))

    def introduce(self) -> None:
        """Write the client's configuration, and note from now on when leases are ready."""
        self._lab.write_client_config(self._folder)
        _note_ready(self._ready)

    def serve(self, board: str) -> str:
        """Serve a board without lab and tunnel, and return where."""
        return self._stack.enter_context(serve_drivers(BOARDS[board]())).host

    def delay(self, seconds: str) -> None:
        """Let later leases wait so long for their exporter."""
        self._lab.controller.set_assignment_delay(float(seconds))

    def ready(self, lease: str) -> float:
        """Return when a lease was ready, in seconds of the system's monotonic clock."""
        return self._ready[lease]

    def leases(self) -> list[str]:
        """Return the leases that have not ended."""
        return [lease.name for lease in self._lab.leases() if not lease.ended]

    def leaks(self) -> list[str]:
        """Return what is open although there should be no lease any more."""
        return self._lab.leaks()


def _note_ready(moments: dict[str, float]) -> None:
    """Note the moment of each lease's Ready: the record has whole seconds only, as upstream's has."""
    set_condition = LeaseRecord.set_condition

    def noting(lease: LeaseRecord, kind: str, status: bool, *rest: Any) -> None:
        set_condition(lease, kind, status, *rest)
        if kind == READY and status:
            moments.setdefault(lease.name, time.monotonic())

    LeaseRecord.set_condition = noting  # type: ignore[method-assign]


if __name__ == "__main__":
    serve(Lab)
