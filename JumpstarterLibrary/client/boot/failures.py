"""Remember the states that a board has failed to reach, so that no keyword waits for them again."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from JumpstarterLibrary.client.boot.board import Board
from JumpstarterLibrary.client.boot.context import BootSettings
from JumpstarterLibrary.client.boot.model import SHELL
from JumpstarterLibrary.errors import BootFailed, DeviceFailure, StateBroken
from JumpstarterLibrary.hints import Hint


def headline(message: str) -> str:
    """Return what an error says, without the console's lines that prove it."""
    first = message.partition("\n")[0]
    for opening in (" It said:", " The last lines were:", " It printed:", " What came with it:"):
        first = first.removesuffix(opening)
    return first


def not_reached(state: str, source: str, cause: DeviceFailure) -> BootFailed:
    """Return the error for a state that was not reached.

    Args:
        state: What was not reached.
        source: From where.
        cause: Why.
    """
    return cause.reworded(BootFailed, f"State '{state}' was not reached from '{source}': {cause.facts}")


@dataclass(frozen=True)
class _Failure:
    error: BootFailed
    at: str
    credentials: tuple[str, str | None] = field(repr=False)


class Failures:
    """The states that a board has failed to reach since its power was cycled, or an image written, last.

    Args:
        board: The board.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._failures: dict[str, _Failure] = {}
        self._cycles = self._count_cycles()
        self._changed = False

    @property
    def states(self) -> list[str]:
        """The names of these states."""
        return list(self._failures)

    def remember(self, state: str, source: str, cause: DeviceFailure, settings: BootSettings) -> BootFailed:
        """Remember a failure, and return the error that tells it.

        Args:
            state: What was not reached.
            source: From where.
            cause: Why.
            settings: How the board was booted.
        """
        error = not_reached(state, source, cause)
        self._failures[state] = _Failure(error, time.strftime("%H:%M:%S"), (settings.user, settings.password))
        return error

    def refuse(self, state: str) -> None:
        """Raise what is remembered of a state.

        Raises:
            StateBroken: The board has failed to reach it.
        """
        failure = self._failures.get(state)
        if failure is not None:
            raise failure.error.reworded(
                StateBroken,
                f"State '{state}' was not tried again, because it broke at {failure.at}. "
                f"{headline(failure.error.facts)}",
                Hint.RETRY_STATE,
            )

    def reached(self, state: str) -> None:
        """Forget the failure of a state: the board was seen in it."""
        self._failures.pop(state, None)

    def forget(self) -> None:
        """Forget all failures."""
        self._failures.clear()

    def cause_changed(self) -> None:
        """Take note that what the board boots has changed, from any thread: a file or image was written to it."""
        self._changed = True

    def forgive(self, settings: BootSettings) -> None:
        """Forget old failures: all, if the power was cycled or an image written, and a login with other credentials."""
        if self._changed or self._count_cycles() != self._cycles:
            self._changed = False
            self._failures.clear()
        failure = self._failures.get(SHELL)
        if failure is not None and failure.credentials != (settings.user, settings.password):
            del self._failures[SHELL]

    def count(self) -> None:
        """Count power cycles up to now as our own, after which no failure is forgotten."""
        self._cycles = self._count_cycles()

    def _count_cycles(self) -> int:
        supply = self._board.known_supply
        return 0 if supply is None else supply.state.cycles
