"""Upstream's exporter is killed, started anew and paused while our Robot library or a test class has it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from interop.leases.conftest import DRIVERS, client_home, watched
from interop.leases.processes import run
from interop.leases.test_our_client import HERE, RESULTS, robot
from interop.upstream import Upstream
from JumpstarterLibrary.lab import LabExporter, VirtualLab

EXPORT = {
    "power": {"type": "jumpstarter_driver_power.driver.MockPower"},
    "faults": {"type": "interop_faults.Faults"},
}

Use = Callable[[Mapping[str, str], Mapping[str, str]], None]
"""Uses the exporter. It gets the environment, and what ``Peer`` has to know."""


def by_keywords(environ: Mapping[str, str], peer: Mapping[str, str]) -> None:
    """Let the Robot suite do it."""
    variables = [word for name, value in peer.items() for word in ("--variable", f"{name}:{value}")]
    robot(RESULTS / "faults", environ, *variables, "--pythonpath", ".", str(HERE / "suites" / "faults.robot"))


def by_test_class(environ: Mapping[str, str], peer: Mapping[str, str]) -> None:
    """Let the pytest suite do it."""
    command = [sys.executable, "-m", "pytest", "-c", str(HERE.parent / "peer" / "pytest.ini")]
    done = run([*command, str(HERE / "suites" / "suite_faults.py")], {**environ, **peer}, cwd=HERE.parents[1])
    assert done.code == 0, f"{done.out}\n{done.err}"
    assert "5 passed" in done.out


def use(
    upstream: Upstream, environ: Mapping[str, str], folder: Path, user: Use, patience: int
) -> list[tuple[str, str, bool]]:
    """Let a suite use a lab of its own, and return its leases: client, exporter, whether they were released.

    Args:
        upstream: Where the exporter comes from.
        environ: The environment of our client.
        folder: Where files go.
        user: The suite.
        patience: Seconds that our client waits for an exporter that has gone.
    """
    place = LabExporter(name="peer", labels={"board": "peer"}, register=False)
    with VirtualLab([place]) as lab, watched(lab):
        config = lab.write_exporter_config(folder / "peer.yaml", "peer", EXPORT)
        home = client_home(lab, folder / "clients", names=("tester",), leases={"dial_timeout": patience})
        peer = {"UPSTREAM": str(upstream.home), "CONFIG": str(config), "DRIVERS": str(DRIVERS)}
        user({**environ, "JMP_CLIENT_CONFIG_HOME": str(home)}, peer)
        return [(one.client, str(one.exporter), one.release) for one in lab.leases()]


def test_faults(upstream: Upstream, our_environ: Mapping[str, str], tmp_path: Path) -> None:
    # Both wait most of the time: for exporters to start, and for those that say no more.
    with ThreadPoolExecutor(2) as pool:
        robot_run = pool.submit(use, upstream, our_environ, tmp_path / "robot", by_keywords, 20)
        pytest_run = pool.submit(use, upstream, our_environ, tmp_path / "pytest", by_test_class, 5)
        assert robot_run.result() == [("tester", "peer", True)] * 2
        assert pytest_run.result() == [("tester", "peer", True)]
