"""The client core's sentences name Robot's arguments; here they name what a pytest user can set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from JumpstarterLibrary.errors import JumpstarterError

_OURS = (
    ("neither client= nor config= is given, JMP_NAMESPACE and JMP_NAME are not both set", "JMP_NAMESPACE and JMP_NAME "
     "are not both set"),
    ("Choose one with client=, JMP_CLIENT_CONFIG", "Choose one with JMP_CLIENT_CONFIG"),
    ("Wait longer with timeout=", "Wait longer with lease_timeout or --jumpstarter-timeout"),
    ("extend itself with max_duration=", "extend itself with lease_max_duration"),
    ("Give selector= or exporter=", "Give a selector or an exporter_name"),
    ("Leave name= out", "Leave lease_name out"),
    ("or choose another mode", "or choose another one with mode or --jumpstarter-mode"),
)  # fmt: skip


@contextmanager
def in_our_words() -> Iterator[None]:
    """Let errors of the client core leave the block in words of this plugin."""
    try:
        yield
    except JumpstarterError as error:
        retell(error)
        raise


def retell(error: JumpstarterError) -> None:
    """Let an error of the client core say what it says in words of this plugin."""
    text = translated(str(error))
    if text != str(error):
        error.args = (text, *error.args[1:])


def translated(text: str) -> str:
    """Return a sentence of the client core in words of this plugin."""
    for theirs, ours in _OURS:
        text = text.replace(theirs, ours)
    return text
