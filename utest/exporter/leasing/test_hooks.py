"""Hooks as processes: who runs them, what they get, and what becomes of them."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1 as Hook
from JumpstarterLibrary.exporter.leasing.hooks import LAST_LINES_TEXT, HookCall, HookError, run_hook
from JumpstarterLibrary.exporter.leasing.interpreter import command
from JumpstarterLibrary.exporter.leasing.motd import LIMIT, MotdFile
from JumpstarterLibrary.exporter.leasing.pty_process import LINE_LIMIT, PtyProcess
from JumpstarterLibrary.exporter.leasing.timing import ExporterTiming
from JumpstarterLibrary.exporter.logs import LogRing
from JumpstarterLibrary.protocol import common_pb2

CALL = HookCall("l1", "alice", "/run/s/socket")
QUICK = ExporterTiming(kill_after_s=0.1)


def run(script: str, *, limit_s: float = 10.0, kill_after: float = 0.1, **environment: str) -> tuple[int, list[str]]:
    """Run a shell script in a terminal; return its exit status and its lines."""
    lines: list[str] = []
    process = PtyProcess(["/bin/sh", "-c", script], {**os.environ, **environment}, lines.append)
    return asyncio.run(process.run(limit_s, kill_after)), lines


# Who runs it


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], str]:
    def write(name: str) -> str:
        path = tmp_path / name
        path.write_text("#!/bin/bash\n")
        path.chmod(0o755)
        return str(path)

    return write


def test_the_interpreter(file: Callable[[str], str]) -> None:
    assert command(Hook(script="echo 1")) == ["/bin/sh", "-c", "echo 1"]
    assert command(Hook(script="print(1)", exec="python3")) == ["python3", "-c", "print(1)"]
    python, shell = file("hook.py"), file("hook")
    ours = [sys.executable, "-m", "pytest_jumpstarter", python]
    assert command(Hook(script=python)) == ours
    assert command(Hook(script=f"{python}\n")) == ours
    assert command(Hook(script=python, exec=sys.executable)) == ours
    assert command(Hook(script=python, exec="/bin/another-python")) == ["/bin/another-python", python]
    assert command(Hook(script=shell)) == ["/bin/sh", shell]
    assert command(Hook(script=shell, exec="/bin/bash")) == ["/bin/bash", shell]
    assert command(Hook(script="/no/such/file.py")) == ["/bin/sh", "-c", "/no/such/file.py"]


@pytest.mark.parametrize("script", ["x" * 5000, "echo \0", "a\nb"])
def test_commands_that_no_path_can_be(script: str) -> None:
    assert command(Hook(script=script)) == ["/bin/sh", "-c", script]


# What it gets


def test_the_environment() -> None:
    found = HookCall("l1", "alice", "/s", "/motd").environment({"PATH": "/bin", "PS1": "$ ", "TERM": "xterm"})
    assert found == {
        "PATH": "/bin",
        "JUMPSTARTER_HOST": "/s",
        "JMP_DRIVERS_ALLOW": "UNSAFE",
        "LEASE_NAME": "l1",
        "CLIENT_NAME": "alice",
        "TERM": "dumb",
        "DEBIAN_FRONTEND": "noninteractive",
        "GIT_TERMINAL_PROMPT": "0",
        "JMP_MOTD_FILE": "/motd",
    }
    assert "JMP_MOTD_FILE" not in CALL.environment({"JMP_MOTD_FILE": "somebody else's"})


def test_the_exporters_credentials_are_not_inherited() -> None:
    credentials = {"JMP_TOKEN": "a", "JMP_REFRESH_TOKEN": "b", "JMP_GRPC_PASSPHRASE": "c"}
    assert not credentials.keys() & CALL.environment(credentials).keys()


def test_a_python_hook_finds_upstreams_names(tmp_path: Path) -> None:
    script = tmp_path / "hook.py"
    script.write_text("import sys\nfrom jumpstarter.utils.env import env\nprint(env.__name__, sys.argv[0])\n")
    ring = LogRing(())
    asyncio.run(run_hook("beforeLease", Hook(script=str(script)), CALL, ring, QUICK))
    assert records(ring) == [(common_pb2.LOG_SOURCE_BEFORE_LEASE_HOOK, "INFO", f"env {script}")]


def test_a_terminal_and_a_session_of_its_own() -> None:
    status, lines = run("test -t 0 && test -t 1 && test -t 2 && ps -o pid=,sid=,pgid= -p $$")
    assert status == 0
    pid, session, group = lines[0].split()
    assert pid == session == group
    assert session != str(os.getsid(0))


# Its output


def test_lines() -> None:
    _, lines = run(r"printf 'one\ntwo  \n\n   three\nfo'; printf 'ur\r\nno\rnewline'; printf ' \377' >&2")
    assert lines == ["one", "two", "   three", "four", "no\rnewline \ufffd"]


def test_a_line_without_end_comes_in_pieces() -> None:
    _, lines = run(f"head -c {LINE_LIMIT + 10} /dev/zero | tr '\\0' x")
    assert [len(line) for line in lines] == [LINE_LIMIT, 10]


def test_much_output_is_not_lost() -> None:
    status, lines = run("seq 50000")
    assert (status, len(lines), lines[-1]) == (0, 50000, "50000")


def test_a_child_left_behind_is_not_waited_for() -> None:
    status, lines = run("sleep 60 & echo $!")
    assert status == 0
    # It lives on: a hook may start what the lease needs.
    os.kill(int(lines[0]), 9)


# Its end


def test_the_exit_status() -> None:
    assert run("exit 7")[0] == 7
    assert run("kill -9 $$")[0] == -9


def test_what_takes_too_long_is_asked_to_end() -> None:
    lines: list[str] = []
    script = "trap 'echo ended; exit 0' TERM; while :; do sleep 0.01; done"
    process = PtyProcess(["/bin/sh", "-c", script], os.environ, lines.append)
    # Long enough for a shell to begin.
    with pytest.raises(TimeoutError):
        asyncio.run(process.run(1, 10))
    # The shell, too, may say a word about its child.
    assert lines[-1] == "ended"


def test_what_does_not_end_is_killed_with_its_children() -> None:
    lines: list[str] = []
    process = PtyProcess(
        ["/bin/sh", "-c", "trap '' TERM; sleep 60 & echo $!; while :; do sleep 1; done"], os.environ, lines.append
    )
    with pytest.raises(TimeoutError):
        asyncio.run(process.run(1, 0.1))
    assert gone(int(lines[0]))


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody waited for has, too."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_cancelling_kills() -> None:
    lines: list[str] = []

    async def cancelled() -> None:
        process = PtyProcess(["/bin/sh", "-c", "echo $$; trap '' TERM; sleep 60"], os.environ, lines.append)
        running = asyncio.create_task(process.run(60, 60))
        while not lines:
            await asyncio.sleep(0.005)
        running.cancel()
        await asyncio.wait([running])

    asyncio.run(cancelled())
    assert gone(int(lines[0]))


def test_no_descriptor_is_left() -> None:
    run("true")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        run("echo x")
    with pytest.raises(FileNotFoundError):
        asyncio.run(PtyProcess(["/no/such/program"], {}, print).run(1, 1))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


# Its failures


def records(ring: LogRing) -> list[tuple[int, str, str]]:
    return [(record.source, record.severity, record.message) for record in ring._records]


@pytest.mark.parametrize(
    ("hook", "message"),
    [
        (Hook(script="exit 3"), "The afterLease hook failed with exit status 3"),
        (Hook(script="kill -15 $$"), "The afterLease hook was ended by signal 15"),
        (Hook(script="sleep 9", timeout=0.05), "The afterLease hook did not end within 0.05 seconds"),
        (
            Hook(script="x", exec="/no/such/program"),
            "The afterLease hook could not be started: No such file or directory: /no/such/program",
        ),
        (
            Hook(script="x", exec="/etc/passwd"),
            "The afterLease hook could not be started: Permission denied: /etc/passwd",
        ),
    ],
)
@pytest.mark.parametrize("on_failure", ["warn", "endLease", "exit"])
def test_failures(hook: Hook, message: str, on_failure: Any) -> None:
    ring = LogRing(())
    hook = Hook(script=hook.script, exec=hook.exec, timeout=hook.timeout, on_failure=on_failure)
    with pytest.raises(HookError) as info:
        asyncio.run(run_hook("afterLease", hook, CALL, ring, QUICK))
    assert str(info.value) == message
    assert (info.value.warn, info.value.exit) == (on_failure == "warn", on_failure == "exit")
    source = common_pb2.LOG_SOURCE_AFTER_LEASE_HOOK
    severity = "WARNING" if on_failure == "warn" else "ERROR"
    assert records(ring)[-1] == (source, severity, f"{message} (onFailure: {on_failure}).")


def test_its_lines_reach_clients_once_and_the_operator_too(caplog: pytest.LogCaptureFixture) -> None:
    ring = LogRing()
    ring.attach()
    try:
        with caplog.at_level("INFO"):
            asyncio.run(run_hook("beforeLease", Hook(script="echo hello $LEASE_NAME"), CALL, ring, QUICK))
    finally:
        ring.detach()
    source = common_pb2.LOG_SOURCE_BEFORE_LEASE_HOOK
    assert records(ring)[1:] == [(source, "INFO", "hello l1")]
    assert "beforeLease hook of lease l1: hello l1" in caplog.messages


def test_a_failure_has_the_last_lines() -> None:
    with pytest.raises(HookError) as info:
        asyncio.run(run_hook("beforeLease", Hook(script="seq 30; exit 1"), CALL, LogRing(()), QUICK))
    assert info.value.last_lines == " Its last lines were:" + "".join(f"\n  {number}" for number in range(11, 31))
    script = f"printf '%0{LAST_LINES_TEXT + 10}d' 1; exit 1"
    with pytest.raises(HookError) as info:
        asyncio.run(run_hook("beforeLease", Hook(script=script), CALL, LogRing(()), QUICK))
    assert info.value.last_lines == f" Its last lines were:{'1'.zfill(LAST_LINES_TEXT)}"


def test_secrets_are_hidden_in_all_that_a_hook_prints(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("JMP_TOKEN", "token-of-env")
    script = "echo a token-of-file b token-of-env token-of; echo pass; exit 1"
    ring = LogRing(())
    secrets = ("token-of", "", "token-of-file", "pass")
    with caplog.at_level("INFO"), pytest.raises(HookError) as info:
        asyncio.run(run_hook("beforeLease", Hook(script=script), CALL, ring, QUICK, secrets))
    assert [message for _, _, message in records(ring)][:2] == ["a *** b *** ***", "***"]
    assert info.value.last_lines == " Its last lines were:\n  a *** b *** ***\n  ***"
    assert "token-of" not in caplog.text


# What it leaves for clients


def test_the_message_of_a_hook() -> None:
    with MotdFile() as motd:
        assert motd.path is not None
        assert motd.path.stat().st_mode & 0o777 == 0o600
        assert (motd.appended_to(None), motd.appended_to("Hello.")) == (None, "Hello.")
        motd.path.write_text("  from the hook\n")
        assert motd.appended_to(None) == "from the hook"
        assert motd.appended_to("Hello.") == "Hello.\nfrom the hook"
        motd.path.write_bytes(b"\xff" + b"x" * LIMIT)
        assert len(motd.appended_to(None) or "") == LIMIT
        motd.path.unlink()
        assert motd.appended_to("Hello.") == "Hello."
    assert not motd.path.parent.exists()


def test_no_room_for_the_message_of_a_hook(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/proc/self")
    with MotdFile() as motd:
        assert (motd.path, motd.appended_to("Hello.")) == (None, "Hello.")
    assert "The hook gets no file for a message to clients: [Errno 2]" in caplog.text
