"""The client behind a byte stream, as far as the exporter knows it: drivers tell several clients of one port apart.

What a client says of itself is shown to people and never trusted: each client that may open a stream may type on it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from JumpstarterLibrary.protocol.names import CLIENT_SEPARATOR

KEY_LIMIT = 64
"""Characters of a client's key."""

NAME_LIMIT = 80
"""Characters of a client's name that are shown."""


@dataclass(frozen=True)
class Caller:
    """The client that opened a byte stream.

    Attributes:
        key: The same for all streams of one client; None for clients that send none, such as upstream's.
        name: The client's own words: user, host and process. Empty for clients that send none.
        since: When the stream was opened, such as ``15:37:02 UTC``.
    """

    key: str | None = None
    name: str = ""
    since: str = field(default_factory=lambda: time.strftime("%H:%M:%S UTC", time.gmtime()))

    def __str__(self) -> str:
        """Return how messages name the client."""
        return f"{self.name or 'a client'} (connected at {self.since})"

    def is_client_of(self, other: Caller) -> bool:
        """Return whether both are surely one client."""
        return self.key is not None and self.key == other.key


_CALLER: ContextVar[Caller | None] = ContextVar("exporter_caller", default=None)


def parse_caller(text: object) -> Caller:
    """Return the caller that the metadata of a stream names; one without a name for anything that is no such text."""
    if not isinstance(text, str):
        return Caller()
    key, _, name = text.partition(CLIENT_SEPARATOR)
    return Caller(key[:KEY_LIMIT] or None, re.sub(r"[^ -~]+", "?", name).strip()[:NAME_LIMIT])


@contextmanager
def calling(caller: Caller) -> Iterator[None]:
    """Let ``current_caller`` return a caller inside of the block, also in the tasks that it starts."""
    token = _CALLER.set(caller)
    try:
        yield
    finally:
        _CALLER.reset(token)


def current_caller() -> Caller:
    """Return the client that the running code serves; one without a name where a driver serves another driver."""
    return _CALLER.get() or Caller()
