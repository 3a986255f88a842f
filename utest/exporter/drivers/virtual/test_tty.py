from __future__ import annotations

import asyncio
import logging

import pytest

from JumpstarterLibrary.exporter.drivers.virtual.clock import Clock
from JumpstarterLibrary.exporter.drivers.virtual.tty import LINE_LIMIT, TYPE_AHEAD, EndOfInput, Interrupted, Tty
from JumpstarterLibrary.exporter.drivers.virtual.wire import Wire
from JumpstarterLibrary.exporter.readers import SharedReader


def make_tty() -> tuple[Tty, SharedReader]:
    clock = Clock(1.0, asyncio.get_running_loop().time)
    wire = Wire(clock, logging.getLogger("driver.VirtualBoard"))
    tty = Tty(wire, clock)
    wire.receiver = tty.feed
    return tty, wire.open()


@pytest.mark.parametrize(
    ("typed", "line", "shown"),
    [
        (b"ls\r", "ls", b"$ ls\r\n"),
        (b"ls\n", "ls", b"$ ls\r\n"),
        (b"lx\x7fs\r", "ls", b"$ lx\b \bs\r\n"),
        (b"lx\x08s\r", "ls", b"$ lx\b \bs\r\n"),
        (b"\x7f\x7fls\r", "ls", b"$ ls\r\n"),
        (b"abc\x15ls\r", "ls", b"$ abc" + b"\b \b" * 3 + b"ls\r\n"),
        (b"a bc \x17d\r", "a d", b"$ a bc " + b"\b \b" * 3 + b"d\r\n"),
        ("ü\x7fö\r".encode(), "ö", b"$ \xc3\xbc\b \b\xc3\xb6\r\n"),
        (b"l\x1b[A\x1bOP\x1b[1;5Ds\x1b\r", "ls", b"$ ls\r\n"),
        (b"\x1b\x1b\x1bls\r", "ls", b"$ ls\r\n"),
        (b"a\tb\x00\r", "ab", b"$ ab\r\n"),
    ],
)
def test_line_editing(run, typed: bytes, line: str, shown: bytes) -> None:
    async def scenario(pieces: list[bytes]) -> tuple[str, bytes]:
        tty, tap = make_tty()
        reading = asyncio.create_task(tty.read_line("$ "))
        for piece in pieces:
            await tap.send(piece)
            for _ in range(5):
                await asyncio.sleep(0)
        return await reading, await tap.receive()

    assert run(scenario([typed])) == (line, shown)
    assert run(scenario([typed[i : i + 1] for i in range(len(typed))])) == (line, shown)


def test_carriage_return_with_line_feed_ends_one_line(run) -> None:
    async def scenario() -> list[str]:
        tty, tap = make_tty()
        await tap.send(b"one\r\ntwo\r")
        lines = [await tty.read_line(), await tty.read_line()]
        await tap.send(b"\nthree\n\n")
        return [*lines, await tty.read_line(), await tty.read_line()]

    assert run(scenario()) == ["one", "two", "three", ""]


def test_secrets_and_silenced_input_are_not_shown(run) -> None:
    async def scenario() -> bytes:
        tty, tap = make_tty()
        await tap.send(b"secret\rhidden\rshown\r")
        assert await tty.read_line("Password: ", secret=True) == "secret"
        tty.echo = False
        assert await tty.read_line() == "hidden"
        tty.echo = True
        assert await tty.read_line() == "shown"
        return await tap.receive()

    assert run(scenario()) == b"Password: \r\n\r\nshown\r\n"


def test_control_keys_at_the_prompt(run) -> None:
    async def scenario() -> None:
        tty, tap = make_tty()
        await tap.send(b"abc\x03")
        with pytest.raises(Interrupted):
            await tty.read_line()
        await tap.send(b"\x04")
        with pytest.raises(EndOfInput):
            await tty.read_line()
        await tap.send(b"x\x04\r")
        assert await tty.read_line() == "x"

    run(scenario())


def test_control_c_interrupts_a_command_and_drops_what_was_typed_before(run) -> None:
    async def scenario() -> None:
        tty, tap = make_tty()
        tty.start_command()
        pausing = asyncio.create_task(tty.pause(1000))
        await asyncio.sleep(1)
        await tap.send(b"lost\x03kept\r")
        with pytest.raises(Interrupted):
            await pausing
        tty.end_command()
        assert await tty.read_line() == "kept"
        assert asyncio.get_running_loop().time() < 2

    run(scenario())


def test_control_c_stops_a_command_that_prints(run) -> None:
    async def scenario() -> None:
        tty, tap = make_tty()
        tty.start_command()
        await tty.write("one\n")
        await tap.send(b"\x03")
        with pytest.raises(Interrupted):
            await tty.write("two\n")

    run(scenario())


def test_overlong_line_rings_the_bell(run) -> None:
    async def scenario() -> tuple[int, bytes]:
        tty, tap = make_tty()
        await tap.send(b"x" * (LINE_LIMIT + 5) + b"\r")
        return len(await tty.read_line()), (await tap.receive())[-4:]

    assert run(scenario()) == (LINE_LIMIT, b"x\x07\r\n")


def test_type_ahead_is_bounded(run) -> None:
    async def scenario() -> int:
        tty, tap = make_tty()
        for _ in range(100):
            await tap.send(b"0123456789abcde\r" * 64)
        lines = 0
        while await tty.key(within=0):
            lines += 1
        return lines

    assert run(scenario()) == TYPE_AHEAD


def test_kernel_line_breaks_into_what_is_printed(run) -> None:
    async def scenario() -> bytes:
        tty, tap = make_tty()
        lines = [b"[kernel]\r\n"]
        tty.interruption = lambda: lines.pop() if lines else b""
        await tty.write("MARKER\n")
        await tty.write("again\n")
        return await tap.receive()

    assert run(scenario()) == b"MARK[kernel]\r\nER\r\nagain\r\n"
