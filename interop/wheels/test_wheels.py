"""The tests inside upstream's published wheels, unedited, where this project is installed and nothing of upstream's."""

from __future__ import annotations

import os
import subprocess
import xml.etree.ElementTree as ElementTree
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from interop.environments import EnvironmentUnavailable
from interop.wheels.pages import write_test
from interop.wheels.suites import SUITES, Suite, shim_only, unpack, wheels

LIMIT_S = 240

PAGE = Path(__file__).parents[2] / "docs" / "upstream-suites.md"


@dataclass(frozen=True)
class Place:
    """Where the suites run.

    Attributes:
        python: The interpreter of the environment.
        tests: The folder with one folder of tests for each package.
    """

    python: Path
    tests: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Make the environment and unpack the tests; without the package index there is nothing to run."""
    folder = tmp_path_factory.mktemp("wheels")
    try:
        unpack(SUITES, folder)
        return Place(shim_only() / "bin" / "python", folder)
    except EnvironmentUnavailable as error:
        pytest.skip(str(error))


Run = Callable[[Suite], tuple[str, Mapping[str, Counter[str]]]]


@pytest.fixture(scope="module")
def run(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return what runs a suite, in one process with all that are run in the same way.

    It returns what pytest has written and, for each package, how often its tests have ended in which way.
    """

    @cache
    def run_all(options: Sequence[str], driver: bool) -> tuple[str, Mapping[str, Counter[str]]]:
        suites = [suite for suite in SUITES if (suite.options, suite.driver) == (options, driver)]
        report = tmp_path_factory.mktemp("report") / "report.xml"
        words = ["-p", "no:cacheprovider", "--import-mode=importlib", f"--rootdir={place.tests}", *options]
        words += [
            f"--{'deselect' if '::' in test else 'ignore'}={suite.package}/{test}"
            for suite in suites
            for test in suite.left_out
        ]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("JMP_", "JUMPSTARTER_"))}
        done = subprocess.run(
            [str(place.python), "-m", "pytest", *words, f"--junitxml={report}", *(suite.package for suite in suites)],
            cwd=place.tests,
            env={**kept, "PYTHONPATH": str(place.tests)} if driver else kept,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        output = f"{done.stdout[-12000:]}\n{done.stderr[-4000:]}"
        # Where some have failed, the test of their suite fails.
        assert done.returncode in (0, 1), output
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for case in ElementTree.parse(report).iter("testcase"):
            ends = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
            counts[case.attrib["classname"].partition(".")[0]].update(ends or ["passed"])
        return output, counts

    return lambda suite: run_all(suite.options, suite.driver)


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.distribution)
def test_suite(run: Run, suite: Suite) -> None:
    output, counts = run(suite)
    assert counts[suite.package] == Counter(passed=suite.passed, skipped=suite.skipped), output


def test_the_page_tells_what_runs_and_what_does_not() -> None:
    rows = {
        cells[0].strip("` "): cells[1].strip()
        for line in PAGE.read_text().splitlines()
        if line.startswith("| `jumpstarter-") and len(cells := line.strip("|").split("|")) >= 2
    }
    assert rows == {suite.distribution: str(suite.passed) for suite in SUITES}
    page = PAGE.read_text()
    missing = [
        f"{suite.package}: {test}: {why}"
        for suite in SUITES
        for test, why in suite.left_out.items()
        if f"`{test}`" not in page or why not in page
    ]
    assert missing == []


def test_documentation_pages(place: Place, tmp_path: Path) -> None:
    packages = ("jumpstarter_driver_opendal-", "jumpstarter_driver_pyserial-")
    pages = [write_test(wheel, tmp_path) for wheel in wheels(SUITES) if wheel.name.startswith(packages)]
    # The page of the file store includes this file, which the wheel does not have.
    config = tmp_path / "source" / "reference" / "package-apis" / "drivers" / "opendal.yaml"
    config.parent.mkdir(parents=True)
    root = tmp_path / "files"
    root.mkdir()
    driver = "type: jumpstarter_driver_opendal.driver.Opendal"
    config.write_text(f"{driver}\nconfig:\n  scheme: fs\n  kwargs: {{root: {root}}}\n")
    command = [str(place.python), "-m", "pytest", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", *map(str, pages)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, f"{done.stdout[-12000:]}\n{done.stderr[-4000:]}"
    assert "2 passed" in done.stdout
