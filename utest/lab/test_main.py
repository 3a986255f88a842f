"""The lab as a process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.leasing.service import LeaseService
from JumpstarterLibrary.client.settings import find_settings
from JumpstarterLibrary.lab.__main__ import main
from JumpstarterLibrary.lab.faults import FAULTS
from JumpstarterLibrary.protocol import ClientStub, client_pb2

LIMIT_S = 30

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    processes: list[subprocess.Popen[str]] = []
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environ = {**os.environ, "TMPDIR": str(temporary), "XDG_RUNTIME_DIR": str(temporary), "PYTHONPATH": str(tmp_path)}

    def starting(*options: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "JumpstarterLibrary.lab", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environ,
        )
        processes.append(process)
        return process

    yield starting
    for process in processes:
        process.kill()
        process.communicate(timeout=LIMIT_S)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def rest(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Return what it writes until it ends, to both outputs."""
    assert process.stdout is not None
    assert process.stderr is not None
    # Not by communicate(), which does not know of what was read ahead.
    output, errors = process.stdout.read(), process.stderr.read()
    process.wait(LIMIT_S)
    return output, errors


def use(home: str, selector: str = "board=virtual") -> str:
    """Lease a board, switch it on, and return the exporter's name."""
    service = LeaseService(lambda: find_settings(environ={"JMP_CLIENT_CONFIG_HOME": home}))
    device = service.lease(LeaseRequest(selector=selector), LIMIT_S)
    try:
        device.client.power.on()
        return str(device.lease.exporter)
    finally:
        service.release(device)
        service.close()


def request(home: str, exporter: str) -> None:
    """Ask for a lease, and leave it at that."""
    settings = find_settings(environ={"JMP_CLIENT_CONFIG_HOME": home})
    metadata = (
        ("authorization", f"Bearer {settings.token}"),
        ("jumpstarter-kind", "Client"),
        ("jumpstarter-namespace", settings.namespace),
        ("jumpstarter-name", settings.name),
    )
    wish = client_pb2.CreateLeaseRequest(parent=f"namespaces/{settings.namespace}")
    wish.lease.exporter_name = exporter
    wish.lease.duration.seconds = 3600
    with grpc.secure_channel(settings.endpoint, grpc.ssl_channel_credentials(settings.ca)) as channel:
        ClientStub(channel).create_lease(wish, metadata=metadata, timeout=LIMIT_S)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_runs_until_it_is_told_to_stop(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    process = start()
    name, _, home = first_line(process).partition("=")
    assert name == "JMP_CLIENT_CONFIG_HOME"
    assert use(home).startswith("virtual-")
    process.send_signal(number)
    output, errors = rest(process)
    assert (process.returncode, errors) == (0, "")
    assert list((tmp_path / "tmp").iterdir()) == []
    endpoint = r"127\.0\.0\.1:\d+"
    assert re.fullmatch(
        rf"""
The controller listens on {endpoint}, the router on {endpoint}\.
4 exporters: virtual-1, virtual-2, virtual-3, virtual-4

In another shell:

    export JMP_CLIENT_CONFIG_HOME={re.escape(home)}
    jmp get exporters
    jmp shell --selector board=virtual -- j power on
    robot your_suite\.robot        # with: Acquire Lease    board=virtual

Ctrl-C ends the lab\.
""",
        output,
    )


def test_a_file_a_directory_and_facts(start: Start, tmp_path: Path) -> None:
    file, home, ready = tmp_path / "lab.yaml", tmp_path / "home", tmp_path / "ready.json"
    file.write_text(
        """
namespace: lab
clients: {alice: {}, bob: {}}
boards:
  bench: {count: 2, labels: {board: bench}}
  theirs: {labels: {board: theirs}, register: false}
"""
    )
    process = start(str(file), "--config-dir", str(home), "--ready-file", str(ready))
    assert first_line(process) == f"JMP_CLIENT_CONFIG_HOME={home}"
    until = time.monotonic() + LIMIT_S
    while not ready.exists():
        assert time.monotonic() < until
        time.sleep(0.005)
    facts: dict[str, Any] = json.loads(ready.read_text())
    endpoint, router = facts.pop("endpoint"), facts.pop("router")
    assert endpoint.startswith("127.0.0.1:")
    assert router.startswith("127.0.0.1:")
    assert facts == {
        "pid": process.pid,
        "namespace": "lab",
        "config_home": str(home),
        "clients": ["alice", "bob"],
        "exporters": ["bench-1", "bench-2", "theirs"],
    }
    assert yaml.safe_load((home / "config.yaml").read_text())["config"] == {"current-client": "alice"}
    assert (home / "clients" / "bob.yaml").exists()
    theirs = home / "exporters" / "theirs.yaml"
    assert yaml.safe_load(theirs.read_text())["metadata"] == {"namespace": "lab", "name": "theirs"}
    assert use(str(home), "board=bench,number=2") == "bench-2"
    process.terminate()
    output, _ = rest(process)
    assert f"    jmp run --exporter-config {theirs}\n" in output
    assert (process.returncode, home.exists()) == (0, True)


def test_what_is_injected(start: Start) -> None:
    process = start("--inject", "driver raise error=ValueError text='not today'", "--inject", "router drop after=3600")
    home = first_line(process).partition("=")[2]
    with pytest.raises(ValueError, match="not today"):
        use(home)
    process.terminate()
    process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0


STUCK = """
import pathlib, time
from JumpstarterLibrary.exporter.drivers.power import MockPower

class Stuck(MockPower):
    def reset(self):
        pathlib.Path({used!r}).touch()
        self.used = True

    def close(self):
        if hasattr(self, "used"):
            pathlib.Path({closing!r}).touch()
            time.sleep(60)
"""
"""A driver that, once it was leased, does not let go."""


def test_a_second_signal_ends_it_at_once(
    start: Start, tmp_path: Path, eventually: Callable[[Callable[[], object]], None]
) -> None:
    file, used, closing = tmp_path / "lab.yaml", tmp_path / "used", tmp_path / "closing"
    (tmp_path / "stuck.py").write_text(STUCK.format(used=str(used), closing=str(closing)))
    file.write_text("boards: {a: {export: {power: {type: stuck.Stuck}}}}")
    process = start(str(file))
    home = first_line(process).partition("=")[2]
    request(home, "a")
    eventually(used.exists)
    process.terminate()
    eventually(closing.exists)
    assert process.poll() is None
    process.terminate()
    process.communicate(timeout=LIMIT_S)
    assert process.returncode == -signal.SIGTERM


def test_it_says_why_it_does_not_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text("bords: {}")
    assert main([str(file)]) == 1
    known = "namespace, host, port, router_port, tls, clock_scale, assignment_delay, clients, policies, boards"
    assert capsys.readouterr().err == (
        f"The lab's file '{file}', line 1: bords: there is no such key. Known: {known}.\n"
    )
    assert main(["--inject", "toaster burn"]) == 1
    assert capsys.readouterr().err.startswith("Nothing called 'toaster' can have a fault. There is: console, ")
    assert main(["--inject", "router drop how=loud"]) == 1
    error = "The option 'how' of the fault 'router drop' must be one of reset, silent, not 'loud'.\n"
    assert capsys.readouterr().err == error
    assert main(["--config-dir", "/dev/null/x"]) == 1
    error = "The configuration files cannot be written to /dev/null/x: [Errno 20] Not a directory: "
    assert capsys.readouterr().err.startswith(error)
    assert main(["--ready-file", "/dev/null/x"]) == 1
    assert capsys.readouterr().err.startswith("The file /dev/null/x cannot be written: [Errno 20] Not a directory: ")


def test_it_lists_its_faults(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--faults"]) == 0
    output = capsys.readouterr().out
    for target, name in FAULTS:
        assert f"\n{target} {name} (" in f"\n{output}"
    assert "exporter restart (once)\n    It vanishes and starts again, with new drivers;" in output
