"""Sinks of downloads: regular files, symbolic links, FIFOs and devices."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from JumpstarterLibrary.client.sink import local_sink
from JumpstarterLibrary.errors import TransferError, UsageError

LIMIT_S = 10.0


def write(path: Path, data: bytes) -> None:
    with local_sink(path) as sink:
        assert sink.name == str(path)
        sink.write(data)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_new_file_in_new_folders(tmp_path: Path) -> None:
    write(tmp_path / "new" / "image", b"content")
    assert (tmp_path / "new" / "image").read_bytes() == b"content"
    assert names_in(tmp_path / "new") == ["image"]


def test_a_file_keeps_its_content_where_the_download_fails(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(b"before")
    writing = local_sink(path)
    writing.__enter__().write(b"a part")
    broken = TransferError("the link broke")
    assert not writing.__exit__(TransferError, broken, None)
    assert path.read_bytes() == b"before"
    assert names_in(tmp_path) == ["image"]


@pytest.mark.parametrize("existing", [True, False])
def test_a_symbolic_link_stays_and_what_it_leads_to_is_written(tmp_path: Path, existing: bool) -> None:
    target, link = tmp_path / "images" / "today", tmp_path / "latest"
    link.symlink_to("images/today")
    if existing:
        target.parent.mkdir()
        target.write_bytes(b"before")
    write(link, b"content")
    assert link.is_symlink()
    assert target.read_bytes() == link.read_bytes() == b"content"
    assert names_in(target.parent) == ["today"]


def test_a_symbolic_link_to_itself(tmp_path: Path) -> None:
    link = tmp_path / "loop"
    link.symlink_to("loop")
    with pytest.raises(TransferError) as caught:
        write(link, b"content")
    assert str(caught.value) == f"The image could not be written to '{link}': Too many levels of symbolic links."
    assert names_in(tmp_path) == ["loop"]


def test_a_fifo_is_written_and_stays(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write(fifo, b"content")
        assert os.read(reader, 100) == b"content"
        assert os.read(reader, 100) == b"", "the FIFO has no end"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(fifo.lstat().st_mode)
    assert names_in(tmp_path) == ["fifo"]


def test_a_stalled_reader_does_not_hold_up_the_end(tmp_path: Path) -> None:
    fifo, data = tmp_path / "fifo", bytes(1 << 20)
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    try:
        with local_sink(fifo) as sink:
            writer = threading.Thread(target=sink.write, args=(data,), daemon=True)
            writer.start()
            received = len(os.read(reader, 1))
        while piece := os.read(reader, 1 << 16):
            received += len(piece)
        writer.join(LIMIT_S)
    finally:
        os.close(reader)
    assert received == len(data)


def test_a_fifo_without_a_reader(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(UsageError) as caught:
        write(fifo, b"content")
    assert str(caught.value) == f"No process reads the FIFO '{fifo}'. Start its reader before the download."
    assert stat.S_ISFIFO(fifo.lstat().st_mode)


def test_a_device(tmp_path: Path) -> None:
    link = tmp_path / "null"
    link.symlink_to(os.devnull)
    write(link, b"content")
    assert link.is_symlink()
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)
    assert names_in(tmp_path) == ["null"]


def test_a_folder_is_refused_before_the_download(tmp_path: Path) -> None:
    with pytest.raises(TransferError) as caught, local_sink(tmp_path):
        pytest.fail("the download began")
    assert str(caught.value) == f"The image could not be written to '{tmp_path}': Is a directory."
