"""The exporter as a process."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.exporter.__main__ import main
from JumpstarterLibrary.protocol import ExporterStub, jumpstarter_pb2
from JumpstarterLibrary.protocol.names import PASSPHRASE_KEY
from JumpstarterLibrary.protocol.wellknown import Empty

CONFIG = """
motd: Hello.
export:
  power: {type: jumpstarter_driver_power.driver.MockPower}
"""

Start = Callable[..., "tuple[subprocess.Popen[str], str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    processes: list[subprocess.Popen[str]] = []

    def starting(*options: str, config: str = CONFIG) -> tuple[subprocess.Popen[str], str]:
        path = tmp_path / "exporter.yaml"
        path.write_text(config)
        command = [sys.executable, "-m", "JumpstarterLibrary.exporter", str(path), *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    yield starting
    for process in processes:
        process.kill()
        process.communicate(timeout=10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serves_until_it_is_told_to_stop(start: Start, number: signal.Signals) -> None:
    process, host = start()
    with grpc.insecure_channel(f"unix:{host}") as channel:
        stub = ExporterStub(channel)
        report = stub.get_report(Empty(), timeout=10)
        assert (report.motd, len(report.reports)) == ("Hello.", 2)
        status = stub.get_status(jumpstarter_pb2.GetStatusRequest(), timeout=10)
        assert (status.message, status.status_version) == ("Ready for commands", 1)
        request = jumpstarter_pb2.DriverCallRequest(uuid=report.reports[1].uuid, method="on")
        stub.driver_call(request, timeout=10)
        assert next(stub.log_stream(Empty(), timeout=10)).message == "power on"
    process.send_signal(number)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "INFO driver.MockPower: power on" in errors
    assert not Path(host).parent.exists()


def test_tcp_with_a_passphrase(start: Start, refused: Any) -> None:
    config = "type: jumpstarter_driver_power.driver.MockPower"
    _, host = start("--tcp", "127.0.0.1:0", "--insecure", "--passphrase", "sesame", config=config)
    with grpc.insecure_channel(host) as channel:
        stub = ExporterStub(channel)
        assert len(stub.get_report(Empty(), timeout=10, metadata=((PASSPHRASE_KEY, "sesame"),)).reports) == 1
        assert refused(lambda: stub.get_report(Empty(), timeout=10))[0] is grpc.StatusCode.UNAUTHENTICATED


def test_a_killed_exporter_leaves_a_socket_that_the_next_one_takes(
    start: Start, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("s") / "x"
    process, host = start("--unix", str(path))
    assert host == str(path)
    process.kill()
    process.wait(timeout=10)
    assert path.exists()
    _, host = start("--unix", str(path))
    with grpc.insecure_channel(f"unix:{host}") as channel:
        assert len(ExporterStub(channel).get_report(Empty(), timeout=10).reports) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tcp", "localhost"], "--tcp needs HOST:PORT, not 'localhost'."),
        (["--tcp", "localhost:http"], "--tcp needs HOST:PORT, not 'localhost:http'."),
        (
            ["--tcp", "localhost:65536"],
            "--tcp: it must be HOST:PORT with a port up to 65535, not one with port 65536.",
        ),
        (["--tcp", "localhost:0"], "--tcp needs either --tls-cert and --tls-key, or --insecure."),
        (
            ["--tcp", "h:0", "--insecure", "--tls-key", "k"],
            "--tcp needs either --tls-cert and --tls-key, or --insecure.",
        ),
        (["--tcp", "h:0", "--tls-cert", "/nowhere"], "The file /nowhere cannot be read: "),
    ],
)
def test_options_that_do_not_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    config = tmp_path / "exporter.yaml"
    config.write_text(CONFIG)
    assert main([str(config), *options]) == 1
    assert capsys.readouterr().err.startswith(message)


def test_a_configuration_that_does_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "exporter.yaml"
    config.write_text("export: {power: {type: json.Nothing}}")
    assert main([str(config)]) == 1
    assert capsys.readouterr().err == (
        f"The configuration file '{config}', line 1: export.power.type: no class 'Nothing' in module 'json'. Correct "
        f"the type.\n"
    )
