"""The boards that the tests of a run have at present: shared, kept for a moment, and given back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from contextlib import ExitStack
from dataclasses import dataclass

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.leasing.device import LeasedDevice
from JumpstarterLibrary.errors import InfrastructureError, JumpstarterError
from pytest_jumpstarter.clients.base import DriverClient
from pytest_jumpstarter.evidence.recorder import Recorder
from pytest_jumpstarter.finding import Finding
from pytest_jumpstarter.wish import Wish

logger = logging.getLogger("pytest_jumpstarter")


@dataclass(eq=False)
class Board:
    """A connected board.

    Attributes:
        device: The device.
        client: The client of its root driver.
        finding: How it was found.
        recorder: What it says.
        stack: Closes it, and gives it back.
        key: What it is shared by.
        users: How many fixtures have it now.
        fresh: Whether no test has had it yet.
    """

    device: Device
    client: DriverClient
    finding: Finding
    recorder: Recorder
    stack: ExitStack
    key: Hashable = None
    users: int = 0
    fresh: bool = True

    @property
    def over(self) -> bool:
        """Whether its lease is over, so that it is of no use to anybody."""
        return isinstance(self.device, LeasedDevice) and self.device.lease.ended is not None

    def close(self) -> None:
        """Disconnect it and give its lease back. Trouble goes to the log: it is no verdict on any test."""
        try:
            self.stack.close()
        except (JumpstarterError, OSError) as error:
            logger.warning("Exporter %s was not let go cleanly: %s", self.device.link.name, error)


class Pool:
    """The boards of a run, by what they are shared by."""

    def __init__(self) -> None:
        self._boards: dict[Hashable, Board] = {}

    def take(self, key: Hashable, wish: Wish, connect: Callable[[], Board]) -> Board:
        """Return the board that was found for the same, or a new one.

        Args:
            key: What it is shared by.
            wish: What is wanted; a lease that is there is made to last as long.
            connect: Returns a new one.

        Raises:
            InfrastructureError: It cannot be had.
        """
        board = self._boards.get(key)
        if board is not None and board.over:
            # Whoever else has it will be told by what they do with it.
            self._drop(board)
            board = None
        if board is None:
            board = connect()
            board.key = key
            self._boards[key] = board
        else:
            logger.info("Exporter %s is used on.", board.device.link.name)
            _lengthen(board.device, wish)
        board.users += 1
        return board

    def leave(self, board: Board, *, keep: bool) -> None:
        """Use a board no more.

        Args:
            board: The board.
            keep: Whether it stays although nobody else uses it now.
        """
        board.users -= 1
        if board.users <= 0 and not keep:
            self._drop(board)

    def sweep(self, wanted: Callable[[Hashable], bool] = lambda _key: False) -> None:
        """Give back what nobody uses.

        Args:
            wanted: Whether a board is still wanted that is shared by a key.
        """
        for key, board in list(self._boards.items()):
            if board.users <= 0 and not wanted(key):
                self._drop(board)

    def _drop(self, board: Board) -> None:
        if self._boards.get(board.key) is board:
            del self._boards[board.key]
        board.close()

    def close(self) -> None:
        """Give back everything."""
        while self._boards:
            self._boards.popitem()[1].close()

    def __bool__(self) -> bool:
        return bool(self._boards)


def _lengthen(device: Device, wish: Wish) -> None:
    """Make a shared lease last as long as whoever shares it wants."""
    if not isinstance(device, LeasedDevice) or not device.lease.ours:
        return
    try:
        device.lease.last_at_least(wish.duration, wish.max_duration)
    except InfrastructureError as error:
        logger.warning("The shared lease %s may be shorter than asked for: %s", device.lease.name, error)
