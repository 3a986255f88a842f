"""What can be done with this project: ``inv --list``."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from invoke.context import Context
from invoke.tasks import task

ROOT = Path(__file__).parent
ROBOT_FILES = "atest examples interop"
PLUGINS = "-p scripts.ci_skips -p scripts.robot_suites -p scripts.file_order"
WORKERS = (os.cpu_count() or 1) * 2
"""Processes for the tests: they wait half of the time."""
INTEROP = "interop --ignore interop/kernels"
TESTS = f"utest atest examples/*.robot {INTEROP} --ignore utest/chaos/test_kill_matrix.py"
ROBOT = "--listener scripts.ci_skips --listener scripts.surroundings --pythonpath . --consolewidth 100"


def _python(context: Context, arguments: str) -> None:
    """Run a module or script with the interpreter that runs invoke.

    Compiled modules are kept: thousands of children import them, and pytest's workers rewrite the tests only once.
    """
    with context.cd(ROOT):
        context.run(f"{shlex.quote(sys.executable)} {arguments}", env={"PYTHONDONTWRITEBYTECODE": ""})


def _pytest(context: Context, paths: str, options: str = "") -> None:
    """Run tests in several processes, the tests of a file in one."""
    distribution = f"--numprocesses {WORKERS} --dist loadfile --no-loadscope-reorder"
    _python(context, f"-m pytest {PLUGINS} {distribution} {options} {paths}")


@task
def setup(context: Context) -> None:
    """Install the project, editable, with everything that developing it needs."""
    _python(context, "-m pip install --editable .[dev]")


@task
def demo(context: Context) -> None:
    """Run the examples on a virtual board; the log is results/demo/log.html."""
    _python(context, "-m robot --outputdir results/demo --consolewidth 100 examples")


@task
def protos(context: Context) -> None:
    """Regenerate JumpstarterLibrary/protocol/generated from protos/."""
    _python(context, "scripts/generate_protos.py")


@task
def lint(context: Context, fix: bool = False) -> None:
    """Check style and types of everything, and that what is generated is up to date.

    Args:
        fix: Correct what can be corrected.
    """
    _python(context, "-m ruff check --quiet" + (" --fix" if fix else ""))
    _python(context, "-m ruff format --quiet" + ("" if fix else " --check --diff"))
    _python(context, f"-m robocop format {'' if fix else '--check --diff'} {ROBOT_FILES}")
    _python(context, f"-m robocop check {ROBOT_FILES}")
    _python(context, "-m mypy")
    _python(context, "-m scripts.check_protos")


@task
def utest(context: Context, select: str = "") -> None:
    """Run the unit tests.

    Args:
        select: Only the tests whose names match, as with pytest's -k.
    """
    _pytest(context, "utest", f"-k {shlex.quote(select)}" if select else "")


@task
def fuzz(context: Context, examples: int = 2000, seed: int = 0, select: str = "") -> None:
    """Give many made-up inputs to parsers, files, consoles, exporter, router and lab; a failure tells how to repeat it.

    Args:
        examples: How many inputs each fuzzer gets.
        seed: The seed of the inputs. Default: another one each time, which is printed.
        select: Only the fuzzers whose names match, as with pytest's -k.
    """
    options = f"--seed {seed}" if seed else ""
    only = f"--select {shlex.quote(select)}" if select else ""
    _python(context, f"-m scripts.fuzz --examples {examples} {options} {only}")


@task
def atest(context: Context, suite: str = "") -> None:
    """Run the acceptance tests; the log is results/atest/log.html.

    Args:
        suite: Only the suites of that name, as with robot's --suite.
    """
    only = f"--suite {shlex.quote(suite)}" if suite else ""
    _python(context, f"-m robot {ROBOT} --outputdir results/atest {only} atest")


@task
def interop(context: Context, select: str = "") -> None:
    """Run ours against upstream's published packages, both ways; they are installed into .interop/ at first.

    Args:
        select: Only the tests whose names match, as with pytest's -k.
    """
    _pytest(context, INTEROP, f"-k {shlex.quote(select)}" if select else "")


@task
def test(context: Context, shuffle: int = 0) -> None:
    """Run lint, then all tests in one go: unit tests, acceptance tests, examples and interop.

    Args:
        shuffle: Run the test files in a random order; another number gives another order.
    """
    _python(context, "-m scripts.tools")
    lint(context)
    # One run, and the last one, so that the closing line counts every test.
    _pytest(context, TESTS, f"--shuffle-files {shuffle}" if shuffle else "")


@task
def matrix(context: Context, every: bool = False) -> None:
    """Install the wheel with the oldest and the newest dependencies that it allows, and test it there.

    Args:
        every: All unit tests, and not only those of the wire and the controller.
    """
    _python(context, "-m scripts.matrix" + (" --all" if every else ""))


@task
def pytests(context: Context, every: bool = False) -> None:
    """Test the pytest plugin with the oldest release line of pytest and the first of the newest major release.

    Args:
        every: All release lines.
    """
    _python(context, "-m scripts.pytests" + (" --all" if every else ""))


@task
def nightly(context: Context, only: str = "") -> None:
    """Run what takes too long for each change; the reports go to results/nightly.

    Args:
        only: Only the steps whose names contain this.
    """
    _python(context, "-m scripts.nightly" + (f" --only {shlex.quote(only)}" if only else ""))


@task
def wheel(context: Context) -> None:
    """Build the wheel, install it somewhere else, and check that all of it is there."""
    _python(context, "-m scripts.check_wheel")


@task
def bench(context: Context, only: str = "", docs: str = "") -> None:
    """Measure ours against upstream's client and a bare stub; the figures go to results/bench.json.

    Args:
        only: Only the groups of rows whose names contain this; the figures go to results/bench_only.json.
        docs: Measure nothing, and write this page about the last full run.
    """
    options = {"--only": only, "--docs": docs}
    _python(context, " ".join(["-m bench", *(f"{name} {shlex.quote(text)}" for name, text in options.items() if text)]))


@task
def docs(context: Context) -> None:
    """Write the keyword documentation to results/docs/JumpstarterLibrary.html."""
    (ROOT / "results" / "docs").mkdir(parents=True, exist_ok=True)
    _python(context, "-m robot.libdoc JumpstarterLibrary results/docs/JumpstarterLibrary.html")


@task
def release(context: Context, tag: str = "") -> None:
    """Build wheel and source distribution into dist/, if version, changelog and tag agree. Nothing is uploaded.

    Args:
        tag: The tag to be released. Default: the tag of the commit that is checked out.
    """
    _python(context, "-m scripts.release" + (f" --tag {shlex.quote(tag)}" if tag else ""))


@task
def kill_matrix(context: Context) -> None:
    """Kill robot and pytest in every way, and print how long the board stayed leased."""
    _python(context, "-m utest.chaos.kill_matrix")


@task
def soak(context: Context, seeds: int = 500, first: int = 0) -> None:
    """Do random things to a lab that randomly fails, and look whether anything hangs, leaks or lies.

    Args:
        seeds: How many runs; each has a seed of its own.
        first: The seed of the first one. One run is repeated with --first SEED --seeds 1.
    """
    _python(context, f"-m utest.chaos.soak_many --seeds {seeds} --first {first}")
