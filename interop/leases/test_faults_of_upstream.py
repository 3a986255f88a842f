"""Upstream's exporter is killed, started anew and paused while our Robot library or a test class has it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from interop.leases.conftest import DRIVERS, client_home, watched
from interop.leases.processes import run
from interop.leases.test_our_client import HERE, RESULTS, robot
from interop.upstream import Upstream
from JumpstarterLibrary.lab import LabExporter, VirtualLab

EXPORT = {
    "power": {"type": "jumpstarter_driver_power.driver.MockPower"},
    "faults": {"type": "interop_faults.Faults"},
}


@pytest.fixture
def peer_lab() -> Iterator[VirtualLab]:
    """Start a lab with a place for one exporter."""
    with VirtualLab([LabExporter(name="peer", labels={"board": "peer"}, register=False)]) as lab, watched(lab):
        yield lab


@pytest.fixture
def environ(peer_lab: VirtualLab, our_environ: Mapping[str, str], tmp_path: Path) -> dict[str, str]:
    """Return the environment of our client, which waits 5 seconds for an exporter that has gone."""
    home = client_home(peer_lab, tmp_path / "clients", names=("tester",), leases={"dial_timeout": 5})
    return {**our_environ, "JMP_CLIENT_CONFIG_HOME": str(home)}


@pytest.fixture
def peer(upstream: Upstream, peer_lab: VirtualLab, tmp_path: Path) -> dict[str, str]:
    """Return what ``Peer`` needs."""
    config = peer_lab.write_exporter_config(tmp_path / "peer.yaml", "peer", EXPORT)
    return {"UPSTREAM": str(upstream.home), "CONFIG": str(config), "DRIVERS": str(DRIVERS)}


def test_keywords(peer_lab: VirtualLab, peer: Mapping[str, str], environ: Mapping[str, str]) -> None:
    variables = [word for name, value in peer.items() for word in ("--variable", f"{name}:{value}")]
    robot(RESULTS / "faults", environ, *variables, "--pythonpath", ".", str(HERE / "suites" / "faults.robot"))
    assert [(one.client, one.release) for one in peer_lab.leases()] == [("tester", True)] * 2


def test_test_class(peer_lab: VirtualLab, peer: Mapping[str, str], environ: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", "pytest", "-c", str(HERE.parent / "peer" / "pytest.ini")]
    done = run([*command, str(HERE / "suites" / "suite_faults.py")], {**environ, **peer}, cwd=HERE.parents[1])
    assert done.code == 0, f"{done.out}\n{done.err}"
    assert "5 passed" in done.out
    assert [(one.client, one.release) for one in peer_lab.leases()] == [("tester", True)]
