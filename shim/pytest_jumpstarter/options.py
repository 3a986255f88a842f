"""The plugin's settings: on the command line and in the ini file.

What the command line says beats a class attribute or marker, and that beats the ini file.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from JumpstarterLibrary.common.environment import HOST, LEASE

if TYPE_CHECKING:
    from JumpstarterLibrary.client import Timing

MODES = ("auto", "shell", "lease", "virtual")
TROUBLES = ("error", "fail")

PROGRESS = datetime.timedelta(seconds=15)
CONSOLE_LINES = 100
LOG_LINES = 200

AUTOUSE = "jumpstarter_autouse_fixtures"

Value = TypeVar("Value")


# Every pytest run in the environment makes these, so they are no dataclasses, which take a millisecond to make.


class _Setting:
    """A setting that is an option of the command line, too."""

    def __init__(
        self, name: str, description: str, metavar: str | None = None, choices: tuple[str, ...] | None = None
    ) -> None:
        self.name, self.help, self.metavar, self.choices = name, description, metavar, choices

    @property
    def ini(self) -> str:
        return f"jumpstarter_{self.name}"

    @property
    def option(self) -> str:
        return "--" + self.ini.replace("_", "-")


_ATTRIBUTES = "Beats what a class says; the ini setting of the same name (with underscores) does not."

_SETTINGS = (
    _Setting(
        "mode",
        "how test classes get their board: 'shell' joins the exporter that JUMPSTARTER_HOST names, 'lease' leases one "
        "(or uses the lease that JMP_LEASE names), 'virtual' is a virtual board in this process, and 'auto' is the "
        f"first of shell and lease for which there is what it needs (default). {_ATTRIBUTES}",
        choices=MODES,
    ),
    _Setting(
        "timeout",
        "how long a lease may take, with the connection: seconds, '30 min', '1h30m', 'PT1H30M' (default: what the "
        f"client configuration says, 2 hours). {_ATTRIBUTES}",
        "TIME",
    ),
    _Setting(
        "progress",
        f"time between two lines about the wait for a lease (default: 15 s). {_ATTRIBUTES}",
        "TIME",
    ),
    _Setting(
        "timing",
        "time limits and pauses of slow boards, such as 'power_off_time=5 s, transfer_silence=2 min'; in the ini file "
        "also one a line (default: see docs/timing.md). The option changes what the ini setting says, field by field",
        "NAME=TIME,...",
    ),
    _Setting(
        "profiles",
        "file of device states, with profiles for kinds of boards: each board gets what it says for its exporter when "
        "it is connected (default: none; see docs/profiles.md)",
        "FILE",
    ),
    _Setting(
        "virtual_lab",
        "lease from a virtual lab in this process: with a number of virtual boards, which stand in for any board, or "
        "as a lab file describes it, whose labels are taken at their word",
        "BOARDS|FILE",
    ),
    _Setting(
        "infrastructure",
        "how a test counts whose error is the lab's (fault 'lab', or an InfrastructureError of unknown fault): as "
        "'error' (default), or as 'fail'",
        choices=TROUBLES,
    ),
    _Setting(
        "console_lines",
        f"how many of the last lines of a console go into the report of a failed test (default: {CONSOLE_LINES}; 0 for "
        "none)",
        "N",
    ),
    _Setting(
        "log_lines",
        f"how many of the last lines of the exporter's log go into the report of a failed test (default: {LOG_LINES}; "
        "0 for none, and the log is not followed)",
        "N",
    ),
    _Setting(
        "evidence",
        "folder that gets, for each board, an event log and transcripts of its consoles (default: none is written)",
        "DIR",
    ),
)

_STRICT = "with pytest-xdist: fail where a class would be spread over workers and take several boards; else it is kept"
_AUTOUSE = (
    "fixtures of this plugin that every test is to use: any of tmp_config_path, console_size, doctest_namespace (serve "
    "and run in doctests), anyio_backend, mock_controller, virtual_lab"
)
MARKER = (
    "jumpstarter(selector=None, *, exporter_name=None, lease_name=None, lease_duration=None, lease_max_duration=None, "
    "lease_timeout=None, lease_progress=None, lease_scope=None, lease_tags=None, mode=None): what the fixture "
    "jumpstarter_client leases for this test or class; the words are those of JumpstarterTest's attributes."
)


def declare(parser: pytest.Parser) -> None:
    """Declare the settings."""
    group = parser.getgroup("jumpstarter", "tests on boards (Jumpstarter)")
    for setting in _SETTINGS:
        how: dict[str, Any] = {"choices": setting.choices} if setting.choices else {"metavar": setting.metavar}
        group.addoption(setting.option, dest=setting.ini, default=None, help=setting.help, **how)
        # Where TOML has types, a number is one.
        kind: Any = "int" if setting.metavar == "N" and pytest.version_tuple >= (8, 4) else "string"
        kind = "linelist" if setting.name == "timing" else kind
        parser.addini(setting.ini, setting.help, type=kind, default=None)
    group.addoption("--jumpstarter-strict", dest="jumpstarter_strict", action="store_true", default=None, help=_STRICT)
    parser.addini("jumpstarter_strict", _STRICT, type="bool", default=False)
    parser.addini(AUTOUSE, _AUTOUSE, type="args", default=[])


class Options:
    """The settings of a test run. What cannot be is told as a `pytest.UsageError` when it is asked for.

    Args:
        config: The test run.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def mode(self, own: object = None) -> str:
        """Return the mode that a class has; ``own`` is what it says itself."""
        return self._picked("mode", own, _chosen(MODES)) or "auto"

    def timeout(self, own: object = None) -> datetime.timedelta | None:
        """Return how long a lease may take; None for what the client configuration says."""
        return self._picked("timeout", own, _duration, "lease_timeout")

    def progress(self, own: object = None) -> datetime.timedelta:
        """Return the time between two lines about a wait."""
        return self._picked("progress", own, _duration, "lease_progress") or PROGRESS

    @property
    def timing(self) -> Timing | None:
        """The time limits and pauses of boards; None for the defaults."""
        ini, given = "\n".join(self._ini("jumpstarter_timing") or ()), self._option("jumpstarter_timing")
        if not ini and not given:
            return None
        from JumpstarterLibrary.client.timing import Timing
        from JumpstarterLibrary.errors import ConfigurationError

        timing = None
        for what, text in (("jumpstarter_timing", ini), ("--jumpstarter-timing", given)):
            try:
                timing = Timing.of(text, timing)
            except ConfigurationError as error:
                raise pytest.UsageError(f"{what}: {error}") from None
        return timing

    @property
    def profiles(self) -> Path | None:
        """The file with the profiles of boards; None for none."""
        option = self._option("jumpstarter_profiles")
        text = option or self._ini("jumpstarter_profiles")
        return self._base(bool(option)) / Path(text).expanduser() if text else None

    @property
    def virtual_lab(self) -> int | Path | None:
        """The number of boards or the file of the virtual lab from which boards are leased; None for no such lab."""
        option = self._option("jumpstarter_virtual_lab")
        text = option or self._ini("jumpstarter_virtual_lab") or ""
        if not text:
            return None
        if text.isdigit() and int(text) > 0:
            return int(text)
        path = self._base(bool(option)) / Path(text).expanduser()
        if path.is_file():
            return path
        raise pytest.UsageError(
            f"{'--jumpstarter-virtual-lab' if option else 'jumpstarter_virtual_lab'}: '{text}' is neither a number of "
            f"boards nor a lab file."
        )

    @property
    def evidence(self) -> Path | None:
        """The folder that gets the event log and the transcripts of each device; None for none."""
        option = self._option("jumpstarter_evidence")
        text = option or self._ini("jumpstarter_evidence")
        return self._base(option is not None) / Path(text).expanduser() if text else None

    def _base(self, on_command_line: bool) -> Path:
        """Return what relative paths are relative to: of the command line the working directory, else the ini file."""
        if on_command_line or not self.config.inipath:
            return self.config.invocation_params.dir
        return self.config.inipath.parent

    @property
    def trouble_is_error(self) -> bool:
        """Whether a test in which the lab was to blame counts as an error."""
        return (self._picked("infrastructure", None, _chosen(TROUBLES)) or "error") == "error"

    @property
    def console_lines(self) -> int:
        """The number of console lines in a report."""
        return _default(self._picked("console_lines", None, _count), CONSOLE_LINES)

    @property
    def log_lines(self) -> int:
        """The number of exporter log lines in a report."""
        return _default(self._picked("log_lines", None, _count), LOG_LINES)

    @property
    def strict(self) -> bool:
        """Whether a class that would take several boards is refused."""
        return bool(self._option("jumpstarter_strict") or self._ini("jumpstarter_strict"))

    @property
    def autouse(self) -> list[str]:
        """The fixtures that every test is to use."""
        return list(self.config.getini(AUTOUSE))

    def told(self) -> str | None:
        """Return a line about what was said in the settings and in the environment; None if nothing was."""
        words = [
            *(f"{name}={os.environ[name]}" for name in (HOST, LEASE) if os.environ.get(name)),
            *([f"mode={self.mode()}"] if self.mode() != "auto" else []),
            *([f"virtual lab={self.virtual_lab}"] if self.virtual_lab else []),
        ]
        return f"jumpstarter: {', '.join(words)}" if words else None

    def check(self) -> None:
        """Raise what is wrong, before any test runs."""
        self.mode()
        self.timeout()
        self.progress()
        self._check_profiles()
        _ = self.timing, self.virtual_lab, self.trouble_is_error, self.console_lines, self.log_lines

    def _check_profiles(self) -> None:
        if self.profiles is None:
            return
        from JumpstarterLibrary.client.boot.files import check_profiles
        from JumpstarterLibrary.errors import ConfigurationError

        try:
            check_profiles(self.profiles)
        except ConfigurationError as error:
            name = "--jumpstarter-profiles" if self._option("jumpstarter_profiles") else "jumpstarter_profiles"
            raise pytest.UsageError(f"{name}: {error}") from None

    # Who imports the base class may have switched the plugin off, and with it the declarations.

    def _option(self, name: str) -> Any:
        return self.config.getoption(name, None)

    def _ini(self, name: str) -> Any:
        try:
            return self.config.getini(name)
        except ValueError:
            return None

    def _picked(
        self, name: str, own: object, read: Callable[[object, str], Value], attribute: str | None = None
    ) -> Value | None:
        """Return the strongest of the values there are: of the command line, of the class, of the ini file."""
        setting = next(one for one in _SETTINGS if one.name == name)
        given, ini = self._option(setting.ini), self._ini(setting.ini)
        try:
            if given is not None:
                return read(given, setting.option)
            if own is not None:
                return read(own, attribute or name)
            return read(ini, setting.ini) if ini not in (None, "") else None
        except ValueError as error:
            if given is None and own is not None:
                from JumpstarterLibrary.errors import ConfigurationError

                raise ConfigurationError(str(error)) from None
            raise pytest.UsageError(str(error)) from None


def _chosen(choices: tuple[str, ...]) -> Callable[[object, str], str]:
    """Return what reads one of several words; an enum's member stands for its value."""

    def read(value: object, what: str) -> str:
        word = str(getattr(value, "value", value))
        if word not in choices:
            raise ValueError(f"{what}: '{word}' is none of its choices: {', '.join(choices)}.")
        return word

    return read


def _duration(value: object, what: str) -> datetime.timedelta:
    from pytest_jumpstarter.durations import duration

    return duration(value, what)


def _count(value: object, what: str) -> int:
    text = str(value)
    if not text.isdigit():
        raise ValueError(f"{what}: '{text}' is no number of lines. Give 0 or more.")
    return int(text)


def _default(value: int | None, default: int) -> int:
    return default if value is None else value
