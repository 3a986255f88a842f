from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from JumpstarterLibrary.common.drafts import draft_of, replace_file


def test_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_text("before")
    with draft_of(path, suffix=".part") as file:
        file.write(b"now")
        (draft,) = [entry for entry in tmp_path.iterdir() if entry != path]
        assert draft.name.startswith("image.")
        assert draft.name.endswith(".part")
        assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["image"]
    assert path.read_text() == "now"


def test_nothing_is_left_of_one_that_failed(tmp_path: Path) -> None:
    path = tmp_path / "image"
    with pytest.raises(KeyboardInterrupt), draft_of(path, suffix=".part") as file:
        _interrupt(file.write(b"half"))
    assert list(tmp_path.iterdir()) == []


def _interrupt(_: object) -> None:
    raise KeyboardInterrupt


def test_links_are_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "facts").symlink_to(victim)
    for name in ("facts.new", "facts.part", "facts.aaaaaaaa.new"):
        (folder / name).symlink_to(victim)
    replace_file(folder / "facts", "new")
    assert not (folder / "facts").is_symlink()
    # Also where the name of the draft was guessed.
    monkeypatch.setattr("secrets.token_hex", lambda _: "aaaaaaaa")
    with pytest.raises(FileExistsError):
        replace_file(folder / "facts", "newer")
    assert ((folder / "facts").read_text(), victim.read_text()) == ("new", "kept")
    assert (folder / "facts.aaaaaaaa.new").is_symlink()


@pytest.mark.parametrize("mode", [0o600, 0o666])
def test_permissions_are_those_of_the_umask(tmp_path: Path, mode: int) -> None:
    before = os.umask(0o027)
    try:
        replace_file(tmp_path / "file", "text", mode=mode)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode & ~0o027


def test_long_names(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 125)
    replace_file(path, "text")
    assert path.read_text() == "text"
