r"""States of one's own, from a YAML file.

settings:                     # how the board boots; everything may be left out
  prompt: "=>"                # what the boot loader's prompt begins with
  key: space                  # what stops the boot
  pattern: autoboot           # what is said when it can be stopped
  interval: 100 ms            # from one key to the next
  boot: [boot]                # U-Boot commands that start a system; without them the board may boot by itself
  off_time: 2 s               # without power in a power cycle
  user: root                  # who logs in; passwords are no matter for files
  power: relays.main          # path of the power driver
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
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from JumpstarterLibrary.client.boot.actions import make_action, one_after_another
from JumpstarterLibrary.client.boot.context import Settings
from JumpstarterLibrary.client.boot.keys import key_bytes
from JumpstarterLibrary.client.boot.model import ANY, BOOTING, NUDGE, OFF, STARTING, STEP_S, UNKNOWN, State, Way
from JumpstarterLibrary.client.boot.reading import Unfit, duration, number, text, texts
from JumpstarterLibrary.client.pattern import REGEXP_PREFIX, Pattern
from JumpstarterLibrary.client.timing import Timing
from JumpstarterLibrary.errors import ConfigurationError, UsageError

_SETTINGS: dict[str, Callable[[object], Any]] = {
    "prompt": text,
    "boot": texts,
    "off_time": duration,
    "user": text,
    "power": text,
}
_INTERRUPTION: dict[str, Callable[[object], Any]] = {
    "key": lambda value: key_bytes(text(value)),
    "pattern": lambda value: str(value if value == "" else Pattern(text(value))),
    "interval": duration,
}
_FIELDS = {"boot": "commands"}
_STATE = ("detect", "nudge", "timeout", "cost", "enter")


@dataclass(frozen=True)
class StatesFile:
    """What a file says.

    Attributes:
        settings: How the board boots: the settings that it was read for, changed.
        timing: The board's time limits and pauses: those that it was read for, changed; None if it does not change any.
        states: States of its own.
        ways: How to get there.
    """

    settings: Settings
    timing: Timing | None
    states: tuple[State, ...]
    ways: tuple[Way, ...]


def read_states(path: Path, settings: Settings, timing: Timing) -> StatesFile:
    """Read a file.

    Args:
        path: The file.
        settings: The settings that it changes.
        timing: The timing that it changes.

    Raises:
        ConfigurationError: It cannot be read, or does not say what it should.
    """
    import yaml  # only those who have such a file need it

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"The states file '{path}' cannot be read: {error.strerror}. Check its path."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The states file '{path}' is no YAML: {error}") from error
    try:
        return _parsed(content, settings, timing)
    except (Unfit, UsageError) as error:
        raise ConfigurationError(f"The states file '{path}' cannot be used: {str(error).rstrip('.')}.") from error


def own_state(name: str, detect: str, nudge: bytes | None = NUDGE) -> State:
    """Return a state.

    Args:
        name: Its name.
        detect: How the last line on the console ends then, or ``regexp:`` and a regular expression that it matches.
        nudge: What makes it show itself again; None if it is recognised without that.

    Raises:
        UsageError: The name is taken by the library, or the pattern is none.
    """
    if name in (OFF, ANY, UNKNOWN, STARTING, BOOTING, ""):
        raise UsageError(f"'{name}' cannot be the name of a state of one's own")
    Pattern(detect)
    literal = rf"{re.escape(detect.rstrip())} *$"
    expression = detect.removeprefix(REGEXP_PREFIX) if detect.startswith(REGEXP_PREFIX) else literal
    return State(name, re.compile(expression), nudge, ended=nudge is None)


def _parsed(content: object, settings: Settings, timing: Timing) -> StatesFile:
    parts = _mapping(content, "the file", ("settings", "timing", "states"))
    states: list[State] = []
    ways: list[Way] = []
    for key, value in _mapping(parts.get("states") or {}, "'states'").items():
        name = _name(key)
        try:
            _add_state(name, value, states, ways)
        except Unfit as error:
            raise Unfit(f"state '{name}': {error}") from error
    given = _mapping(parts.get("settings") or {}, "'settings'", (*_SETTINGS, *_INTERRUPTION))
    limits = _mapping(parts.get("timing") or {}, "'timing'")
    if "off_time" in given and "power_off_time" in limits:
        raise Unfit("setting 'off_time' and the timing 'power_off_time' are the same. Leave one of the two out")
    own = Timing.of(limits, timing) if limits else None
    return StatesFile(_settings(given, settings), own, tuple(states), tuple(ways))


def _settings(given: Mapping[str, object], settings: Settings) -> Settings:
    values: dict[str, Any] = {}
    for name, value in given.items():
        try:
            values[name] = {**_SETTINGS, **_INTERRUPTION}[name](value)
        except Unfit as error:
            raise Unfit(f"setting '{name}': {error}") from error
    interruption = {name: value for name, value in values.items() if name in _INTERRUPTION}
    return dataclasses.replace(
        settings,
        interruption=dataclasses.replace(settings.interruption, **interruption),
        **{_FIELDS.get(name, name): value for name, value in values.items() if name in _SETTINGS},
    )


def _add_state(name: str, content: object, states: list[State], ways: list[Way]) -> None:
    given = _mapping(content, "it", _STATE)
    if "detect" in given:
        nudge = given.get("nudge", NUDGE.decode())
        states.append(own_state(name, text(given["detect"]), None if nudge == "none" else text(nudge).encode()))
    limit = duration(given.get("timeout", STEP_S))
    cost = number(given.get("cost", Way.cost))
    for key, items in _mapping(given.get("enter") or {}, "'enter'").items():
        source = _name(key)
        if not isinstance(items, list) or not items:
            raise Unfit(f"the way from '{source}' is a list of actions")
        try:
            actions = [make_action(item) for item in items]
        except Unfit as error:
            raise Unfit(f"the way from '{source}': {error}") from error
        ways.append(Way(source, name, one_after_another(actions), cost, limit))


def _name(key: object) -> str:
    """Return a state's name; YAML takes ``off`` for a truth value."""
    return OFF if key is False else str(key)


def _mapping(value: object, what: str, known: tuple[str, ...] = ()) -> Mapping[Any, Any]:
    if not isinstance(value, dict):
        raise Unfit(f"{what} is a mapping, not {value!r}")
    for name in value:
        if known and name not in known:
            raise Unfit(f"{what} has no '{name}', only {', '.join(known)}")
    return value
