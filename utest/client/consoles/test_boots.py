"""Recorded boots of systems that are well: no preset sees a crash in them, however they come."""

from __future__ import annotations

import lzma
import random
from pathlib import Path

import pytest

from JumpstarterLibrary.client.consoles.failure_patterns import FailurePatternMonitor
from JumpstarterLibrary.client.consoles.presets import preset_patterns
from JumpstarterLibrary.client.text import Normaliser
from JumpstarterLibrary.types import FailingPreset

BOOTS = sorted((Path(__file__).parent / "boots").glob("*.log.xz"))
"""Bytes of consoles: of the virtual board, and of U-Boot and Debian's kernels in QEMU (``interop/kernels``)."""


def incident(pieces: list[bytes]) -> str | None:
    """Return the line that a preset takes for a crash, and the name of its pattern."""
    sentry, normaliser, text = FailurePatternMonitor(lambda: 1.0), Normaliser(), ""
    for preset in FailingPreset:
        sentry.register(preset.value, preset_patterns(preset))
    for piece in pieces:
        new = normaliser.feed(piece)
        text += new
        sentry.hear(new, len(text), 0.0)
    seen = sentry.incident
    return seen and f"{seen.pattern}: {text[seen.line :].partition(chr(10))[0]}"


@pytest.mark.parametrize("path", BOOTS, ids=lambda path: path.name.partition(".")[0])
def test_a_boot_that_is_well(path: Path) -> None:
    data = lzma.decompress(path.read_bytes())
    assert len(data) > 1000
    seed = random.randrange(2**32)
    cuts = sorted(random.Random(seed).choices(range(len(data)), k=200))
    pieces = [data[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    assert incident(pieces) is None, f"seed {seed}"
    # What is found in it is found wherever it is.
    crash = b"\n[   99.000000] Kernel panic - not syncing: Fatal exception\n"
    assert incident([data, crash]) is not None


def test_there_are_boots_of_all_kinds() -> None:
    kinds = {path.name.partition(".")[0] for path in BOOTS}
    assert len([kind for kind in kinds if kind.startswith("linux-")]) >= 4
    assert len([kind for kind in kinds if kind.startswith("u-boot-")]) >= 4
    assert "virtual-board" in kinds
    assert sum(path.stat().st_size for path in BOOTS) < 300_000
