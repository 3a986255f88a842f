"""The command lines of drivers that write images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pytest_jumpstarter.upstream_api.clients.commands.groups import DriverClickGroup, driver_click_group

if TYPE_CHECKING:
    from pytest_jumpstarter.upstream_api.clients.flasher import FlasherClientInterface
    from pytest_jumpstarter.upstream_api.clients.mux import StorageMuxClient

COMPRESSIONS = click.Choice(["gzip", "xz", "bz2", "zstd"], case_sensitive=False)


def flasher(client: FlasherClientInterface) -> DriverClickGroup:
    """Return the commands of a flasher."""

    @driver_click_group(client)
    def base() -> None:
        """Write images to the device, and read them"""

    @base.command()
    @click.argument("file", required=False)
    @click.option("--target", "-t", "targets", multiple=True, metavar="NAME:FILE", help="Write a file to a target")
    @click.option("--compression", type=COMPRESSIONS, help="How the image is compressed, to be decompressed")
    def flash(file: str | None, targets: tuple[str, ...], compression: str | None) -> None:
        """Write an image FILE, or one for each of several targets"""
        if targets:
            client.flash(dict(_target(text) for text in targets), compression=compression)
        elif file is None:
            raise click.ClickException("The FILE argument is required unless there are --target options.")
        else:
            client.flash(file, target=None, compression=compression)

    @base.command()
    @click.argument("file")
    @click.option("--target", help="What to read; the driver's default otherwise")
    @click.option("--compression", type=COMPRESSIONS, help="How the file is to be compressed")
    def dump(file: str, target: str | None, compression: str | None) -> None:
        """Read an image into FILE"""
        client.dump(file, target=target, compression=compression)

    return base


def _target(text: str) -> tuple[str, str]:
    name, colon, file = text.partition(":")
    if not colon:
        raise click.ClickException(f"Invalid target spec '{text}'. Expected NAME:FILE.")
    return name, file


def mux(client: StorageMuxClient, base: Any = None) -> Any:
    """Add the commands of a storage mux to a group, or return a new one."""
    if base is None:

        @driver_click_group(client)
        def base() -> None:
            """Switch a storage medium between exporter and device, and write it"""

    @base.command()  # type: ignore[untyped-decorator]
    def host() -> None:
        """Give the medium to the exporter"""
        client.host()

    @base.command()  # type: ignore[untyped-decorator]
    def dut() -> None:
        """Give the medium to the device"""
        client.dut()

    @base.command()  # type: ignore[untyped-decorator]
    def off() -> None:
        """Disconnect the medium"""
        client.off()

    @base.command()  # type: ignore[untyped-decorator]
    @click.argument("file")
    def write_local_file(file: str) -> None:
        """Write FILE to the raw medium"""
        client.write_local_file(file)

    return base
