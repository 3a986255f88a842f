"""Failing patterns: found in lines, whatever the chunks; what belongs to one trouble is told once."""

from __future__ import annotations

import random

import pytest

from JumpstarterLibrary.client.consoles.failure_patterns import LINE_LIMIT, FailingPattern, FailurePatternMonitor
from JumpstarterLibrary.client.consoles.presets import preset_patterns
from JumpstarterLibrary.client.consoles.trace import LIMIT_S
from JumpstarterLibrary.errors import UsageError
from JumpstarterLibrary.types import FailingPreset

SILENCE_S = 1.0
"""Silence after which a trace is whole."""


class Watch:
    """A sentry, and the text that it hears."""

    def __init__(self, *patterns: str) -> None:
        self.sentry = FailurePatternMonitor(lambda: SILENCE_S)
        for pattern in patterns:
            self.sentry.register(pattern, [FailingPattern.of(pattern)])
        self.text = ""
        self.now = 100.0

    def hear(self, *pieces: str) -> str | None:
        """Return the line of the incident, if there is one."""
        for piece in pieces:
            self.text += piece
            self.sentry.hear(piece, len(self.text), self.now)
        incident = self.sentry.incident
        return incident and self.text[incident.line :].partition("\n")[0]


def test_nothing_is_looked_for_before_something_is_registered() -> None:
    watch = Watch()
    assert watch.hear("panic\n") is None
    watch.sentry.register("x", [FailingPattern.of("panic")])
    assert watch.hear("all is well\n") is None


def test_a_line_in_pieces() -> None:
    watch = Watch("regexp:^Kernel panic.*not")
    assert watch.hear("first\n[1] Kernel panic - not\nKer", "nel pa", "nic - no") is None
    assert watch.hear("t syncing\nmore\n") == "Kernel panic - not syncing"
    incident = watch.sentry.incident
    assert incident is not None
    assert watch.text[incident.start :] == "Kernel panic - not syncing\nmore\n"
    assert incident.pattern == "regexp:^Kernel panic.*not"


def test_a_pattern_is_not_found_across_lines() -> None:
    watch = Watch("Kernel panic")
    assert watch.hear("Kernel ", "\n", "panic\n") is None


def test_the_first_of_several_in_the_text_counts() -> None:
    watch = Watch("second", "regexp:fir.t", "first")
    watch.hear("a first and a second\n")
    assert watch.sentry.incident is not None
    assert watch.sentry.incident.pattern == "regexp:fir.t"


def test_what_belongs_to_one_trouble_is_one_incident() -> None:
    watch = Watch("panic")
    watch.hear("panic one\n")
    first = watch.sentry.incident
    watch.now += 0.4
    watch.hear("trace\nend panic\n")
    assert watch.sentry.incident is first
    watch.sentry.incident = None
    watch.now += 0.9
    assert watch.hear("panic still") is None
    watch.now += SILENCE_S + 0.1
    assert watch.hear("\n") is None, "it belongs to the trace, though the line is looked at again"
    assert first is not None
    assert watch.text[first.line : first.trace.end].endswith("panic still")
    assert watch.hear("panic again\n") == "panic again"


def test_a_trouble_without_a_pause_does_not_last_for_ever() -> None:
    watch = Watch("panic")
    watch.hear("panic one\n")
    watch.sentry.incident = None
    for _ in range(round(LIMIT_S / 0.4) + 1):
        watch.now += 0.4
        watch.hear("panic on and on\n")
    assert watch.sentry.incident is not None


def test_another_life_is_another_trouble() -> None:
    watch = Watch("panic")
    watch.hear("panic one\npan")
    watch.sentry.incident = None
    watch.sentry.restart()
    assert watch.hear("ic\n") is None
    assert watch.hear("panic two\n") == "panic two"


def test_patterns_are_taken_back() -> None:
    watch = Watch("panic", "oops")
    assert watch.sentry.names == ["panic", "oops"]
    assert watch.sentry.unregister("panic")
    assert not watch.sentry.unregister("panic")
    assert watch.hear("panic\n") is None
    assert watch.hear("oops\n") == "oops"
    assert watch.sentry.unregister()
    assert watch.sentry.incident is None
    assert not watch.sentry.unregister()


def test_a_very_long_line_costs_a_bounded_memory() -> None:
    watch = Watch("panic")
    for _ in range(100):
        watch.hear("x" * 1000)
    assert len(watch.sentry._line) <= LINE_LIMIT
    assert watch.hear("pan", "ic") is not None


@pytest.mark.parametrize("pattern", ["panic", r"regexp:^p\w+c$", "regexp:(?<=x )panic"])
def test_any_pieces_give_the_same_line(pattern: str) -> None:
    seed = random.randrange(2**32)
    source = random.Random(seed)
    words = ("pan", "ic", "\n", "\npanic\n", "x ", "panic", "pa\nnic", "y\n")
    expression = FailingPattern.of(pattern)
    for _ in range(300):
        text = "".join(source.choices(words, k=source.randint(1, 30))) + "\n"
        expected = next((line for line in text.split("\n") if expression.expression.search(line)), None)
        watch, rest = Watch(pattern), text
        while rest:
            # Whole lines: one whose end is still to come may look as if it had ended.
            cut = source.randint(1, len(rest)) if "$" not in pattern else rest.index("\n") + 1
            watch.hear(rest[:cut])
            rest = rest[cut:]
        assert watch.hear() == expected, f"seed {seed}, {text!r}"


def test_a_pattern_that_is_none() -> None:
    with pytest.raises(UsageError, match=r"^An empty pattern matches everything\."):
        FailingPattern.of("")
    with pytest.raises(UsageError, match=r"^'\(' is not a valid regular expression: "):
        FailingPattern.of("regexp:(")
    for text in ("regexp:.*", "regexp:(panic)?", "regexp:^"):
        with pytest.raises(UsageError) as caught:
            FailingPattern.of(text)
        assert str(caught.value) == (
            f"'{text}' matches an empty line, and every console has some. Give an expression that needs some text."
        )
    for text, told in (("regexp:panic\\nCall", "regexp:panic\\\\nCall"), ("panic\nCall", "panic\\nCall")):
        with pytest.raises(UsageError) as caught:
            FailingPattern.of(text)
        assert str(caught.value) == (
            f"'{told}' holds a line end, and failing patterns are looked for within a line. Give the text or "
            f"expression for one of the lines."
        )
    for text in (r"regexp:panic [^\n]*", r"regexp:panic\r?\n?", r"regexp:panic [^]\n]\n{0,2}", "literal:panic\\n"):
        assert list(FailingPattern.of(text).matches("panic 12\npanic\\n"))
    assert FailingPattern.of(r"regexp:C:\\new").expression.search(r"C:\new")


def test_what_is_typed_is_no_trouble_and_what_is_printed_is() -> None:
    watch = Watch("panic")
    watch.sentry.typing("grep panic /var/log")
    assert watch.hear("$ grep pan", "ic /var", "/log") is None
    watch.sentry.typing("")
    assert watch.hear("\r", "\n") is None
    assert watch.hear("Jan 1 kernel: panic\n") == "Jan 1 kernel: panic"


def test_trouble_while_something_is_typed_is_trouble() -> None:
    watch = Watch("regexp:Kernel panic.*")
    watch.sentry.typing("grep 'Kernel panic' log")
    assert watch.hear("$ grep 'Ker", "[   12.345678] Kernel panic - not syncing\n") == (
        "$ grep 'Ker[   12.345678] Kernel panic - not syncing"
    )


def test_what_is_said_behind_an_echo_is_trouble() -> None:
    watch = Watch("regexp:Kernel \\w+")
    watch.sentry.typing("grep 'Kernel panic' log")
    assert watch.hear("$ grep 'Kernel panic' log\n[   12.345678] Kernel stack is corrupted\n") == (
        "[   12.345678] Kernel stack is corrupted"
    )


def test_a_match_spans_no_lines_in_any_pieces() -> None:
    watch = Watch(r"regexp:panic\s+on", r"regexp:\d\s\d")
    assert watch.hear("panic\non\n1\n2\n", "panic  on\n") == "panic  on"
    assert watch.sentry.incident is not None
    assert watch.sentry.incident.pattern == r"regexp:panic\s+on"


SAVED = "[   12.345678] Kernel panic - not syncing: of the boot before\n[   12.345679] ---[ end Kernel panic ]---\n"


def test_what_a_command_prints_that_ends_with_a_status_is_no_trouble() -> None:
    said = f"JMP01234567B\n{SAVED}\nJMP01234567E:0:\n# "
    for size in (1, 7, 64, 1000):
        watch = Watch("Kernel panic")
        pieces = [said[begin : begin + size] for begin in range(0, len(said), size)]
        assert watch.hear(*pieces) is None
        assert watch.hear("Kernel panic\n") == "# Kernel panic", "it comes behind the command"


def test_a_saved_panic_is_not_taken_for_one_that_ended_no_wait() -> None:
    said = f"JMP01234567B\n{SAVED}\nJMP01234567E:0:\n# "
    for size in (1, 7, 64, 1000):
        watch = Watch()
        watch.hear(*(said[begin : begin + size] for begin in range(0, len(said), size)))
        assert watch.sentry.panic is None
    watch = Watch()
    watch.hear(SAVED, "JMP0123", "4567B\n", "JMP01234567E:0:\n")
    assert watch.sentry.panic is not None, "that command began behind it"


@pytest.mark.parametrize("patterns", [["Kernel panic"], []], ids=["watched", "not watched"])
@pytest.mark.parametrize("size", [1, 7, 64, 1000])
@pytest.mark.parametrize("begin", ["JMP{}01234567B\n", "JMP01{}234567B\n", "JMP0{}123{}4567B\n", "JMP01234567{}B\n"])
@pytest.mark.parametrize("end", ["JMP01234567E:0:\n", "JMP{}01234567E:0:\n", "JMP01{}234{}567E:{}0:\n"])
def test_messages_of_the_kernel_may_cut_the_markers_of_a_command(
    begin: str, end: str, size: int, patterns: list[str]
) -> None:
    message = "[  100.000001] usb 1-1: new device\n"
    said = f"{begin}{SAVED}\n{end}# ".replace("{}", message)
    watch = Watch(*patterns)
    assert watch.hear(*(said[at : at + size] for at in range(0, len(said), size))) is None
    assert watch.sentry.panic is None
    assert watch.hear("Kernel panic - not syncing\n") == ("# Kernel panic - not syncing" if patterns else None)


@pytest.mark.parametrize("begin", ["JMP012{}34567B\nJMP01234567E:1:\n", "JMP01234567B\nJMP012{}34567E:1:\n"])
def test_a_crash_that_cuts_a_marker_of_a_command_is_trouble(begin: str) -> None:
    said = begin.replace("{}", "[  100.000001] Kernel panic - not syncing\n")
    for size in (1, 7, 1000):
        watch = Watch("Kernel panic")
        incident = watch.hear(*(said[at : at + size] for at in range(0, len(said), size)))
        assert incident is not None
        assert incident.endswith("[  100.000001] Kernel panic - not syncing")


def test_what_a_command_prints_that_does_not_end_is_trouble() -> None:
    for said in (f"JMP01234567B\n{SAVED}", f"JMP01234567B\n{SAVED}JMP01234568E:0:\n", f"JMP01234567E:0:\n{SAVED}"):
        watch = Watch("Kernel panic")
        assert watch.hear(said) == SAVED.partition("\n")[0]


def test_what_came_before_a_command_is_trouble() -> None:
    watch = Watch("Kernel panic")
    assert watch.hear(f"{SAVED}JMP01234567B\n", "x\nJMP01234567E:0:\n") == SAVED.partition("\n")[0]


def test_a_message_of_the_kernel_while_a_command_runs_is_trouble() -> None:
    watch = Watch("Oops")
    watch.sentry.is_live = lambda line, _now: line.startswith("[   99.")
    oops = "[   99.000001] Oops: 0002 [#1] SMP"
    assert watch.hear(f"JMP01234567B\n[   12.000001] Oops: 0001 [#1] SMP\n{oops}\nKilled\nJMP01234567E:1:\n") == oops


def test_half_a_line_that_came_while_something_was_typed_is_kept() -> None:
    watch = Watch("Kernel panic")
    watch.sentry.typing("ls")
    watch.hear("ls\n[   12.345678] Kernel pa")
    watch.sentry.typing("")
    assert watch.hear("nic\n") == "[   12.345678] Kernel panic"


def test_a_crash_soon_after_another_and_a_silence_is_told() -> None:
    # A board that dies every four seconds, and says something else just before.
    watch = Watch("boom")
    for number in range(9):
        watch.hear(f"line of life {number}\n")
        watch.now += 0.1
        assert watch.hear(f"boom number {number}\n") == f"boom number {number}"
        watch.sentry.incident = None  # told
        watch.now += 4.0


def test_a_new_boot_ends_a_trouble_without_any_silence() -> None:
    watch = Watch("panic")
    watch.hear("panic one\ntrace\n")
    first = watch.sentry.incident
    assert first is not None
    watch.sentry.incident = None
    watch.now += 0.4
    assert watch.hear("the end of that panic\nU-Bo") is None
    assert watch.hear("ot 2024.01\npanic two\n") == "panic two"
    assert watch.text[first.line : first.trace.end] == "panic one\ntrace\nthe end of that panic\n"


def test_a_banner_before_the_crash_ends_nothing() -> None:
    watch = Watch("panic")
    watch.hear("U-Boot 2024.01\npanic one\n")
    watch.sentry.incident = None
    assert watch.hear("the end of that panic\n") is None


def test_a_panic_before_the_clock_runs_is_one_trouble_with_its_trace() -> None:
    watch = Watch("Kernel panic")
    stamp = "[    0.000000] "
    watch.hear(f"{stamp}Linux version 6.1.0\n{stamp}Kernel panic - not syncing: no init\n")
    first = watch.sentry.incident
    assert first is not None
    watch.sentry.incident = None
    assert watch.hear(f"{stamp}CPU: 0\n{stamp}---[ end Kernel panic - not syncing: no init ]---\n") is None
    assert not first.trace.closed


RESETTING = preset_patterns(FailingPreset.u_boot)


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("", "resetting ..."),
        ("reset", "resetting ..."),
        ("reset\n", None),
        ("reset\r", None),
        ("  reset -w\n", None),
        ("saveenv; reset\n", None),
        ("printenv reset\n", "resetting ..."),
        ("resets\n", "resetting ..."),
        ("reset\nbootd\n", "resetting ..."),
        ("reset\n\x15#\n\n", None),
        ("reset\x15version\n", "resetting ..."),
        ("\x03reset\n", None),
    ],
)
def test_a_reset_that_was_typed_is_no_trouble(sent: str, seen: str | None) -> None:
    watch = Watch()
    watch.sentry.register("u-boot", RESETTING)
    for character in sent:
        watch.sentry.sent(character)
    # In pieces, as a slow line brings it: what is half a line is looked at again.
    found = watch.hear("=> something\n", "resetting ...", "\n")
    assert found == seen
    # It provokes one reset, and not the next one.
    watch.sentry.incident = None
    watch.now += 60
    assert watch.hear("\nU-Boot 2024.01\n") is None
    assert watch.hear("resetting ...\n") == "resetting ..."
