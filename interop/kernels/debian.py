"""Debian's kernels for several architectures, each with BusyBox as its file system, for boards in QEMU."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from interop.environments import CACHE, EnvironmentUnavailable, run
from JumpstarterLibrary.exporter.drivers.qemu import QemuBoard
from JumpstarterLibrary.exporter.drivers.qemu.initramfs import make_initramfs

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
TOOLS = ("apt-get", "dpkg-deb")


@dataclass(frozen=True)
class DebianKernel:
    """A kernel of Debian's, and the board that it runs on.

    Attributes:
        debian: The architecture, as Debian calls it.
        release: The release of Debian that has it.
        package: The package that depends on the present kernel.
        arch: The architecture, as QEMU calls it.
        port: The serial port of that machine.
        machine: The machine. Default: that of ``QemuBoard``.
        cpu: The processor. Default: that of ``QemuBoard``.
    """

    debian: str
    release: str
    package: str
    arch: str
    port: str
    machine: str | None = None
    cpu: str | None = None


KERNELS = (
    DebianKernel("amd64", "bookworm", "linux-image-amd64", "x86_64", "ttyS0"),
    DebianKernel("arm64", "bookworm", "linux-image-arm64", "aarch64", "ttyAMA0"),
    DebianKernel("armhf", "bookworm", "linux-image-armmp", "arm", "ttyAMA0"),
    DebianKernel("riscv64", "trixie", "linux-image-riscv64", "riscv64", "ttyS0"),
    DebianKernel("ppc64el", "bookworm", "linux-image-powerpc64le", "ppc64", "hvc0", "pseries", "power9"),
)


def debian_board(kernel: DebianKernel, cache: Path = CACHE) -> QemuBoard:
    """Return a board that starts a kernel; the first use downloads its packages, without installing them.

    Raises:
        EnvironmentUnavailable: They cannot be had here, or there is no QEMU for the architecture.
    """
    missing = [tool for tool in (*TOOLS, f"qemu-system-{kernel.arch}") if shutil.which(tool) is None]
    if not KEYRING.is_file():
        missing.append(str(KEYRING))
    if missing:
        raise EnvironmentUnavailable(f"not installed: {', '.join(missing)}")
    folder = cache / "kernels" / kernel.debian
    image, busybox = folder / "kernel", folder / "busybox"
    if not (image.exists() and busybox.exists()):
        _download(kernel, folder)
    initramfs = folder / "initramfs.cpio"
    initramfs.write_bytes(make_initramfs(busybox.read_bytes(), hostname=kernel.debian, port=kernel.port))
    return QemuBoard(
        arch=kernel.arch,
        machine=kernel.machine,
        cpu=kernel.cpu,
        memory="512M",
        kernel=str(image),
        initrd=str(initramfs),
        append=f"console={kernel.port}",
    )


def _download(kernel: DebianKernel, folder: Path) -> None:
    """Fetch kernel and BusyBox with package lists of their own, so that nothing of this machine changes."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    sources = folder / "sources.list"
    sources.write_text(f"deb [arch={kernel.debian} signed-by={KEYRING}] {_mirror()} {kernel.release} main\n")
    options = {
        "APT::Architecture": kernel.debian,
        "APT::Architectures": kernel.debian,
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": folder / "cache",
    }
    apt = ["env", "-C", str(folder), "apt-get", "--quiet", *(f"-o{name}={value}" for name, value in options.items())]
    run([*apt, "update"])
    # The package itself depends on one for the present version of the kernel.
    run([*apt, "download", kernel.package, "busybox-static"])
    package = next(folder.glob(f"{kernel.package}_*.deb"))
    run([*apt, "download", _dependency(package, folder)])
    for path in folder.glob("*.deb"):
        run(["dpkg-deb", "--extract", str(path), str(folder / "package")])
        path.unlink()
    next(folder.glob("package/boot/vmlinu*")).replace(folder / "kernel")
    next(folder.glob("package/**/bin/busybox")).replace(folder / "busybox")
    shutil.rmtree(folder / "package")


def _mirror() -> str:
    """Return the address of Debian's archive that this machine uses.

    Raises:
        EnvironmentUnavailable: It uses none.
    """
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Component: main"]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    mirror = next((address for address in found if not address.rstrip("/").endswith("-security")), None)
    if mirror is None:
        raise EnvironmentUnavailable("no package list of Debian's archive; run apt-get update")
    return mirror


def _dependency(package: Path, folder: Path) -> str:
    """Return the name of the package that another depends on."""
    run(["dpkg-deb", "--control", str(package), str(folder / "control")])
    fields = dict(
        line.split(": ", 1) for line in (folder / "control" / "control").read_text().splitlines() if ": " in line
    )
    shutil.rmtree(folder / "control")
    return fields["Depends"].split()[0]
