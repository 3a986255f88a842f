"""The tests inside upstream's published wheels, unedited, where this project is installed and nothing of upstream's."""

from __future__ import annotations

import os
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
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


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.distribution)
def test_suite(place: Place, suite: Suite, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    left_out = [f"--{'deselect' if '::' in test else 'ignore'}={suite.package}/{test}" for test in suite.left_out]
    options = ["-p", "no:cacheprovider", "--import-mode=importlib", f"--rootdir={place.tests}", *suite.options]
    command = [str(place.python), "-m", "pytest", *options, f"--junitxml={report}", *left_out, suite.package]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JMP_", "JUMPSTARTER_"))}
    environ = {**kept, "PYTHONPATH": str(place.tests)} if suite.driver else kept
    done = subprocess.run(
        command,
        cwd=place.tests,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-12000:]}\n{done.stderr[-4000:]}"
    found = ElementTree.parse(report).getroot().find("testsuite")
    assert found is not None
    counts = {name: int(found.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": suite.passed + suite.skipped, "failures": 0, "errors": 0, "skipped": suite.skipped}


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


@pytest.mark.parametrize("package", ["jumpstarter_driver_opendal", "jumpstarter_driver_pyserial"])
def test_documentation_page(place: Place, package: str, tmp_path: Path) -> None:
    wheel = next(wheel for wheel in wheels(SUITES) if wheel.name.startswith(f"{package}-"))
    # The page of the file store includes this file, which the wheel does not have.
    config = tmp_path / "source" / "reference" / "package-apis" / "drivers" / "opendal.yaml"
    config.parent.mkdir(parents=True)
    root = tmp_path / "files"
    root.mkdir()
    driver = "type: jumpstarter_driver_opendal.driver.Opendal"
    config.write_text(f"{driver}\nconfig:\n  scheme: fs\n  kwargs: {{root: {root}}}\n")
    file = write_test(wheel, tmp_path)
    command = [str(place.python), "-m", "pytest", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", str(file)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, f"{done.stdout[-12000:]}\n{done.stderr[-4000:]}"
    assert "1 passed" in done.stdout
