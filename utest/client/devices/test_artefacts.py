"""Every connection of a run has a directory of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.devices.artefacts import DeviceArtefacts, artefact_folder
from JumpstarterLibrary.client.devices.event_log import read_event_log
from JumpstarterLibrary.client.events import Event, Events, Notice
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.drivers.serial import PySerial
from JumpstarterLibrary.library import ARTEFACTS


def test_the_folder_is_no_package_to_python() -> None:
    assert not ARTEFACTS.isidentifier()


def test_what_earlier_runs_left_is_removed_and_what_this_run_wrote_is_kept(tmp_path: Path) -> None:
    old = tmp_path / "board" / "console.log"
    old.parent.mkdir()
    old.write_text("an earlier run")
    first = artefact_folder(tmp_path, "board")
    assert first == tmp_path / "board"
    assert not old.exists()
    old.write_text("this run")
    assert artefact_folder(tmp_path, "board") == tmp_path / "board-2"
    assert artefact_folder(tmp_path, "other") == tmp_path / "other"
    assert old.read_text() == "this run"


def test_a_device_keeps_its_files_in_its_folder(device_with: Callable[..., Device], tmp_path: Path) -> None:
    events = Events()
    artefacts = DeviceArtefacts(tmp_path, "left", events, folder="worker-left", secrets=lambda: ["token-4711"])
    device = device_with({"power": MockPower()})
    artefacts.attach(device)
    events.emit(Notice("The token is token-4711."))
    events.close()
    assert device.transcripts == tmp_path / "worker-left"
    opened, notice, closed = read_event_log(tmp_path / "worker-left" / "events.jsonl")
    assert (opened["device"], closed["event"]) == ("left", "closed")
    assert notice["text"] == "The token is ********."


def test_the_folder_of_a_failed_attempt_is_that_of_the_next_one(
    device_with: Callable[..., Device], tmp_path: Path
) -> None:
    failed = Events()
    DeviceArtefacts(tmp_path, "board", failed)
    failed.emit(Notice("The first attempt."))
    failed.close()
    events = Events()
    artefacts = DeviceArtefacts(tmp_path, "board", events)
    artefacts.attach(device_with({"power": MockPower()}))
    events.close()
    assert [entry["event"] for entry in read_event_log(tmp_path / "board" / "events.jsonl")] == ["opened", "closed"]
    assert artefact_folder(tmp_path, "board") == tmp_path / "board-2"


def test_secrets_of_the_run_are_in_no_transcript(device_with: Callable[..., Device], tmp_path: Path) -> None:
    events = Events()
    secrets = ["token-4711"]
    artefacts = DeviceArtefacts(tmp_path, "board", events, secrets=lambda: secrets)
    device = device_with({"console": PySerial(url="loop://")})
    artefacts.attach(device)
    console = device.console()
    secrets.append("token-4712")
    console.write(b"now: token-4711, then: token-47")
    console.write(b"12!\n")
    console.wait_for("!", 10)
    assert console.shown(0) == "now: ********, then: ********!\n"
    events.heard("console", b"stream: token-4711\n")
    device.close()
    events.close()
    folder = tmp_path / "board"
    assert (folder / "console.log").read_text() == "now: **********, then: **********!\n"
    assert (folder / "console-stream.log").read_text() == "stream: **********\n"
    for file in folder.iterdir():
        assert "token-471" not in file.read_text()


def test_an_event_log_that_cannot_be_written_is_told_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "device").write_text("")
    events, told = Events(), list[Event]()
    events.subscribe(told.append)
    artefacts = DeviceArtefacts(tmp_path, "device", events)
    events.close()
    assert artefacts.log is None
    (notice,) = told
    assert isinstance(notice, Notice)
    assert (notice.text, notice.level) == (
        f"The event log '{tmp_path}/device/events.jsonl' cannot be written: File exists. Choose another output "
        f"directory.",
        "WARN",
    )
