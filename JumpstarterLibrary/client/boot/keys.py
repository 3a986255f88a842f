"""Names of keys, and what a terminal sends for them."""

from __future__ import annotations

import re

from JumpstarterLibrary.errors import UsageError

KEYS = {
    "space": b" ",
    "enter": b"\r",
    "esc": b"\x1b",
    "tab": b"\t",
    "backspace": b"\x08",
    "delete": b"\x7f",
    **{f"f{number}": b"\x1bO" + bytes([ord("O") + number]) for number in range(1, 5)},
    **{f"f{number}": b"\x1b[%d~" % code for number, code in zip(range(5, 11), (15, 17, 18, 19, 20, 21), strict=True)},
    "f11": b"\x1b[23~",
    "f12": b"\x1b[24~",
}
"""As terminals of the kind xterm send them."""

_CONTROL = re.compile(r"ctrl[-+]([a-z])")


def key_bytes(key: str) -> bytes:
    """Return the bytes of a key.

    Args:
        key: A name (``space``, ``enter``, ``esc``, ``tab``, ``backspace``, ``delete``, ``f1`` to ``f12``, ``ctrl-c``),
            in any case; any other text is typed as it is.

    Raises:
        UsageError: It is empty.
    """
    if not key:
        raise UsageError("An empty key cannot be pressed. Give a name such as space, esc or ctrl-c, or a text.")
    name = key.lower()
    if control := _CONTROL.fullmatch(name):
        return bytes([ord(control[1]) - ord("a") + 1])
    return KEYS.get(name) or key.encode()
