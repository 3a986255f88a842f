"""This project and upstream's packages in one environment: who serves upstream's names, and both in one process."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from interop.environments import EnvironmentUnavailable, kept
from interop.upstream import REQUIREMENTS, clean_environ
from JumpstarterLibrary.exporter import serve
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.lab import VirtualLab
from scripts.environments import ROOT

LIMIT_S = 180

WHO = """
import jumpstarter.common.utils
import jumpstarter_driver_power.client
import jumpstarter_testing.pytest

MODULES = (jumpstarter.common.utils, jumpstarter_driver_power.client, jumpstarter_testing.pytest)

class TestWho(jumpstarter_testing.pytest.JumpstarterTest):
    def test_who(self, client):
        client.on()
        ours = {"pytest_jumpstarter" in module.__file__ for module in MODULES}
        assert len(ours) == 1
        print("who:", "ours" if ours.pop() else "theirs", type(client).__module__)
"""

ORDERS = {
    "ours first": ("JumpstarterLibrary.client", "jumpstarter.client"),
    "theirs first": ("jumpstarter.client", "JumpstarterLibrary.client"),
}

BOTH = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
from jumpstarter.common.utils import serve
from jumpstarter_driver_power.driver import MockPower
from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.exporter import serve as our_serve
from JumpstarterLibrary.exporter.drivers.power import MockPower as OurPower
with serve(MockPower()) as theirs, our_serve(OurPower()) as exporter:
    theirs.on()
    with Device.connect(DirectConnection.from_arguments(exporter.host, environ={})) as device:
        device.client.on()
        print("both:", len(list(theirs.read())), len(list(device.client.read())))
"""


@pytest.fixture(scope="module")
def python() -> str:
    """Return the interpreter of an environment with both; without the package index there is none."""
    try:
        return str(kept("both", ["--editable", f"{ROOT}[pytest]", *REQUIREMENTS]) / "bin" / "python")
    except EnvironmentUnavailable as error:
        pytest.skip(str(error))


def run(command: list[str], folder: Path, **environ: str) -> str:
    """Run a command that has to succeed, and return its output."""
    kept_ones = {name: value for name, value in os.environ.items() if not name.startswith(("JMP_", "JUMPSTARTER_"))}
    done = subprocess.run(
        command, cwd=folder, env={**kept_ones, **environ}, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-8000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.mark.parametrize(
    ("choice", "who"),
    [
        (None, "who: theirs jumpstarter_driver_power.client"),
        ("fallback", "who: theirs jumpstarter_driver_power.client"),
        ("off", "who: theirs jumpstarter_driver_power.client"),
        ("prefer", "who: ours pytest_jumpstarter.upstream_api.clients.power"),
    ],
)
def test_who_serves_upstreams_names(python: str, tmp_path: Path, choice: str | None, who: str) -> None:
    tmp_path.joinpath("test_who.py").write_text(WHO)
    command = [python, "-m", "pytest", "-s", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", "test_who.py"]
    setting = [] if choice is None else ["-o", f"jumpstarter_compat={choice}"]
    with serve(MockPower()) as exporter:
        found = run([*command, *setting], tmp_path, JUMPSTARTER_HOST=exporter.host, JMP_DRIVERS_ALLOW="UNSAFE")
    assert who in found
    assert "1 passed" in found


@pytest.mark.parametrize("order", ORDERS)
def test_both_in_one_process(python: str, tmp_path: Path, order: str) -> None:
    assert run([python, "-c", BOTH, *ORDERS[order]], tmp_path) == "both: 2 2\n"


def test_whole_command_line(python: str, tmp_path: Path) -> None:
    """Use ``jmp`` with the commands of administrators, which it has not where other tests use it."""
    assert list(Path(python).parents[1].glob("lib/python3*/site-packages/jumpstarter_kubernetes"))
    with VirtualLab(1) as lab:
        lab.write_client_config(tmp_path)
        command = [str(Path(python).with_name("jmp")), "get", "exporters", "-o", "name"]
        done = subprocess.run(
            command, env=clean_environ(tmp_path), capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    assert (done.returncode, done.stdout.split()) == (0, ["virtual-1"]), done.stderr
