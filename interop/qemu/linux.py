"""A real kernel for a QEMU board: Debian's for clouds, which has everything built in that a serial console needs."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from interop.environments import CACHE, EnvironmentUnavailable, run
from JumpstarterLibrary.exporter.drivers.qemu.initramfs import BUSYBOX, make_initramfs

PACKAGE = "linux-image-cloud-amd64"

TOOLS = ("apt-cache", "apt-get", "dpkg-deb", "tar", "qemu-system-x86_64")


@dataclass(frozen=True)
class LinuxFiles:
    """What a machine starts.

    Attributes:
        kernel: The kernel.
        initramfs: Its file system: BusyBox, with a login on the serial port.
    """

    kernel: Path
    initramfs: Path


def linux_files(cache: Path = CACHE) -> LinuxFiles:
    """Return kernel and file system; the first use downloads the package, without installing it.

    Raises:
        EnvironmentUnavailable: They cannot be had here.
    """
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if not BUSYBOX.is_file():
        missing.append(str(BUSYBOX))
    if missing:
        raise EnvironmentUnavailable(f"not installed: {', '.join(missing)}")
    folder = cache / "linux"
    files = LinuxFiles(folder / "vmlinuz", folder / "initramfs.cpio")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not files.kernel.exists():
            _download(files.kernel)
        # Replaced as a whole: a board of another process may be starting from the file.
        new = files.initramfs.with_suffix(".new")
        new.write_bytes(make_initramfs(BUSYBOX.read_bytes()))
        new.replace(files.initramfs)
    return files


def _download(kernel: Path) -> None:
    """Fetch the package that the general one stands for, and take the kernel out of it."""
    name = _name()
    if name is None and os.geteuid() == 0:
        run(["apt-get", "update", "--quiet"])
        name = _name()
    if name is None:
        raise EnvironmentUnavailable(f"no package list knows {PACKAGE}; run apt-get update")
    folder = kernel.parent
    run(["env", "-C", str(folder), "apt-get", "download", "--quiet", name])
    package = next(folder.glob(f"{name}_*.deb"))
    run(["dpkg-deb", "--extract", str(package), str(folder / "package")])
    next(folder.glob("package/boot/vmlinuz-*")).rename(kernel)
    shutil.rmtree(folder / "package")
    package.unlink()


def _name() -> str | None:
    depends = subprocess.run(["apt-cache", "depends", PACKAGE], capture_output=True, text=True, check=False).stdout
    found = re.search(r"Depends: (linux-image-\S+)", depends)
    return found[1] if found else None
