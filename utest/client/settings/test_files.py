"""Reading files of the configuration."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from JumpstarterLibrary.client.settings.files import read_mapping
from JumpstarterLibrary.errors import ConfigurationError


def test_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: {b: [1, ü]}\n", encoding="utf-8")
    assert read_mapping(path) == {"a": {"b": [1, "ü"]}}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "must hold a mapping, not nothing"),
        (b"- 1", "must hold a mapping, not a list"),
        (b"one text", "must hold a mapping, not this text"),
        (b"token: hunter2: x", "is no valid YAML at line 1, column 15"),
        (b"a: 1\ntoken: [hunter2", "is no valid YAML at line 2, column 16"),
        (b"a: !!python/object:os.system {}", "is no valid YAML at line 1, column 4"),
        (b"a: 2026-99-99", "is no valid YAML"),
        (b"a: \x01", "is no valid YAML"),
        (b"a: " + b"[" * 10_000, "is no valid YAML"),
        (b"a: \xff", "cannot be read: it is no UTF-8 text"),
    ],
)
def test_what_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(data)
    with pytest.raises(ConfigurationError) as caught:
        read_mapping(path)
    assert str(caught.value) == f"The file '{path}' {reason}."
    shown = "".join(traceback.format_exception(caught.value))
    assert "hunter2" not in shown


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_mapping(tmp_path)
    assert str(caught.value) == f"The file '{tmp_path}' cannot be read: Is a directory."
