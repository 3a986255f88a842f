"""The JSON file of a run: rows, and the machine that they were measured on."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.rows import Row


@dataclass
class Record:
    """What a run has measured so far.

    Attributes:
        path: The file.
        upstream: Version of upstream's packages.
        rows: The measurements.
    """

    path: Path
    upstream: str
    rows: list[Row] = field(default_factory=list)
    _begin: dict[str, Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Note the date and the machine before anything keeps it busy."""
        machine = {
            "processor": processor(),
            "cpus": os.cpu_count(),
            "python": platform.python_version(),
            "system": platform.platform(),
            "load": round(os.getloadavg()[0], 2),
        }
        self._begin = {"date": datetime.now(UTC).date().isoformat(), "upstream": self.upstream, "machine": machine}

    def write(self, *, complete: bool = False) -> None:
        """Write the file at once or not at all, since the run may be killed meanwhile.

        Args:
            complete: Whether this was the last group.
        """
        record = {**self._begin, "complete": complete, "rows": [row.record() for row in self.rows]}
        self.path.parent.mkdir(exist_ok=True)
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(record, indent=2) + "\n")
        new.replace(self.path)


def processor() -> str:
    """Return the processor's name as Linux tells it; elsewhere, what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except FileNotFoundError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
