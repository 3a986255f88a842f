"""How faults are found, read, begun and undone."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from JumpstarterLibrary.common.values import InvalidValue
from JumpstarterLibrary.errors import ConfigurationError, UsageError
from JumpstarterLibrary.lab import Clock, VirtualLab, labfile
from JumpstarterLibrary.lab.faults import FAULTS, describe_faults, find, parse_fault, read_options
from JumpstarterLibrary.lab.faults.options import count, names, seconds, share, size, text

Eventually = Callable[[Callable[[], object]], None]


TIME = "a length of time from 0 seconds to 365 days, such as 90 (seconds), '500 ms', '1h30m' or 'PT1H30M'"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2, 2.0),
        (0, 0.0),
        (0.5, 0.5),
        (timedelta(minutes=1), 60.0),
        ("2", 2.0),
        ("2 s", 2.0),
        ("150 ms", 0.15),
        ("1 min 30 s", 90.0),
        ("1h", 3600.0),
        ("PT1M", 60.0),
        (" 1.5 Days ", 129600.0),
    ],
)
def test_times(value: object, expected: float) -> None:
    assert seconds(value) == expected


@pytest.mark.parametrize("value", [-1, "-1", "soon", "", "2 parsecs", True, [], float("inf"), timedelta(seconds=-1)])
def test_what_is_no_time(value: object) -> None:
    with pytest.raises(InvalidValue) as caught:
        seconds(value)
    assert caught.value.needed == TIME


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (count, "3", 3),
        (count, 3.0, 3),
        (size, 4096, 4096),
        (size, "5 MiB", 5 * 1024**2),
        (size, "2kB", 2000),
        (share, "1%", 0.01),
        (share, 0.25, 0.25),
        (text, "a b", "a b"),
        (names, ["a", "b"], "a,b"),
        (names, "a", "a"),
    ],
)
def test_other_kinds(kind: Callable[[object], Any], value: object, expected: object) -> None:
    assert kind(value) == expected


@pytest.mark.parametrize(
    ("kind", "value", "refused"),
    [
        (count, 0, "0"),
        (count, 1.5, "1.5"),
        (count, float("nan"), "nan"),
        (count, 10**400, "a number that is too large"),
        (count, True, "true or false"),
        (count, "many", "'many'"),
        (count, None, "nothing"),
        (size, "5 parsecs", "'5 parsecs'"),
        (size, "much", "'much'"),
        (size, 0, "0"),
        (size, "0 MiB", "'0 MiB'"),
        (size, "9" * 400, f"'{'9' * 40}…'"),
        (size, "9" * 5000, f"'{'9' * 40}…'"),
        (share, 0, "0"),
        (share, "200%", "'200%'"),
        (share, "a lot", "'a lot'"),
        (share, False, "true or false"),
        (text, 5, "5"),
        (names, 5, "5"),
        (names, ["a", 5], "a list"),
    ],
)
def test_what_they_are_not(kind: Callable[[object], Any], value: object, refused: str) -> None:
    needed = {
        count: "a whole number from 1 on",
        size: "a number of bytes such as 4096 or '5 MiB'",
        share: "a share such as 0.01 or '1%'",
        text: "a text",
        names: "one name, or several separated by commas",
    }
    with pytest.raises(InvalidValue) as caught:
        kind(value)
    assert str(caught.value) == f"must be {needed[kind]}, not {refused}"


def test_options_have_defaults_and_forgive_spelling() -> None:
    fault = find("Exporter", "hook_fails")
    assert read_options(fault.options, {"for_": "2 s", "on_failure": "ENDLEASE", "name": None}, "it") == {
        "name": "",
        "hook": "before",
        "on_failure": "endLease",
        "output": "the hook failed on request",
        "after": 0.0,
        "for": 2.0,
    }


@pytest.mark.parametrize(
    ("target", "fault", "options", "expected"),
    [
        (
            "toaster",
            "burn",
            {},
            "Nothing called 'toaster' can have a fault. There is: console, controller, driver, exporter, flash, lease, "
            "list-token, router, status, tls, token.",
        ),
        (
            "console",
            "burn",
            {},
            "There is no fault 'burn' of console. There is: close, garble, silence.",
        ),
        (
            "router",
            "drop",
            {"speed": 5},
            "The fault 'router drop' takes no option 'speed'. It takes: after, how.",
        ),
        (
            "router",
            "drop",
            {"for_": 5},
            "The fault 'router drop' takes no option 'for_'. It takes: after, how.",
        ),
        (
            "router",
            "drop",
            {"how": "loudly"},
            "The option 'how' of the fault 'router drop' must be one of reset, silent, not 'loudly'.",
        ),
        (
            "router",
            "drop",
            {"how": 5},
            "The option 'how' of the fault 'router drop' must be one of reset, silent, not 5.",
        ),
        (
            "router",
            "drop",
            {"after": "soon"},
            f"The option 'after' of the fault 'router drop' must be {TIME}, not 'soon'.",
        ),
        (
            "driver",
            "flood",
            {"size": float("inf")},
            "The option 'size' of the fault 'driver flood' must be a number of bytes such as 4096 or '5 MiB', not inf.",
        ),
    ],
)
def test_what_there_is_not(lab: VirtualLab, target: str, fault: str, options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{re.escape(expected)}$"):
        lab.inject(target, fault, **options)


def test_who_there_is_not(lab: VirtualLab) -> None:
    with pytest.raises(UsageError, match=r"^There is no exporter 'x'\. There is: virtual-1, virtual-2\.$"):
        lab.inject("exporter", "crash", name="virtual-1,x")
    with pytest.raises(UsageError, match=r"^There is no client 'x'\. There is: other, tester\.$"):
        lab.inject("token", "expire", name="x")
    with pytest.raises(UsageError, match=r"^There is no lease 'x'\. There is: none\.$"):
        lab.inject("lease", "expire", name="x")


def test_a_line_of_a_command() -> None:
    assert parse_fault("exporter crash after=5 name='a b'") == ("exporter", "crash", {"after": "5", "name": "a b"})
    assert parse_fault("router drop") == ("router", "drop", {})


@pytest.mark.parametrize("line", ["", "exporter", "exporter crash now", "after=5 exporter crash"])
def test_what_is_no_such_line(line: str) -> None:
    text = f"A fault is written as target, name and options, such as 'exporter crash after=5', not as {line!r}."
    with pytest.raises(ConfigurationError, match=f"^{re.escape(text)}$"):
        parse_fault(line)


def test_a_line_with_an_open_quote() -> None:
    with pytest.raises(ConfigurationError, match=r'^The fault "exporter \'" cannot be read: No closing quotation\.$'):
        parse_fault("exporter '")


def test_every_fault_is_described() -> None:
    described = describe_faults()
    assert [line[:2] for line in described] == sorted(FAULTS)
    for target, name, options, sentence in described:
        assert sentence[0].isupper(), (target, name)
        assert sentence.endswith("."), (target, name)
        assert "after=0 s" in options
        assert ("for=…" in options) == FAULTS[target, name].lasting
    assert ("exporter", "restart", "name=…, down=0 s, after=0 s") in [line[:3] for line in described]


def test_it_lasts_until_it_is_cleared(lab: VirtualLab) -> None:
    fault = lab.inject("router", "never-pair")
    assert repr(fault) == "<fault router never-pair>"
    assert (fault.active, fault.over, lab.router.behaviour.never_pair) == (True, False, True)
    fault.clear()
    fault.clear()
    assert (fault.active, fault.over, lab.router.behaviour.never_pair) == (False, True, False)


def test_it_lasts_as_long_as_the_block(lab: VirtualLab) -> None:
    with lab.inject("router", "never-pair"):
        assert lab.router.behaviour.never_pair
    assert not lab.router.behaviour.never_pair


def test_what_happens_once_is_over_at_once(lab: VirtualLab, eventually: Eventually) -> None:
    fault = lab.inject("router", "drop")
    eventually(lambda: fault.over)
    fault.clear()


def test_times_are_lab_time(eventually: Eventually, nothing_left: None) -> None:
    clock = Clock(scale=0)
    with VirtualLab(exporters=0, clock=clock) as lab:
        fault = lab.inject("router", "never-pair", after=timedelta(seconds=5), for_="10 s")
        assert (fault.active, fault.over) == (False, False)
        clock.advance(4)
        assert not fault.active
        clock.advance(1)
        eventually(lambda: lab.router.behaviour.never_pair)
        clock.advance(9)
        assert fault.active
        clock.advance(1)
        fault.wait(timeout=5)
        assert not lab.router.behaviour.never_pair


def test_it_can_be_cleared_before_it_begins(lab: VirtualLab) -> None:
    fault = lab.inject("exporter", "crash", after=3600)
    fault.clear()
    assert (fault.over, lab.exporters["virtual-1"].alive) == (True, True)


def test_what_fails_later_is_logged_and_told(
    lab: VirtualLab, caplog: pytest.LogCaptureFixture, eventually: Eventually
) -> None:
    fault = lab.inject("lease", "expire", after=0.01)
    eventually(lambda: fault.over)
    text = "There is no lease that has begun and not ended. Acquire one first."
    messages = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert messages == [f"The fault lease expire failed: {text}"]
    with pytest.raises(UsageError, match=f"^{re.escape(text)}$"):
        fault.clear()


def test_the_lab_ends_with_faults_in_it(nothing_left: None) -> None:
    with VirtualLab(exporters=2) as lab:
        faults = [
            lab.inject("exporter", "crash", name="virtual-1"),
            lab.inject("exporter", "offline", name="virtual-2"),
            lab.inject("controller", "silent"),
            lab.inject("router", "down"),
            lab.inject("exporter", "restart", after=3600),
            lab.inject("controller", "restart", down=3600, after=0.001),
        ]
    for fault in faults:
        fault.clear()
        assert fault.over


ROWS = {
    "exporter offline at request": ["exporter offline"],
    "exporter offline mid-lease": ["exporter offline"],
    "exporter crash (half-open)": ["exporter crash", "exporter pause", "router half-open"],
    "exporter restart": ["exporter restart"],
    "not listening yet": ["exporter not-listening"],
    "stuck Available": ["exporter stuck-available"],
    "listener buffer full": ["exporter buffer-full"],
    "lease expiry mid-call": ["lease expire"],
    "external release, transfer": ["lease release", "lease transfer"],
    "lease never satisfiable": ["lease unsatisfiable", "lease invalid", "exporter disabled"],
    "lease swap without idle message": ["lease swap"],
    "router refuses token": ["router refuse"],
    "router never pairs": ["router never-pair"],
    "router drop mid-stream": ["router drop", "router restart", "router down"],
    "slow router, frames cut, empty, odd": [
        "router slow",
        "router rechunk",
        "router empty-frames",
        "router odd-frames",
    ],
    "controller restart": ["controller restart", "controller down"],
    "controller slow": ["controller slow"],
    "bad tokens": ["token expire", "token invalid", "token wrong-kind", "token wrong-namespace"],
    "bad certificates": ["tls unknown-ca", "tls wrong-name", "tls plaintext", "tls expired"],
    "DNS, refused, black hole": ["controller unknown-host", "controller down", "controller silent"],
    "hook slow, failing": ["exporter hook-slow", "exporter hook-fails"],
    "status version gap": ["status gap"],
    "driver raises": ["driver raise"],
    "message too big": ["driver flood"],
    "CreateLease reply lost": ["controller lose-reply"],
    "DeleteLease fails": ["controller fail"],
    "duplicate lease id": ["lease duplicate"],
    "list token expired": ["list-token expire"],
    "old exporter, old controller": ["exporter old", "controller old"],
}
"""What a lab must be able to do to its users. Wrong passphrases are for standalone exporters, which no lab has. Too
many pings in a tunnel are refused by every session, with or without a fault."""


@pytest.mark.parametrize("row", ROWS)
def test_there_is_a_fault_for_it(row: str) -> None:
    for fault in ROWS[row]:
        assert tuple(fault.split(" ")) in FAULTS


def test_the_documentation_has_the_same_table() -> None:
    text = (Path(__file__).parents[3] / "docs" / "lab.md").read_text()
    table = text.partition("<!-- faults -->")[2].partition("<!-- end of faults -->")[0].strip().splitlines()
    expected = [f"| {target} | {name} | {what} | `{options}` |" for target, name, options, what in describe_faults()]
    assert table == ["| target | fault | what happens | options |", "|---|---|---|---|", *expected]


def test_the_documentation_has_the_same_example() -> None:
    text = (Path(__file__).parents[3] / "docs" / "lab.md").read_text()
    example = text.partition("```yaml\n")[2].partition("```")[0]
    assert example == dedent((labfile.__doc__ or "").partition("\n\n")[2])
