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
failing_patterns: [linux]     # presets and patterns that the console must never say
profiles:                     # for kinds of boards; what is above is for all of them
  rpi4:
    match: board=rpi4         # what the labels of the exporter have to meet
    exporter: "rpi4-*"        # and what it is called, perhaps; with neither it is for all other boards
    driver: serial            # path of the U-Boot or serial driver, where there are several
    settings: {prompt: "U-Boot>"}  # and the other keys as above
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from JumpstarterLibrary.client.boot.actions import make_action, one_after_another
from JumpstarterLibrary.client.boot.board import PROMPT
from JumpstarterLibrary.client.boot.builtin_transitions import builtin_states
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
from JumpstarterLibrary.client.consoles.presets import named_patterns
from JumpstarterLibrary.client.consoles.prompts import PromptSettings
from JumpstarterLibrary.client.pattern import Pattern, line_ending_with
from JumpstarterLibrary.client.profile import ChosenProfile, ProfileRule, choose_profile
from JumpstarterLibrary.client.selectors import parse_selector
from JumpstarterLibrary.client.timing import Timing
from JumpstarterLibrary.common.config_reader import ConfigReader
from JumpstarterLibrary.common.durations import read_duration
from JumpstarterLibrary.common.values import InvalidSetting, InvalidValue, filled_text, filled_texts, shown, within
from JumpstarterLibrary.errors import ConfigurationError, UsageError

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
_KEYS = ("settings", "timing", "states", "failing_patterns", "profiles")
_PROFILE_KEYS = ("match", "exporter", "driver", "settings", "timing", "states", "failing_patterns")
_STATE = ("detect", "nudge", "timeout", "cost", "enter")


@dataclass(frozen=True)
class StatesFile:
    """Content of a states file.

    Attributes:
        settings: How the board boots: the settings that it was read for, changed.
        timing: The board's time limits and pauses: those that it was read for, changed; None if it does not change any.
        states: States of its own.
        ways: How to get there.
        failing: What the console must never say: presets and patterns.
    """

    settings: BootSettings
    timing: Timing | None
    states: tuple[State, ...]
    ways: tuple[TransitionRule, ...]
    failing: tuple[str, ...] = ()


@dataclass(frozen=True)
class BoardProfile:
    """What a file says of the board of an exporter before its console is known.

    Attributes:
        chosen: The profile that is for it; None if the file has no profiles.
        driver: Path of its U-Boot or serial driver; None for the only one.
        only_timing: Whether the file says nothing of it but its timing.
        timing_of: Returns its timing, from one that is changed.
    """

    chosen: ChosenProfile | None
    driver: str | None
    only_timing: bool
    timing_of: Callable[[Timing], Timing]


def read_profile(path: Path, labels: Mapping[str, str], exporter: str) -> BoardProfile:
    """Read what a file says of the board of an exporter; the whole file is checked.

    Args:
        path: The file.
        labels: The labels of the exporter.
        exporter: The name of the exporter.

    Raises:
        ConfigurationError: It cannot be read, does not say what it should, or has no profile for the board, or several.
    """
    check_profiles(path)
    with _opened(path) as reader:
        parts, chosen = _parts(reader, labels, exporter)

        def timing_of(timing: Timing) -> Timing:
            for part in parts:
                timing = Timing.of(part.mapping("timing"), timing)
            return timing

        only_timing = not any(part.has(key) for part in parts for key in ("settings", "states", "failing_patterns"))
        return BoardProfile(chosen, parts[-1].filled_text("driver") if chosen else None, only_timing, timing_of)


def check_profiles(path: Path) -> None:
    """Check a whole file, all its profiles included.

    Raises:
        ConfigurationError: It cannot be read, or does not say what it should.
    """
    known = [state.name for state in builtin_states(PromptSettings(PROMPT))] + [OFF]
    with _opened(path) as reader:
        common = _part(reader, _KEYS, BootSettings(), Timing(), known)
        rules = [_rule(name, profile) for name, profile in reader.tables("profiles")]
        if reader.has("profiles") and not rules:
            raise reader.error("profiles", "there are none.")
        others = [rule.name for rule in rules if rule.is_default]
        if len(others) > 1:
            raise InvalidSetting(
                f"profiles.{others[1]}",
                f"'{others[0]}' is for all other boards, too. Give one of them match or exporter.",
            )
        for _, profile in reader.tables("profiles"):
            names = [*known, *(state.name for state in common.states)]
            _part(profile, _PROFILE_KEYS, common.settings, common.timing or Timing(), names)


def read_states(
    path: Path,
    settings: BootSettings,
    timing: Timing,
    known: Iterable[str],
    labels: Mapping[str, str] | None = None,
    exporter: str = "",
) -> StatesFile:
    """Read a file, with the profile in it that is for the board of an exporter.

    Args:
        path: The file.
        settings: The settings that it changes.
        timing: The timing that it changes.
        known: The states that there are already.
        labels: The labels of the board's exporter. Default: none.
        exporter: Its name. Default: an empty one.

    Raises:
        ConfigurationError: It cannot be read, or does not say what it should.
    """
    names, found = list(known), StatesFile(settings, None, (), ())
    with _opened(path) as reader:
        for part in _parts(reader, labels or {}, exporter)[0]:
            keys = _KEYS if part is reader else _PROFILE_KEYS
            more = _part(part, keys, found.settings, found.timing or timing, names)
            names += [state.name for state in more.states]
            replaced = {state.name for state in more.states}
            found = StatesFile(
                more.settings,
                more.timing or found.timing,
                (*more.states, *(state for state in found.states if state.name not in replaced)),
                (*found.ways, *more.ways),
                (*found.failing, *more.failing),
            )
    return found


@contextmanager
def _opened(path: Path) -> Iterator[ConfigReader]:
    # Only a test with such a file pays for the import.
    from JumpstarterLibrary.common.yaml_files import read_yaml

    file = read_yaml(path, "The states file", empty=False)
    with file.located():
        yield ConfigReader(file.content, "")


def _parts(
    reader: ConfigReader, labels: Mapping[str, str], exporter: str
) -> tuple[list[ConfigReader], ChosenProfile | None]:
    """Return what a file says of a board: for all boards, and in the profile that is chosen for it."""
    profiles = dict(reader.tables("profiles"))
    if not profiles:
        return [reader], None
    chosen = choose_profile([_rule(name, profile) for name, profile in profiles.items()], labels, exporter)
    return [reader, profiles[chosen.name]], chosen


def _rule(name: str, profile: ConfigReader) -> ProfileRule:
    match = profile.filled_text("match")
    with within(f"{profile.where}.match"):
        try:
            selector = None if match is None else parse_selector(match)
        except ConfigurationError as error:
            raise UsageError(error.facts) from None
    return ProfileRule(name, selector, profile.filled_text("exporter"))


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


def _part(
    reader: ConfigReader, keys: tuple[str, ...], settings: BootSettings, timing: Timing, known: Iterable[str]
) -> StatesFile:
    reader.only(*keys)
    defined = [name for name, state in reader.tables("states") if state.has("detect")]
    names = list(dict.fromkeys([*known, *defined, ANY]))
    states: list[State] = []
    ways: list[TransitionRule] = []
    for name, state in reader.tables("states"):
        _add_state(name, state, names, states, ways)
    given, limits = reader.table("settings"), reader.mapping("timing")
    limits_at = reader.table("timing").where
    given.only(*_SETTINGS, *_INTERRUPTION)
    if given.has("off_time") and "power_off_time" in limits:
        raise given.error("off_time", "the timing 'power_off_time' is the same. Leave one of the two out.")
    for name, value in limits.items():
        with within(f"{limits_at}.{name}"):
            if value is not None:
                read_duration(value)
            Timing.of({name: value}, timing)
    with within(limits_at):
        own = Timing.of(limits, timing) if limits else None
    return StatesFile(
        _settings(reader.mapping("settings"), given.where, settings), own, tuple(states), tuple(ways), _failing(reader)
    )


def _failing(reader: ConfigReader) -> tuple[str, ...]:
    patterns = reader.listed_texts("failing_patterns")
    for position, text in enumerate(patterns):
        with within(f"{reader.where}{'.' * bool(reader.where)}failing_patterns[{position}]"):
            named_patterns(text)
    return tuple(patterns)


def _settings(given: Mapping[str, object], place: str, settings: BootSettings) -> BootSettings:
    values: dict[str, Any] = {}
    for name, value in given.items():
        with within(f"{place}.{name}"):
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
