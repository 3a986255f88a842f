"""The keyword documentation has a page for what each keyword returns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from robot.libdoc import LibraryDocumentation

from JumpstarterLibrary.keywords.result_types import page
from JumpstarterLibrary.types import CommandResult


def types_in(returned: Any) -> Iterator[str]:
    if returned is not None and not returned.is_union and returned.name is not None:
        yield returned.name
    for nested in (returned.nested or ()) if returned is not None else ():
        yield from types_in(nested)


def test_each_type_that_a_keyword_returns_has_a_page() -> None:
    library = LibraryDocumentation("JumpstarterLibrary")
    pages = {info.name for info in library.type_docs} | {"Any", "bool", "float", "int", "str", "list", "dict", "None"}
    returned = {name for keyword in library.keywords for name in types_in(keyword.args.return_type)}
    assert {"CommandResult", "LeaseInfo"} <= returned
    aliases = {"datetime", "timedelta", "Path", "Mapping", "Secret"}
    assert returned - pages - aliases == set()


def test_a_page_lists_the_attributes_and_the_properties() -> None:
    lines = page(CommandResult).split("\n")
    assert lines[:3] == ["What a command on the console gave.", "", "| =Attribute= | =Meaning= |"]
    names = [line.split("``")[1] for line in lines[3:]]
    assert names == ["command", "stdout", "status", "duration", "kernel", "rc", "stderr"]
    assert lines[4] == (
        "| ``stdout`` | What it printed, without the echo of the command and without the last line end. Error output "
        "shares the console, so it is here too. |"
    )
