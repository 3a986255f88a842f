"""Check that JumpstarterLibrary/protocol/generated is what ``inv protos`` would write."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from scripts import generate_protos


def main() -> int:
    """Generate into a temporary folder and compare; return 1 and name the files if they differ."""
    committed = generate_protos.GENERATED
    with tempfile.TemporaryDirectory() as name:
        generate_protos.GENERATED = Path(name) / "generated"
        generate_protos.main()
        stale = differences(committed, generate_protos.GENERATED)
    if stale:
        sys.stdout.write(f"Not up to date: {', '.join(stale)}. Run `inv protos`.\n")
    return 1 if stale else 0


def differences(one: Path, other: Path) -> list[str]:
    """Return the names of files that are not in both folders with the same bytes."""
    mine, yours = _contents(one), _contents(other)
    return sorted(name for name in mine.keys() | yours.keys() if mine.get(name) != yours.get(name))


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


if __name__ == "__main__":
    sys.exit(main())
