"""One exporter through many leases with troubles of its board: ``python -m utest.chaos.exporter_soak --leases 200``.

Drivers that do not start, ports that vanish, hooks that fail, folders that cannot be written and controllers that start
anew cost leases. They never cost the exporter, and what a lease has opened is closed behind it.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.leasing.service import LeaseService
from JumpstarterLibrary.client.settings import ClientSettings
from JumpstarterLibrary.errors import ConfigurationError, JumpstarterError, UsageError
from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.lab import Clock, LabExporter, VirtualLab

SCALE = 200.0
LEASE_S = 60.0
WARM = 3
"""Leases before descriptors and memory are taken for those of the start."""

SPARE_DESCRIPTORS = 6
SPARE_MIB = 30.0
"""How much more may be open, and in memory, at the end."""


@dataclass
class Report:
    """The result of a soak.

    Attributes:
        troubles: How often which trouble was made.
        lost: The sentences of the leases that were lost.
        broken: The rules that were broken; empty if all is well.
    """

    troubles: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


class Board:
    """A board whose drivers start, or do not.

    Attributes:
        trouble: Raised in place of starting; None while all is well.
    """

    def __init__(self) -> None:
        self.trouble: Exception | None = None

    def __call__(self) -> Driver:
        if self.trouble is not None:
            raise self.trouble
        return Composite(children={"power": MockPower()})


class Soak:
    """One lab with one board, and the troubles that it can have.

    Args:
        folder: For what hooks read.
        stack: Ends everything.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.board = Board()
        self._script = folder / "hook"
        self._script.write_text("true")
        hook = HookInstanceConfigV1Alpha1(script=f". {self._script}", on_failure="endLease")
        exporter = LabExporter(name="b1", labels={"board": "b"}, driver=self.board, before_lease=hook, after_lease=hook)
        self.lab = stack.enter_context(VirtualLab([exporter], clock=Clock(scale=SCALE), clients={"tester": {}}))
        token = self.lab.client_config("tester")["token"]
        settings = ClientSettings(
            namespace="default", name="tester", endpoint=self.lab.endpoint, token=token, ca=self.lab.ca, source="soak"
        )
        self._service = LeaseService(lambda: settings)
        stack.callback(self._service.close)

    def lease(self) -> None:
        """Lease the board, use it and give it back."""
        device = self._service.lease(LeaseRequest(selector="board=b"), LEASE_S)
        try:
            device.client.power.on()
        finally:
            self._service.release(device, 10.0)

    @contextmanager
    def driver(self) -> Iterator[None]:
        """Let drivers not start."""
        with self._raising(ConfigurationError("export.power: the relay does not answer.")):
            yield

    @contextmanager
    def port(self) -> Iterator[None]:
        """Let a port be gone."""
        with self._raising(FileNotFoundError(2, "No such file or directory", "/dev/ttyUSB7")):
            yield

    @contextmanager
    def hook(self) -> Iterator[None]:
        """Let hooks fail that have printed something."""
        self._script.write_text("seq 300; exit 3")
        try:
            yield
        finally:
            self._script.write_text("true")

    @contextmanager
    def disk(self) -> Iterator[None]:
        """Let no private folder be made by the exporter."""
        full = OSError(28, "No space left on device")
        with (
            patch("JumpstarterLibrary.exporter.serving.private_directory", side_effect=full),
            patch("JumpstarterLibrary.exporter.leasing.motd.private_directory", side_effect=full),
        ):
            yield

    @contextmanager
    def controller(self) -> Iterator[None]:
        """Let the controller start anew."""
        with self.lab.inject("controller", "restart", down=0.5):
            yield

    @contextmanager
    def nothing(self) -> Iterator[None]:
        """Let all be well."""
        yield

    @contextmanager
    def _raising(self, error: Exception) -> Iterator[None]:
        self.board.trouble = error
        try:
            yield
        finally:
            self.board.trouble = None


def soak(leases: int, seed: int) -> Report:
    """Have so many leases, each with a trouble of the seed's choice, and return what came of them."""
    report, dice = Report(), random.Random(seed)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        run = Soak(Path(folder), stack)
        troubles: list[Callable[[], object]] = [run.driver, run.port, run.hook, run.disk, run.controller]
        for _ in range(WARM):
            run.lease()
        before = _descriptors(), _memory_mib()
        for number in range(leases):
            trouble = dice.choice([*troubles, run.nothing, run.nothing, run.nothing])
            report.troubles[trouble.__name__] += 1
            _try(run, trouble, number, report)
        if not run.lab.exporters["b1"].alive:
            report.broken.append("The exporter has ended.")
        after = _settled(before[0])
        if after > before[0] + SPARE_DESCRIPTORS:
            report.broken.append(f"{after} descriptors are open, {before[0]} were at the start.")
        if _memory_mib() > before[1] + SPARE_MIB:
            report.broken.append(f"{_memory_mib():.0f} MiB are in use, {before[1]:.0f} were at the start.")
    return report


def _try(run: Soak, trouble: Callable[[], object], number: int, report: Report) -> None:
    """Have a lease with a trouble, and one without, which has to work."""
    try:
        with trouble():  # type: ignore[attr-defined]
            run.lease()
    except UsageError as error:
        report.broken.append(f"Lease {number} ({trouble.__name__}) failed as the test's mistake: {error}")
    except JumpstarterError as error:
        report.lost.append(str(error))
        if trouble.__name__ == "nothing":
            report.broken.append(f"Lease {number} failed without a trouble: {error}")
    try:
        run.lease()
    except JumpstarterError as error:
        report.broken.append(f"The lease behind {number} ({trouble.__name__}) failed: {error}")


def _descriptors() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def _settled(before: int) -> int:
    """Return how many descriptors are open, after what ends by itself had time to."""
    end = time.monotonic() + 10
    while (found := _descriptors()) > before + SPARE_DESCRIPTORS and time.monotonic() < end:
        time.sleep(0.1)
    return found


def _memory_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> int:
    """Run the command; return 1 if a rule was broken."""
    parser = argparse.ArgumentParser(description="One exporter through many leases with troubles of its board.")
    parser.add_argument("--leases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    report = soak(options.leases, options.seed)
    sys.stdout.write(f"{dict(report.troubles)}: {len(report.lost)} of {options.leases} leases lost\n")
    sys.stdout.write("".join(f"{line}\n" for line in report.broken or ["No rule was broken."]))
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
