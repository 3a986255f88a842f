"""A run of the benchmark loses no figure because another one cannot be had."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from bench import boards, page
from bench.__main__ import main, measure_groups
from bench.processes import Setting, SubjectProcess, run, subject
from bench.record import Record
from bench.rows import MeasurementFailed, NotMeasured, Row, Target, ToolMissing
from JumpstarterLibrary.errors import DriverError

NO_PIP = ToolMissing("Upstream's packages cannot be installed here.")


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path, dict(os.environ), NO_PIP)


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return Record(tmp_path / "results" / "bench.json", "0.9.0")


def good(_setting: Setting) -> Iterator[Row]:
    yield Row("good", "What works.", "s", {"ours": 1.0}, (Target("<= 2", 1.0, 2),))


def missed(_setting: Setting) -> Iterator[Row]:
    yield Row("missed", "What is slow.", "s", {"ours": 3.0}, (Target("<= 2", 3.0, 2),))


def failing(error: Exception) -> Any:
    def measure(setting: Setting) -> Iterator[Row]:
        yield from good(setting)
        raise error

    return measure


def test_what_cannot_be_measured_has_its_reason_in_its_place(
    setting: Setting, record: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    groups = {
        "lab": failing(ToolMissing("There is\nno QEMU.")),
        "call": failing(MeasurementFailed("The subject ended.")),
        "boot": failing(DriverError("The fuse has blown.")),
        "disk": failing(OSError(28, "No space left on device")),
        "last": good,
    }
    measure_groups(groups, setting, record)
    good_line = "good  s                1         -         -  <= 2: 1.00, met"
    assert capsys.readouterr().out.splitlines() == [
        "      unit          ours  upstream      bare  target",
        good_line,
        "lab   not measured: There is no QEMU.",
        good_line,
        "call  FAILED: The subject ended.",
        good_line,
        "boot  FAILED: DriverError: The fuse has blown.",
        good_line,
        "disk  FAILED: OSError: [Errno 28] No space left on device",
        good_line,
    ]
    found = json.loads(record.path.read_text())
    assert found["complete"] is True
    assert [(row["name"], row["reason"], row["broken"]) for row in found["rows"] if row["name"] != "good"] == [
        ("lab", "There is no QEMU.", False),
        ("call", "The subject ended.", True),
        ("boot", "DriverError: The fuse has blown.", True),
        ("disk", "OSError: [Errno 28] No space left on device", True),
    ]


def test_the_file_is_written_after_each_group(
    setting: Setting, record: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_setting: Setting) -> Iterator[Row]:
        found = json.loads(record.path.read_text())
        assert (found["complete"], [row["name"] for row in found["rows"]]) == (False, ["good"])
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        measure_groups({"call": good, "boot": interrupted}, setting, record)
    assert "<= 2: 1.00, met" in capsys.readouterr().out
    assert json.loads(record.path.read_text())["complete"] is False
    assert [path.name for path in record.path.parent.iterdir()] == ["bench.json"]


@pytest.mark.parametrize(
    ("measure", "status"),
    [
        (good, 0),
        (missed, 1),
        (failing(ToolMissing("There is no QEMU.")), 0),
        (failing(MeasurementFailed("The subject ended.")), 1),
        (failing(DriverError("The fuse has blown.")), 1),
    ],
)
def test_a_missing_tool_is_no_failure_and_a_broken_measurement_is_one(
    measure: Any, status: int, setting: Setting, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.__main__.GROUPS", {"call": measure})
    monkeypatch.setattr("bench.__main__.RESULTS", record.path)
    monkeypatch.setattr("bench.__main__.prepared", lambda: nullcontext(setting))
    monkeypatch.setattr(sys, "argv", ["bench"])
    assert main() == status
    assert record.path.exists()


def test_a_board_without_qemu_is_refused_before_it_is_measured(
    setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match=r"^A QEMU board needs qemu-system-arm, which is not installed\. On Debian"):
        next(boards.boot(setting))


def test_without_upstream_everything_of_ours_can_be_measured(setting: Setting) -> None:
    assert setting.python("ours") == sys.executable
    for ask in (lambda: setting.host, lambda: setting.python("upstream_leased")):
        with pytest.raises(NotMeasured) as failure:
            ask()
        assert failure.value is NO_PIP


def test_a_subject_that_ends_is_told_with_its_last_line(setting: Setting) -> None:
    with (
        pytest.raises(MeasurementFailed, match=r"^The subject 'ours' ended with status 1 during 'connect': \S+Error: "),
        subject(setting, "ours", "/nowhere") as process,
    ):
        process.do("connect")


def test_a_subject_that_gives_no_answer_is_killed() -> None:
    command = [sys.executable, "-c", "import signal; signal.pause()"]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process,
        pytest.raises(MeasurementFailed, match=r"^The subject 'mute' gave no answer to 'call' within 0\.1 s\.$"),
    ):
        SubjectProcess("mute", process, io.StringIO(), limit_s=0.1).do("call")


def test_a_command_that_fails_is_told_with_its_last_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(MeasurementFailed) as failure:
        run([sys.executable, "-c", "raise LookupError('no such board')"])
    name = Path(sys.executable).name
    assert str(failure.value) == (
        f"'{name} -c raise LookupError('no such board')' failed with status 1: LookupError: no such board"
    )
    assert "Traceback" in capsys.readouterr().err


def test_page_has_figures_reasons_and_meanings(setting: Setting, record: Record, tmp_path: Path) -> None:
    measure_groups({"call": good, "boot": failing(ToolMissing("There is no QEMU."))}, setting, record)
    file = tmp_path / "bench.md"
    page.write(file, record.path)
    lines = file.read_text().splitlines()
    at = lines.index("| measurement | unit | ours | upstream | bare | target, and what was reached |")
    assert lines[at + 1 : at + 5] == [
        "|---|---|---:|---:|---:|---|",
        "| good | s | 1 | - | - | <= 2: 1.00, met |",
        "| good | s | 1 | - | - | <= 2: 1.00, met |",
        "| boot |  | - | - | - | not measured: There is no QEMU. |",
    ]
    assert "- **good**: What works." in lines
    assert any(f", {os.cpu_count()} CPUs, Python {sys.version.split()[0]}, " in line for line in lines)
    assert ".venv/bin/inv bench --docs docs/bench.md" in lines


def test_page_is_about_a_full_run_only(
    setting: Setting,
    record: Record,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("bench.__main__.RESULTS", record.path)
    monkeypatch.setattr(sys, "argv", ["bench", "--docs", str(tmp_path / "bench.md")])
    with pytest.raises(SystemExit):
        main()
    assert f"There is no file {record.path}. Run inv bench first, without --only." in capsys.readouterr().err
    record.write()
    with pytest.raises(SystemExit):
        main()
    assert f"The run that wrote {record.path} has not come to its end." in capsys.readouterr().err
    record.write(complete=True)
    assert main() == 0
    assert (tmp_path / "bench.md").read_text().startswith("# Benchmark\n")


def test_a_name_of_no_group_is_refused() -> None:
    command = [sys.executable, "-m", "bench", "--only", "nothing"]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, "no group has 'nothing' in its name" in done.stderr) == (2, True), done.stderr
