"""Tell whether the unit tests still catch what they caught, by the same seeded mutants of the product in two checkouts.

The tests that execute the changed line of a mutant are run until one fails::

    python -m scripts.mutants make set.json --tree OLD
    python -m scripts.mutants run set.json --tree OLD --results before.jsonl
    python -m scripts.mutants run set.json --tree NEW --results after.jsonl --before before.jsonl
    python -m scripts.mutants compare before.jsonl after.jsonl

``run`` runs all unit tests once to learn which one executes which line, and keeps that beside the results. It appends a
line to the results after each mutant, and goes on where it was interrupted; to try a mutant again, remove its line, and
raise ``--budget`` if more tests shall be run on it. Mutated code runs in copies of the checkout and in namespaces of
Linux, where it ends no process and writes no file outside. That needs root, or ``--unconfined``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath
from queue import SimpleQueue
from typing import Any

from coverage import CoverageData

from scripts.mutations import PRODUCT, Mutant, choose, mutants_in

LEFT_OUT = ("utest/chaos/", "utest/scripts/")
"""Tests that take minutes, and tests of scripts."""

NOT_COPIED = (".git", ".venv*", ".interop", "results", "__pycache__", ".*_cache")

RECORD_LIMIT_S = 3600
HANG_S, HANG_FACTOR = 60, 5
"""A mutant's tests hang if they take longer than this and so many times what they take without it."""

MEMORY = 8 * 1024**3
"""Bytes of address space that a process of a mutant may have."""

# The shell stays, as the first process of its namespace: signals are not the same for that one.
CONFINED = 'mount --bind "$0" "$0" && mount -o remount,bind,ro / || exit 9; "$@"; exit $?'

SURVIVED = ("survived", "no test")

RECORDER = """
import json, os, time
import coverage, pytest

TESTS = {}

@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    name, begin = item.nodeid.partition("[")[0], time.perf_counter()
    coverage.Coverage.current().switch_context(name)
    try:
        return (yield)
    finally:
        TESTS.setdefault(name, [0.0, False])[0] += time.perf_counter() - begin
        coverage.Coverage.current().switch_context("")

def pytest_runtest_logreport(report):
    TESTS.setdefault(report.nodeid.partition("[")[0], [0.0, False])[1] |= report.failed

def pytest_sessionfinish():
    with open(os.environ["MUTANTS_TESTS"], "w") as file:
        json.dump(TESTS, file)
"""

# A process that a test starts finds the test's name in PYTEST_CURRENT_TEST.
COVERAGE_RC = """
[run]
core = ctrace
data_file = {folder}/coverage
parallel = true
context = ${{PYTEST_CURRENT_TEST-}}
source =
    {tree}/JumpstarterLibrary
    {tree}/shim/pytest_jumpstarter
disable_warnings = no-data-collected,module-not-measured,module-not-imported
"""


class Copy:
    """A copy of a checkout with an environment of its own, in which a mutant can live.

    Args:
        folder: Where copy, environment and temporary files go. Its path is short, since sockets are made in it.
        confined: Whether code in it shall reach nothing outside.
    """

    def __init__(self, folder: Path, confined: bool) -> None:
        self.folder, self.tree, self._confined = folder, folder / "c", confined

    def make(self, tree: Path, python: str) -> None:
        """Copy a checkout. The packages that it needs are those of an interpreter's environment."""
        shutil.copytree(tree, self.tree, symlinks=True, ignore=shutil.ignore_patterns(*NOT_COPIED))
        (self.folder / "t").mkdir()
        subprocess.run([python, "-m", "venv", "--without-pip", self.folder / "v"], check=True)
        probe = "import sysconfig; print(sysconfig.get_path('purelib'))"
        packages = subprocess.run([python, "-c", probe], check=True, capture_output=True, text=True).stdout
        measure = "import os; os.getenv('COVERAGE_PROCESS_START') and __import__('coverage').process_startup()"
        site = next(self.folder.glob("v/lib/python*/site-packages"))
        (site / "mutants.pth").write_text(f"{self.tree}\n{self.tree}/shim\n{packages}{measure}\n")
        (site / "mutants_recorder.py").write_text(RECORDER)

    def pytest(self, limit_s: float, part: int, *arguments: str, **environ: str) -> tuple[int | None, str]:
        """Run pytest in the copy. Returns its exit status, None if it took too long, and its output."""
        options = ["--quiet", "--tb=no", "-p", "no:cacheprovider", f"--basetemp={self.folder}/b{part}"]
        command = [f"{self.folder}/v/bin/python", "-m", "pytest", *options, *arguments]
        if self._confined:
            spaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
            command = ["prlimit", f"--as={MEMORY}", *spaces, "sh", "-c", CONFINED, str(self.folder), *command]
        places = dict.fromkeys(("HOME", "TMPDIR", "XDG_CONFIG_HOME"), f"{self.folder}/t")
        with tempfile.TemporaryFile("w+", errors="replace") as output:
            process = subprocess.Popen(
                command,
                cwd=self.tree,
                env={**os.environ, **places, **environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            status: int | None = None
            try:
                status = process.wait(limit_s)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            output.seek(0)
            return status, output.read()

    def write(self, file: str, source: bytes) -> None:
        """Write a module, and remove what Python has compiled of it: it would not notice a change within a second."""
        path = self.tree / file
        path.write_bytes(source)
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
            compiled.unlink()


def record(place: Copy, jobs: int, path: Path) -> None:
    """Run all unit tests, and keep which of them executes which line, how long it takes, and whether it fails."""
    folder = place.folder / "r"
    folder.mkdir()
    (folder / "rc").write_text(COVERAGE_RC.format(folder=folder, tree=place.tree))
    files = [path.relative_to(place.tree).as_posix() for path in sorted(place.tree.glob("utest/**/test_*.py"))]
    files = [file for file in files if not file.startswith(LEFT_OUT)]

    def run_part(part: int) -> dict[str, tuple[float, bool]]:
        tests = folder / f"{part}.json"
        environ = {"COVERAGE_PROCESS_START": str(folder / "rc"), "MUTANTS_TESTS": str(tests)}
        status, output = place.pytest(RECORD_LIMIT_S, part, "-p", "mutants_recorder", *files[part::jobs], **environ)
        if status not in (0, 1):  # all passed, some failed
            hint = (
                "Namespaces need root; --unconfined does without them. " if status == 9 or "unshare:" in output else ""
            )
            sys.exit(f"The unit tests could not be run, exit status {status}. {hint}They said:\n{output[-3000:]}")
        return dict(json.loads(tests.read_text()))

    with ThreadPoolExecutor(jobs) as pool:
        found = {name: test for part in pool.map(run_part, range(jobs)) for name, test in part.items()}
    combined = CoverageData(str(path.with_suffix(".coverage")))
    for file in folder.glob("coverage.*"):
        data = CoverageData(str(file))
        data.read()
        combined.update(data)
    path.write_text(json.dumps(found))


class Tests:
    """The test functions of a checkout.

    Attributes:
        seconds: How long each takes, without those that fail.
        failed: Those that fail.
    """

    def __init__(self, path: Path) -> None:
        found: dict[str, tuple[float, bool]] = json.loads(path.read_text())
        self.seconds = {name: seconds for name, (seconds, failed) in found.items() if not failed}
        self.failed = sorted(found.keys() - self.seconds.keys())
        self._data = CoverageData(str(path.with_suffix(".coverage")))
        self._data.read()

    def that_execute(self, mutant: Mutant) -> list[str]:
        """Return the tests that execute the function of a mutant, or its module at import, the likeliest first.

        These are the tests that execute the changed line, and of them those of the mirrored folder and of a like name.
        Not only those: Python 3.11 does not trace a coroutine that an exception has resumed.
        """
        exact: set[str] = set()
        near: set[str] = set()
        for measured in self._data.measured_files():
            if measured.endswith(f"/c/{mutant.file}"):
                for line, contexts in self._data.contexts_by_lineno(measured).items():
                    if mutant.around is None or line in mutant.around:
                        # A process that a test has started has the name with the test's arguments and phase.
                        names = {re.sub(r"(\[.*)?( \(\w+\))?$", "", name) for name in "|".join(contexts).split("|")}
                        near |= names
                        exact |= names if line in mutant.lines else set()
        home = mirrored(mutant.file)
        return sorted(near & self.seconds.keys(), key=lambda name: (name not in exact, *distance(name, home), name))


def mirrored(file: str) -> PurePosixPath:
    """Return where the tests of a module are, as if it were a test file."""
    parts = PurePosixPath(file).parts
    return PurePosixPath("utest", *(("shim", *parts[2:]) if parts[0] == "shim" else parts[1:]))


def distance(name: str, home: PurePosixPath) -> tuple[bool, int]:
    """Return how far a test is from a module's mirrored place: another name, fewer common folders."""
    file = PurePosixPath(name.partition("::")[0])
    return home.stem not in file.stem, -len(Path(os.path.commonpath([file.parent, home.parent])).parts)


@dataclass(frozen=True)
class Trial:
    """A mutant and the tests that are run on it.

    Attributes:
        mutant: The mutant.
        tests: The tests, as far as the budget reaches.
        known: How many tests execute the function.
        seconds: What the tests take without the mutant.
    """

    mutant: Mutant
    tests: Sequence[str]
    known: int
    seconds: float

    def run(self, place: Copy) -> dict[str, Any]:
        """Run the tests in a copy and return the line for the results."""
        entry = {"mutant": self.mutant.name, "tests": len(self.tests), "known": self.known}
        if not self.tests:
            return {**entry, "result": "no test"}
        source = (place.tree / self.mutant.file).read_bytes()
        place.write(self.mutant.file, self.mutant.source)
        try:
            return {**entry, **self._result(place)}
        finally:
            place.write(self.mutant.file, source)

    def _result(self, place: Copy) -> dict[str, Any]:
        limit_s, left = HANG_S + HANG_FACTOR * self.seconds, list(self.tests)
        while left:
            (place.folder / "tests").write_text("\n".join(left))
            status, output = place.pytest(limit_s, 0, "-x", f"@{place.folder}/tests")
            noticed = re.search(r"^(?:FAILED|ERROR) (\S+?)(?:\[| - |$)", output, re.MULTILINE)
            by = noticed[1] if noticed and status == 1 else ""
            # On a busy machine a test may fail by itself, but hardly twice.
            if by not in left or place.pytest(limit_s, 0, by)[0] != 0:
                return {"result": "survived" if status == 0 else "hang" if status is None else "killed", "by": by}
            left = left[left.index(by) + 1 :]
        return {"result": "survived", "by": ""}


def plan(mutant: Mutant, tests: Tests, budget_s: float, first: str) -> Trial:
    """Choose the tests for a mutant: the one that noticed it before, then the nearest, until the budget is spent."""
    names = tests.that_execute(mutant)
    chosen: list[str] = []
    spent = 0.0
    for name in dict.fromkeys([first, *names] if first in tests.seconds else names):
        if not chosen or spent + tests.seconds[name] <= budget_s:
            chosen.append(name)
            spent += tests.seconds[name]
    return Trial(mutant, chosen, len(names), spent)


def read(path: Path | None) -> dict[str, dict[str, Any]]:
    """Return the results in a file by mutant; none if there is no file."""
    lines = path.read_text().splitlines() if path is not None and path.exists() else []
    return {entry["mutant"]: entry for entry in map(json.loads, lines)}


def run(options: argparse.Namespace) -> int:
    """Run the tests on every mutant of a set that has no result yet."""
    done, before, kept = read(options.results), read(options.before), options.results.with_suffix(".tests")
    wanted = [name for name in json.loads(options.set.read_text()) if name not in done]
    found = (mutant for folder in PRODUCT for mutant in mutants_in(options.tree, folder))
    here = {mutant.name: mutant for mutant in found if mutant.name in wanted}
    places: SimpleQueue[Copy] = SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="m-", ignore_cleanup_errors=True) as folder:
        for number in range(options.jobs):
            place = Copy(Path(folder, str(number)), not options.unconfined)
            place.make(options.tree.resolve(), options.python)
            places.put(place)
        if not kept.exists():
            record(place, options.jobs, kept)
        tests = Tests(kept)
        sys.stdout.write(f"{len(tests.seconds)} test functions; not used, since they fail: {tests.failed or 'none'}\n")
        trials = [
            plan(here[name], tests, options.budget, before.get(name, {}).get("by", ""))
            for name in wanted
            if name in here
        ]

        def run_trial(trial: Trial) -> dict[str, Any]:
            place = places.get()
            try:
                return trial.run(place)
            finally:
                places.put(place)

        with options.results.open("a") as results, ThreadPoolExecutor(options.jobs) as pool:
            absent = [{"mutant": name, "result": "absent"} for name in wanted if name not in here]
            running = [pool.submit(run_trial, trial) for trial in trials]
            try:
                for entry in chain(absent, (future.result() for future in as_completed(running))):
                    results.write(json.dumps(entry) + "\n")
                    results.flush()
            finally:
                pool.shutdown(cancel_futures=True)
    counts = Counter(entry["result"] for entry in read(options.results).values())
    sys.stdout.write(", ".join(f"{count} {result}" for result, count in sorted(counts.items())) + "\n")
    return 0


def compare(before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]) -> int:
    """Print the mutants that are noticed no longer and those that never were; return 1 if the second run lost some."""
    survivors = [name for name, entry in after.items() if entry["result"] in SURVIVED]
    known = [name for name in survivors if before.get(name, {}).get("result") in SURVIVED]
    lost = [name for name in survivors if name in before and name not in known]
    untried = [name for name in before if name not in after]
    absent = [name for name, entry in after.items() if entry["result"] == "absent"]
    groups = {
        "killed before, not now": lost,
        "not tried now": untried,
        "not in the second checkout": absent,
        "not killed, before and now": known,
    }
    for title, names in groups.items():
        sys.stdout.write("".join(f"{line}\n" for line in (f"{title}: {len(names)}", *(f"  {name}" for name in names))))
    return 1 if lost or untried else 0


def main() -> int:
    """Make a set, run it, or compare two runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="choose mutants of a checkout and write the set")
    running = commands.add_parser("run", help="run the tests on the mutants of a set")
    for command in (making, running):
        command.add_argument("set", type=Path, help="the JSON file of the set")
        command.add_argument("--tree", type=Path, default=Path(), help="the checkout; default: the working directory")
    making.add_argument("--count", type=int, default=200)
    making.add_argument("--seed", type=int, default=1)
    running.add_argument(
        "--python", default=sys.executable, help="interpreter with coverage and the checkout's packages"
    )
    running.add_argument("--results", type=Path, required=True, help="the file that gets a line for each mutant")
    running.add_argument("--before", type=Path, help="results of another checkout: tests that noticed there go first")
    running.add_argument("--jobs", type=int, default=2, help="mutants at once; default: 2")
    running.add_argument("--budget", type=float, default=60, help="seconds of tests for one mutant; default: 60")
    running.add_argument("--unconfined", action="store_true", help="without namespaces")
    comparing = commands.add_parser("compare", help="compare the results of two checkouts")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    options = parser.parse_args()
    if options.command == "compare":
        return compare(read(options.before), read(options.after))
    if options.command == "run":
        return run(options)
    options.set.write_text(json.dumps(choose(options.tree, options.count, options.seed), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
