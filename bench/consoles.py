"""Rows about consoles: a needle at the end of much output, memory and completeness, and how late a keyword is.

The exporter is one of ours, in a process of its own; its serial port says lines like those of a boot, 64 KiB at once.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bench.processes import Setting, SubjectProcess, subject
from bench.rows import Row, Target
from bench.wire import MIB

SIZE = 100_000_000
LITERAL = "needle 4711"
REGEXP = r"regexp:needle (\d+) is"

SMALL = 5_000_000
"""Bytes that pexpect is tried with: it takes the longer for each byte the more there are, and 100 MB never end."""

LARGE = 1_000_000_000
PATTERNS = (("a text", LITERAL, 2.0), ("a regular expression", REGEXP, 4.0))
"""What is looked for, and the seconds in which it shall be found."""

FAILING = ((20, 3.0), (40, 3.0))
"""Numbers of failing patterns, and the seconds in which the text shall be found."""

TOGETHER = "here"
"""What the subject of our consoles is told where the exporter shall be in its own process."""


def search(setting: Setting, rounds: int = 3) -> Iterator[Row]:
    """Measure how soon something at the end of much output is found."""
    with _consoles(setting, "ours", "bare") as clients:
        for name, pattern, limit in PATTERNS:
            who = {"ours": clients["ours"]} | ({"bare": clients["bare"]} if pattern == LITERAL else {})
            figures = {client: _median(process, pattern, rounds) for client, process in who.items()}
            target = Target(f"<= {limit:g}", figures["ours"], limit)
            meaning = "A wait for the text while a serial port says 100 MB; the exporter is a process of its own."
            yield Row(f"100 MB of console, {name} at its end", meaning, "s", figures, (target,))


def failing(setting: Setting, rounds: int = 3) -> Iterator[Row]:
    """Measure how soon something at the end of much output is found while failing patterns are looked for."""
    with _consoles(setting, "ours") as clients:
        for count, limit in FAILING:
            clients["ours"].do("fail_on", str(count))
            seconds = _median(clients["ours"], LITERAL, rounds)
            target = Target(f"<= {limit:g}", seconds, limit)
            meaning = f"The same wait for the text while {count} regular expressions are failing patterns."
            yield Row(f"100 MB of console, {count} failing patterns", meaning, "s", {"ours": seconds}, (target,))


def search_together(setting: Setting, rounds: int = 3) -> Iterator[Row]:
    """Measure the same in one process with the exporter, as in virtual mode."""
    with subject(setting, "ours_console", TOGETHER) as client:
        client.do("connect")
        for name, pattern, limit in PATTERNS:
            seconds = _median(client, pattern, rounds)
            target = Target(f"<= {limit:g}", seconds, limit)
            meaning = "A wait for the text with the exporter in the client's process, as in virtual mode."
            yield Row(f"100 MB of console, {name}, one process", meaning, "s", {"ours": seconds}, (target,))


@contextmanager
def _consoles(setting: Setting, *names: str) -> Iterator[dict[str, SubjectProcess]]:
    """Start an exporter and connect clients to its console."""
    with subject(setting, "talker", "") as exporter, ExitStack() as stack:
        host = exporter.do("start")["value"]
        clients = {name: stack.enter_context(subject(setting, f"{name}_console", host)) for name in names}
        for client in clients.values():
            client.do("connect")
        yield clients


def _median(process: SubjectProcess, pattern: str, rounds: int) -> float:
    return statistics.median([float(process.do("search", str(SIZE), pattern)["value"]) for _ in range(rounds)])


def pexpect(setting: Setting) -> Iterator[Row]:
    """Measure pexpect beside ours."""
    with _consoles(setting, "ours", "upstream") as clients:
        for name, pattern, _ in PATTERNS:
            figures = {who: client.do("search", str(SMALL), pattern)["value"] * 1000 for who, client in clients.items()}
            target = Target("pexpect >= 1 x ours", figures["upstream"] / figures["ours"], 1, True)
            meaning = "A wait for the text in 5 MB, since pexpect takes the longer for each byte the more there are."
            yield Row(f"5 MB of console, {name}; upstream: pexpect", meaning, "ms", figures, (target,))


def latency(setting: Setting, pings: int = 500) -> Iterator[Row]:
    """Measure how late a keyword is."""
    with subject(setting, "ours_console", TOGETHER) as client:
        client.do("connect")
        yield from latency_rows(client.do("latencies", str(pings))["value"])


def latency_rows(seconds: list[float]) -> Iterator[Row]:
    """Yield rows for the times from a byte at the exporter to the keyword that has waited for it."""
    found = sorted(value * 1000 for value in seconds)
    median, late = statistics.median(found), found[int(len(found) * 0.99)]
    meaning = "From a line that the serial port says to `Console Should Contain` having passed; median."
    yield Row("byte at the exporter to keyword passed", meaning, "ms", {"ours": median}, (Target("<= 5", median, 5.0),))
    meaning = "One keyword in a hundred is later than this."
    yield Row("byte to keyword passed, 99th percentile", meaning, "ms", {"ours": late}, (Target("<= 25", late, 25.0),))


def memory(setting: Setting) -> Iterator[Row]:
    """Measure memory, for a client that has seen no console before."""
    with subject(setting, "talker", "") as exporter:
        host = exporter.do("start")["value"]
        with subject(setting, "ours_console", host) as client:
            client.do("connect")
            answer = client.do("search", str(LARGE), LITERAL)
            same = client.do("transcript")["value"] == exporter.do("sha256")["value"]
    peak = (answer["peak"] - answer["idle"]) / MIB
    meaning = "The most memory of the client while a serial port says 1 GB, less what it had before."
    yield Row("memory over idle, 1 GB of console", meaning, "MiB", {"ours": peak}, (Target("<= 48", peak, 48),))
    target = Target("transcript complete: 1", float(same), 1, True)
    meaning = "How long a wait for a text at the end of 1 GB takes; the transcript must have every byte."
    yield Row("1 GB of console, a text at its end", meaning, "s", {"ours": answer["value"]}, (target,))
