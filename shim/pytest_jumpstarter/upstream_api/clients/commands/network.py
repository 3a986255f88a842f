"""The command line of network drivers."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

import click

from JumpstarterLibrary.errors import DriverInvalidArgument, DriverMethodNotImplemented
from pytest_jumpstarter.upstream_api.clients.adapters.portforward import TcpPortforwardAdapter, UnixPortforwardAdapter
from pytest_jumpstarter.upstream_api.clients.commands.groups import DriverClickGroup, driver_click_group

if TYPE_CHECKING:
    from pytest_jumpstarter.upstream_api.clients.network import NetworkClient


def network(client: NetworkClient) -> DriverClickGroup:
    """Return the commands of a network driver."""

    @driver_click_group(client)
    def base() -> None:
        """Connections to the device's network"""

    @base.command()
    @click.option("--address", default="localhost", show_default=True, help="Local address to listen on")
    @click.argument("port", type=int)
    def forward_tcp(address: str, port: int) -> None:
        """Forward the local TCP PORT, 0 for any free one, to the device until Ctrl-C"""
        with TcpPortforwardAdapter(client=client, local_host=address, local_port=port) as (host, bound):
            click.echo(f"[{host}]:{bound}" if ":" in host else f"{host}:{bound}")
            Event().wait()

    @base.command()
    @click.argument("path", type=click.Path(), required=False)
    def forward_unix(path: str | None) -> None:
        """Forward the local unix socket PATH, or one in a private folder, to the device until Ctrl-C"""
        with UnixPortforwardAdapter(client=client, path=path) as bound:
            click.echo(bound)
            Event().wait()

    @base.command()
    @click.option("--host", is_flag=True, help="Only the host")
    @click.option("--port", is_flag=True, help="Only the port")
    def address(host: bool, port: bool) -> None:
        """Show the address that the driver connects to"""
        click.echo(_address(client, host, port))

    return base


def _address(client: NetworkClient, host: bool, port: bool) -> str:
    from pytest_jumpstarter.upstream_api.clients.network import parse_address, strip_scheme

    try:
        found = client.address()
    except DriverInvalidArgument as error:
        raise click.ClickException(
            f"The exporter does not tell the address; its enable_address mode is not true. {error}"
        ) from error
    except DriverMethodNotImplemented as error:
        raise click.ClickException(
            f"This kind of network has no address, or its exporter is too old. {error}"
        ) from error
    if host == port:
        return strip_scheme(found)
    return parse_address(found)[0 if host else 1]
