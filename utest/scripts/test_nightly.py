"""The steps of the night: each runs, and each failure is told with its report."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import nightly
from scripts.nightly import ROOT, STEPS, Step, run


def test_every_suite_of_a_step_exists() -> None:
    paths = [word for step in STEPS for word in step.command if word.startswith(("atest/", "utest/", "interop/"))]
    assert len(paths) > 15
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_a_step_that_passes_runs_as_often_as_asked(tmp_path: Path) -> None:
    result = run(Step("calendar", ("calendar", "2026", "11"), times=3), tmp_path)
    assert result.trouble == ""
    assert str(result).startswith("calendar: 3 times, ")
    assert (tmp_path / "calendar.txt").read_text().count("November 2026") == 3


def test_a_step_that_fails_ends_at_once_and_names_its_report(tmp_path: Path) -> None:
    result = run(Step("no such thing", ("no_such_module",), times=3), tmp_path)
    report = tmp_path / "no-such-thing.txt"
    assert result.trouble == f"FAILED: time 1 ended with status 1; see {report}"
    assert report.read_text().count("No module named no_such_module") == 1


def test_a_step_that_does_not_end_is_ended(tmp_path: Path) -> None:
    result = run(Step("server", ("http.server", "0", "--bind", "127.0.0.1")), tmp_path, limit_s=0.2)
    assert result.trouble == f"FAILED: time 1 took more than 0 minutes; see {tmp_path / 'server.txt'}"


def test_the_others_run_after_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = (Step("bad", ("no_such_module",)), Step("good", ("calendar",)))
    monkeypatch.setattr(nightly, "STEPS", steps)
    monkeypatch.setattr(nightly, "run", lambda step: run(step, tmp_path))
    assert nightly.main([]) == 1
    bad, good, total = capsys.readouterr().out.splitlines()
    assert bad.startswith("bad: ")
    assert good.endswith(", passed")
    assert total.startswith("nightly: 1 passed, 1 failed in ")
    assert nightly.main(["--only", "good"]) == 0


def test_a_step_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        nightly.main(["--only", "coffee"])
    assert "no step has 'coffee' in its name; there are: soak, kill matrix, " in capsys.readouterr().err
