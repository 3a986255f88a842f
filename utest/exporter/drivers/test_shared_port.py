"""A serial port with many readers: each gets every byte, and one of them types."""

from __future__ import annotations

import hashlib
import os
import random
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from JumpstarterLibrary.exporter.callers import KEY_LIMIT, NAME_LIMIT, parse_caller
from JumpstarterLibrary.exporter.drivers.serial import PySerial
from JumpstarterLibrary.exporter.readers import HISTORY, READER_LIMIT

LIMIT_S = 20.0


class Board:
    """The device behind a pseudo terminal."""

    def __init__(self) -> None:
        self.master, self._slave = os.openpty()
        self.path = os.ttyname(self._slave)

    def say(self, data: bytes) -> None:
        while data:
            data = data[os.write(self.master, data) :]

    def say_in_background(self, data: bytes) -> Callable[[], None]:
        """Say something of any length, and return what waits for its end."""
        thread = threading.Thread(target=self.say, args=(data,), daemon=True)
        thread.start()

        def wait() -> None:
            thread.join(LIMIT_S)
            assert not thread.is_alive(), "the board could not say it all"

        return wait

    def heard(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += os.read(self.master, size - len(data))
        return data

    def unplug(self) -> None:
        for fd in (self.master, self._slave):
            if fd >= 0:
                os.close(fd)
        self.master = self._slave = -1


@pytest.fixture
def board() -> Iterator[Board]:
    board = Board()
    yield board
    board.unplug()


def _in_threads(functions: list[Callable[[], Any]]) -> list[Any]:
    results: list[Any] = [None] * len(functions)

    def run(index: int) -> None:
        results[index] = functions[index]()

    threads = [threading.Thread(target=run, args=(index,), daemon=True) for index in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
    return results


def test_three_readers_get_every_byte_while_one_types(serving, board) -> None:
    client = serving(PySerial(url=board.path))
    data = random.Random(1).randbytes(1_000_000)
    typed = random.Random(2).randbytes(20_000)
    with client.stream() as one, client.stream() as other, client.stream() as third:
        talking = board.say_in_background(data)
        typing = threading.Thread(
            target=lambda: [other.send(typed[at : at + 500]) for at in range(0, len(typed), 500)], daemon=True
        )
        typing.start()
        heard, *received = _in_threads(
            [
                lambda: board.heard(len(typed)),
                *(lambda stream=stream: stream.receive_exactly(len(data)) for stream in (one, other, third)),
            ]
        )
        talking()
        typing.join(LIMIT_S)
    assert heard == typed
    assert [hashlib.sha256(got).hexdigest() for got in received] == [hashlib.sha256(data).hexdigest()] * 3


def test_reader_that_joins_gets_the_last_64_kib_first(serving, board) -> None:
    client = serving(PySerial(url=board.path))
    early = random.Random(1).randbytes(100_000)
    with client.stream() as one:
        talking = board.say_in_background(early)
        assert one.receive_exactly(len(early)) == early
        talking()
        with client.stream() as other:
            board.say(b"and now")
            assert one.receive_exactly(7) == b"and now"
            assert other.receive_exactly(HISTORY + 7) == early[-HISTORY:] + b"and now"


def test_reader_after_the_last_one_begins_anew(serving, board) -> None:
    client = serving(PySerial(url=board.path))
    for text in (b"first", b"second", b"third"):
        # At once: the stream before is still winding up.
        with client.stream() as stream:
            board.say(text)
            assert stream.receive_exactly(len(text)) == text


def test_second_writer_is_told_by_name_who_types(serving, board) -> None:
    client = serving(PySerial(url=board.path))
    with client.stream(name="1f ada@lab, process 7") as one, client.stream(name="2f bob@pc, process 8") as other:
        one.send(b"a")
        assert board.heard(1) == b"a"
        for _ in range(3):
            other.send(b"b")
        notice = other.receive()
        one.send(b"c")
        assert board.heard(1) == b"c"
        board.say(b"for both")
        assert (one.receive_exactly(8), other.receive_exactly(8)) == (b"for both", b"for both")
    assert re.fullmatch(
        rb"\r\n\[jumpstarter: not sent: ada@lab, process 7 \(connected at \d\d:\d\d:\d\d UTC\) types on "
        + board.path.encode()
        + rb"\. Wait until that stream is closed, or call 'take_over'\.\]\r\n",
        notice,
    )


def test_right_to_type_ends_with_the_stream_or_its_half(serving, board) -> None:
    client = serving(PySerial(url=board.path))
    with client.stream() as watching:
        with client.stream() as one:
            one.send(b"1")
            assert board.heard(1) == b"1"
        with client.stream() as other:
            other.send(b"2")
            assert board.heard(1) == b"2"
            other.send_eof()
            board.say(b"still read")
            assert other.receive_exactly(10) == b"still read"
            watching.send(b"3")
            assert board.heard(1) == b"3"


def test_streams_of_one_client_all_type_and_are_told_nothing_twice(serving, board) -> None:
    client = serving(PySerial(url=board.path))
    with client.stream(name="1f ada@lab, process 7") as one:
        board.say(b"heard")
        assert one.receive_exactly(5) == b"heard"
        with client.stream(name="1f ada@lab, process 7") as other:
            one.send(b"1")
            assert board.heard(1) == b"1"
            other.send(b"2")
            assert board.heard(1) == b"2"
            board.say(b"new")
            assert other.receive_exactly(3) == b"new"


def test_take_over(serving, board) -> None:
    client = serving(PySerial(url=board.path))
    assert client.call("take_over") is None
    with client.stream(name="1f ada@lab") as one, client.stream(name="2f bob@pc") as other:
        assert client.call("take_over") is None
        one.send(b"1")
        assert board.heard(1) == b"1"
        assert re.fullmatch(r"ada@lab \(connected at .* UTC\)", client.call("take_over"))
        one.send(b"lost")
        assert one.receive() == (
            f"\r\n[jumpstarter: not sent: another client has taken over {board.path}. Call 'take_over' to type "
            "again.]\r\n".encode()
        )
        other.send(b"2")
        assert board.heard(1) == b"2"
        assert re.fullmatch(r"bob@pc \(connected at .* UTC\)", client.call("take_over"))
        one.send(b"3")
        assert board.heard(1) == b"3"


def test_taking_over_from_the_only_reader_changes_nothing(serving, board) -> None:
    client = serving(PySerial(url=board.path))
    with client.stream() as one:
        one.send(b"1")
        assert board.heard(1) == b"1"
        assert client.call("take_over") is not None
        one.send(b"2")
        assert board.heard(1) == b"2"


def test_all_readers_are_told_that_the_port_is_gone(serving, board) -> None:
    client = serving(PySerial(url=board.path))
    with client.stream() as one, client.stream() as other:
        board.say(b"last words")
        assert one.receive_exactly(10) == b"last words"
        board.unplug()
        assert one.receive() is None
        assert other.receive_all() == b"last words"


def test_readers_are_bounded(serving, board) -> None:
    driver = PySerial(url=board.path)
    client = serving(driver)

    async def open_many() -> str:
        async with AsyncExitStack() as stack:
            for _ in range(READER_LIMIT):
                await stack.enter_async_context(driver.connect())
            with pytest.raises(RuntimeError) as caught:
                await stack.enter_async_context(driver.connect())
        return str(caught.value)

    assert re.fullmatch(
        rf"{board.path} has 64 readers already, the first of them a client \(connected at \d\d:\d\d:\d\d UTC\)\. "
        r"Close streams that are not needed\.",
        client.exporter.run(open_many()),
    )


@pytest.mark.parametrize(
    ("text", "key", "name"),
    [
        (None, None, ""),
        (b"\xff", None, ""),
        ("", None, ""),
        ("abc", "abc", ""),
        ("abc ada@lab, process 7", "abc", "ada@lab, process 7"),
        ("abc \x1b[2J\nada\u202e", "abc", "?[2J?ada?"),
        ("k" * 1000 + " " + "n" * 1000, "k" * KEY_LIMIT, "n" * NAME_LIMIT),
        (" nameless key", None, "nameless key"),
    ],
)
def test_what_clients_say_of_themselves_is_shown_safely(text: object, key: str | None, name: str) -> None:
    caller = parse_caller(text)
    assert (caller.key, caller.name) == (key, name)
    assert str(caller) == f"{name or 'a client'} (connected at {caller.since})"
