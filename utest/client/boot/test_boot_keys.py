"""Names of keys."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.client.boot.keys import key_bytes
from JumpstarterLibrary.errors import UsageError


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("space", b" "),
        ("Esc", b"\x1b"),
        ("enter", b"\r"),
        ("ctrl-c", b"\x03"),
        ("CTRL+Z", b"\x1a"),
        ("f1", b"\x1bOP"),
        ("f4", b"\x1bOS"),
        ("f5", b"\x1b[15~"),
        ("f10", b"\x1b[21~"),
        ("f12", b"\x1b[24~"),
        ("delete", b"\x7f"),
        ("s", b"s"),
        (" ", b" "),
        ("stop\n", b"stop\n"),
    ],
)
def test_what_a_key_sends(key: str, expected: bytes) -> None:
    assert key_bytes(key) == expected


def test_no_key() -> None:
    with pytest.raises(UsageError) as caught:
        key_bytes("")
    assert str(caught.value) == ("An empty key cannot be pressed. Give a name such as space, esc or ctrl-c, or a text.")
