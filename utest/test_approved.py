"""Two approved texts pin the public interface: a change of either shows up in review."""

from __future__ import annotations

import importlib
from pathlib import Path

from robot.libdoc import LibraryDocumentation

APPROVED = Path(__file__).parent / "approved"
PUBLIC_MODULES = (
    "JumpstarterLibrary",
    "JumpstarterLibrary.client",
    "JumpstarterLibrary.exporter",
    "JumpstarterLibrary.lab",
)


def test_keywords_with_their_signatures() -> None:
    library = LibraryDocumentation("JumpstarterLibrary")
    lines = [f"import: {library.inits[0].args}"]
    lines += [f"{keyword.name}: {keyword.args}" for keyword in library.keywords]
    _compare("keywords.txt", lines)


def test_exported_names() -> None:
    lines = [
        f"{name}: {', '.join(sorted(importlib.import_module(name).__all__))}"  # one line per door
        for name in PUBLIC_MODULES
    ]
    _compare("exported_names.txt", lines)


def test_every_keyword_is_documented() -> None:
    for keyword in LibraryDocumentation("JumpstarterLibrary").keywords:
        assert keyword.doc, f"{keyword.name} has no documentation"
        assert keyword.tags, f"{keyword.name} has no tags"
        assert "Example:" in keyword.doc, f"{keyword.name} has no example"


def _compare(name: str, lines: list[str]) -> None:
    approved = (APPROVED / name).read_text()
    received = "\n".join(lines) + "\n"
    assert received == approved, (
        f"utest/approved/{name} differs; if the change is meant, approve this text:\n{received}"
    )
