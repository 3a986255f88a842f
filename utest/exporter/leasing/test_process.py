"""The exporter as a process that registers with a controller."""

from __future__ import annotations

import base64
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

from JumpstarterLibrary.exporter.__main__ import main
from JumpstarterLibrary.lab.controller import MockController
from JumpstarterLibrary.protocol import ClientStub, ExporterStub, client_pb2
from JumpstarterLibrary.protocol.wellknown import Empty

LIMIT_S = 30


class Lab:
    """A controller, and exporters as processes."""

    def __init__(self, controller: MockController, directory: Path) -> None:
        self.controller = controller
        self.token = controller.add_exporter("e1", {"board": "e1"})
        self.file = directory / "exporter.yaml"
        self.processes: list[subprocess.Popen[str]] = []

    def configure(self, **changes: Any) -> None:
        config = {
            "apiVersion": "jumpstarter.dev/v1alpha1",
            "kind": "ExporterConfig",
            "metadata": {"namespace": "default", "name": "e1"},
            "endpoint": self.controller.endpoint,
            "token": self.token,
            "tls": {"ca": base64.b64encode(self.controller.ca).decode()},
            "export": {"power": {"type": "jumpstarter_driver_power.driver.MockPower"}},
        }
        self.file.write_text(yaml.safe_dump({**config, **changes}))

    def start(self, *options: str, **changes: Any) -> tuple[subprocess.Popen[str], str]:
        """Start an exporter; return its process and its first line."""
        self.configure(**changes)
        command = [sys.executable, "-m", "JumpstarterLibrary.exporter", str(self.file), *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.processes.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    def lease(self, name: str) -> None:
        metadata = (
            ("authorization", f"Bearer {self.controller.add_client(name)}"),
            ("jumpstarter-kind", "Client"),
            ("jumpstarter-namespace", "default"),
            ("jumpstarter-name", name),
        )
        wish = client_pb2.Lease(selector="board=e1")
        wish.duration.FromSeconds(60)
        request = client_pb2.CreateLeaseRequest(parent="namespaces/default", lease_id=name, lease=wish)
        trust = grpc.ssl_channel_credentials(self.controller.ca)
        with grpc.secure_channel(self.controller.endpoint, trust) as channel:
            ClientStub(channel).create_lease(request, metadata=metadata, timeout=LIMIT_S)

    def statuses(self) -> list[int]:
        return [call.request.status for call in self.controller.journal.entries(method="ReportStatus") if call.request]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with MockController() as controller:
        found = Lab(controller, tmp_path)
        yield found
        for process in found.processes:
            process.kill()
            process.communicate(timeout=LIMIT_S)


Until = Callable[[Callable[[], object]], None]

AVAILABLE, BEFORE_LEASE_HOOK, LEASE_READY = 2, 3, 4


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_it_registers_and_serves_until_it_is_told_to_stop(lab: Lab, eventually: Until, number: signal.Signals) -> None:
    process, line = lab.start()
    assert line == f"Exporter default/e1 is registered with {lab.controller.endpoint}."
    eventually(lambda: lab.statuses() == [AVAILABLE])
    lab.lease("l1")
    eventually(lambda: lab.statuses()[-1] == LEASE_READY)
    process.send_signal(number)
    output, errors = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, output) == (0, "")
    assert "Status LEASE_READY: Ready for commands" in errors
    assert lab.controller.journal.entries(caller="e1")[-1].method == "Unregister"


def test_a_board_is_switched_off_when_it_is_told_to_stop(lab: Lab, eventually: Until) -> None:
    power = {"type": "jumpstarter_driver_power.driver.MockPower", "on_release": "power_off"}
    process, _ = lab.start(export={"power": power})
    lab.lease("l1")
    eventually(lambda: lab.statuses()[-1:] == [LEASE_READY])
    process.terminate()
    assert "driver.MockPower: power off" in process.communicate(timeout=LIMIT_S)[1]
    assert process.returncode == 0


def test_a_hangup_ends_it_after_the_lease(lab: Lab, eventually: Until) -> None:
    process, _ = lab.start()
    lab.lease("l1")
    eventually(lambda: lab.statuses()[-1:] == [LEASE_READY])
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.2)
    lab.controller.release("l1")
    assert process.wait(LIMIT_S) == 0


def test_it_ends_with_the_lease(lab: Lab, eventually: Until) -> None:
    process, _ = lab.start(exitOnLeaseEnd=True)
    lab.lease("l1")
    eventually(lambda: lab.statuses()[-1:] == [LEASE_READY])
    lab.controller.release("l1")
    assert process.wait(LIMIT_S) == 0


def test_a_hook_ends_it(lab: Lab, eventually: Until) -> None:
    process, _ = lab.start(hooks={"beforeLease": {"script": "exit 2", "onFailure": "exit"}})
    lab.lease("l1")
    assert process.wait(LIMIT_S) == 1
    assert lab.controller.lease("l1").ended


def test_too_many_failures_of_a_driver_end_it(lab: Lab, tmp_path: Path) -> None:
    port, (_, terminal) = tmp_path / "tty", pty.openpty()
    port.symlink_to(os.ttyname(terminal))
    export = {"serial": {"type": "jumpstarter_driver_pyserial.driver.PySerial", "config": {"url": str(port)}}}
    process, line = lab.start(export=export, failureDetection={"maxRapidFailures": 1})
    assert line.startswith("Exporter default/e1 is registered")
    port.unlink()
    lab.lease("l1")
    assert process.wait(LIMIT_S) == 1
    assert lab.controller.exporter("e1").status_message == (
        f"Exporter shutdown: The exporter gives up, because its drivers failed to start (failureDetection): The "
        f"configuration file '{lab.file}', line 5: export.serial.config: PySerial did not accept it: There is no "
        f"serial port {port}. Plug it in, correct 'url', or set 'check_present: false'."
    )


def test_a_second_signal_ends_a_hook_too(lab: Lab, eventually: Until, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    hook = {"script": f"echo > {trace}; sleep 60", "timeout": 60}
    process, _ = lab.start(hooks={"afterLease": hook})
    lab.lease("l1")
    eventually(lambda: lab.statuses()[-1:] == [LEASE_READY])
    process.terminate()
    eventually(trace.exists)
    process.terminate()
    assert process.wait(LIMIT_S) == 1
    assert lab.controller.journal.entries(method="Unregister") == []


@pytest.mark.leaves("file", reason="a killed process cannot remove its folder for sockets")
def test_a_killed_one_is_followed_by_another(lab: Lab, eventually: Until) -> None:
    process, _ = lab.start()
    lab.lease("l1")
    eventually(lambda: lab.statuses()[-1:] == [LEASE_READY])
    process.kill()
    process.wait(LIMIT_S)
    lab.start()
    eventually(lambda: lab.statuses() == [AVAILABLE, LEASE_READY, AVAILABLE, LEASE_READY])


def test_a_controller_that_refuses(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    lab.configure(token="wrong")
    assert main([str(lab.file)]) == 1
    assert capsys.readouterr().err == (
        f"Exporter 'default/e1' could not register with the controller at {lab.controller.endpoint}: failed to "
        "authenticate token. Check the exporter's namespace, name and token.\n"
    )


def test_a_file_without_a_token(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    lab.configure(token=None)
    assert main([str(lab.file)]) == 1
    assert capsys.readouterr().err == (
        f"{lab.file} has no token, which an exporter needs that registers with a controller. Add it, or serve without "
        "a controller by --unix or --tcp.\n"
    )


def test_the_same_file_without_a_controller(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> None:
    socket = tmp_path_factory.mktemp("s") / "x"
    _, line = lab.start("--unix", str(socket))
    assert line == str(socket)
    with grpc.insecure_channel(f"unix:{socket}") as channel:
        assert len(ExporterStub(channel).get_report(Empty(), timeout=LIMIT_S).reports) == 2
    assert lab.controller.journal.entries() == []
