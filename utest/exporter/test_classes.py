"""Drivers by the class path in a configuration: ours under upstream's names, and users' written for upstream."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter import Driver, ExporterConfigV1Alpha1DriverInstance
from JumpstarterLibrary.exporter.classes import OURS, driver_class, offer_upstreams_names
from JumpstarterLibrary.lab.labfile import LabFile

PACKAGE = """
from contextlib import asynccontextmanager

import anyio
from anyio.streams.stapled import StapledObjectStream
from pydantic import validate_call
from pydantic.dataclasses import dataclass

from jumpstarter.common import ExporterStatus
from jumpstarter.driver import Driver, export, exportstream
from jumpstarter_driver_power.driver import PowerInterface, PowerReading


@dataclass(kw_only=True)
class Relay(PowerInterface, Driver):
    channel: int

    @export
    async def on(self):
        self.logger.info("channel %d on", self.channel)

    @export
    def off(self): ...

    @export
    async def read(self):
        yield PowerReading(voltage=self.channel, current=0.25)

    @export
    @validate_call(validate_return=True)
    def status(self) -> str:
        return str(ExporterStatus.LEASE_READY)

    @exportstream
    @asynccontextmanager
    async def connect(self):
        near, far = anyio.create_memory_object_stream(32)
        async with StapledObjectStream(near, far) as stream:
            yield stream
"""

CONFIG = """
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
metadata: {namespace: default, name: demo}
export:
  relay:
    type: relay_drivers.driver.Relay
    config: {channel: 5}
  main: {ref: relay}
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A user's package of drivers for upstream, and an exporter's configuration."""
    folder = tmp_path / "relay_drivers"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "driver.py").write_text(PACKAGE)
    (tmp_path / "exporter.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def path_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Imports and their path are as before the test when it is over. The checkout is not on the path."""
    foreign = ("pytest_jumpstarter/compat", str(Path(__file__).parents[2]))
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if not entry.endswith(foreign)])
    # Tests of other files may have imported upstream's names in this process.
    for name in upstreams_modules():
        monkeypatch.delitem(sys.modules, name)
    yield
    for name in upstreams_modules():
        del sys.modules[name]


def upstreams_modules() -> list[str]:
    """Return the modules that are imported by upstream's names, or need those."""
    return [name for name in sys.modules if name.startswith(("jumpstarter", "relay_drivers"))]


@pytest.mark.parametrize("path", OURS)
def test_upstreams_paths_lead_to_our_classes(path: str) -> None:
    found = driver_class(path, "driver")
    assert found.__name__ == path.rpartition(".")[2]
    assert found.__module__.startswith("JumpstarterLibrary.exporter.drivers.")


@pytest.mark.parametrize("beside", [None, "jumpstarter"])
def test_an_exporter_process_serves_a_package_for_upstream(package: Path, beside: str | None) -> None:
    if beside is not None:
        # A folder that Python takes for a package of upstream's name, which it is not.
        (package / beside / "device").mkdir(parents=True)
    environ = {**os.environ, "PYTHONPATH": str(package)}
    command = [sys.executable, "-m", "JumpstarterLibrary.exporter", str(package / "exporter.yaml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as exporter:
        assert exporter.stdout is not None
        try:
            host = exporter.stdout.readline().strip()
            with Device.connect(DirectConnection.from_arguments(host, environ={})) as device:
                client = device.client
                client.main.on()
                assert [(r.voltage, r.current) for r in client.relay.read()] == [(5.0, 0.25)]
                assert client.relay.call("status") == "LEASE_READY"
                with client.relay.stream("connect") as stream:
                    stream.send(b"echo")
                    assert stream.receive() == b"echo"
        finally:
            exporter.send_signal(signal.SIGTERM)
        assert exporter.wait(60) == 0


@pytest.mark.usefixtures("path_as_it_was")
def test_a_labs_boards_have_drivers_for_upstream(package: Path) -> None:
    sys.path.insert(0, str(package))
    (package / "lab.yaml").write_text(
        "boards: {bench: {export: {relay: {type: relay_drivers.driver.Relay, config: {channel: 5}}}}}"
    )
    (exporter,) = LabFile.load(package / "lab.yaml").exporters
    assert exporter.driver().children["relay"].channel == 5  # type: ignore[attr-defined]


@pytest.mark.usefixtures("path_as_it_was")
def test_upstreams_names_are_offered_once_and_behind_everything_else(package: Path) -> None:
    sys.path.insert(0, str(package))
    driver = ExporterConfigV1Alpha1DriverInstance.from_str("type: relay_drivers.driver.Relay\nconfig: {channel: '7'}")
    relay = driver.instantiate()
    assert isinstance(relay, Driver)
    assert relay.channel == 7  # type: ignore[attr-defined]
    assert sys.path[-1].endswith("pytest_jumpstarter/compat")
    assert not offer_upstreams_names()


@pytest.mark.usefixtures("path_as_it_was")
def test_drivers_of_upstreams_own_package_are_not_mixed_with_ours(package: Path) -> None:
    theirs = package / "jumpstarter" / "driver"
    theirs.mkdir(parents=True)
    (package / "jumpstarter" / "__init__.py").touch()
    (theirs / "__init__.py").write_text("class Driver: ...\n")
    (package / "relay_drivers" / "other.py").write_text(
        textwrap.dedent(
            """
            from jumpstarter.driver import Driver

            class Relay(Driver): ...
            """
        )
    )
    sys.path.insert(0, str(package))
    importlib.invalidate_caches()
    with pytest.raises(ConfigurationError) as caught:
        driver_class("relay_drivers.other.Relay", "export.relay")
    assert str(caught.value) == (
        "export.relay: relay_drivers.other.Relay is no driver class. It derives from the Driver of upstream's own "
        "package, which is installed here. Serve it with upstream's exporter, or uninstall 'jumpstarter' to have its "
        "names from here."
    )


@pytest.mark.usefixtures("path_as_it_was")
def test_where_nobody_has_upstreams_names(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    sys.path.insert(0, str(package))
    with pytest.raises(ConfigurationError) as caught:
        driver_class("relay_drivers.driver.Relay", "export.relay")
    assert str(caught.value) == (
        "export.relay: the module 'relay_drivers.driver' needs 'jumpstarter', which is not installed. Install it; "
        "robotframework-jumpstarter[upstream] has what most drivers for upstream need."
    )


@pytest.mark.parametrize("path", [f"{'x' * 100_000}.Driver", f"os.{'x' * 100_000}", f"os.{'x ' * 100_000}"])
def test_a_long_path_is_cut(path: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        driver_class(path, "export.relay")
    assert len(str(caught.value)) < 400
    assert str(caught.value).endswith((" correct the type.", " Correct the type.", "MockPower."))
