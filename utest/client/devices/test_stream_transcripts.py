"""Byte streams that a test opens itself: consoles get transcripts, and all are referred to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.devices.stream_transcripts import StreamTranscripts, is_console
from JumpstarterLibrary.client.events import Event, Events, Notice
from JumpstarterLibrary.exporter.drivers.network import EchoNetwork
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.drivers.serial import PySerial

Reference = tuple[str, Path | None, int, int]


def _references(events: Events) -> list[Reference]:
    found: list[Reference] = []
    events.listen_references(lambda *reference: found.append(reference))
    return found


def test_a_console_gets_a_transcript_and_other_streams_are_counted(tmp_path: Path) -> None:
    events = Events()
    found = _references(events)
    StreamTranscripts(events, tmp_path, lambda path: path == "board.console")
    events.heard("board.console", b"U-Boot\n")
    events.heard("tunnel", bytes(1000))
    events.heard("board.console", b"login:")
    events.heard("tunnel", bytes(10))
    events.close()
    path = tmp_path / "board.console-stream.log"
    assert found == [
        ("board.console", path, 0, 7),
        ("tunnel", None, 0, 1000),
        ("board.console", path, 7, 6),
        ("tunnel", None, 1000, 10),
    ]
    assert path.read_bytes() == b"U-Boot\nlogin:"
    timed = path.with_suffix(".timed.log").read_text().splitlines()
    assert [line.split(" < ")[1] for line in timed] == ["U-Boot", "login:"]
    assert len([*tmp_path.iterdir()]) == 2


def test_a_transcript_that_exists_is_continued_where_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "console-stream.log"
    path.write_bytes(b"before")
    events = Events()
    found = _references(events)
    StreamTranscripts(events, tmp_path, lambda _path: True)
    events.heard("", b"after")
    events.close()
    assert found == [("", path, 6, 5)]
    assert path.read_bytes() == b"beforeafter"


def test_a_transcript_that_cannot_be_written_is_told_and_ends_no_stream(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    events = Events()
    found, told = _references(events), list[Event]()
    events.subscribe(told.append)
    StreamTranscripts(events, tmp_path / "file", lambda _path: True)
    events.heard("console", b"one")
    events.heard("console", b"two")
    events.close()
    assert found == [("console", None, 0, 3), ("console", None, 3, 3)]
    (notice,) = told
    assert isinstance(notice, Notice)
    assert (notice.text, notice.level) == (
        f"The transcript '{tmp_path}/file/console-stream.log' cannot be written: File exists. Choose another output "
        f"directory.",
        "WARN",
    )


def test_what_is_a_console(device_with: Callable[..., Device]) -> None:
    device = device_with(
        {"port": PySerial(url="loop://"), "serial": EchoNetwork(), "tunnel": EchoNetwork(), "power": MockPower()}
    )
    assert [path for path in ("port", "serial", "tunnel", "power", "") if is_console(device, path)] == [
        "port",
        "serial",
    ]
