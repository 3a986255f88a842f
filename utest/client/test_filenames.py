"""Names from the exporter never choose where we write."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.client.filenames import file_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dutlink.console.log", "dutlink.console.log"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("/etc/passwd", "_etc_passwd"),
        ("..", "_"),
        ("", "_"),
        ("a b\nc", "a_b_c"),
        ("Büro", "Büro"),
    ],
)
def test_one_part_of_a_path(name: str, expected: str) -> None:
    assert file_name(name) == expected
