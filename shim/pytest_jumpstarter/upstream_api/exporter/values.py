"""Python values on the wire, under upstream's names."""

from __future__ import annotations

from typing import Any

from JumpstarterLibrary.exporter import dispatch


def encode_value(v: Any) -> Any:
    """Return the protocol's value for what a driver method returned.

    Raises:
        ValueError: It cannot travel.
    """
    return dispatch.encode_result(v)


def decode_value(v: Any) -> Any:
    """Return the Python value of a protocol's value; whole numbers as ``int``."""
    return dispatch.arguments([v])[0]
