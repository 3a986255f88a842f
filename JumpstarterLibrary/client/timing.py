"""Time limits and pauses that slow boards need longer, gathered in one value for each device."""

from __future__ import annotations

import dataclasses
import datetime
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from JumpstarterLibrary.common.durations import read_duration
from JumpstarterLibrary.common.values import InvalidValue, shown
from JumpstarterLibrary.errors import ConfigurationError

EXAMPLE = "login_timeout=5 min, echo_timeout=2 s"

MATCH_SHARE = 1 / 3
"""Part of ``prompt_settle`` after which a match at the very end of the output is final."""

SETTLE_LIMIT_S = 1.0
"""How long a console that does not pause is waited for at least."""

Duration = float | datetime.timedelta | str
"""A length of time as users write it; see ``durations.parse_duration``."""


def _field(default: float | None, meaning: str, longer_for: str) -> Any:
    """Return a field with its documentation: what it means, and what needs it longer."""
    return dataclasses.field(default=default, metadata={"meaning": meaning, "longer_for": longer_for})


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Time limits and pauses of a device and its consoles, in seconds.

    The defaults suit boards that answer at once. A slow board, an emulated one, or one at the end of a slow line needs
    some of them longer. Values may also be given as a timedelta or as text, such as ``2 min``. The fields are described
    where they are defined, for the manual and ``docs/timing.md``; see also ``docs/adr/0018``.
    """

    connect_timeout: float = _field(
        30.0, "until the first answer of an exporter that is not leased", "slow ways to the lab"
    )
    exporter_silence: float = _field(
        30.0,
        "how long an exporter may answer nothing, not even the question for its status, before it is lost: what runs "
        "on it then ends with an error",
        "drivers that keep their whole exporter busy",
    )
    power_timeout: float = _field(
        600.0,
        "until power is switched: ``Power On``, ``Power Off``, and each of both for ``Power Cycle``",
        "virtual devices that take longer to start",
    )
    transfer_silence: float = _field(
        30.0, "how long a download may bring nothing after its driver has reported success", "slow ways to the lab"
    )
    write_timeout: float = _field(
        30.0, "until typed text has been taken: ``Write To Console``", "long texts on slow lines or with ``char_delay``"
    )
    char_delay: float = _field(0.0, "pause between two typed characters", "boards and lines that lose characters")
    echo_timeout: float = _field(
        0.5,
        "how long the echo of what was typed may make no progress",
        "boards on which lines are typed again although they were on their way",
    )
    prompt_settle: float = _field(
        0.15,
        "silence after which the end of the output is complete: what looks like a prompt is one",
        "output with pauses within a line",
    )
    nudge_delay: float = _field(
        1.2,
        "silence after which a board that should show a prompt is nudged",
        "systems that pause while they run, for example between user name and password",
    )
    answer_timeout: float = _field(
        2.0,
        "how long a prompt may take to show itself again after a nudge or Ctrl-C, and a shell to begin with a command",
        "boards that run and are found in state ``unknown``",
    )
    probe_timeout: float = _field(
        10.0, "how long a shell may take to prove that it is one, by running ``true``", "very slow processors"
    )
    command_timeout: float = _field(
        30.0, "until a shell command is done: ``Run Command``; until a shell has ended", "slow processors"
    )
    login_timeout: float = _field(
        120.0, "until a user is logged in: ``Log In To Console``", "systems that boot or log in slowly"
    )
    uboot_prompt_timeout: float = _field(
        5.0,
        "how long U-Boot may take to show its prompt again, or for the first time once it was stopped",
        "boot loaders that are busy then",
    )
    uboot_command_timeout: float = _field(
        60.0,
        "until a command of U-Boot is done: ``Run U-Boot Command``, its variables and ``U-Boot DHCP``",
        "slow storage or a slow network",
    )
    interrupt_timeout: float = _field(
        30.0, "until the boot loader is stopped at its prompt: ``Interrupt Boot``", "long firmware"
    )
    boot_timeout: float = _field(
        120.0,
        "until a system is up: ``Boot From U-Boot``; one that is seen in the middle of its boot has half of it",
        "systems that boot slowly",
    )
    boot_silence: float = _field(
        10.0,
        "how long a board that was switched on may say nothing, and is still taken to boot; how long a countdown may "
        "stand still, and is still waited for; how long a shell may be silent after a login before it is nudged",
        "late first output, quiet kernels, slow profiles",
    )
    unlock_timeout: float = _field(
        2.0,
        "how long a disk's passphrase may be asked for before that is an error",
        "boards that unlock their disks by themselves, from a TPM or a server",
    )
    state_timeout: float = _field(
        180.0,
        "until a device is in another state, all steps together: ``Ensure Device State``",
        "boards for which the limit of a step is raised",
    )
    power_off_time: float | None = _field(
        None,
        "how long a board stays without power in a power cycle; without it 2 seconds, and none where "
        "``Ensure Device State`` knows that the board is emulated",
        "boards that keep their charge",
    )
    trace_silence: float = _field(
        1.0,
        "silence after which the trace of a board that dies is whole; a new boot ends it, too, or a minute",
        "boards that pause while they die",
    )

    def __post_init__(self) -> None:
        """Take values as users write them.

        Raises:
            ConfigurationError: One of them is no length of time.
        """
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not None or field.default is not None:
                object.__setattr__(self, field.name, _seconds(field.name, value))

    @classmethod
    def of(cls, source: TimingSource, base: Timing | None = None) -> Timing:
        """Return the timing that a user has given.

        Args:
            source: A timing; or a mapping or a text such as ``login_timeout=5 min, echo_timeout=2 s``, which change
                some fields only; None changes nothing.
            base: What is changed. Default: the defaults.

        Raises:
            ConfigurationError: There is no such field, or a value is no length of time.
        """
        base = base or cls()
        given: Iterable[tuple[object, Duration]]
        match source:
            case None:
                return base
            case Timing():
                return source
            case str():
                given = _split(source)
            case Mapping():
                given = source.items()
            case _:
                raise ConfigurationError(f"A timing is a mapping, or a text such as '{EXAMPLE}', not {source!r}.")
        changes: dict[str, Duration] = {}
        for spelt, value in given:
            name = _field_name(spelt)
            if name in changes:
                raise ConfigurationError(f"The timing gives '{name}' twice. Leave one of the two out.")
            changes[name] = value
        return dataclasses.replace(base, **changes)  # type: ignore[arg-type]  # made seconds by the new timing

    # What follows from the fields

    @property
    def match_settle(self) -> float:
        """Seconds of silence after which a match at the very end of the output is final."""
        return self.prompt_settle * MATCH_SHARE

    @property
    def settle_limit(self) -> float:
        """Seconds that the end of the output is waited for where it never is complete."""
        return max(SETTLE_LIMIT_S, 4 * self.prompt_settle)

    @property
    def look_time(self) -> float:
        """Seconds that a console is looked at before it counts what it shows; longer than a nudge is waited for."""
        return 2.5 * self.nudge_delay


TimingSource = Timing | Mapping[str, Duration] | str | None
"""A timing as users give it; see ``Timing.of``."""


def _split(text: str) -> Iterator[tuple[str, str]]:
    """Yield the names and values of a text: ``name = value``, divided by commas or line ends."""
    for item in re.split("[,\n]", text):
        if not item.strip():
            continue
        name, sign, value = item.partition("=")
        if not sign:
            raise ConfigurationError(f"The timing {shown(item.strip())} has no value. Give one such as {EXAMPLE}.")
        yield name, value.strip()


def _field_name(spelt: object) -> str:
    """Return the name of a field, however its words are joined."""
    name = re.sub("[ -]", "_", str(spelt).strip().lower())
    known = [field.name for field in dataclasses.fields(Timing)]
    if name in known:
        return name
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    raise ConfigurationError(f"A timing has no {shown(str(spelt).strip())}.{hint} It has: {', '.join(sorted(known))}.")


def _seconds(name: str, value: object) -> float:
    try:
        return read_duration(value)
    except InvalidValue as error:
        raise ConfigurationError(f"The timing '{name}' {error}.") from None


def describe_timing() -> list[tuple[str, str, str, str]]:
    """Return the fields for documentation: name, default, meaning, and what needs it longer."""
    return [
        (
            field.name,
            "none" if field.default is None else f"{field.default:g} s",
            field.metadata["meaning"],
            field.metadata["longer_for"],
        )
        for field in dataclasses.fields(Timing)
    ]
