"""The loop of a measured process: one JSON object a line, in and out. Standard library only, for any interpreter."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO


def serve(make: Callable[[str], object]) -> None:
    """Answer requests until standard input ends. Each names a method of the subject.

    Args:
        make: Makes the subject, from the one argument on the command line.
    """
    answers = _answers()
    subject = make(sys.argv[1])
    for line in sys.stdin:
        request = json.loads(line)
        _reset_peak()
        idle = _memory("VmRSS")
        do, count = getattr(subject, request["do"]), request.get("count", 1)
        seconds, value = _measure(do, count, request.get("arguments", []))
        memory = {"idle": idle, "resident": _memory("VmRSS"), "peak": _memory("VmHWM")}
        answer = {"seconds": seconds, **memory, "value": value}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _answers() -> TextIO:
    """Keep standard output for answers: a client's progress bar goes nowhere instead."""
    answers = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return answers


def _measure(action: Callable[..., Any], count: int, arguments: list[str]) -> tuple[list[float], Any]:
    measured, value = [], None
    for _ in range(count):
        begin = time.perf_counter()
        value = action(*arguments)
        measured.append(time.perf_counter() - begin)
    return measured, value


def _memory(field: str) -> int:
    """Return a figure of this process in bytes: VmRSS, what it has now, or VmHWM, the most since the last reset."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(f"this system does not tell {field}")


def _reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")
