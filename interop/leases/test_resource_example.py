"""Upstream's own example of a test class, on a leased board: with our plugin, and as the measure with upstream's."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from interop.leases.conftest import CLIENTS, client_environ, client_home, watched
from interop.leases.processes import CLIENTS_OF_BOARDS, TESTING, Jmp, forked_jmp, run
from interop.test_peer import suite
from interop.upstream import Upstream
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.virtual import VirtualBoard
from JumpstarterLibrary.lab import LabExporter, VirtualLab

SUITE = Path(__file__).parent / "suites" / "suite_resource.py"
ALONE = f"--confcutdir={SUITE.parent}"
"""Without the fixtures of these tests: upstream's interpreter has nothing of ours."""
IMAGE = Path(__file__).parents[2] / "examples" / "images" / "hello.img"


def dutlink() -> Composite:
    """Return the tree of a board behind a DUTLink."""
    return Composite(children={"dutlink": VirtualBoard()})


@pytest.fixture(scope="module")
def lab() -> Iterator[VirtualLab]:
    """Start a lab with one such board."""
    with VirtualLab([LabExporter(name="rpi4-1", labels={"board": "rpi4"}, driver=dutlink)], clients=CLIENTS) as lab:
        yield lab


@pytest.fixture(scope="module")
def home(lab: VirtualLab, runtime: Path) -> Path:
    """Write the configurations of the lab's clients."""
    return client_home(lab, runtime / "clients-of-example")


@pytest.fixture(scope="module")
def jmp(upstream: Upstream, runtime: Path, home: Path) -> Iterator[Jmp]:
    """Return upstream's command line as the lab's client."""
    with forked_jmp(upstream, client_environ(upstream, runtime, home), CLIENTS_OF_BOARDS, *TESTING) as jmp:
        yield jmp


@pytest.fixture
def environ(upstream: Upstream, runtime: Path, home: Path) -> Mapping[str, str]:
    """Return the environment of the lab's client."""
    return upstream.environ(runtime, JMP_CLIENT_CONFIG_HOME=str(home), IMAGE=str(IMAGE))


def test_in_lease_mode(lab: VirtualLab, environ: Mapping[str, str], tmp_path: Path) -> None:
    with watched(lab):
        done = run(suite(sys.executable, tmp_path / "report.xml", "-W", "error", ALONE, str(SUITE)), environ)
        assert done.code == 0, done.out
        assert "2 passed in" in done.out
        (lease,) = lab.leases()[-1:]
        assert (str(lease.selector), lease.ended) == ("board=rpi4", True)


@pytest.mark.parametrize("kind", ["ours", "theirs"])
def test_in_upstreams_shell(lab: VirtualLab, jmp: Jmp, tmp_path: Path, kind: str) -> None:
    # Upstream's is imported already.
    theirs = (jmp.python, ("-W", "ignore::pytest.PytestAssertRewriteWarning"))
    python, options = (sys.executable, ("-W", "error")) if kind == "ours" else theirs
    command = suite(python, tmp_path / "report.xml", *options, ALONE, str(SUITE))
    with watched(lab):
        done = jmp("shell --selector board=rpi4 --", "env", f"IMAGE={IMAGE}", *command)
        assert done.code == 0, f"{done.out}\n{done.err}"
        assert "2 passed in" in done.out
