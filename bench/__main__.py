"""Measure ours, upstream's client and a bare stub against one and the same upstream exporter (`inv bench`).

Leases and tunnels are measured against one and the same virtual lab of ours.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import boards, consoles, leases, runs, wire
from bench.processes import Setting
from bench.rows import Row, table
from interop.exporters import bench_board, short_folder, upstream_unix
from interop.upstream import VERSION, install

RESULTS = Path(__file__).parent.parent / "results" / "bench.json"

GROUPS: dict[str, Callable[[Setting], Iterable[Row]]] = {
    "import": wire.imports,
    "connect": wire.connections,
    "call": wire.calls,
    "robot": runs.robot,
    "pytest": runs.pytest,
    "transfer": wire.transfers,
    "lab": leases.lab,
    "lease": leases.usable,
    "tunnel call": leases.calls,
    "tunnel upload": leases.uploads,
    "many leases": leases.many,
    "console": consoles.consoles,
    "boot": boards.boot,
    "distributions": runs.distributions,
}


def main() -> int:
    """Measure, print the table and write the JSON file; return 1 if a target was missed."""
    parser = argparse.ArgumentParser(prog="inv bench", description=__doc__)
    parser.add_argument("--only", default="", help=f"only the groups with this in their names, of {', '.join(GROUPS)}")
    only = parser.parse_args().only
    rows: list[Row] = []
    with prepared() as setting:
        for name, measure in GROUPS.items():
            if only in name:
                sys.stderr.write(f"measuring: {name}\n")
                rows += measure(setting)
    if not rows:
        parser.error(f"no group has {only!r} in its name")
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    RESULTS.parent.mkdir(exist_ok=True)
    record = {"upstream": VERSION, "machine": machine, "rows": [row.record() for row in rows]}
    RESULTS.write_text(json.dumps(record, indent=2) + "\n")
    sys.stdout.write(f"{table(rows)}\n")
    return 0 if all(target.met for row in rows for target in row.targets) else 1


@contextmanager
def prepared() -> Iterator[Setting]:
    """Start upstream's exporter."""
    upstream = install()
    with (
        short_folder() as folder,
        bench_board(folder, folder / "files") as config,
        upstream_unix(upstream, config, folder) as host,
    ):
        # Compiled modules are kept, as in any installation; the first round of each measurement writes them.
        environ = upstream.environ(folder)
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        yield Setting(upstream, host, folder, environ)


if __name__ == "__main__":
    sys.exit(main())
