"""Base of the console keywords: find the console, find places in it, and show no secrets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from JumpstarterLibrary.client import Console
from JumpstarterLibrary.errors import ConsoleMismatch, UsageError
from JumpstarterLibrary.keywords.base import Keywords
from JumpstarterLibrary.types import ConsoleMatch, Since

_RESERVED = {since.value for since in Since} - {Since.mark.value}


class ConsoleBase(Keywords):
    """Base of the console's keyword classes."""

    def console(self, device: str | None, driver: str | None) -> Console:
        """Return the console of a device: the only one, or that of the driver at a path."""
        return self.device(device).console(driver)


def offset(console: Console, since: Since | str) -> int | None:
    """Return the place in a console's text that ``since`` means; None for the cursor.

    Raises:
        UsageError: The console has no such mark.
    """
    name = since.value if isinstance(since, Since) else since
    plain = _plain(name)
    if plain == Since.cursor.value:
        return None
    marks = {_plain(mark): place for mark, place in console.marks.items()}
    if plain in marks:
        return marks[plain]
    if plain in _RESERVED:
        # It happened before the console was opened.
        return 0
    there = ", ".join(sorted({*console.marks, *_RESERVED}))
    raise UsageError(f"Console {console.title} has no mark '{name}'. It has: {there}.")


def _plain(name: str) -> str:
    """Return a mark's name as it is compared: like the names of keywords."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def check_mark(name: str) -> None:
    """Raise if a mark may not have that name.

    Raises:
        UsageError: The library sets marks of that name by itself.
    """
    if _plain(name) in _RESERVED or not name.strip():
        raise UsageError(f"A mark cannot be called '{name}': that name means something else. Choose another one.")


def shown(console: Console, match: ConsoleMatch) -> ConsoleMatch:
    """Return a match without the secrets that were typed."""
    groups = {name: value if value is None else console.hidden(value) for name, value in match.groups.items()}
    return replace(match, text=console.hidden(match.text), before=console.hidden(match.before), groups=groups)


@contextmanager
def explained(message: str | None) -> Iterator[None]:
    """Put the caller's own words in front of a mismatch."""
    try:
        yield
    except ConsoleMismatch as error:
        if message is None:
            raise
        raise error.reworded(ConsoleMismatch, f"{message}: {error.facts}") from error
