r"""Read a user's own states from a YAML file.

settings:                     # how the board boots; everything may be left out
  prompt: "=>"                # what the boot loader's prompt begins with
  key: space                  # what stops the boot
  pattern: autoboot           # what is said when it can be stopped
  interval: 100 ms            # from one key to the next
  boot: [boot]                # U-Boot commands that start a system; without them the board may boot by itself
  off_time: 2 s               # without power in a power cycle
  user: root                  # who logs in; passwords are no matter for files
  login_prompt: "Kennung:"    # how the line ends at which a login asks for the user, or regexp: and an expression
  password_prompt: "Losung:"  # likewise, for the password
  power: relays.main          # path of the power driver
  line_end: cr                # what the board takes for Enter: lf, cr or crlf
timing:                       # time limits and pauses of this board, see client/timing.py
  boot_timeout: 10 min
  echo_timeout: 2 s
states:
  recovery:
    detect: "recovery#"       # how the last line on the console ends then, or regexp: and a regular expression
    nudge: "\x15\n"           # what makes it show itself again (default: Ctrl-U and a comment), or none
    timeout: 60 s             # for each way that leads to it
    enter:                    # from which state it can be entered, and how; any means from everywhere
      bootloader:
      - uboot: setenv bootargs console=ttyS0 recovery
      - boot: run bootcmd
      - wait: Entering recovery
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from JumpstarterLibrary.client.boot.actions import make_action, one_after_another
from JumpstarterLibrary.client.boot.context import BootSettings
from JumpstarterLibrary.client.boot.keys import key_bytes
from JumpstarterLibrary.client.boot.model import (
    ANY,
    BOOTING,
    NUDGE,
    OFF,
    STARTING,
    STEP_S,
    UNKNOWN,
    State,
    TransitionRule,
)
from JumpstarterLibrary.client.pattern import Pattern, line_ending_with
from JumpstarterLibrary.client.timing import Timing
from JumpstarterLibrary.common.config_reader import ConfigReader
from JumpstarterLibrary.common.durations import read_duration
from JumpstarterLibrary.common.values import InvalidSetting, InvalidValue, filled_text, filled_texts, shown, within
from JumpstarterLibrary.errors import UsageError

_SETTINGS: dict[str, Callable[[object], Any]] = {
    "prompt": filled_text,
    "boot": filled_texts,
    "off_time": read_duration,
    "user": filled_text,
    "power": filled_text,
    "login_prompt": lambda value: line_ending_with(filled_text(value)),
    "password_prompt": lambda value: line_ending_with(filled_text(value)),
    "line_end": lambda value: _line_end(filled_text(value)),
}
_INTERRUPTION: dict[str, Callable[[object], Any]] = {
    "key": lambda value: key_bytes(filled_text(value)),
    "pattern": lambda value: str(value if value == "" else Pattern(filled_text(value))),
    "interval": read_duration,
}
_LINE_ENDS = {"lf": b"\n", "cr": b"\r", "crlf": b"\r\n"}
_FIELDS = {"boot": "commands"}
_STATE = ("detect", "nudge", "timeout", "cost", "enter")


@dataclass(frozen=True)
class StatesFile:
    """Content of a states file.

    Attributes:
        settings: How the board boots: the settings that it was read for, changed.
        timing: The board's time limits and pauses: those that it was read for, changed; None if it does not change any.
        states: States of its own.
        ways: How to get there.
    """

    settings: BootSettings
    timing: Timing | None
    states: tuple[State, ...]
    ways: tuple[TransitionRule, ...]


def read_states(path: Path, settings: BootSettings, timing: Timing, known: Iterable[str]) -> StatesFile:
    """Read a file.

    Args:
        path: The file.
        settings: The settings that it changes.
        timing: The timing that it changes.
        known: The states that there are already.

    Raises:
        ConfigurationError: It cannot be read, or does not say what it should.
    """
    # Only a test with such a file pays for the import.
    from JumpstarterLibrary.common.yaml_files import read_yaml

    file = read_yaml(path, "The states file", empty=False)
    with file.located():
        return _parsed(ConfigReader(file.content, ""), settings, timing, known)


def user_state(name: str, detect: str, nudge: bytes | None = NUDGE) -> State:
    """Return a state.

    Args:
        name: Its name.
        detect: How the last line on the console ends then, or ``regexp:`` and a regular expression that it matches.
        nudge: What makes it show itself again; None if it is recognised without that.

    Raises:
        UsageError: The name is taken by the library, or the pattern is none.
    """
    if name in (OFF, ANY, UNKNOWN, STARTING, BOOTING, ""):
        raise UsageError(f"{shown(name)} cannot be the name of a state of one's own")
    return State(name, line_ending_with(detect), nudge, ended=nudge is None)


def _parsed(reader: ConfigReader, settings: BootSettings, timing: Timing, known: Iterable[str]) -> StatesFile:
    reader.only("settings", "timing", "states")
    defined = [name for name, state in reader.tables("states") if state.has("detect")]
    names = list(dict.fromkeys([*known, *defined, ANY]))
    states: list[State] = []
    ways: list[TransitionRule] = []
    for name, state in reader.tables("states"):
        _add_state(name, state, names, states, ways)
    given, limits = reader.table("settings"), reader.mapping("timing")
    given.only(*_SETTINGS, *_INTERRUPTION)
    if given.has("off_time") and "power_off_time" in limits:
        raise given.error("off_time", "the timing 'power_off_time' is the same. Leave one of the two out.")
    for name, value in limits.items():
        with within(f"timing.{name}"):
            if value is not None:
                read_duration(value)
            Timing.of({name: value}, timing)
    with within("timing"):
        own = Timing.of(limits, timing) if limits else None
    return StatesFile(_settings(reader.mapping("settings"), settings), own, tuple(states), tuple(ways))


def _settings(given: Mapping[str, object], settings: BootSettings) -> BootSettings:
    values: dict[str, Any] = {}
    for name, value in given.items():
        with within(f"settings.{name}"):
            values[name] = {**_SETTINGS, **_INTERRUPTION}[name](value)
    interruption = {name: value for name, value in values.items() if name in _INTERRUPTION}
    return dataclasses.replace(
        settings,
        interruption=dataclasses.replace(settings.interruption, **interruption),
        **{_FIELDS.get(name, name): value for name, value in values.items() if name in _SETTINGS},
    )


def _line_end(name: str) -> bytes:
    if (end := _LINE_ENDS.get(name.lower())) is None:
        raise InvalidValue(f"one of {', '.join(_LINE_ENDS)}", shown(name))
    return end


def _add_state(
    name: str, given: ConfigReader, known: list[str], states: list[State], ways: list[TransitionRule]
) -> None:
    given.only(*_STATE)
    if given.has("detect"):
        detect, nudge = given.filled_text("detect"), given.filled_text("nudge") or NUDGE.decode()
        with within(given.where):
            states.append(user_state(name, detect or "", None if nudge == "none" else nudge.encode()))
    limit, cost = given.duration("timeout", STEP_S), given.number("cost", TransitionRule.cost)
    if cost < 0:
        raise given.error("cost", f"a number from 0 on is needed, not {cost:g}.")
    for source, items in given.mapping("enter").items():
        place = f"{given.where}.enter.{source}"
        if name not in known:
            raise InvalidSetting(given.where, f"there is no state {shown(name)}. Define it with detect.")
        if source not in known:
            raise InvalidSetting(place, f"there is no state {shown(source)}. Known: {', '.join(known)}.")
        if not isinstance(items, list) or not items:
            raise InvalidSetting(place, "a list of actions is needed.")
        actions = []
        for position, item in enumerate(items):
            with within(f"{place}[{position}]"):
                actions.append(make_action(item))
        ways.append(TransitionRule(source, name, one_after_another(actions), cost, limit))
