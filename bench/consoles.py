"""Rows about consoles: a needle at the end of much output, memory and completeness, and how late a keyword is.

The exporter is one of ours, in a process of its own; its serial port says lines like those of a boot, 64 KiB at once.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

from bench.processes import Setting, SubjectProcess, subject
from bench.rows import Row, Target
from bench.wire import MIB

SIZE = 100_000_000
LITERAL = "needle 4711"
REGEXP = r"regexp:needle (\d+) is"

SMALL = 5_000_000
"""Bytes that pexpect is tried with: it takes the longer for each byte the more there are, and 100 MB never end."""

LARGE = 1_000_000_000
CLIENTS = {"ours": "ours_console", "upstream": "upstream_console", "bare": "bare_console"}


def consoles(setting: Setting, rounds: int = 3, pings: int = 500) -> Iterator[Row]:
    """Measure all of it."""
    with subject(setting, "talker", "") as exporter, ExitStack() as stack:
        host = exporter.do("start")["value"]
        clients = {who: stack.enter_context(subject(setting, name, host)) for who, name in CLIENTS.items()}
        alone = stack.enter_context(subject(setting, "ours_console", "here"))
        for client in (*clients.values(), alone):
            client.do("connect")
        yield from _searches(clients, alone, rounds)
        yield from _small_searches(clients)
        yield from latency_rows(alone.do("latencies", str(pings))["value"])
    yield from _flood(setting)


def _searches(clients: Mapping[str, SubjectProcess], alone: SubjectProcess, rounds: int) -> Iterator[Row]:
    for name, pattern, limit in (("a text", LITERAL, 2.0), ("a regular expression", REGEXP, 4.0)):
        who = {"ours": clients["ours"]} | ({"bare": clients["bare"]} if pattern == LITERAL else {})
        figures = {client: _median(process, pattern, rounds) for client, process in who.items()}
        together = _median(alone, pattern, rounds)
        target = Target(f"<= {limit:g}", figures["ours"], limit)
        yield Row(f"100 MB of console, {name} at its end", "s", figures, (target,))
        target = Target(f"<= {limit:g}", together, limit)
        yield Row("the same with the exporter in the process", "s", {"ours": together}, (target,))


def _median(process: SubjectProcess, pattern: str, rounds: int) -> float:
    return statistics.median([float(process.do("search", str(SIZE), pattern)["value"]) for _ in range(rounds)])


def _small_searches(clients: Mapping[str, SubjectProcess]) -> Iterator[Row]:
    """Yield rows with pexpect beside ours."""
    for name, pattern in (("a text", LITERAL), ("a regular expression", REGEXP)):
        figures = {who: clients[who].do("search", str(SMALL), pattern)["value"] * 1000 for who in ("ours", "upstream")}
        ratio = figures["upstream"] / figures["ours"]
        target = Target("pexpect >= 1 x ours", ratio, 1, True)
        yield Row(f"5 MB of console, {name}; upstream: pexpect", "ms", figures, (target,))


def latency_rows(seconds: list[float]) -> Iterator[Row]:
    """Yield rows for the times from a byte at the exporter to the keyword that has waited for it."""
    found = sorted(value * 1000 for value in seconds)
    median, late = statistics.median(found), found[int(len(found) * 0.99)]
    yield Row("byte at the exporter to keyword passed", "ms", {"ours": median}, (Target("<= 5", median, 5.0),))
    yield Row("the same, 99th percentile", "ms", {"ours": late}, (Target("<= 25", late, 25.0),))


def _flood(setting: Setting) -> Iterator[Row]:
    """Yield the row about memory, for a client that has seen no console before."""
    with subject(setting, "talker", "") as exporter:
        host = exporter.do("start")["value"]
        with subject(setting, "ours_console", host) as client:
            client.do("connect")
            answer = client.do("search", str(LARGE), LITERAL)
            same = client.do("transcript")["value"] == exporter.do("sha256")["value"]
    peak = (answer["peak"] - answer["idle"]) / MIB
    yield Row("memory over idle, 1 GB of console", "MiB", {"ours": peak}, (Target("<= 48", peak, 48),))
    target = Target("transcript complete: 1", float(same), 1, True)
    yield Row("the same, time", "s", {"ours": answer["value"]}, (target,))
