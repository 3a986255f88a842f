"""Private directories for sockets: no other user may enter, and none is left."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from JumpstarterLibrary.common.unix_sockets import (
    OWN_BYTES,
    PATH_LIMIT,
    check_path,
    private_directory,
    remove_directory,
)
from JumpstarterLibrary.errors import ConfigurationError

PROGRAM = """
import os
from JumpstarterLibrary.common.unix_sockets import private_directory
directory = private_directory()
print(directory, flush=True)  # before the fork, or both processes write it
if (child := os.fork()):
    os.waitpid(child, 0)
    print(directory.is_dir())
"""


def test_only_this_user_may_enter(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    directory = private_directory()
    assert directory.parent == short
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    (directory / "socket").touch()
    remove_directory(directory)
    remove_directory(directory)
    assert list(short.iterdir()) == []


def test_a_runtime_directory_that_is_not_there_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "none"))
    directory = private_directory()
    assert tmp_path not in directory.parents
    remove_directory(directory)


@pytest.mark.parametrize("runtime", [False, True])
def test_directories_with_long_paths_give_way_to_short_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: bool
) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    if runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    directory = private_directory()
    assert directory.parent == Path("/tmp")
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(directory / "sixteen-of-bytes"))
    remove_directory(directory)
    assert not directory.exists()


def test_a_path_is_used_as_far_as_a_socket_fits(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = PATH_LIMIT - OWN_BYTES - len(str(short)) - 1
    for length, fits in ((room, True), (room + 1, False)):
        parent = short / ("d" * length)
        parent.mkdir()
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(parent))
        directory = private_directory()
        assert (directory.parent == parent) is fits
        remove_directory(directory)


def test_the_end_of_the_process_removes_them_and_that_of_a_fork_does_not() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30, check=True)
    path, kept = done.stdout.split()
    assert kept == "True"
    assert not Path(path).exists()


def test_a_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    check_path(Path("/" + "x" * (PATH_LIMIT - 1)))
    path = "/" + "x" * PATH_LIMIT
    with pytest.raises(ConfigurationError) as info:
        check_path(Path(path))
    assert str(info.value) == (
        f"The socket path '{path}' has 108 bytes, but unix sockets take 107. Use a shorter one, for example by a "
        f"symbolic link to its directory."
    )
