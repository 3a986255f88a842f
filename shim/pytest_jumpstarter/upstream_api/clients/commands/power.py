"""The command line of power drivers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from JumpstarterLibrary.client.drivers.power import OFF_TIME_S
from JumpstarterLibrary.client.interrupts import pause
from pytest_jumpstarter.upstream_api.clients.commands.groups import DriverClickGroup, driver_click_group

if TYPE_CHECKING:
    from pytest_jumpstarter.upstream_api.clients.power import PowerClient, VirtualPowerClient


def power(client: PowerClient) -> DriverClickGroup:
    """Return the commands of a power driver."""

    @driver_click_group(client)
    def base() -> None:
        """Switch the device's power and measure it"""

    @base.command()
    def on() -> None:
        """Switch power on"""
        client.on()

    @base.command()
    def off() -> None:
        """Switch power off"""
        client.off()

    @base.command()
    @click.option("--wait", "-w", default=int(OFF_TIME_S), help="Seconds without power", show_default=True)
    def cycle(wait: int) -> None:
        """Switch power off and on again"""
        click.echo(f"Off for {wait} seconds, and on again ...")
        client.cycle(wait)

    @base.command()
    @click.option("--count", "-n", default=1, help="How many times to read; 0 for ever", show_default=True)
    @click.option("--interval", "-i", default=1.0, help="Seconds between two times", show_default=True)
    def read(count: int, interval: float) -> None:
        """Show power readings"""
        done = 0
        while True:
            for reading in client.read():
                volts, amperes = f"voltage={reading.voltage} V", f"current={reading.current} A"
                click.echo(f"{volts}  {amperes}  apparent_power={reading.apparent_power} VA")
            done += 1
            if done == count:
                return
            pause(max(interval, 0.0))

    group: DriverClickGroup = base
    return group


def virtual_power(client: VirtualPowerClient) -> DriverClickGroup:
    """Return the commands of a virtual device's power driver."""
    group = power(client)

    @group.command(name="off")
    @click.option("--destroy", is_flag=True, help="Delete the virtual device as well")
    def off(destroy: bool) -> None:
        """Switch power off"""
        client.off(destroy)

    return group
