"""What a run of the tests lacks is told at its start, with the way to get it."""

from __future__ import annotations

import pytest

from scripts import tools
from scripts.tools import TOOLS, Tool, missing_lines


def test_a_missing_tool_is_told_with_what_is_skipped_and_how_to_get_it() -> None:
    tool = Tool("qemu-system-x", lambda: False, "the suites of X are skipped", "qemu-x")
    assert missing_lines([tool]) == [
        "Not found: qemu-system-x. Without it, the suites of X are skipped. To get it: apt-get install qemu-x."
    ]


def test_a_tool_without_a_package_is_told_as_well() -> None:
    tool = Tool("a Python", lambda: False, "this one is used", None)
    assert missing_lines([tool]) == [
        "Not found: a Python. Without it, this one is used. To get it: install one, or put it on the PATH."
    ]


def test_nothing_is_told_of_what_is_there() -> None:
    assert missing_lines([Tool("sh", lambda: True, "nothing", "dash")]) == []


def test_a_path_without_qemu_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    names = [line.partition(". Without")[0] for line in missing_lines(TOOLS[:2])]
    assert names == ["Not found: qemu-system-arm", "Not found: qemu-system-x86_64"]


def test_packages_are_printed_for_an_installer(capsys: pytest.CaptureFixture[str]) -> None:
    assert tools.main(["--packages"]) == 0
    assert capsys.readouterr().out.split() == [
        "busybox-static",
        "mksh",
        "qemu-system-arm",
        "qemu-system-x86",
        "u-boot-qemu",
    ]
