"""The command line of serial ports."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from pytest_jumpstarter.upstream_api.clients.commands.groups import DriverClickGroup, driver_click_group

if TYPE_CHECKING:
    from pytest_jumpstarter.upstream_api.clients.serial import PySerialClient


def serial(client: PySerialClient) -> DriverClickGroup:
    """Return the commands of a serial port."""

    @driver_click_group(client)
    def base() -> None:
        """Serial port client"""

    @base.command()
    def start_console() -> None:
        """Open the serial port on this terminal"""
        from pytest_jumpstarter.upstream_api.clients.console import Console

        click.echo("\nThe serial port is on this terminal. Type Ctrl-B three times to leave.\n")
        Console(client).run()

    @base.command()
    @click.option("-o", "--output", type=click.Path(), help="Write to this file. Default: standard output")
    @click.option("-i", "--input", "forced", is_flag=True, help="Send standard input. Default: if it is no terminal")
    @click.option("--no-input", is_flag=True, help="Do not send standard input, even if it is no terminal")
    @click.option("-a", "--append", is_flag=True, help="Keep what the output file has")
    @click.option("--no-output", is_flag=True, help="Only send standard input, and leave at its end")
    def pipe(output: str | None, forced: bool, no_input: bool, append: bool, no_output: bool) -> None:
        """Copy the serial port's data to standard output or a file, until Ctrl-C

        \b
        j serial pipe                                 # show it
        j serial pipe -o serial.log                   # log it
        echo hello | j serial pipe                    # send, and show what comes
        j serial pipe --no-output < commands.txt      # send, and leave
        """
        piped = not sys.stdin.isatty()
        sending = not no_input and (forced or piped)
        _check(output, append, no_output, sending, contradiction=forced and no_input)
        how = ("auto-detected piped stdin" if piped and not forced else "forced input") if sending else "read-only"
        click.echo(_announcement(output, sending, no_output, how), err=True)
        try:
            client.portal.call(client._pipe_serial, output, sending, append, no_output)
        except KeyboardInterrupt:
            click.echo("\nStopped.", err=True)

    return base


def _check(output: str | None, append: bool, no_output: bool, sending: bool, *, contradiction: bool) -> None:
    """Refuse options that contradict each other."""
    if contradiction:
        raise click.UsageError("Cannot use both --input and --no-input.")
    if no_output and output:
        raise click.UsageError("Cannot use both --no-output and --output.")
    if no_output and append:
        raise click.UsageError("Cannot use both --no-output and --append.")
    if append and not output:
        raise click.UsageError("--append requires --output.")
    if no_output and not sending:
        raise click.UsageError("--no-output requires stdin input: pipe something in, or use --input.")


def _announcement(output: str | None, sending: bool, no_output: bool, how: str) -> str:
    if no_output:
        return f"Fire-and-forget mode ({how}): standard input goes to the port, and its end is the end."
    where = output or "standard output"
    if sending:
        return f"Bidirectional mode ({how}): standard input to the port, the port to {where}. Ctrl+C to exit."
    return f"Reading from serial port to {where} ({how}). Ctrl+C to exit."
