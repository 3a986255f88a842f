"""Rows about leases: from a lease to a device, calls and transfers through the tunnel, many leases, the lab itself.

The lab is our virtual lab, in a process of its own, for both clients: TLS, a router, exporters with the same drivers.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from bench.processes import Setting, SubjectProcess, subject
from bench.rows import Row, Target
from bench.wire import IMAGE_SIZE, MIB, random_file, same

SELECTOR = "board=bench"
CLIENTS = ("ours", "upstream")
WAYS = ("direct", "tunnel")

WAKING = 20
"""Calls at the begin of each turn that are not measured: the lab sleeps while the ways without it are measured."""

MANY = 100
CROWD = 200


def usable(setting: Setting, rounds: int = 7, late_rounds: int = 3, late_s: float = 1.0) -> Iterator[Row]:
    """Measure the time from the moment at which the controller calls a lease ready to a device that takes calls."""
    with _lab(setting) as lab, ExitStack() as stack:
        clients = _clients(setting, stack)
        for client in clients.values():
            _lease(client, lab)  # what is done first in a process is done once
        at_once = _median_ms(_waits(clients, lab, rounds))
        lab.do("delay", str(late_s))
        late = _median_ms(_waits(clients, lab, late_rounds))
    meaning = "From the moment at which the controller calls a lease ready to a device that takes calls."
    yield Row("ready to usable, exporter free", meaning, "ms", at_once, (Target("<= 150", at_once["ours"], 150),))
    meaning = "From a lease that is ready to a usable device where the client has polled for it meanwhile."
    yield Row(f"ready to usable, after a wait of {late_s:g} s", meaning, "ms", late)


def calls(setting: Setting, rounds: int = 40, count: int = 50) -> Iterator[Row]:
    """Measure unary calls through a tunnel, and to the same drivers without one, in turns of some each."""
    with _lab(setting) as lab, subject(setting, "lab", str(setting.folder)) as exporter, ExitStack() as stack:
        host = exporter.do("serve", "simple")["value"]
        direct = {name: stack.enter_context(subject(setting, name, host)) for name in CLIENTS}
        tunnel = _clients(setting, stack)
        for process in direct.values():
            process.do("connect")
        for process in tunnel.values():
            _lease(process, lab, keep=True)
        groups = zip(WAYS, (direct, tunnel), strict=True)
        ways = {(way, name): process for way, group in groups for name, process in group.items()}
        times = _call_in_turns(ways, rounds, count)
        for process in tunnel.values():
            process.do("release")
    yield from call_rows({way: statistics.median(values) * 1e6 for way, values in times.items()})


def call_rows(micros: Mapping[tuple[str, str], float]) -> Iterator[Row]:
    """Yield the rows about calls.

    Args:
        micros: Microseconds of a call, by way, ``direct`` or ``tunnel``, and client.
    """
    direct, tunnel = ({name: micros[way, name] for name in CLIENTS} for way in WAYS)
    targets = (
        Target("<= 2.5 x without", tunnel["ours"] / direct["ours"], 2.5),
        Target("<= 0.85 x upstream", tunnel["ours"] / tunnel["upstream"], 0.85),
    )
    meaning = "One call of a power driver's `on`, on an exporter of ours over a unix socket."
    yield Row("unary call to the same drivers, no tunnel", meaning, "us", direct)
    meaning = "The call on a leased exporter, through the lab's router."
    yield Row("unary call through the tunnel", meaning, "us", tunnel, targets)


def uploads(setting: Setting, rounds: int = 3) -> Iterator[Row]:
    """Measure an upload of 256 MiB through a tunnel; what arrived is fetched and compared."""
    image, back = setting.folder / "image.bin", setting.folder / "back.bin"
    random_file(image)
    seconds: dict[str, list[float]] = {name: [] for name in CLIENTS}
    with _lab(setting) as lab, ExitStack() as stack:
        clients = _clients(setting, stack)
        for client in clients.values():
            _lease(client, lab, keep=True)
        for _ in range(rounds):
            for name, client in clients.items():
                seconds[name] += client.do("upload", str(image))["seconds"]
        for client in clients.values():
            client.do("download", str(back))
            same(image, back)
            client.do("release")
    rates = {name: IMAGE_SIZE / statistics.median(values) / 1e6 for name, values in seconds.items()}
    target = Target(">= 2 x upstream", rates["ours"] / rates["upstream"], 2, True)
    meaning = "A file of random bytes to a storage mux of a leased exporter; what arrived is compared."
    yield Row("upload of 256 MiB through the tunnel", meaning, "MB/s", rates, (target,))


def many(setting: Setting) -> Iterator[Row]:
    """Measure many leases held at once by one client, with consoles and logs open, and what they leave behind."""
    with (
        _lab(setting, MANY, "virtual") as lab,
        subject(setting, "ours_leased", SELECTOR, folder=setting.folder) as client,
    ):
        held = client.do("hold", count=MANY)
        used = client.do("use")
        released = client.do("release")
        leaks = [*lab.do("leases")["value"], *lab.do("leaks")["value"]]
    yield from many_rows(held, used, released, leaks)


def many_rows(
    held: Mapping[str, Any], used: Mapping[str, Any], released: Mapping[str, Any], leaks: Sequence[str]
) -> Iterator[Row]:
    """Yield the rows about many leases.

    Args:
        held: What the client answered when it had leased all boards.
        used: When it had called all of them; the value is how many answered.
        released: When it had released all of them; the value is how many of them for certain.
        leaks: What was open afterwards.
    """
    steps = (held, used, released)
    succeeded = min(len(held["seconds"]), used["value"], released["value"])
    targets = (
        Target(f"all {MANY} succeed", succeeded, MANY, at_least=True),
        Target("leaks <= 0", len(leaks), 0),
    )
    seconds = sum(sum(step["seconds"]) for step in steps)
    meaning = "One client holds them at once, each with console and log open, calls each, releases all."
    yield Row(f"{MANY} leases: acquire, use, release", meaning, "s", {"ours": seconds}, targets)
    peak = max(step["peak"] for step in steps) / MIB
    meaning = "The most memory of that client's process."
    yield Row(f"{MANY} leases: peak resident memory", meaning, "MiB", {"ours": peak}, (Target("<= 200", peak, 200),))


def lab(setting: Setting, rounds: int = 5) -> Iterator[Row]:
    """Measure how soon the lab is there once it is imported."""
    starts = []
    for _ in range(rounds):
        with subject(setting, "lab", str(setting.folder)) as process:
            starts += process.do("start", "4", "virtual")["seconds"]
    start = statistics.median(starts)
    meaning = "From an imported package to a lab that takes leases: controller, router, exporters."
    yield Row("virtual lab with 4 boards: start", meaning, "s", {"ours": start}, (Target("< 0.5", start, 0.5),))


def crowd(setting: Setting) -> Iterator[Row]:
    """Measure how the lab bears many boards and leases."""
    with subject(setting, "lab", str(setting.folder)) as process:
        start = process.do("start", str(CROWD), "virtual")["seconds"][0]
        process.do("introduce")
        with subject(setting, "ours_leased", SELECTOR, folder=setting.folder) as client:
            seconds = client.do("lease", count=CROWD)["seconds"]
            held = process.do("leases")
            client.do("release")
    yield Row(
        f"virtual lab with {CROWD} boards: start",
        "From an imported package to a lab with many boards.",
        "s",
        {"ours": start},
    )
    count = len(held["value"])
    target = Target(f"all {CROWD} held", count, CROWD, at_least=True)
    meaning = "One client leases all boards of that lab, one after the other, and holds them."
    yield Row(f"{CROWD} leases at once: acquire", meaning, "s", {"ours": sum(seconds)}, (target,))
    meaning = "Memory of the lab's process while all its boards are leased."
    yield Row(f"{CROWD} leases at once: memory of the lab", meaning, "MiB", {"ours": held["resident"] / MIB})


@contextmanager
def _lab(setting: Setting, boards: int = 4, board: str = "simple") -> Iterator[SubjectProcess]:
    """Start a lab whose client is configured in the setting's folder."""
    with subject(setting, "lab", str(setting.folder)) as lab:
        lab.do("start", str(boards), board)
        lab.do("introduce")
        yield lab


def _clients(setting: Setting, stack: ExitStack) -> dict[str, SubjectProcess]:
    return {
        name: stack.enter_context(subject(setting, f"{name}_leased", SELECTOR, folder=setting.folder))
        for name in CLIENTS
    }


def _lease(client: SubjectProcess, lab: SubjectProcess, *, keep: bool = False) -> float:
    """Lease a board. Returns the seconds from the moment at which it was ready to that at which it was usable."""
    got = client.do("lease")["value"]
    ready = lab.do("ready", got["lease"])["value"]
    if not keep:
        client.do("release")
    return float(got["usable"] - ready)


def _waits(clients: Mapping[str, SubjectProcess], lab: SubjectProcess, rounds: int) -> dict[str, list[float]]:
    waits: dict[str, list[float]] = {name: [] for name in clients}
    for _ in range(rounds):
        for name, client in clients.items():
            waits[name].append(_lease(client, lab))
    return waits


def _median_ms(seconds: Mapping[str, list[float]]) -> dict[str, float]:
    return {name: statistics.median(values) * 1000 for name, values in seconds.items()}


def _call_in_turns(
    ways: Mapping[tuple[str, str], SubjectProcess], rounds: int, count: int
) -> dict[tuple[str, str], list[float]]:
    """Return the seconds of calls. Those with which a turn begins only wake up what has slept meanwhile."""
    times: dict[tuple[str, str], list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, process in ways.items():
            times[way] += process.do("call", count=WAKING + count)["seconds"][WAKING:]
    return times
