"""The page in the documentation about the last full run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.rows import COLUMNS, Row, Target, figure, verdict

HEAD = """\
# Benchmark

Our client beside the client of upstream {upstream}, and beside a bare gRPC stub, which tells what the wire costs
without a client. All three call one and the same exporter of upstream's; leases and tunnels are measured in one and the
same virtual lab of ours. A time is the median of several rounds, in which the clients take turns.

Measured on {date}: {processor}, {cpus} CPUs, Python {python}, {system}; load {load} before the run.

| measurement | unit | {columns} | target, and what was reached |
|---|---|{rules}---|
"""

FOOT = """
## What is measured

{meanings}

## Run it

```console
.venv/bin/inv bench
.venv/bin/inv bench --only call
.venv/bin/inv bench --docs docs/bench.md
```

The first command measures everything, prints the table, and writes the figures to `results/bench.json` after each group
of rows, so that a run that is killed keeps what it has measured. The second command measures the groups with `call` in
their names and writes `results/bench_only.json`. The third command measures nothing: it writes this page from
`results/bench.json`. Keep the machine idle while it measures.

Upstream's packages are installed into `.interop/` the first time; the rows about U-Boot need `qemu-system-arm` and
`u-boot-qemu`. A group that cannot be measured has the reason in its row, in the table and in the field `reason` of the
JSON file, and everything else is measured all the same. The exit status is 1 if a target was missed or a measurement
broke (`broken` in the JSON file), else 0: a missing tool is no failure.
"""


class NoFullRun(Exception):
    """There are no figures of a full run."""


def write(path: Path, results: Path) -> None:
    """Write the page.

    Args:
        path: The Markdown file.
        results: The JSON file of a run.

    Raises:
        NoFullRun: There is no such file, or its run has not come to its end.
    """
    if not results.is_file():
        raise NoFullRun(f"There is no file {results}. Run inv bench first, without --only.")
    record = json.loads(results.read_text())
    if not record["complete"]:
        raise NoFullRun(f"The run that wrote {results} has not come to its end. Run inv bench again, without --only.")
    path.write_text(text(record))


def text(record: dict[str, Any]) -> str:
    """Return the page's Markdown for the record of a run."""
    rows = [_row(entry) for entry in record["rows"]]
    machine = record["machine"]
    head = HEAD.format(
        **{**machine, "system": machine["system"].partition("-")[0]},
        upstream=record["upstream"],
        date=record["date"],
        columns=" | ".join(COLUMNS),
        rules="---:|" * len(COLUMNS),
    )
    meanings = "\n".join(f"- **{row.name}**: {row.meaning}" for row in rows if row.meaning)
    return head + "".join(_line(row) for row in rows) + FOOT.format(meanings=meanings)


def _row(entry: dict[str, Any]) -> Row:
    targets = tuple(
        Target(**{name: value for name, value in target.items() if name != "met"}) for target in entry["targets"]
    )
    return Row(**{**entry, "targets": targets})


def _line(row: Row) -> str:
    figures = [figure(row.figures.get(name)) for name in COLUMNS]
    cells = [row.name, row.unit, *figures, verdict(row)]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"
