"""Kills robot and pytest in every way, and measures how long the board stays leased.

The runs are real processes; the lab is in this one. ``python -m utest.chaos.kill_matrix`` prints the table.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.leasing.acquire import acquire
from JumpstarterLibrary.client.leasing.controller import Controller, LeaseRequest
from JumpstarterLibrary.client.settings import ClientArguments, find_settings
from JumpstarterLibrary.exporter.driver import Driver, export
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.lab import LabExporter, VirtualLab
from JumpstarterLibrary.lab.model import LeaseRecord

SOFT_S = 2.0
"""The length by which the leases extend themselves."""

PROCESS_LIMIT_S = 3.0
"""In which a run has to end after the last signal."""

FREE_LIMIT_S = 5.0
"""In which the board has to be free after a run that could still do something."""

CRASH_LIMIT_S = SOFT_S + 1.0
"""In which the board has to be free after a run that could not."""

TIMEOUT_S = 4.0
"""The timeout of tests that have one."""

GIVE_UP_S = 5.0
"""How long the runs wait for a lease that are to give up; the least that a client configuration can have."""

TWICE_S = 0.03
"""Between two signals."""

PATIENCE_S = 60.0
WORKERS = 3
LOOK_S = 0.005

CHILDREN = Path(__file__).parent / "children"
RUNNERS = {
    "robot": "-m robot --outputdir results --consolecolors off --consolewidth 200 board.robot",
    "pytest": "-m pytest -p no:cacheprovider -p no:faulthandler -rA suite_board.py",
}
WAITING, CALLING = "waiting for the lease", "driver call in flight"


@dataclass(frozen=True)
class Way:
    """How a run ends.

    Attributes:
        name: In words, for the table.
        signals: What it is sent.
        crash: How it crashes by itself: ``abort`` or ``exit``.
        timeout: Whether its test runs into a timeout.
        work: What the driver is told to do.
        give_up: Whether it gives up waiting.
        helpless: Whether it has no chance to release anything.
        moments: When it can happen.
    """

    name: str
    signals: tuple[signal.Signals, ...] = ()
    crash: str = ""
    timeout: bool = False
    work: str = "for ever"
    give_up: bool = False
    helpless: bool = False
    moments: tuple[str, ...] = (WAITING, CALLING)


WAYS = (
    Way("normal end", work="briefly", moments=(CALLING,)),
    Way("test failure", work="fail", moments=(CALLING,)),
    Way("nothing became free", give_up=True, moments=(WAITING,)),
    Way("test timeout", timeout=True),
    Way("Ctrl-C", (signal.SIGINT,)),
    Way("Ctrl-C twice", (signal.SIGINT, signal.SIGINT)),
    Way("SIGTERM", (signal.SIGTERM,)),
    Way("SIGTERM twice", (signal.SIGTERM, signal.SIGTERM)),
    Way("SIGHUP", (signal.SIGHUP,)),
    Way("SIGKILL", (signal.SIGKILL,), helpless=True),
    Way("crash (os.abort)", crash="abort", helpless=True),
    Way("crash (os._exit)", crash="exit", helpless=True),
)


@dataclass(frozen=True)
class Case:
    """One run and its end."""

    runner: str
    way: Way
    moment: str

    def __str__(self) -> str:
        return f"{self.runner}, {self.way.name}, {self.moment}"

    @property
    def unit(self) -> str:
        """The label of the board that this case has for itself."""
        return f"unit-{CASES.index(self)}"


CASES = tuple(Case(runner, way, moment) for runner in RUNNERS for way in WAYS for moment in way.moments)


@dataclass(frozen=True)
class Outcome:
    """What was measured.

    Attributes:
        case: The run.
        ended_s: Seconds from its last signal, or what else ended it, to the end of its process.
        free_s: Seconds from there until the controller could give the board to somebody else.
        released: Whether the lease was released; otherwise it has expired.
        status: The process's exit status.
        output: What it printed.
    """

    case: Case
    ended_s: float
    free_s: float
    released: bool
    status: int
    output: str = field(repr=False)


class Failed(RuntimeError):
    """What a driver raises that is told to."""


class Holder(Driver):
    """A driver whose one call lasts for as long as nobody cancels it."""

    def __init__(self, board: Board) -> None:
        super().__init__()
        self._board = board

    @classmethod
    def client(cls) -> str:
        return "chaos.Holder"

    @export
    async def hold(self, work: str) -> None:
        """Do the work: ``briefly``, ``fail`` or ``for ever``."""
        self._board.called.set()
        try:
            if work == "for ever":
                await asyncio.Event().wait()
            await asyncio.sleep(0.2)
            if work == "fail":
                raise Failed("The board is on fire")
        finally:
            self._board.left = time.monotonic()


class Board:
    """The board of one case, as the lab sees it."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.called = threading.Event()
        self.left = 0.0

    def exporter(self) -> LabExporter:
        """Return what the lab is to make."""
        return LabExporter(
            name=self.case.unit,
            labels={"unit": self.case.unit},
            driver=lambda: Composite(children={"holder": Holder(self)}),
        )


class KillMatrix:
    """A lab with a board for each case. Use it as a context manager.

    Args:
        folder: Where the runs may write.
        cases: Which ones.
    """

    def __init__(self, folder: Path, cases: tuple[Case, ...] = CASES) -> None:
        self._folder = folder
        self._cases = cases
        self._boards = {case: Board(case) for case in cases}
        exporters = [board.exporter() for board in self._boards.values()]
        self.lab = VirtualLab(exporters, clients={"tester": {}, "other": {}})

    def __enter__(self) -> KillMatrix:
        self.lab.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self.lab.__exit__(None, None, None)

    def run(self) -> dict[Case, Outcome]:
        """Run all cases, some at a time."""
        with ThreadPoolExecutor(WORKERS) as pool:
            return dict(zip(self._cases, pool.map(self._run, self._cases), strict=True))

    def _run(self, case: Case) -> Outcome:
        folder = self._folder / case.unit
        shutil.copytree(CHILDREN, folder)
        with self._held_by_somebody_else(case, folder) as let_go, (folder / "output").open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, *RUNNERS[case.runner].split()],
                cwd=folder,
                env=self._environment(case, folder),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                self._await_moment(case, process)
                reached = time.monotonic()
                killed = self._kill(case, process, folder)
                ended, free = self._watch(case, process, let_go)
            finally:
                process.kill()
                process.wait(PATIENCE_S)
        killed = killed or self._own_end(case, folder, reached)
        text = (folder / "output").read_text(errors="replace")
        released = all(lease.release for lease in self._leases(case, over=True))
        return Outcome(case, ended - killed, free - killed, released, process.returncode, text)

    def _watch(self, case: Case, process: subprocess.Popen[bytes], let_go: Callable[[], object]) -> tuple[float, float]:
        """Return when the process ended, and when its client had neither a lease nor a request any more."""
        ended = free = 0.0
        end = time.monotonic() + PATIENCE_S
        while not (ended and free):
            if not ended and process.poll() is not None:
                ended = time.monotonic()
                # What a dead run still waits for, it gets now.
                let_go()
            if not free and not self._leases(case):
                free = time.monotonic()
            if time.monotonic() > end:
                raise TimeoutError(f"The end of '{case}' did not come: ended {bool(ended)}, free {bool(free)}.")
            time.sleep(LOOK_S)
        return ended, free

    def _environment(self, case: Case, folder: Path) -> dict[str, str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("JMP_", "JUMPSTARTER_", "CI"))}
        path = self.lab.write_client_config(folder / "config")
        if case.way.give_up:
            path.write_text(f"{path.read_text()}leases:\n  acquisition_timeout: {GIVE_UP_S:g}\n")
        return {
            **clean,
            "JMP_CLIENT_CONFIG_HOME": str(folder / "config"),
            "KILL_BEGIN": str(folder / "begin"),
            "KILL_NOW": str(folder / "now"),
            "KILL_CRASH": case.way.crash,
            "KILL_TIMEOUT": f"{TIMEOUT_S:g}" if case.way.timeout else "NONE",
            "KILL_UNIT": case.unit,
            "KILL_SOFT": f"{SOFT_S:g}",
            "KILL_WORK": case.way.work,
        }

    @contextmanager
    def _held_by_somebody_else(self, case: Case, folder: Path) -> Iterator[Callable[[], object]]:
        """Let somebody else have the board that a run is to wait for; yield what gives it back."""
        if case.moment is CALLING:
            yield lambda: None
            return
        path = self.lab.write_client_config(folder / "other", "other")
        controller = Controller(find_settings(ClientArguments(config=path)))
        try:
            lease = acquire(controller, LeaseRequest(selector=f"unit={case.unit}"), Deadline(PATIENCE_S))
            try:
                yield lease.release
            finally:
                lease.release()
        finally:
            controller.close()

    def _leases(self, case: Case, *, over: bool = False) -> list[LeaseRecord]:
        """Return the leases of the run's client for its board, those that wait included."""
        ours = [lease for lease in self.lab.leases() if lease.client == "tester" and lease.ended is over]
        return [lease for lease in ours if lease.labels.get("unit") == case.unit]

    def _await_moment(self, case: Case, process: subprocess.Popen[bytes]) -> None:
        board = self._boards[case]
        reached = board.called.is_set if case.moment is CALLING else lambda: bool(self._leases(case))
        self._await(lambda: reached() or process.poll() is not None, f"the moment of '{case}'")

    def _kill(self, case: Case, process: subprocess.Popen[bytes], folder: Path) -> float:
        """Kill the run, if it is to be killed; return when."""
        if case.way.crash:
            (folder / "now").touch()
            return time.monotonic()
        for number, one in enumerate(case.way.signals):
            time.sleep(TWICE_S if number else 0)
            process.send_signal(one)
        return time.monotonic() if case.way.signals else 0.0

    def _own_end(self, case: Case, folder: Path, reached: float) -> float:
        """Return when a run began to end that ended by itself."""
        if case.way.timeout:
            return float((folder / "begin").read_text()) + TIMEOUT_S
        return reached + GIVE_UP_S if case.way.give_up else self._boards[case].left

    @staticmethod
    def _await(condition: Callable[[], object], what: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"Waited in vain for {what}.")
            time.sleep(LOOK_S)


def limits(case: Case) -> tuple[float, float]:
    """Return the seconds in which the process has to end, and those in which the board has to be free."""
    return PROCESS_LIMIT_S, CRASH_LIMIT_S if case.way.helpless else FREE_LIMIT_S


def good(outcome: Outcome) -> bool:
    """Return whether a run ended as it should: soon, and with a release where it could still do that."""
    process_limit, free_limit = limits(outcome.case)
    soon = outcome.ended_s < process_limit and outcome.free_s < free_limit
    return soon and outcome.released is not outcome.case.way.helpless


def table(outcomes: list[Outcome]) -> str:
    """Return the table that people read."""
    rows = [("runner", "ended by", "at which moment", "process ended", "board free")]
    rows += [
        (one.case.runner, one.case.way.name, one.case.moment, f"{one.ended_s:.2f} s", f"{one.free_s:.2f} s")
        for one in outcomes
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join((lines[0], "-" * (sum(widths) + 2 * len(widths) - 2), *lines[1:]))


def main() -> int:
    """Print the table; return 1 if a limit is exceeded."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kill-matrix-") as folder, KillMatrix(Path(folder)) as matrix:
        outcomes = list(matrix.run().values())
    sys.stdout.write(f"{table(outcomes)}\n")
    late = [one for one in outcomes if not good(one)]
    for one in late:
        sys.stdout.write(f"\nToo late, or not released: {one.case}\n{one.output}\n")
    seconds = time.monotonic() - began
    sys.stdout.write(f"{len(outcomes)} runs in {seconds:.0f} s, {len(late)} too late\n")
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
