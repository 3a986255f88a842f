"""Write the reports' evidence of a run's tests: sections of failed tests, and properties of all that had a board."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from JumpstarterLibrary.client.consoles.secrets import mask
from JumpstarterLibrary.client.devices.recorder import BEGIN, Recorder, RecorderMark
from JumpstarterLibrary.printable import printable
from pytest_jumpstarter.evidence.facts import facts, image
from pytest_jumpstarter.options import Options

if TYPE_CHECKING:
    from pytest_jumpstarter.board import ConnectedBoard


@dataclass(eq=False)
class _Use:
    """A board that tests of a class, or one test, have."""

    recorder: Recorder
    node: pytest.Item | pytest.Collector
    fixture: str
    board: ConnectedBoard | None
    since: RecorderMark = BEGIN
    fresh: bool = True
    over: bool = False

    def is_of(self, item: pytest.Item) -> bool:
        """Whether a test has it: it was made for this one, or the test asks for the fixture."""
        return self.node in item.listchain() and (self.fresh or self.fixture in getattr(item, "fixturenames", ()))


class EvidenceCollector:
    """Knows which test has which board, and what was said meanwhile.

    Args:
        options: The settings of the run.
        secrets: Returns what no report may show.

    Attributes:
        known: Facts about all boards of the run so far.
        failed: Whether the test that runs has failed.
    """

    def __init__(self, options: Options, secrets: Callable[[], list[str]]) -> None:
        self._options = options
        self._secrets = secrets
        self._uses: list[_Use] = []
        self.known: dict[str, list[str]] = {}
        self.failed = False

    def begin(self, recorder: Recorder, request: pytest.FixtureRequest, board: ConnectedBoard | None) -> None:
        """A fixture has a board from now on, or could not get it.

        Args:
            recorder: What the board says.
            request: The fixture.
            board: The board; None if it could not be had.
        """
        self._uses.append(
            _Use(
                recorder,
                request.node,
                request.fixturename or "",
                board,
                since=BEGIN if board is None or board.fresh else recorder.place(),
                over=board is None,
            )
        )
        if board is not None:
            board.fresh = False
            for name, value in facts(board).items():
                values = self.known.setdefault(name, [])
                if value not in values:
                    values.append(value)

    def end(self, board: ConnectedBoard) -> None:
        """A fixture has a board no more."""
        for use in self._uses:
            use.over = use.over or use.board is board

    def test_starts(self) -> None:
        """What is said from now on belongs to another test."""
        self.failed = False
        self._uses = [use for use in self._uses if not use.over]
        for use in self._uses:
            use.since, use.fresh = use.recorder.place(), False
        for device in {use.board.device for use in self._uses if use.board is not None}:
            device.mark("test_start")

    def sections(self, item: pytest.Item) -> list[tuple[str, str]]:
        """Return what the boards of a test have said since it began, as sections of its report."""
        uses = [use for use in self._uses if use.is_of(item)]
        sections = [section for use in uses for section in self._sections(use, several=len(uses) > 1)]
        secrets = self._secrets()
        return [(printable(title), mask(printable(text), secrets)) for title, text in sections]

    def _sections(self, use: _Use, several: bool) -> list[tuple[str, str]]:
        if self._options.log_lines:
            use.recorder.settle()
        of = f" of {use.board.device.link.name}" if several and use.board is not None else ""
        found = [
            (f"Console '{driver}'{of}" if driver else f"Console{of}", text.rstrip().split("\n"))
            for driver, text in sorted(use.recorder.consoles(use.since).items())
            if self._options.console_lines
        ]
        sections = [(title, _last(lines, self._options.console_lines)) for title, lines in found]
        for title, hooks in (("Exporter log", False), ("Hook output", True)):
            lines = use.recorder.log(use.since, hooks=hooks)
            if lines and self._options.log_lines:
                sections.append((title + of, _last(lines, self._options.log_lines)))
        return sections

    def lost(self, item: pytest.Item) -> str | None:
        """Return a sentence about a board of a test that is out of reach; None if none is. Asking takes 2 s at most."""
        for use in self._uses:
            if use.board is not None and not use.over and use.is_of(item):
                if use.board.lease_ended:
                    return f"The lease of exporter '{use.board.device.link.name}' is over."
                if not use.board.device.link.alive():
                    return f"Exporter '{use.board.device.link.name}' does not answer any more."
        return None

    def properties(self, item: pytest.Item) -> list[tuple[str, str]]:
        """Return facts about the boards of a test, and the images that were written to them since it began."""
        found: list[tuple[str, str]] = []
        for use in self._uses:
            if use.board is not None and use.is_of(item):
                found += facts(use.board).items()
                found += map(image, use.recorder.uploads(use.since))
        return found


def _last(lines: list[str], count: int) -> str:
    left_out = len(lines) - count
    head = [f"({left_out} earlier line{'s' * (left_out != 1)} left out)"] if left_out > 0 else []
    return "\n".join([*head, *lines[-count:]])
