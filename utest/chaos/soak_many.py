"""Many soak runs in several processes, and what they met: ``python -m utest.chaos.soak_many --seeds 500``."""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from utest.chaos.soak import Outcome, benches, run

ROOT = Path(__file__).parents[2]

WORKERS = 2
"""Processes; the runs wait most of the time."""

CHILD = f"import sys; sys.path.append({str(ROOT)!r}); from utest.chaos.soak_many import main; sys.exit(main())"
"""Without the checkout before what is installed."""

WHAT = ("faults", "actions", "errors")


@dataclass
class Summary:
    """What many runs met.

    Attributes:
        runs: How many there were.
        slowest: Seconds of the longest one, and its seed.
        faults: How often which kind was to happen.
        actions: How often what was done.
        errors: How often which one was raised.
        failed: The seeds of the runs that broke a rule.
    """

    runs: int = 0
    slowest: tuple[float, int] = (0.0, 0)
    faults: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    failed: list[int] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Take a run in."""
        self.runs += 1
        self.slowest = max(self.slowest, (outcome.seconds, outcome.seed))
        self.faults.update(fault.kind for fault in outcome.faults)
        self.actions.update(line.partition(":")[0] for line in outcome.story.lines)
        self.errors.update(error.kind.__name__ for error in outcome.story.errors)
        self.failed += [outcome.seed] if outcome.broken else []

    def merge(self, path: Path) -> None:
        """Take in what another process has written."""
        found = json.loads(path.read_text())
        self.runs += found["runs"]
        self.slowest = max(self.slowest, tuple(found["slowest"]))
        self.failed = sorted([*self.failed, *found["failed"]])
        for what in WHAT:
            getattr(self, what).update(found[what])

    def __str__(self) -> str:
        lines = [f"{self.runs} runs; the longest took {self.slowest[0]:.1f} s (seed {self.slowest[1]})"]
        for what in WHAT:
            counts: Counter[str] = getattr(self, what)
            lines.append(f"{what}: {', '.join(f'{name} {count}' for name, count in sorted(counts.items()))}")
        lines.append(f"{len(self.failed)} runs broke a rule: {self.failed}")
        return "\n".join(lines)


def run_here(first: int, seeds: int, tell: bool) -> Summary:
    """Run some seeds in this process, and tell of those that broke a rule, or of all."""
    logging.basicConfig(level=logging.CRITICAL)
    summary, last = Summary(), first + seeds
    while first < last:
        with benches() as bench:
            while first < last:
                outcome = run(first, bench)
                first += 1
                summary.add(outcome)
                if outcome.broken or tell:
                    sys.stdout.write(f"{outcome}\n")
                    sys.stdout.flush()
                if outcome.broken:
                    # What it has left may trouble others.
                    break
    return summary


def run_elsewhere(first: int, seeds: int, tell: bool, workers: int) -> Summary:
    """Run some seeds in several processes."""
    summary = Summary()
    with tempfile.TemporaryDirectory() as folder:
        running = []
        for number in range(workers):
            begin, end = (first + seeds * one // workers for one in (number, number + 1))
            path = Path(folder) / f"{number}.json"
            options = ["--first", str(begin), "--seeds", str(end - begin), "--workers", "1", "--into", str(path)]
            command = [sys.executable, "-P", "-c", CHILD, *options, *(["--tell"] if tell else [])]
            running.append((subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=folder), path))
        for process, path in running:
            process.wait()
            if path.exists():
                summary.merge(path)
            else:
                summary.failed.append(-1)
    return summary


def main() -> int:
    """Run some seeds; return 1 if one of them broke a rule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first one")
    parser.add_argument("--workers", type=int, default=WORKERS, help="in how many processes")
    parser.add_argument("--tell", action="store_true", help="tell the story of each")
    parser.add_argument("--into", type=Path, help="write the sum there, for another process")
    given = parser.parse_args()
    begin = time.monotonic()
    if given.workers > 1 and given.seeds > 1:
        summary = run_elsewhere(given.first, given.seeds, given.tell, min(given.workers, given.seeds))
    else:
        summary = run_here(given.first, given.seeds, given.tell)
    if given.into:
        given.into.write_text(json.dumps(vars(summary)))
    else:
        sys.stdout.write(f"{summary}\nin {time.monotonic() - begin:.0f} seconds\n")
    return 1 if summary.failed else 0


if __name__ == "__main__":
    sys.exit(main())
