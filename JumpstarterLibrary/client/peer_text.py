"""Clean the text of peers at the border: nothing that an exporter, a controller or a router says acts on a terminal.

All text of their messages passes here when it is received, and the details of their gRPC statuses when an error is
made of them. Only the values of driver calls and the bytes of streams stay as they are: they are a test's data.
"""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf.message import Message

from JumpstarterLibrary.printable import printable_line, printable_prose

PROSE = frozenset({"message", "status_message", "motd", "description", "methods_description"})
"""Fields with text of several lines, which may have colours; all others are names."""

_VALUES = "google.protobuf."


def clean_message(message: Message) -> None:
    """Make the text of a message printable, in place, and that of the messages in it.

    Args:
        message: What a peer sent. Google's own types in it, such as the values of driver calls, stay as they are.
    """
    for field, value in message.ListFields():
        clean = printable_prose if field.name in PROSE else printable_line
        if isinstance(value, str):
            setattr(message, field.name, clean(value))
        elif field.message_type is not None and field.message_type.GetOptions().map_entry:
            _clean_map(value, clean)
        elif isinstance(value, Message):
            _clean_inner(value)
        elif not isinstance(value, bytes | bool | int | float):
            _clean_list(value, clean)


def details_of(error: grpc.RpcError) -> str:
    """Return the details of a failed RPC, printable and on one line; empty if there are none.

    The error is cleaned as well: tracebacks show it as the cause of ours.
    """
    state: Any = getattr(error, "_state", None)
    for name in ("details", "debug_error_string"):
        text = getattr(state, name, None)
        if isinstance(text, str | bytes):
            # gRPC has no other way to change what an error shows.
            setattr(state, name, printable_prose(text if isinstance(text, str) else text.decode(errors="replace")))
    call: Any = error
    return printable_prose(" ".join((call.details() or "").split()))


def _clean_inner(message: Message) -> None:
    if not message.DESCRIPTOR.full_name.startswith(_VALUES):
        clean_message(message)


def _clean_map(entries: Any, clean: Any) -> None:
    cleaned = {printable_line(key): clean(value) for key, value in entries.items()}
    if cleaned != dict(entries):
        entries.clear()
        entries.update(cleaned)


def _clean_list(items: Any, clean: Any) -> None:
    for place, item in enumerate(items):
        if isinstance(item, Message):
            _clean_inner(item)
        elif isinstance(item, str):
            items[place] = clean(item)
