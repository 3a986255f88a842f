"""Shells and commands whose environment leads to an exporter."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_jumpstarter import launching

from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.hosting import serve

NAMES = (
    "JUMPSTARTER_HOST",
    "JMP_DRIVERS_ALLOW",
    "_JMP_SUPPRESS_DRIVER_WARNINGS",
    "JMP_GRPC_INSECURE",
    "JMP_GRPC_PASSPHRASE",
    "JMP_EXPORTER",
    "JMP_LEASE",
    "JMP_EXPORTER_LABELS",
)


class Lease:
    """What is asked of a lease."""

    lease_ending_callback: Any = None

    def __init__(self, name: str = "nightly", labels: dict[str, str] | None = None) -> None:
        self.name = name
        self.exporter_name = "rpi4-12"
        self.exporter_labels = labels or {}


def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *arguments: Any, **options: Any) -> dict[str, str]:
    """Launch a command that writes down its environment, and return what is of interest in it."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "environment"
    script = f"import json, os; json.dump({{n: os.environ.get(n) for n in {NAMES!r}}}, open({str(path)!r}, 'w'))"
    status = launching.launch_shell(*arguments, command=(sys.executable, "-c", script), **options)
    assert status == 0
    found: dict[str, str | None] = json.loads(path.read_text())
    return {name: value for name, value in found.items() if value is not None}


def test_a_command_learns_where_the_exporter_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(tmp_path, monkeypatch, "/tmp/x", "local", ["a.*", "b.*"], False, False) == {
        "JUMPSTARTER_HOST": "/tmp/x",
        "JMP_DRIVERS_ALLOW": "a.*,b.*",
        "_JMP_SUPPRESS_DRIVER_WARNINGS": "1",
    }


def test_a_command_learns_everything_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = Lease(labels={"site": "lab2", "board": "rpi4"})
    found = told(tmp_path, monkeypatch, "h:1", "x", [], True, False, lease=lease, insecure=True, passphrase="word")
    assert found == {
        "JUMPSTARTER_HOST": "h:1",
        "JMP_DRIVERS_ALLOW": "UNSAFE",
        "_JMP_SUPPRESS_DRIVER_WARNINGS": "1",
        "JMP_GRPC_INSECURE": "1",
        "JMP_GRPC_PASSPHRASE": "word",
        "JMP_EXPORTER": "rpi4-12",
        "JMP_LEASE": "nightly",
        "JMP_EXPORTER_LABELS": "board=rpi4,site=lab2",
    }


def test_a_command_uses_the_exporter(tmp_path: Path) -> None:
    script = "from pytest_jumpstarter.shell import env\nwith env() as client: client.on()"
    with serve(MockPower()) as host:
        assert launching.launch_shell(host.host, "x", [], True, False, command=[sys.executable, "-c", script]) == 0


@pytest.mark.parametrize(("code", "status"), [("exit 7", 7), ("kill -9 $$", -9)])
def test_the_exit_status_is_handed_on(code: str, status: int) -> None:
    assert launching.launch_shell("/tmp/x", "x", [], False, False, command=("sh", "-c", code)) == status


def test_what_cannot_be_started_is_told() -> None:
    with pytest.raises(FileNotFoundError, match="no-such-command"):
        launching.launch_shell("/tmp/x", "x", [], False, False, command=("no-such-command",))


def test_the_end_of_the_lease_hangs_up(tmp_path: Path) -> None:
    lease, ready, statuses = Lease(), tmp_path / "ready", []
    command = ("sh", "-c", f"touch {ready}; sleep 120")

    def launch() -> None:
        statuses.append(launching.launch_shell("/tmp/x", "x", [], False, False, command=command, lease=lease))

    thread = threading.Thread(target=launch)
    thread.start()
    while not (ready.exists() and lease.lease_ending_callback is not None):
        assert thread.is_alive()
        threading.Event().wait(0.01)
    lease.lease_ending_callback(lease, timedelta(minutes=5))
    assert thread.is_alive()
    lease.lease_ending_callback(lease, timedelta(0))
    thread.join(60)
    assert statuses == [-1]
    # It may be called once more when nobody is there any more.
    lease.lease_ending_callback(lease, timedelta(0))


def test_a_shell_has_a_prompt_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = tmp_path / "mybash"
    shell.write_text(f'#!/bin/sh\necho "$PS1|$_JUMPSTARTER_PROMPT|$*" > {tmp_path}/seen\n')
    shell.chmod(0o755)
    monkeypatch.setenv("SHELL", str(shell))
    assert launching.launch_shell("/tmp/x", "rpi4-12 $(exit)", [], False, False) == 0
    prompt, context, arguments = (tmp_path / "seen").read_text().strip().split("|")
    assert "$_JUMPSTARTER_PROMPT" in prompt
    assert "exit" not in prompt
    assert context == "rpi4-12 $(exit)"
    assert arguments == "--norc --noprofile"
    assert launching.launch_shell("/tmp/x", "rpi4-12", [], False, True) == 0
    assert (tmp_path / "seen").read_text().strip().endswith("|rpi4-12|")


@pytest.mark.parametrize(
    ("kind", "profiles", "arguments"),
    [
        ("zsh", False, ["--no-rcs"]),
        ("zsh", True, []),
        ("fish", False, ["--no-config", "--init-command"]),
        ("dash", False, []),
    ],
)
def test_other_shells_have_one_as_well(kind: str, profiles: bool, arguments: list[str]) -> None:
    command, variables = launching.interactive_command(f"/bin/{kind}", "rpi4-12", profiles)
    assert command[1:][: len(arguments)] == arguments
    assert any("rpi4-12" in value for value in variables.values())
    assert not any("rpi4-12" in word for word in command)


def test_there_is_bash_to_try_it_with() -> None:
    assert shutil.which("bash"), "the default shell"
