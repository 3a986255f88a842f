"""Exporters' configuration files under upstream's interface."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_jumpstarter.upstream_api.config.sections import ObjectMeta, TLSConfigV1Alpha1
from pytest_jumpstarter.upstream_api.exporter.config import (
    ExporterConfigV1Alpha1,
    FailureDetectionConfigV1Alpha1,
    HookConfigV1Alpha1,
    HookInstanceConfigV1Alpha1,
)
from pytest_jumpstarter.upstream_api.exporter.instances import ExporterConfigV1Alpha1DriverInstance
from pytest_jumpstarter.upstream_api.exporter.statuses import ExporterStatus

from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.lab import LabExporter, VirtualLab
from JumpstarterLibrary.types import Tls

TEXT = """
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
metadata: {namespace: lab, name: desk}
endpoint: controller:8082
token: secret
tls: {ca: Q0E=, insecure: true}
grpcOptions: {grpc.keepalive_time_ms: 5000}
description: on the desk
motd: be kind
hooks:
  beforeLease: {script: echo hello, timeout: 5, onFailure: endLease, exec: /bin/bash}
failureDetection: {maxRapidFailures: 2}
export:
  power: {type: jumpstarter_driver_power.driver.MockPower}
  main: {ref: power}
"""


@pytest.fixture(autouse=True)
def folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Path, Path]:
    """The user's folder of exporters, and the system's."""
    own, system = tmp_path / "own" / "exporters", tmp_path / "system"
    monkeypatch.setenv("JMP_CLIENT_CONFIG_HOME", str(own.parent))
    monkeypatch.setattr(ExporterConfigV1Alpha1, "SYSTEM_CONFIG_PATH", system)
    own.mkdir(parents=True)
    system.mkdir()
    return own, system


def minimal(name: str, **more: Any) -> ExporterConfigV1Alpha1:
    return ExporterConfigV1Alpha1(alias=name, metadata=ObjectMeta(namespace="lab", name=name), **more)


def test_a_file_is_read_written_and_read(folders: tuple[Path, Path]) -> None:
    path = folders[0] / "desk.yaml"
    path.write_text(TEXT)
    config = ExporterConfigV1Alpha1.load("desk")
    assert config == minimal(
        "desk",
        endpoint="controller:8082",
        token="secret",
        tls=TLSConfigV1Alpha1(ca="Q0E=", insecure=True),
        grpcOptions={"grpc.keepalive_time_ms": 5000},
        description="on the desk",
        hooks=HookConfigV1Alpha1(
            before_lease=HookInstanceConfigV1Alpha1(
                script="echo hello", timeout=5, on_failure="endLease", exec_="/bin/bash"
            )
        ),
        failureDetection=FailureDetectionConfigV1Alpha1(maxRapidFailures=2),
        export={
            "power": ExporterConfigV1Alpha1DriverInstance(type="jumpstarter_driver_power.driver.MockPower"),
            "main": {"ref": "power"},
        },
        path=path,
        nobody_knows="this",
    )
    assert (config.apiVersion, config.kind, config.failure_detection.max_rapid_failures) == (
        "jumpstarter.dev/v1alpha1",
        "ExporterConfig",
        2,
    )
    path.unlink()
    assert ExporterConfigV1Alpha1.save(config) == path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ExporterConfigV1Alpha1.load("desk") == config
    written = yaml.safe_load(path.read_text())
    assert written["hooks"]["beforeLease"]["onFailure"] == "endLease"
    assert written["motd"] == "be kind", "what this version does not know stays in the file"
    assert not {"alias", "path"} & written.keys()
    assert ExporterConfigV1Alpha1.dump_yaml(config) == path.read_text()


def test_the_users_configuration_comes_before_the_systems(folders: tuple[Path, Path]) -> None:
    own, system = folders
    ExporterConfigV1Alpha1.save(minimal("a"), system / "a.yaml")
    ExporterConfigV1Alpha1.save(minimal("b"), system / "b.yaml")
    loaded = ExporterConfigV1Alpha1.load("a")
    assert (loaded.path, ExporterConfigV1Alpha1.user_config_exists("a")) == (system / "a.yaml", False)
    assert ExporterConfigV1Alpha1.save(loaded) == own / "a.yaml"
    assert ExporterConfigV1Alpha1.load("a").path == ExporterConfigV1Alpha1.resolve_path("a") == own / "a.yaml"
    assert [item.alias for item in ExporterConfigV1Alpha1.list().items] == ["a", "b"]
    assert ExporterConfigV1Alpha1.list().kind == "ExporterConfigList"
    assert ExporterConfigV1Alpha1.delete("a") == own / "a.yaml"
    assert ExporterConfigV1Alpha1.exists("a")
    with pytest.raises(ConfigurationError) as caught:
        ExporterConfigV1Alpha1.delete("b")
    assert str(caught.value) == (
        "The exporter configuration 'b' is in the system location only, and is not deleted from there. "
        f"Remove {system}/b.yaml yourself."
    )
    assert not ExporterConfigV1Alpha1.exists("none")
    assert ExporterConfigV1Alpha1.delete("none") == own / "none.yaml"


def test_a_configuration_that_is_not_there(folders: tuple[Path, Path]) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        ExporterConfigV1Alpha1.load("none")
    assert isinstance(caught.value, ConfigurationError)
    assert str(caught.value) == (
        f"There is no exporter configuration {folders[0]}/none.yaml. Create it, or choose another one."
    )


@pytest.mark.parametrize("alias", ["", ".", "..", "../up", "a\\b"])
def test_an_alias_that_leads_elsewhere(alias: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ExporterConfigV1Alpha1.load(alias)
    assert str(caught.value) == (
        f"Invalid exporter alias {alias!r}: it names a file, so it has no slashes and is not '.' or '..'."
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "Other"}, "kind: 'ExporterConfig' is needed, not 'Other'."),
        ({"endpoint": 5}, "endpoint: text is needed, not a number."),
        (
            {"hooks": {"beforeLease": {"script": "x", "onFailure": "cry"}}},
            "hooks.beforeLease.onFailure: 'cry' is none of warn, endLease, exit.",
        ),
        ({"hooks": {"beforeLease": {}}}, "hooks.beforeLease: a hook needs a script. Add it."),
        ({"export": {"power": {"type": 5}}}, "export.power.type: text is needed, not a number."),
    ],
)
def test_values_that_cannot_be(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        minimal("a", **arguments)
    assert str(caught.value) == message


def test_times_are_written_as_everywhere(folders: tuple[Path, Path]) -> None:
    hooks = {"beforeLease": {"script": "x", "timeout": "2 min"}}
    path = folders[0] / "desk.yaml"
    path.write_text(
        yaml.safe_dump({**yaml.safe_load(TEXT), "hooks": hooks, "failureDetection": {"rapidFailureWindow": "1m30s"}})
    )
    config = ExporterConfigV1Alpha1.load("desk")
    assert config.hooks.before_lease is not None
    assert (config.hooks.before_lease.timeout, config.failure_detection.rapid_failure_window) == (120.0, 90)
    with pytest.raises(ConfigurationError, match=r"^hooks\.beforeLease\.timeout: .* 'soon'"):
        minimal("a", hooks={"beforeLease": {"script": "x", "timeout": "soon"}})


def test_a_configuration_without_identity() -> None:
    with pytest.raises(ConfigurationError) as caught:
        ExporterConfigV1Alpha1(endpoint="controller:8082")
    assert str(caught.value) == "A ExporterConfigV1Alpha1 needs 'metadata'. Add it."


def test_secrets_are_not_shown() -> None:
    assert "hush" not in repr(minimal("a", token="hush"))


def test_the_drivers_are_served_on_a_socket(folders: tuple[Path, Path]) -> None:
    (folders[0] / "desk.yaml").write_text(TEXT)
    config = ExporterConfigV1Alpha1.load("desk")
    with config.serve_unix() as path, Device.connect(DirectConnection.from_arguments(str(path), environ={})) as device:
        device.client.main.on()
        assert device.status().status == str(ExporterStatus.LEASE_READY)

    async def scenario() -> None:
        async with config.serve_unix_async() as other:
            assert other.exists()

    asyncio.run(scenario())


def test_an_exporter_serves_a_port_without_a_controller() -> None:
    config = minimal("a", export={"power": {"type": "jumpstarter_driver_power.driver.MockPower"}})

    def ask(port: int) -> None:
        connection = DirectConnection.from_arguments(f"127.0.0.1:{port}", environ={}, tls=Tls.plaintext)
        with Device.connect(connection, 10) as device:
            device.client.power.on()

    async def scenario() -> None:
        port = await _free_port()
        async with config.create_exporter(standalone=True) as exporter:
            serving = asyncio.create_task(exporter.serve_standalone_tcp("127.0.0.1", port))
            await _listening(port)
            await asyncio.to_thread(ask, port)
            assert not serving.done()
            exporter.stop(exit_code=3)
            await asyncio.wait_for(serving, 10)
            assert exporter.exit_code == 3

    asyncio.run(scenario())


async def _free_port() -> int:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    async with server:
        port: int = server.sockets[0].getsockname()[1]
        return port


async def _listening(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)
                continue
            writer.close()
            return


def test_an_exporter_registers_and_stops() -> None:
    with VirtualLab([LabExporter(name="place", register=False)]) as lab:
        content = lab.exporter_config("place")
        content["export"] = {"power": {"type": "jumpstarter_driver_power.driver.MockPower"}}
        config = ExporterConfigV1Alpha1.model_validate(content)

        async def scenario() -> None:
            async with config.create_exporter() as exporter:
                serving = asyncio.create_task(exporter.serve())
                async with asyncio.timeout(10):
                    while not lab.controller.state.exporters["place"].registered:
                        await asyncio.sleep(0.01)
                exporter.stop()
                await asyncio.wait_for(serving, 10)
                assert exporter.exit_code is None

        asyncio.run(scenario())


def test_an_exporter_without_a_controller_to_go_to() -> None:
    async def scenario() -> None:
        async with minimal("a").create_exporter():
            pass

    with pytest.raises(ConfigurationError, match=r"^The configuration has no endpoint, which an exporter needs that "):
        asyncio.run(scenario())
