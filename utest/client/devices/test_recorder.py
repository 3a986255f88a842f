"""The recorder keeps what a device says, within bounds, and finds what was said since a place."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.devices import recorder as module
from JumpstarterLibrary.client.devices.recorder import BEGIN, Recorder
from JumpstarterLibrary.client.events import LogRecord, Notice, TransferEnded


def test_what_was_said_since_a_place() -> None:
    recorder = Recorder()
    recorder.hear("console", b"U-Boot\n")
    recorder.put(LogRecord("from a hook", "INFO", "BEFORE_LEASE_HOOK"))
    recorder.put(TransferEnded("upload", "'write'", "a.img", 1, "9f86", 1.0))
    recorder.put(Notice("of no interest"))
    place = recorder.place()
    recorder.hear("console", b"login: ")
    recorder.hear("bus", bytes(range(20)))
    recorder.put(LogRecord("power on", "WARNING", "DRIVER"))
    recorder.put(TransferEnded("download", "'dump'", "b.img", 1, None, 1.0))
    assert recorder.consoles(BEGIN) == {"console": "U-Boot\nlogin: "}
    assert recorder.consoles(place) == {"console": "login: "}
    assert [line.split(" ", 1)[1] for line in recorder.log(place, hooks=False)] == ["WARNING power on"]
    assert recorder.log(place, hooks=True) == []
    assert [line.split(" ", 1)[1] for line in recorder.log(BEGIN, hooks=True)] == ["INFO    from a hook"]
    assert [upload.name for upload in recorder.uploads(BEGIN)] == ["a.img"]
    assert recorder.uploads(place) == []


def test_only_the_end_of_much_output_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONSOLE_BYTES", 10)
    recorder = Recorder()
    for number in range(100):
        recorder.hear("console", f"{number:02} ".encode())
    assert recorder.consoles(BEGIN) == {"console": " 97 98 99 "}


def test_the_log_is_waited_for_until_it_is_quiet(frozen_clock: MovableClock) -> None:
    recorder = Recorder()
    begin = frozen_clock.seconds()
    with frozen_clock.skipping():
        recorder.settle()
    assert module.QUIET_S <= frozen_clock.seconds() - begin <= module.SETTLE_S
