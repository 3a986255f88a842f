"""The examples of docs/qemu.md, as they are there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from JumpstarterLibrary.exporter import serve
from JumpstarterLibrary.exporter.config import ExporterConfigV1Alpha1
from JumpstarterLibrary.exporter.drivers.qemu.command import UBOOT
from JumpstarterLibrary.exporter.drivers.qemu.initramfs import BUSYBOX, make_initramfs

ROOT = Path(__file__).parents[4]
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", (ROOT / "docs" / "qemu.md").read_text(), re.DOTALL)
UBOOT_CONFIG, DISK_CONFIG, LINUX_CONFIG = (text for language, text in BLOCKS if language == "yaml")
(SUITE,) = (text for language, text in BLOCKS if language == "robotframework")
LIMIT_S = 60

MISSING = [name for name in ("qemu-system-arm", "qemu-system-x86_64") if shutil.which(name) is None]
MISSING += [str(path) for path in (UBOOT["arm"], BUSYBOX) if not path.exists()]

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")


def test_uboot(tmp_path: Path) -> None:
    # It takes some seconds: real firmware boots, for a Robot Framework of its own.
    suite = tmp_path / "uboot.robot"
    suite.write_text(SUITE)
    with serve(ExporterConfigV1Alpha1.from_str(UBOOT_CONFIG).instantiate(), grace=0) as exporter:
        done = subprocess.run(
            [sys.executable, "-m", "robot", "--outputdir", str(tmp_path / "results"), str(suite)],
            env={**os.environ, "JUMPSTARTER_HOST": exporter.host},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.mark.parametrize("config", [DISK_CONFIG, LINUX_CONFIG])
def test_configurations(config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vmlinuz").write_bytes(b"kernel")
    (tmp_path / "initramfs.cpio").write_bytes(make_initramfs(BUSYBOX.read_bytes()))
    monkeypatch.chdir(tmp_path)
    tree = ExporterConfigV1Alpha1.from_str(config).instantiate()
    try:
        assert set(tree.children["board"].children) == {"power", "storage", "console"}
    finally:
        tree.close()
