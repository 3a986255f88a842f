"""A small Linux for a QEMU board: a shell behind a login on the serial port, and nothing that has to be installed.

    python -m JumpstarterLibrary.exporter.drivers.qemu.initramfs initramfs.cpio

It is BusyBox in an initial file system, for any kernel of the same architecture. ``root`` logs in with the password
``root``.
"""

from __future__ import annotations

import argparse
import stat
from collections.abc import Iterator
from pathlib import Path

BUSYBOX = Path("/bin/busybox")
"""Where Debian's package ``busybox-static`` has it."""

_PASSWORD = "$6$virtualboard$0rCdkLoOdT/K1m1pOD3kOXg8I9LozeL4Ck3myOCtJ4Dw6qyUl29DWudm.lsLY4vucIY4j0ZF0Jswxtz0d4lUX0"
"""``root``, as crypt(3) keeps it."""

_INIT = """\
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
hostname {hostname}
exec /bin/init
"""

_INITTAB = """\
::sysinit:/bin/true
{port}::respawn:/bin/getty -L 115200 {port} vt100
::ctrlaltdel:/bin/reboot
"""

_PROFILE = r"export PS1='\u@\h:\w\$ '" + "\n"

_CONSOLE = (5, 1)
"""The device number of /dev/console."""


def make_initramfs(busybox: bytes, *, hostname: str = "virtual", port: str = "ttyS0") -> bytes:
    """Return the initial file system, as an archive that kernels take.

    Args:
        busybox: The program, linked statically.
        hostname: Of the machine.
        port: Name of the serial port with the login.
    """
    archive = Archive()
    for folder in ("bin", "dev", "etc", "proc", "root", "sys", "tmp"):
        archive.folder(folder)
    archive.device("dev/console", *_CONSOLE)
    archive.file("bin/busybox", busybox, 0o755)
    archive.file("init", _INIT.format(hostname=hostname).encode(), 0o755)
    archive.file("etc/inittab", _INITTAB.format(port=port).encode())
    archive.file("etc/passwd", f"root:{_PASSWORD}:0:0:root:/root:/bin/sh\n".encode())
    archive.file("etc/group", b"root:x:0:\n")
    archive.file("etc/profile", _PROFILE.encode())
    return archive.finished()


class Archive:
    """A cpio archive in the format ``newc``, which the kernel's documentation of initramfs buffers describes."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._count = 0

    def folder(self, name: str) -> None:
        """Add a folder."""
        self._add(name, stat.S_IFDIR | 0o755)

    def file(self, name: str, content: bytes, mode: int = 0o644) -> None:
        """Add a file."""
        self._add(name, stat.S_IFREG | mode, content)

    def device(self, name: str, major: int, minor: int) -> None:
        """Add a character device."""
        self._add(name, stat.S_IFCHR | 0o600, device=(major, minor))

    def finished(self) -> bytes:
        """Return the archive."""
        self._add("TRAILER!!!", 0)
        return b"".join(self._pieces)

    def _add(self, name: str, mode: int, content: bytes = b"", device: tuple[int, int] = (0, 0)) -> None:
        self._count += 1
        # inode, mode, uid, gid, links, time, size, device of the file system, device, length of the name, checksum
        numbers = (self._count, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name) + 1, 0)
        header = b"070701" + b"".join(b"%08x" % number for number in numbers)
        self._pieces += _aligned(header + name.encode() + b"\0")
        self._pieces += _aligned(content)


def _aligned(data: bytes) -> Iterator[bytes]:
    yield data
    yield bytes(-len(data) % 4)


def main() -> None:
    """Write the archive."""
    parser = argparse.ArgumentParser(description="Write a small Linux for a QEMU board.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--busybox", type=Path, default=BUSYBOX)
    parser.add_argument("--hostname", default="virtual")
    parser.add_argument("--port", default="ttyS0")
    chosen = parser.parse_args()
    if not chosen.busybox.is_file():
        parser.error(f"there is no {chosen.busybox}; Debian's package busybox-static has it")
    chosen.file.write_bytes(make_initramfs(chosen.busybox.read_bytes(), hostname=chosen.hostname, port=chosen.port))


if __name__ == "__main__":
    main()
