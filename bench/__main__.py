"""Measure ours, upstream's client and a bare stub against one and the same upstream exporter (`inv bench`).

Leases and tunnels are measured against one and the same virtual lab of ours. Exit status: 0 if every target that could
be measured was met, also where a tool is missing; 1 if a target was missed or a measurement broke.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from bench import boards, consoles, leases, page, runs, wire
from bench.processes import Setting, UpstreamExporter
from bench.record import Record
from bench.rows import MeasurementFailed, NotMeasured, Row, ToolMissing, table, unmeasured
from interop.environments import EnvironmentUnavailable
from interop.exporters import ProcessNotStarted, bench_board, short_folder, upstream_unix
from interop.upstream import VERSION, clean_environ, install
from JumpstarterLibrary.errors import JumpstarterError

RESULTS = Path(__file__).parent.parent / "results" / "bench.json"
PARTIAL_RESULTS = RESULTS.with_name("bench_only.json")
"""Where the figures of some groups go, so that those of a full run are kept."""

Measure = Callable[[Setting], Iterable[Row]]

GROUPS: dict[str, Measure] = {
    "import": partial(wire.imports, title="import of the client"),
    "import without drivers": partial(wire.imports, title="import, upstream without drivers"),
    "connect": wire.connections,
    "call": wire.calls,
    "robot": runs.robot,
    "pytest": partial(runs.pytest, title="pytest with one JumpstarterTest test", suite="test_power.py", limit=0.45),
    "pytest classes": partial(
        runs.pytest, title="pytest with four JumpstarterTest classes", suite="test_classes.py", limit=0.35
    ),
    "transfer": wire.transfers,
    "lab": leases.lab,
    "lab crowd": leases.crowd,
    "lease": leases.usable,
    "tunnel call": leases.calls,
    "tunnel upload": leases.uploads,
    "many leases": leases.many,
    "console search": consoles.search,
    "console failing patterns": consoles.failing,
    "console search, one process": consoles.search_together,
    "console pexpect": consoles.pexpect,
    "console latency": consoles.latency,
    "console memory": consoles.memory,
    "boot": boards.boot,
    "distributions": runs.distributions,
}
"""Each is measured by itself: what breaks in one costs no figure of another."""


def main() -> int:
    """Measure, print the table and write the JSON file; or write the page about the last full run."""
    parser = argparse.ArgumentParser(prog="inv bench", description=__doc__)
    parser.add_argument("--only", default="", help=f"only the groups with this in their names, of {', '.join(GROUPS)}")
    parser.add_argument("--docs", type=Path, help="measure nothing, and write this page about the last full run")
    arguments = parser.parse_args()
    if arguments.docs is not None:
        try:
            page.write(arguments.docs, RESULTS)
        except page.NoFullRun as error:
            parser.error(str(error))
        return 0
    groups = {name: measure for name, measure in GROUPS.items() if arguments.only in name}
    if not groups:
        parser.error(f"no group has {arguments.only!r} in its name")
    with prepared() as setting:
        rows = measure_groups(groups, setting, Record(PARTIAL_RESULTS if arguments.only else RESULTS, VERSION))
    return 0 if all(row.passed for row in rows) else 1


def measure_groups(groups: Mapping[str, Measure], setting: Setting, record: Record) -> list[Row]:
    """Measure groups, write the figures after each, and print the table, also if this is interrupted."""
    try:
        for name, measure in groups.items():
            sys.stderr.write(f"measuring: {name}\n")
            try:
                for row in measure(setting):
                    record.rows.append(row)
            except NotMeasured as error:
                record.rows.append(unmeasured(name, error))
            except (JumpstarterError, OSError) as error:
                record.rows.append(unmeasured(name, MeasurementFailed(f"{type(error).__name__}: {error}")))
            record.write()
        record.write(complete=True)
    finally:
        if record.rows:
            sys.stdout.write(f"{table(record.rows)}\n")
    return record.rows


@contextmanager
def prepared() -> Iterator[Setting]:
    """Start upstream's exporter; what needs none is measured also without it."""
    with short_folder() as folder, ExitStack() as stack:
        # Compiled modules are kept, as in any installation; the first round of each measurement writes them.
        environ = clean_environ(folder)
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        yield Setting(folder, environ, _start(folder, stack))


def _start(folder: Path, stack: ExitStack) -> UpstreamExporter | NotMeasured:
    try:
        upstream = install()
        config = stack.enter_context(bench_board(folder, folder / "files"))
        return UpstreamExporter(upstream, stack.enter_context(upstream_unix(upstream, config, folder)))
    except EnvironmentUnavailable as error:
        return ToolMissing(f"Upstream's packages cannot be installed here: {error}")
    except ProcessNotStarted as error:
        return MeasurementFailed(f"Upstream's exporter cannot be started: {error}.")


if __name__ == "__main__":
    sys.exit(main())
