"""Names from the exporter never choose where we write, and no two of them share a file."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.client.filenames import driver_file_name, file_name


@pytest.mark.parametrize("name", ["dutlink.console", "rpi4", "Büro", "uart_1", "a.b-c"])
def test_a_plain_name_stays(name: str) -> None:
    assert file_name(name) == name
    assert driver_file_name(name.split(".")) == name


@pytest.mark.parametrize(
    ("name", "begin"),
    [
        ("../../etc/passwd", "_.._etc_passwd-"),
        ("/etc/passwd", "_etc_passwd-"),
        ("..", "_-"),
        ("", "_-"),
        ("a b\nc", "a_b_c-"),
        ("uart 1", "uart_1-"),
        (".hidden", "hidden-"),
        ("a/b", "a_b-"),
        ("x" * 5000, "x" * 100 + "-"),
        ("ü" * 5000, "ü" * 50 + "-"),
        ("\ud800", "_-"),
    ],
)
def test_one_part_of_a_path_with_a_number(name: str, begin: str) -> None:
    made = file_name(name)
    assert made.startswith(begin)
    assert len(made) == len(begin) + 12
    assert "/" not in made
    assert len(f"{made}-stream.timed.log".encode()) <= 255


def test_no_two_names_have_one_file() -> None:
    names = [
        "uart 1",
        "uart_1",
        "uart/1",
        "uart\n1",
        "uart  1",
        ".uart",
        "uart",
        "x" * 101,
        "x" * 102,
        "console-stream",
    ]
    # Names that look like those that are made here, or like the files beside a transcript.
    names += [file_name("uart 1"), "uart.timed", "uart-stream", "..", ".", "", "_"]
    made = [file_name(name) for name in names]
    assert len(set(made)) == len(names)
    files = [f"{one}{end}" for one in made for end in (".log", ".timed.log", "-stream.log", "-stream.timed.log")]
    assert len(set(files)) == len(files)


def test_a_dot_in_a_name_is_no_border_of_a_path() -> None:
    assert driver_file_name(["a", "b"]) == "a.b"
    assert driver_file_name(["a.b"]).startswith("a.b-")
    assert len({driver_file_name(names) for names in (["a", "b.c"], ["a.b", "c"], ["a.b.c"], ["a", "b", "c"])}) == 4
