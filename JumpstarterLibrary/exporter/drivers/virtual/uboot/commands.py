"""The commands of the U-Boot prompt."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from JumpstarterLibrary.exporter.drivers.virtual.hardware import Hardware, Restart
from JumpstarterLibrary.exporter.drivers.virtual.image import BadImage, Image, check_payload, read_header
from JumpstarterLibrary.exporter.drivers.virtual.medium import Side

ENVIRONMENT_SIZE = 131068
NO_CARD = "Card did not respond to voltage select! : -110\n"
NETWORK = {"ipaddr": "192.0.2.10", "gatewayip": "192.0.2.1", "netmask": "255.255.255.0", "serverip": "192.0.2.1"}


class BootLoader(Protocol):
    """The boot loader that a command runs on.

    Attributes:
        hardware: The board.
        environment: The variables; changes are lost unless they are saved.
        read_from_medium: Whether ``mmc read`` has filled the memory from which ``bootm`` starts a kernel.
    """

    hardware: Hardware
    environment: dict[str, str]
    read_from_medium: bool

    def factory_environment(self) -> dict[str, str]:
        """Return the variables of a board on which nothing was saved."""

    async def write(self, text: str) -> None:
        """Print on the console."""

    async def run(self, script: str) -> int:
        """Run a script and return its status; a fault in it is printed."""


Run: TypeAlias = Callable[[BootLoader, list[str]], Awaitable[int]]


class StartKernel(Exception):
    """The boot loader hands over to the kernel of this image."""

    def __init__(self, image: Image) -> None:
        super().__init__(image)
        self.image = image


@dataclass(frozen=True)
class Command:
    """A command and its line in ``help``."""

    run: Run
    help: str


COMMANDS: dict[str, Command] = {}


def command(*names: str, help: str) -> Callable[[Run], Run]:
    """Make a function the command of these names."""

    def register(run: Run) -> Run:
        COMMANDS.update(dict.fromkeys(names, Command(run, help)))
        return run

    return register


@command("help", "?", help="print command description/usage")
async def _help(loader: BootLoader, arguments: list[str]) -> int:
    for name in arguments or sorted(COMMANDS):
        if name not in COMMANDS:
            await loader.write(
                f"Unknown command '{name}' - try 'help' without arguments for list of all known commands\n"
            )
            return 1
        await loader.write(f"{name:<10}- {COMMANDS[name].help}\n")
    return 0


@command("version", help="print monitor, compiler and linker version")
async def _version(loader: BootLoader, _: list[str]) -> int:
    await loader.write(f"{loader.environment.get('ver', '')}\n")
    return 0


@command("echo", help="echo args to console")
async def _echo(loader: BootLoader, arguments: list[str]) -> int:
    newline = "" if arguments[:1] == ["-n"] else "\n"
    await loader.write(" ".join(arguments if newline else arguments[1:]) + newline)
    return 0


@command("true", help="do nothing, successfully")
async def _true(_: BootLoader, __: list[str]) -> int:
    return 0


@command("false", help="do nothing, unsuccessfully")
async def _false(_: BootLoader, __: list[str]) -> int:
    return 1


@command("sleep", help="delay execution for some time")
async def _sleep(loader: BootLoader, arguments: list[str]) -> int:
    if not re.fullmatch(r"\d{1,9}(\.\d*)?|\.\d+", "".join(arguments)):
        return await usage(loader, "sleep N    - N is in seconds, and may be a fraction")
    await loader.hardware.tty.pause(float(arguments[0]))
    return 0


@command("printenv", help="print environment variables")
async def _printenv(loader: BootLoader, arguments: list[str]) -> int:
    if not arguments:
        lines = [f"{name}={value}\n" for name, value in sorted(loader.environment.items())]
        size = sum(map(len, lines)) + 1
        await loader.write(f"{''.join(lines)}\nEnvironment size: {size}/{ENVIRONMENT_SIZE} bytes\n")
        return 0
    status = 0
    for name in arguments:
        if name in loader.environment:
            await loader.write(f"{name}={loader.environment[name]}\n")
        else:
            await loader.write(f'## Error: "{name}" not defined\n')
            status = 1
    return status


@command("setenv", help="set environment variables")
async def _setenv(loader: BootLoader, arguments: list[str]) -> int:
    if not arguments:
        return await usage(loader, "setenv name value ...    - without a value the variable is deleted")
    name, *values = arguments
    if "=" in name:
        await loader.write(f"## Error: illegal character '=' in variable name \"{name}\"\n")
        return 1
    loader.environment.pop(name, None)
    if values:
        loader.environment[name] = " ".join(values)
    return 0


@command("saveenv", help="save environment variables to persistent storage")
async def _saveenv(loader: BootLoader, _: list[str]) -> int:
    await loader.write("Saving Environment to SPIFlash... Erasing SPI flash...")
    await loader.hardware.clock.sleep(0.1)
    loader.hardware.flash.clear()
    loader.hardware.flash.update(loader.environment)
    await loader.write("Writing to SPI flash...done\nOK\n")
    return 0


@command("env", help="environment handling commands: env default -a")
async def _env(loader: BootLoader, arguments: list[str]) -> int:
    if arguments[:1] != ["default"] or arguments[1:] not in (["-a"], ["-f", "-a"]):
        return await usage(loader, "env default [-f] -a    - reset the default environment")
    loader.environment = loader.factory_environment()
    await loader.write("## Resetting to default environment\n")
    return 0


@command("run", help="run commands in an environment variable")
async def _run(loader: BootLoader, arguments: list[str]) -> int:
    for name in arguments:
        if name not in loader.environment:
            await loader.write(f'## Error: "{name}" not defined\n')
            return 1
        if status := await loader.run(loader.environment[name]):
            return status
    return 0


@command("reset", help="perform RESET of the CPU")
async def _reset(loader: BootLoader, _: list[str]) -> int:
    await loader.write("resetting ...\n")
    raise Restart


@command("boot", "bootd", help="boot default, i.e., run 'bootcmd'")
async def _boot(loader: BootLoader, _: list[str]) -> int:
    return await _run(loader, ["bootcmd"])


@command("bdinfo", help="print board info structure")
async def _bdinfo(loader: BootLoader, _: list[str]) -> int:
    memory = loader.hardware.settings.memory
    await loader.write(
        "boot_params = 0x0000000000000000\nDRAM bank   = 0x0000000000000000\n-> start    = 0x0000000040000000\n"
        f"-> size     = {memory}\nbaudrate    = {loader.environment.get('baudrate', '')} bps\n"
        f"current eth = ethernet@1a000000\nethaddr     = {loader.environment.get('ethaddr', '')}\n"
        f"IP addr     = {loader.environment.get('ipaddr', '<NULL>')}\n"
    )
    return 0


@command("dhcp", help="boot image via network using DHCP/TFTP protocol")
async def _dhcp(loader: BootLoader, _: list[str]) -> int:
    await loader.write("BOOTP broadcast 1\n")
    await loader.hardware.tty.pause(0.2)
    loader.environment.update(NETWORK)
    await loader.write(f"DHCP client bound to address {NETWORK['ipaddr']} (200 ms)\n")
    return 0


@command("mmc", help="MMC sub system: mmc dev 0, mmc read addr block count")
async def _mmc(loader: BootLoader, arguments: list[str]) -> int:
    if arguments[:1] not in (["dev"], ["read"]):
        return await usage(loader, "mmc dev 0\nmmc read addr blk# cnt")
    if loader.hardware.medium.side is not Side.BOARD:
        await loader.write(NO_CARD)
        return 1
    if arguments[0] == "dev":
        await loader.write("switch to partitions #0, OK\nmmc0 is current device\n")
        return 0
    if len(arguments) != 4:
        return await usage(loader, "mmc read addr blk# cnt")
    await loader.write(f"MMC read: dev # 0, block # {arguments[2]}, count {arguments[3]} ... ")
    await loader.hardware.clock.sleep(0.2)
    loader.read_from_medium = loader.hardware.medium.side is Side.BOARD
    await loader.write("blocks read: OK\n" if loader.read_from_medium else "blocks read: ERROR\n")
    return 0 if loader.read_from_medium else 1


@command("bootm", help="boot application image from memory")
async def _bootm(loader: BootLoader, arguments: list[str]) -> int:
    address = "".join(arguments[:1]) or loader.environment.get("loadaddr", "")
    await loader.write(f"## Booting kernel from image at {address} ...\n")
    try:
        image = await _checked_image(loader)
    except BadImage as problem:
        await loader.write(f"{problem}\nERROR: can't get kernel image!\n")
        return 1
    await loader.write(
        f"   Image Name:   {image.hostname}-{image.version}\n   Data Size:    {image.size or 0} Bytes\n"
        "   Verifying Hash Integrity ... OK\n   Loading Kernel Image\n\nStarting kernel ...\n\n"
    )
    raise StartKernel(image)


async def _checked_image(loader: BootLoader) -> Image:
    """Check what was read from the medium, as a signed image is checked: before anything of it runs."""
    if not loader.read_from_medium:
        raise BadImage("Wrong Image Format for bootm command: nothing was read from the medium")
    with loader.hardware.medium.file().open("rb") as file:
        image = read_header(file)
        for _ in check_payload(image, file):
            await asyncio.sleep(0)  # the hash of a large image must not stop the exporter
    return image


async def usage(loader: BootLoader, text: str) -> int:
    """Print how a command is used."""
    await loader.write(f"Usage:\n{text}\n")
    return 1
