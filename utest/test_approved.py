"""Two approved texts pin the public interface: a change of either shows up in review."""

from __future__ import annotations

import importlib
from graphlib import TopologicalSorter
from itertools import pairwise
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


OBJECTS = {
    "Call Driver": ["driver"],
    "Driver Should Support": ["driver"],
    "Stream From Driver": ["driver"],
    "Switch Device": ["device"],
}
"""Keywords that act on the device or the driver itself, so that it comes first and without its name."""


def test_device_and_driver_are_named_and_last_in_each_keyword() -> None:
    for keyword in LibraryDocumentation("JumpstarterLibrary").keywords:
        arguments = keyword.args
        named = [*arguments.positional_only, *arguments.positional_or_named]
        assert [name for name in named if name in ("device", "driver")] == OBJECTS.get(keyword.name, []), keyword.name
        last = [name for name in ("device", "driver") if name in arguments.named_only]
        assert list(arguments.named_only)[len(arguments.named_only) - len(last) :] == last, keyword.name


def test_named_arguments_come_in_one_order_in_all_keywords() -> None:
    order: TopologicalSorter[str] = TopologicalSorter()
    for keyword in LibraryDocumentation("JumpstarterLibrary").keywords:
        for earlier, later in pairwise(keyword.args.named_only):
            order.add(later, earlier)
    # Raises CycleError, which names the arguments, where two keywords disagree.
    assert {"timeout", "message", "device", "driver"} <= set(order.static_order())


def _compare(name: str, lines: list[str]) -> None:
    approved = (APPROVED / name).read_text()
    received = "\n".join(lines) + "\n"
    assert received == approved, (
        f"utest/approved/{name} differs; if the change is meant, approve this text:\n{received}"
    )
