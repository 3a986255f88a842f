"""What is committed under protocol/generated is what `inv protos` writes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHECK = """
import sys
from pathlib import Path
from scripts import check_protos, generate_protos
generate_protos.GENERATED = Path(sys.argv[1])
sys.exit(check_protos.main())
"""


def check(generated: Path) -> subprocess.CompletedProcess[str]:
    """Generate anew from protos/, and compare with a folder."""
    command = [sys.executable, "-c", CHECK, str(generated)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)


def test_the_committed_files_are_up_to_date_and_a_stale_one_is_found(tmp_path: Path) -> None:
    committed = ROOT / "JumpstarterLibrary" / "protocol" / "generated"
    found = check(committed)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")

    copy = tmp_path / "generated"
    shutil.copytree(committed, copy)
    (copy / "router_pb2.pyi").write_text("stale")
    (copy / "telemetry_pb2.py").unlink()
    found = check(copy)
    assert (found.returncode, found.stdout) == (
        1,
        "Not up to date: router_pb2.pyi, telemetry_pb2.py. Run `inv protos`.\n",
    )
