"""Transcripts: every byte in one file, timed lines in both directions in the other, and secrets in neither."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from JumpstarterLibrary.client.consoles.secrets import Secrets
from JumpstarterLibrary.client.consoles.transcript import LINE_LIMIT, Transcript
from JumpstarterLibrary.errors import ConfigurationError

STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ")


class Files:
    """A transcript, and what is in its files."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.secrets = Secrets()
        self.transcript = Transcript(path, "console", self.secrets)

    def come(self, data: bytes) -> None:
        self.transcript.received(data, data.decode(errors="replace").replace("\r", ""))

    @property
    def raw(self) -> bytes:
        return self._path.read_bytes()

    @property
    def timed(self) -> list[str]:
        """The timed lines, without their times, which are checked here."""
        lines = self._path.with_suffix(".timed.log").read_text().splitlines()
        assert all(STAMP.match(line) for line in lines), lines
        return [line[24:] for line in lines]


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    files = Files(tmp_path / "deep" / "x.log")
    yield files
    files.transcript.close()


def test_both_directions(files: Files) -> None:
    files.come(b"boot\r\nboard login: ")
    files.transcript.sent(b"root\n")
    files.come(b"root\r\nPassw")
    files.come(b"ord: ")
    files.transcript.sent(b"\x03\xff")
    files.transcript.happened("mark here")
    files.transcript.gap(4.25)
    files.come(b"\r\n\r\nlast")
    files.transcript.close()
    files.transcript.close()
    assert files.timed == [
        "< boot",
        "< board login: ",
        r"> root\n",
        "+ root",
        "< Password: ",
        r"> \x03\\xff",
        "= mark here",
        "= gap of 4.2 seconds: what was said meanwhile is lost",
        "< ",
        "< last",
    ]
    assert files.raw == b"boot\r\nboard login: root\r\nPassword: \r\n\r\nlast"


def test_many_lines_at_once(files: Files) -> None:
    files.come(b"a")
    files.come(b"b\nc\nd\ne")
    files.come(b"\n")
    assert files.timed == ["< ab", "< c", "< d", "< e"]


def test_a_line_that_never_ends_is_written_nevertheless(files: Files) -> None:
    files.come(b"x" * (LINE_LIMIT + 1))
    files.come(b"y\n")
    assert files.timed == ["< " + "x" * (LINE_LIMIT + 1), "+ y"]


def test_a_secret_is_not_shown_as_it_is_sent(files: Files) -> None:
    files.transcript.sent(b"hunter42\n", secret=True)
    assert files.timed == ["> ********"]


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_secret_that_comes_back_is_in_neither_file(files: Files, size: int) -> None:
    files.come(b"login: ")
    files.secrets.typed("hunter42", 0, files.transcript.position)
    files.transcript.sent(b"hunter42\n", secret=True)
    echo = b"hunter42\r\nsh: hunter42: not found\r\nhunter42pi login: "
    for start in range(0, len(echo), size):
        files.come(echo[start : start + size])
    files.transcript.sent(b"echo hunter42\n")
    files.transcript.close()
    assert files.raw == b"login: ********\r\nsh: ********: not found\r\nhunter42pi login: "
    assert files.timed == [
        "< login: ",
        "> ********",
        "+ ********",
        "< sh: ********: not found",
        "< hunter42pi login: ",
        r"> echo ********\n",
    ]


def test_without_a_file_there_is_nothing_to_do() -> None:
    transcript = Transcript(None, "console", Secrets())
    transcript.received(b"abc", "abc")
    transcript.sent(b"x")
    transcript.close()
    assert transcript.position == 3


def test_files_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "x.log"
    with pytest.raises(ConfigurationError) as caught:
        Transcript(path, "console", Secrets())
    assert (
        str(caught.value) == f"The transcript '{path}' cannot be written: File exists. Choose another output directory."
    )
    path = tmp_path / "y.log"
    path.with_suffix(".timed.log").mkdir()
    with pytest.raises(ConfigurationError, match=r"y\.log' cannot be written: Is a directory\."):
        Transcript(path, "console", Secrets())


@pytest.mark.parametrize("full", ["x.log", "x.timed.log"])
def test_a_disk_that_becomes_full(full: str, tmp_path: Path) -> None:
    (tmp_path / full).symlink_to("/dev/full")
    told: list[str] = []
    transcript = Transcript(tmp_path / "x.log", "console", Secrets(), told.append)
    transcript.received(b"one\n", "one\n")
    transcript.received(b"two\n", "two\n")
    transcript.sent(b"three")
    transcript.close()
    assert told == [
        f"The transcript '{tmp_path / 'x.log'}' of console 'console' ends here: No space left on device. What the "
        f"console says from now on is kept in memory only. Free some space there, or choose another output directory."
    ]


def test_no_descriptor_for_a_transcript(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        with pytest.raises(ConfigurationError) as caught:
            Transcript(tmp_path / "x.log", "console", Secrets())
    assert str(caught.value) == (
        f"The transcript '{tmp_path / 'x.log'}' cannot be written: Too many open files. Close files and devices, or "
        f"raise the limit (ulimit -n)."
    )
