"""Rows about the client: import, connection, calls, transfers, memory."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.processes import NAMES, Setting, SubjectProcess, subject, wall_times
from bench.rows import MeasurementFailed, Row, Target
from interop.upstream import DRIVERS

MIB = 1024 * 1024
IMAGE_SIZE = 256 * MIB

_DRIVERS = ", ".join(f"jumpstarter_driver_{driver}.client" for driver in DRIVERS)

IMPORTS = {
    "import of the client": {
        "ours": "import JumpstarterLibrary.client",
        "upstream": f"import jumpstarter.common.utils, {_DRIVERS}",
        "bare": "import grpc",
    },
    "import, upstream without drivers": {
        "ours": "import JumpstarterLibrary.client",
        "upstream": "import jumpstarter.client",
    },
}
"""Our client has its drivers built in. Upstream's imports them one by one when it connects: both are shown."""


def imports(setting: Setting, title: str, rounds: int = 9) -> Iterator[Row]:
    """Measure what importing a client costs, in whole processes less an interpreter that imports nothing."""
    texts = IMPORTS[title]
    commands = {name: [setting.python(name), "-c", text] for name, text in texts.items()}
    commands |= {f"{name} nothing": [setting.python(name), "-c", ""] for name in texts}
    times = wall_times(commands, setting.environ, rounds)
    figures = {name: (times[name] - times[f"{name} nothing"]) * 1000 for name in texts}
    target = Target("<= 0.25 x upstream", figures["ours"] / figures["upstream"], 0.25)
    meaning = "An interpreter that imports the client, less one that imports nothing."
    yield Row(title, meaning, "ms", figures, (target,) if "bare" in texts else ())


def connections(setting: Setting, rounds: int = 7) -> Iterator[Row]:
    """Measure the way from an imported client to its first answer, and the memory that it has then."""
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in NAMES}
    for _ in range(rounds):
        for name in NAMES:
            with subject(setting, name) as process:
                answers[name].append(process.do("connect"))
    figures = {name: statistics.median(answer["seconds"][0] for answer in answers[name]) * 1000 for name in NAMES}
    meaning = "From an imported client to the answer of the first driver call."
    yield Row("connect and first call", meaning, "ms", figures)
    figures = {name: statistics.median(answer["resident"] for answer in answers[name]) / MIB for name in NAMES}
    yield Row("resident memory, connected", "Memory of the client's process after its first call.", "MiB", figures)


def calls(setting: Setting, rounds: int = 40, count: int = 50) -> Iterator[Row]:
    """Measure unary calls, in turns of some each."""
    times: dict[str, list[float]] = {name: [] for name in NAMES}
    with ExitStack() as stack:
        processes = _connected(setting, stack)
        for process in processes.values():
            process.do("call", count=count)
        for _ in range(rounds):
            for name, process in processes.items():
                times[name] += process.do("call", count=count)["seconds"]
    figures = {name: statistics.median(values) * 1e6 for name, values in times.items()}
    targets = (
        Target("<= 1.15 x bare", figures["ours"] / figures["bare"], 1.15),
        Target("<= 0.85 x upstream", figures["ours"] / figures["upstream"], 0.85),
    )
    yield Row("unary call", "One call of a power driver's `on`.", "us", figures, targets)


def transfers(setting: Setting, rounds: int = 5) -> Iterator[Row]:
    """Measure an upload of 256 MiB to a storage mux, the memory that it takes, and the way back."""
    image, back = setting.folder / "image.bin", setting.folder / "back.bin"
    random_file(image)
    up: dict[str, list[dict[str, Any]]] = {name: [] for name in NAMES}
    down: dict[str, list[dict[str, Any]]] = {name: [] for name in NAMES}
    with ExitStack() as stack:
        processes = _connected(setting, stack)
        for _ in range(rounds):
            for name, process in processes.items():
                up[name].append(process.do("upload", str(image)))
                down[name].append(process.do("download", str(back)))
                same(image, back)
    rates = _rates(up)
    target = Target(">= 2.5 x upstream", rates["ours"] / rates["upstream"], 2.5, True)
    yield Row("upload of 256 MiB", "A file of random bytes to a storage mux.", "MB/s", rates, (target,))
    yield _memory("memory over idle, upload", up)
    yield Row("download of 256 MiB", "The file back, compared with what was sent.", "MB/s", _rates(down))
    yield _memory("memory over idle, download", down)


def _connected(setting: Setting, stack: ExitStack) -> dict[str, SubjectProcess]:
    processes = {name: stack.enter_context(subject(setting, name)) for name in NAMES}
    for process in processes.values():
        process.do("connect")
    return processes


def _rates(answers: dict[str, list[dict[str, Any]]]) -> dict[str, float]:
    seconds = {name: statistics.median(answer["seconds"][0] for answer in found) for name, found in answers.items()}
    return {name: IMAGE_SIZE / value / 1e6 for name, value in seconds.items()}


def _memory(name: str, answers: dict[str, list[dict[str, Any]]]) -> Row:
    """Return the row for the first transfer's memory: later ones find what the first has left."""
    figures = {who: (found[0]["peak"] - found[0]["idle"]) / MIB for who, found in answers.items()}
    meaning = "The most memory that the client's process takes during the transfer, less what it had before."
    return Row(name, meaning, "MiB", figures, (Target("<= 32", figures["ours"], 32),))


def random_file(path: Path) -> None:
    """Write the image that is transferred."""
    with path.open("wb") as file:
        for _ in range(IMAGE_SIZE // MIB):
            file.write(os.urandom(MIB))


def same(one: Path, other: Path) -> None:
    """Check that a figure was not got by losing data.

    Raises:
        MeasurementFailed: It was.
    """
    with one.open("rb") as left, other.open("rb") as right:
        while data := left.read(MIB):
            if data != right.read(MIB):
                raise MeasurementFailed("What came back is not what was sent.")
        if right.read(1):
            raise MeasurementFailed("More came back than was sent.")
