"""The command line of file stores."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from pytest_jumpstarter.upstream_api.clients.commands.groups import DriverClickGroup, driver_click_group

if TYPE_CHECKING:
    from pytest_jumpstarter.upstream_api.clients.files import OpendalClient

_PATH: Callable[[Callable[..., Any]], Callable[..., Any]] = click.argument("path", type=click.Path())
_SECONDS: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--expire-second", "seconds", type=int, required=True, help="How long it may be used"
)


def files(client: OpendalClient) -> DriverClickGroup:
    """Return the commands of a file store."""

    @driver_click_group(client)
    def base() -> None:
        """Files on the exporter"""

    _contents(base, client)
    _changes(base, client)
    _questions(base, client)
    _presigned(base, client)
    return base


def _contents(base: DriverClickGroup, client: OpendalClient) -> None:
    @base.command()
    @_PATH
    def write_bytes(path: str) -> None:
        """Write the standard input to the file PATH"""
        client.write_bytes(path, sys.stdin.buffer.read())

    @base.command()
    @_PATH
    def read_bytes(path: str) -> None:
        """Write the file PATH to the standard output"""
        click.echo(client.read_bytes(path), nl=False)

    @base.command()
    @click.argument("dst", type=click.Path())
    @click.argument("src", type=click.Path())
    def write_from_path(dst: str, src: str) -> None:
        """Copy the local file SRC to DST on the exporter"""
        client.write_from_path(dst, src)

    @base.command()
    @click.argument("src", type=click.Path())
    @click.argument("dst", type=click.Path())
    def read_into_path(src: str, dst: str) -> None:
        """Copy SRC on the exporter to the local file DST"""
        client.read_into_path(src, dst)


def _changes(base: DriverClickGroup, client: OpendalClient) -> None:
    @base.command()
    @click.argument("source", type=click.Path())
    @click.argument("target", type=click.Path())
    def copy(source: str, target: str) -> None:
        """Copy the file SOURCE to TARGET"""
        client.copy(source, target)

    @base.command()
    @click.argument("source", type=click.Path())
    @click.argument("target", type=click.Path())
    def rename(source: str, target: str) -> None:
        """Rename the file SOURCE to TARGET"""
        client.rename(source, target)

    @base.command()
    @_PATH
    def remove_all(path: str) -> None:
        """Delete the directory PATH with everything in it"""
        client.remove_all(path)

    @base.command()
    @_PATH
    def create_dir(path: str) -> None:
        """Make the directory PATH, which ends with a slash"""
        client.create_dir(path)

    @base.command()
    @_PATH
    def delete(path: str) -> None:
        """Delete the file PATH"""
        client.delete(path)


def _questions(base: DriverClickGroup, client: OpendalClient) -> None:
    @base.command()
    @_PATH
    def stat(path: str) -> None:
        """Show size and kind of PATH"""
        click.echo(client.stat(path).model_dump_json(indent=2))

    @base.command(name="hash")
    @_PATH
    @click.option("--algo", type=click.Choice(["md5", "sha256"]), default="sha256", show_default=True)
    def hash_(path: str, algo: str) -> None:
        """Show the hash of the file PATH"""
        click.echo(client.hash(path, "md5" if algo == "md5" else "sha256"))

    @base.command()
    @_PATH
    def exists(path: str) -> None:
        """Fail if there is no PATH"""
        if not client.exists(path):
            raise click.ClickException(f"There is no '{path}' on the exporter.")

    @base.command(name="list")
    @_PATH
    def list_(path: str) -> None:
        """List the directory PATH"""
        for entry in client.list(path):
            click.echo(entry)

    @base.command()
    @_PATH
    def scan(path: str) -> None:
        """List the directory PATH and those below"""
        for entry in client.scan(path):
            click.echo(entry)

    @base.command()
    def capability() -> None:
        """Show what the storage can do"""
        click.echo(client.capability().model_dump_json(indent=2))


def _presigned(base: DriverClickGroup, client: OpendalClient) -> None:
    @base.command()
    @_PATH
    @_SECONDS
    def presign_stat(path: str, seconds: int) -> None:
        """Show a request for the size of PATH that any HTTP client may make"""
        click.echo(client.presign_stat(path, seconds).model_dump_json(indent=2))

    @base.command()
    @_PATH
    @_SECONDS
    def presign_read(path: str, seconds: int) -> None:
        """Show a request for the content of PATH that any HTTP client may make"""
        click.echo(client.presign_read(path, seconds).model_dump_json(indent=2))

    @base.command()
    @_PATH
    @_SECONDS
    def presign_write(path: str, seconds: int) -> None:
        """Show a request to write PATH that any HTTP client may make"""
        click.echo(client.presign_write(path, seconds).model_dump_json(indent=2))
