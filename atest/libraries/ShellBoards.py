"""The boards of ``shell_boards``, as a row of a table describes them."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml
from robot.api import SkipExecution
from robot.api.deco import library


@dataclass(frozen=True)
class Shell:
    """A shell of this machine.

    Attributes:
        command: The program and its arguments.
        package: The Debian package that has it.
        inputrc: Settings of its line editor, where it reads such.
        locale: Its locale.
    """

    command: str
    package: str = "bash"
    inputrc: str = ""
    locale: str = "C.UTF-8"


SHELLS = {
    "bash": Shell("bash --norc --noprofile"),
    "bash, C": Shell("bash --norc --noprofile", locale="C"),
    "bash, as Debian": Shell("bash"),
    "bash, vi": Shell("bash --norc --noprofile", inputrc="set editing-mode vi\nset show-mode-in-prompt on\n"),
    "bash, scroll": Shell("bash --norc --noprofile", inputrc="set horizontal-scroll-mode on\n"),
    "bash, no paste": Shell("bash --norc --noprofile", inputrc="set enable-bracketed-paste off\n"),
    "bash, no editor": Shell("bash --norc --noprofile --noediting"),
    "ash": Shell("busybox ash", "busybox-static"),
    "dash": Shell("dash", "dash"),
    "mksh": Shell("mksh", "mksh"),
    "yash": Shell("yash --norcfile --noprofile", "yash"),
}


@library(scope="SUITE", auto_keywords=True)
class ShellBoards:
    """Writes configurations of exporters with such boards."""

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self) -> None:
        self.ROBOT_LIBRARY_LISTENER = self
        self._count = 0

    @cached_property
    def _directory(self) -> Path:
        """Made when it is needed: Robot makes instances that are never used."""
        return Path(tempfile.mkdtemp(prefix="jumpstarter-atest-"))

    def write_shell_board_config(
        self, shell: str, prompt: str, term: str, columns: int, baudrate: int, *kinds: str
    ) -> Path:
        """Write the configuration of an exporter with a shell board, and return the file.

        Skipped where the shell is not installed.

        Args:
            shell: One of ``SHELLS``.
            prompt: Its prompt, without the space at its end.
            term: The terminal's name.
            columns: The terminal's width; 0 where it does not tell.
            baudrate: Bits per second of the line; 0 for as fast as it goes.
            kinds: Boot loader, login and init, as ``ShellBoard`` has them.
        """
        kind = SHELLS[shell]
        command = shlex.split(kind.command)
        if shutil.which(command[0]) is None:
            raise SkipExecution(f"not installed: {command[0]}. To get it: apt-get install {kind.package}")
        self._count += 1
        inputrc = self._directory / f"{self._count}.inputrc"
        inputrc.write_text(kind.inputrc)
        config = {
            "shell": command,
            "environment": {"PS1": f"{prompt} ", "INPUTRC": str(inputrc), "LC_ALL": kind.locale},
            "term": term,
            "columns": columns,
            "baudrate": baudrate,
            **dict(zip(("loader", "login", "init"), kinds, strict=True)),
        }
        path = self._directory / f"{self._count}.yaml"
        board = {"type": "shell_boards.ShellBoard", "config": config}
        path.write_text(yaml.safe_dump({"children": {"board": board}}))
        return path

    def end_suite(self, _data: object, _result: object) -> None:
        """Remove the files."""
        if "_directory" in vars(self):
            shutil.rmtree(self._directory, ignore_errors=True)
