"""Tell a lost exporter from a silent board: what came through an exporter that answers nothing proves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from JumpstarterLibrary.errors import DeviceFailure, LinkError

STILL_S = 1.0
"""Seconds without output after which a failure asks whether the exporter still answers."""


class SilentConsole(Protocol):
    """The console whose silence is judged."""

    driver: Any
    """The driver of its byte stream, with the device and its link."""

    @property
    def title(self) -> str:
        """The name as messages have it."""

    @property
    def heard(self) -> int:
        """Bytes that came so far."""

    @property
    def silent_for(self) -> float:
        """Seconds since the last byte came."""


def check_exporter(console: SilentConsole, waiting: str = "", still_s: float = STILL_S) -> None:
    """Raise if nothing has come from a console just now, and its exporter does not answer.

    Args:
        console: The console.
        waiting: What was awaited, for the message.
        still_s: Seconds without output after which it is asked.

    Raises:
        LinkError: The exporter does not answer.
    """
    link = console.driver._device.present
    if console.silent_for < still_s or link.alive():
        return
    while_waiting = f" while {waiting} was awaited" if waiting else ""
    raise LinkError(
        f"Exporter '{link.name}' (from {link.source}) does not answer, so that console {console.title} was "
        f"silent{while_waiting}. It is not known what the board said. Check that the exporter still runs."
    )


@contextmanager
def exporter_checked(console: SilentConsole) -> Iterator[None]:
    """Let no failure of the board leave the block that is one of a lost exporter.

    Raises:
        LinkError: The board has failed in the block, and its exporter does not answer.
    """
    heard = console.heard
    try:
        yield
    except DeviceFailure as failure:
        try:
            check_exporter(console, still_s=0.0 if console.heard == heard else STILL_S)
        except LinkError as lost:
            raise lost from failure
        raise
