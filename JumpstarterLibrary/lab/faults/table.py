"""The table of faults: what can be injected, with which options, and what it does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.lab.components import LabComponents
from JumpstarterLibrary.lab.faults.options import Option, seconds

Act = Callable[..., AbstractAsyncContextManager[None]]
"""Causes a fault: called with the lab's parts and the options, it lets it happen on entry and undoes it on exit."""

AFTER = Option("after", seconds, "how long to wait first", 0.0)
FOR = Option("for", seconds, "after which time to undo it; default: when it is cleared")


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        target: What it happens to.
        name: What happens.
        text: One line about it, for people.
        options: What it takes.
        lasting: Whether it lasts until it is cleared; else it happens once.
        act: Causes it.
    """

    target: str
    name: str
    text: str
    options: tuple[Option, ...]
    lasting: bool
    act: Act

    def __str__(self) -> str:
        return f"{self.target} {self.name}"


FAULTS: dict[tuple[str, str], Fault] = {}
"""All faults, by target and name."""


def lasting(
    target: str, name: str, text: str, *options: Option
) -> Callable[[Callable[..., AsyncIterator[None]]], Callable[..., AsyncIterator[None]]]:
    """Enter a fault that lasts into the table: a generator that causes it, yields once, and undoes it.

    What has to be undone even where the whole lab ends belongs into a ``finally``.
    """

    def enter(function: Callable[..., AsyncIterator[None]]) -> Callable[..., AsyncIterator[None]]:
        act: Act = asynccontextmanager(function)
        FAULTS[target, name] = Fault(target, name, text, (*options, AFTER, FOR), True, act)
        return function

    return enter


def once(target: str, name: str, text: str, *options: Option) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a fault that happens once into the table: a coroutine function."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        @asynccontextmanager
        async def act(parts: LabComponents, **options: Any) -> AsyncIterator[None]:
            await function(parts, **options)
            yield

        FAULTS[target, name] = Fault(target, name, text, (*options, AFTER), False, act)
        return function

    return enter


def find(target: str, name: str) -> Fault:
    """Return a fault. Blanks and underscores in its names count as hyphens, capitals as small letters.

    Raises:
        ConfigurationError: There is no such target, or it has no such fault.
    """
    wanted = _plain(target), _plain(name)
    if wanted in FAULTS:
        return FAULTS[wanted]
    of_target = [fault.name for fault in FAULTS.values() if fault.target == wanted[0]]
    if not of_target:
        targets = sorted({fault.target for fault in FAULTS.values()})
        raise ConfigurationError(f"Nothing called {target!r} can have a fault. There is: {', '.join(targets)}.")
    raise ConfigurationError(f"There is no fault {name!r} of {wanted[0]}. There is: {', '.join(sorted(of_target))}.")


def _plain(text: str) -> str:
    return "-".join(text.lower().replace("_", " ").replace("-", " ").split())
