"""The facts about an exporter, and about the way to it, that the sentence of a failed call is made from."""

from __future__ import annotations

from typing import Protocol

from JumpstarterLibrary.errors import JumpstarterError


class Route(Protocol):
    """Route behind a link that can be lost and dialled again: a lease and its tunnel."""

    @property
    def lost(self) -> bool:
        """Whether there is no connection at present; the next call makes one."""

    @property
    def generation(self) -> int:
        """Grows with each connection."""

    @property
    def over(self) -> bool:
        """Whether there will be no connection any more, by the controller's word if it can be asked."""

    def check(self) -> None:
        """Raise why there will be no connection any more, if that is known."""

    def explain(self, asked: str) -> JumpstarterError:
        """Return why the connection was lost while something was asked."""


class LinkedExporter(Protocol):
    """The exporter at the other end of a link."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def source(self) -> str:
        """The setting or argument that named it."""

    @property
    def secure(self) -> bool:
        """Whether the link to it uses TLS."""

    @property
    def connected(self) -> bool:
        """Whether it has answered before."""

    @property
    def silent_s(self) -> float | None:
        """How many seconds of silence the link was given up for last; None if it never was."""

    @property
    def route(self) -> Route | None:
        """The route to it, if that can be dialled again."""

    def alive(self) -> bool:
        """Ask whether it answers now."""
