"""List the programs that tests need beside Python, and say which tests are skipped without them.

``python -m scripts.tools`` prints a line for each missing one; with ``--packages`` the Debian packages of all of them.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from JumpstarterLibrary.exporter.drivers.qemu.command import UBOOT
from JumpstarterLibrary.exporter.drivers.qemu.initramfs import BUSYBOX
from scripts.matrix import newest_python


@dataclass(frozen=True)
class Tool:
    """A program or file that some tests need.

    Attributes:
        name: What it is called in messages.
        present: Whether it is there.
        skipped: Which tests are skipped without it, or run otherwise.
        package: The Debian package that has it; None where there is no single one.
    """

    name: str
    present: Callable[[], bool]
    skipped: str
    package: str | None


def _on_path(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


BOARDS = "the suites of boards in QEMU are skipped (atest/21_boot_on_qemu.robot, interop/qemu, docs/qemu.md)"

TOOLS = (
    Tool("qemu-system-arm", _on_path("qemu-system-arm"), BOARDS, "qemu-system-arm"),
    Tool("qemu-system-x86_64", _on_path("qemu-system-x86_64"), BOARDS, "qemu-system-x86"),
    Tool("U-Boot for QEMU", lambda: all(map(Path.exists, UBOOT.values())), BOARDS, "u-boot-qemu"),
    Tool("a static busybox", BUSYBOX.is_file, BOARDS, "busybox-static"),
    Tool("mksh", _on_path("mksh"), "its rows in utest/client/consoles/test_line_editors.py are skipped", "mksh"),
    Tool(
        "a Python newer than this one",
        lambda: newest_python() != sys.executable,
        "inv matrix tests the newest dependencies with this Python",
        None,
    ),
)


def missing_lines(tools: Sequence[Tool] = TOOLS) -> list[str]:
    """Return a sentence for each tool that is missing: what is skipped, and how to get it."""
    lines = []
    for tool in tools:
        if not tool.present():
            how = f"apt-get install {tool.package}" if tool.package else "install one, or put it on the PATH"
            lines.append(f"Not found: {tool.name}. Without it, {tool.skipped}. To get it: {how}.")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what is missing, or the packages."""
    parser = argparse.ArgumentParser(prog="python -m scripts.tools", description=__doc__)
    parser.add_argument("--packages", action="store_true", help="print the Debian packages, one a line")
    if parser.parse_args(arguments).packages:
        lines = sorted(tool.package for tool in TOOLS if tool.package)
    else:
        lines = missing_lines()
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
