"""Every connection of a run has a directory of its own."""

from __future__ import annotations

from pathlib import Path

from JumpstarterLibrary.library import ARTEFACTS
from JumpstarterLibrary.reporting.artefacts import transcript_directory


def test_the_folder_is_no_package_to_python() -> None:
    assert not ARTEFACTS.isidentifier()


def test_what_earlier_runs_left_is_removed_and_what_this_run_wrote_is_kept(tmp_path: Path) -> None:
    old = tmp_path / "board" / "console.log"
    old.parent.mkdir()
    old.write_text("an earlier run")
    first = transcript_directory(tmp_path, "board")
    assert first == tmp_path / "board"
    assert not old.exists()
    old.write_text("this run")
    assert transcript_directory(tmp_path, "board") == tmp_path / "board-2"
    assert transcript_directory(tmp_path, "other") == tmp_path / "other"
    assert old.read_text() == "this run"
