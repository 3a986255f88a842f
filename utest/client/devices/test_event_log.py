"""The event log: every kind of event as the documentation has it, in order, bounded, and readable after a kill."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client import events as kinds
from JumpstarterLibrary.client.devices import event_log
from JumpstarterLibrary.client.devices.event_log import SCHEMA, EventLog, read_event_log
from JumpstarterLibrary.client.events import (
    BoardStateChanged,
    BoardStep,
    BootPhaseReached,
    CallBegun,
    CallEnded,
    Event,
    Events,
    LeaseChanged,
    LinkChanged,
    LogRecord,
    MarkSet,
    Measurement,
    Notice,
    PowerAction,
    Progress,
    TransferEnded,
)
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.hints import Hint
from JumpstarterLibrary.version import __version__

PAGE = Path(__file__).parents[3] / "docs" / "event-log.md"

MOMENT = {"time": 1_790_000_000.25, "monotonic": 100.5}

SAMPLES: list[Event] = [
    LeaseChanged("acquired", "nightly-1", "bench-7", 1800.0, **MOMENT),
    LinkChanged("connected", "bench-7", "nightly-1", {"board": "rpi4"}, **MOMENT),
    CallBegun(17, "power", "on", "unary", ["text", 3, {"password": "********"}], **MOMENT),
    CallEnded(17, "power", "on", 0.002, {"type": "str", "length": 12}, **MOMENT),
    CallEnded(18, "power", "read", 1.5, None, 2, "JMP-LINK", "lab", "The link broke.", **MOMENT),
    Measurement("power", "read", {"voltage": 5.1, "current": 0.25}, **MOMENT),
    PowerAction("power", "on", done=True, on=True, **MOMENT),
    MarkSet("test_start", **MOMENT),
    Progress("'write' of driver 'storage'", 5_000_000, 10_000_000, 2.0, **MOMENT),
    TransferEnded("upload", "'write' of driver 'storage'", "image.xz", 10_000_000, "9f86d081", 4.0, **MOMENT),
    BootPhaseReached("console", "kernel", "Starting kernel ...", **MOMENT),
    BoardStateChanged("console", "login", "unknown", "power was switched", **MOMENT),
    BoardStep("console", "off", "login", "login", 12.5, **MOMENT),
    LogRecord("power on", "INFO", "DRIVER", 1_790_000_000.125, **MOMENT),
    Notice("Lease 'nightly-1' has expired.", "WARN", console=True, hints=(Hint.EXTEND_LEASE,), **MOMENT),
]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., tuple[Events, EventLog]]]:
    """Open event logs, and close them at the end."""
    all_events: list[Events] = []

    def open_log(**options: Any) -> tuple[Events, EventLog]:
        all_events.append(Events())
        folder = tmp_path / str(len(all_events))
        return all_events[-1], EventLog(folder / event_log.FILE_NAME, "board", all_events[-1], **options)

    yield open_log
    for events in all_events:
        events.close()


def _documented() -> list[str]:
    """Return the lines of the documentation."""
    return [
        line for block in re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL) for line in block.splitlines()
    ]


def _lines(log: EventLog) -> list[str]:
    return log.path.read_text().splitlines()


@pytest.mark.parametrize("event", SAMPLES, ids=lambda event: type(event).__name__)
def test_each_event_is_written_as_documented(event: Event, opened: Callable[..., tuple[Events, EventLog]]) -> None:
    events, log = opened()
    events.emit(event)
    assert log.flush()
    assert _lines(log)[1] in _documented()


def test_every_kind_of_event_is_documented() -> None:
    classes = {kind for kind in vars(kinds).values() if isinstance(kind, type) and issubclass(kind, Event)} - {Event}
    assert {type(sample) for sample in SAMPLES} == classes
    of_the_log = {"opened", "dropped", "closed", "console"}
    documented = {json.loads(re.sub("PROCESS", "1", line))["event"] for line in _documented()}
    assert documented == {kind.KIND for kind in classes} | of_the_log


def test_first_and_last_line(opened: Callable[..., tuple[Events, EventLog]]) -> None:
    events, log = opened()
    events.close()
    log.close()
    first, last = read_event_log(log.path)
    documented = [json.loads(re.sub("PROCESS", "1", line)) for line in _documented()]
    assert first.keys() == documented[0].keys()
    assert last.keys() == documented[2].keys()
    assert (first["seq"], first["schema"], first["library"]) == (1, SCHEMA, __version__)
    assert first["process"] == os.getpid()
    assert (last["seq"], last["event"], last["dropped"]) == (2, "closed", 0)
    assert first["time"] <= last["time"]


def test_what_comes_after_the_end_is_no_error(opened: Callable[..., tuple[Events, EventLog]]) -> None:
    events, log = opened()
    events.close()
    before = _lines(log)
    events.emit(Notice("late"))
    events.refer("console", None, 0, 1)
    log.put(Notice("later"))
    assert log.flush()
    assert _lines(log) == before


def test_a_line_has_the_exporter_and_the_lease_of_its_time(opened: Callable[..., tuple[Events, EventLog]]) -> None:
    events, log = opened()
    events.emit(Notice("waiting"))
    events.emit(LeaseChanged("acquired", "nightly-1", "bench-7"))
    events.emit(LinkChanged("connected", "bench-7"))
    events.emit(Notice("connected"))
    assert log.flush()
    found = [(entry["event"], entry["device"], entry["exporter"], entry["lease"]) for entry in read_event_log(log.path)]
    assert found == [
        ("opened", "board", "", ""),
        ("notice", "board", "", ""),
        ("lease", "board", "bench-7", "nightly-1"),
        ("link", "board", "bench-7", "nightly-1"),
        ("notice", "board", "bench-7", "nightly-1"),
    ]


def test_events_of_many_threads_are_numbered_in_the_order_of_the_lines(
    opened: Callable[..., tuple[Events, EventLog]],
) -> None:
    events, log = opened()

    def emit(name: str) -> None:
        for number in range(200):
            events.emit(MarkSet(f"{name}{number}"))
            events.refer("console", None, number, 1)

    threads = [threading.Thread(target=emit, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.flush()
    entries = list(read_event_log(log.path))
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    names = [entry["name"] for entry in entries if entry["event"] == "mark"]
    assert len(names) == 800
    assert [name for name in names if name.startswith("c")] == [f"c{number}" for number in range(200)]


def test_an_event_of_weight_is_written_at_once_with_all_before_it(
    opened: Callable[..., tuple[Events, EventLog]], eventually: Callable[[Callable[[], object]], None], clock: Any
) -> None:
    events, log = opened()
    eventually(lambda: len(_lines(log)) == 1)
    events.emit(MarkSet("light"))
    events.emit(CallEnded(1, "power", "on", 0.1))
    assert len(_lines(log)) == 1
    events.emit(CallEnded(2, "power", "on", 0.1, error="JMP-LINK"))
    eventually(lambda: len(_lines(log)) == 4)
    events.emit(MarkSet("light"))
    clock.advance(event_log.GATHER_S + 0.1)
    eventually(lambda: len(_lines(log)) == 5)
    events.refer("console", None, 0, 10)
    clock.advance(event_log.GATHER_S + 0.1)
    events.refer("console", None, 10, 10)
    clock.advance(event_log.STRETCH_S)
    eventually(lambda: len(_lines(log)) == 6)
    assert json.loads(_lines(log)[5])["length"] == 20


def test_bytes_of_a_console_are_gathered_to_one_line(
    opened: Callable[..., tuple[Events, EventLog]], tmp_path: Path, clock: Any
) -> None:
    events, log = opened()
    file = tmp_path / "1" / "console.log"
    events.refer("console", file, 0, 100)
    events.refer("console", file, 100, 20)
    clock.advance(0.2)
    events.refer("console", file, 120, 3)
    events.refer("other", None, 0, 9)
    events.refer("console", file, 500, 1)
    assert log.flush()
    events.refer("console", file, 501, 2)
    assert log.flush()
    fields = ("driver", "file", "offset", "length")
    found = [entry for entry in read_event_log(log.path) if entry["event"] == "console"]
    assert [tuple(entry[name] for name in fields) for entry in found] == [
        ("console", "console.log", 0, 123),
        ("other", None, 0, 9),
        ("console", "console.log", 500, 1),
        ("console", "console.log", 501, 2),
    ]
    (first, later) = found[0]["pieces"]
    assert first == [0, 120]
    assert later[1] == 3
    assert 200 <= later[0] < 5000
    sample = next(line for line in _documented() if '"console","driver"' in line)
    assert found[0].keys() == json.loads(sample).keys()


def test_events_that_come_too_fast_are_dropped_and_counted(
    opened: Callable[..., tuple[Events, EventLog]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "LIMIT", 5)
    wait = threading.Event()
    events, log = opened(secrets=lambda: wait.wait(30) and ())
    for number in range(100):
        events.emit(Notice(str(number)))
        events.refer(f"console{number}", None, 0, 1)
    wait.set()
    events.close()
    entries = list(read_event_log(log.path))
    (dropped,) = (entry for entry in entries if entry["event"] == "dropped")
    assert dropped["count"] >= 190
    assert entries[-1]["event"] == "closed"
    assert entries[-1]["dropped"] == dropped["count"]
    assert dropped["count"] + len(entries) == entries[-1]["seq"]


def test_secrets_are_masked_and_long_texts_are_cut(opened: Callable[..., tuple[Events, EventLog]]) -> None:
    events, log = opened(secrets=lambda: ["hunter2hunter2", "abc", ""])
    events.emit(Notice("token hunter2hunter2 of abc"))
    events.emit(MarkSet("abc"))
    events.emit(LogRecord("x" * 10_000, "INFO", "DRIVER"))
    events.emit(CallBegun(1, "x", "y", "unary", ["abc", {"key": "hunter2hunter2"}]))
    assert log.flush()
    notice, mark, record, call = list(read_event_log(log.path))[1:]
    assert notice["text"] == "token ******** of abc"
    assert mark["name"] == "********"
    assert record["message"] == f"{'x' * event_log.TEXT_LIMIT}... (10000 characters)"
    assert call["args"] == ["********", {"key": "********"}]


def test_what_json_does_not_know_is_written_as_text(opened: Callable[..., tuple[Events, EventLog]]) -> None:
    events, log = opened()
    events.emit(Measurement("power", "read", {"voltage": float("nan"), "current": 1e-7}))
    events.emit(CallBegun(1, "x", "y", "unary", [Path("/tmp"), "\udcff"]))
    assert log.flush()
    measurement, call = list(read_event_log(log.path))[1:]
    assert measurement["values"] == {"voltage": "nan", "current": 1e-7}
    assert call["args"] == ["/tmp", "?"]


def test_a_full_disk_is_told_once_and_ends_the_log(
    opened: Callable[..., tuple[Events, EventLog]], eventually: Callable[[Callable[[], object]], None]
) -> None:
    events, log = opened()
    told: list[Event] = []
    events.subscribe(told.append)
    assert log.flush()

    class FullFile:
        closed = False

        def write(self, _data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None:
            self.closed = True

    log._file.close()
    log._file = FullFile()  # type: ignore[assignment]
    events.emit(MarkSet("one"))
    assert not log.flush()
    eventually(lambda: [event for event in told if isinstance(event, Notice)])
    events.emit(Notice("two"))
    (notice, _) = (event for event in told if isinstance(event, Notice))
    assert notice.level == "WARN"
    assert notice.text == (
        f"The event log '{log.path}' ends here: No space left on device. Free some space there, or choose another "
        f"output directory."
    )


def test_a_file_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError) as caught:
        EventLog(tmp_path / "file" / "events.jsonl", "board", Events())
    assert str(caught.value) == (
        f"The event log '{tmp_path}/file/events.jsonl' cannot be written: File exists. Choose another output directory."
    )


KILLED = """
import sys, threading
from pathlib import Path
from JumpstarterLibrary.client.devices.event_log import EventLog
from JumpstarterLibrary.client.events import Events, MarkSet, Notice
events = Events()
EventLog(Path(sys.argv[1]), "board", events)
events.emit(MarkSet("one"))
events.emit(Notice("two"))
threading.Event().wait(60)
"""


def test_the_log_of_a_killed_process_is_readable(
    tmp_path: Path, eventually: Callable[[Callable[[], object]], None]
) -> None:
    path = tmp_path / "events.jsonl"
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)]) as process:
        eventually(lambda: path.exists() and path.read_text().count("\n") == 3)
        process.send_signal(signal.SIGKILL)
    assert [entry["event"] for entry in read_event_log(path)] == ["opened", "mark", "notice"]
    with path.open("a") as file:
        file.write('{"seq":4,"ti')
    assert [entry["seq"] for entry in read_event_log(path)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"schema":"jumpstarter.event-log/9"}\n',
            "has the schema 'jumpstarter.event-log/9', and this version reads 'jumpstarter.event-log/1'. Read it with "
            "the version of the library that wrote it.",
        ),
        ("{}\n", "has the schema 'None', and this version reads 'jumpstarter.event-log/1'. Read it with the version of "
         "the library that wrote it."),
    ],
)  # fmt: skip
def test_another_schema_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        list(read_event_log(path))
    assert str(caught.value) == f"'{path}' {message}"


@pytest.mark.parametrize("text", ["[]\n", "no JSON\n"])
def test_a_file_that_is_no_event_log_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        list(read_event_log(path))
    assert str(caught.value) == f"Line 1 of '{path}' is no line of an event log."


def test_a_secret_is_masked_before_a_text_is_cut(opened: Callable[..., tuple[Events, EventLog]]) -> None:
    token = "t" * 300
    events, log = opened(secrets=lambda: [token])
    events.emit(CallBegun(1, "files", "fetch", "unary", [f"Bearer {token}"]))
    events.emit(Notice("GET https://host/a?X-Signature=abc failed"))
    assert log.flush()
    lines = list(read_event_log(log.path))
    assert [line["args"] for line in lines if line["event"] == "call"] == [["Bearer ********"]]
    assert [line["text"] for line in lines if line["event"] == "notice"] == ["GET https://host/a?******** failed"]


def test_a_line_that_cannot_be_written_is_counted_and_ends_nothing(
    opened: Callable[..., tuple[Events, EventLog]],
) -> None:
    events, log = opened()
    events.emit(CallBegun(1, "power", "on", "unary", [10**5000]))
    events.emit(Notice("after it"))
    assert log.flush()
    lines = list(read_event_log(log.path))
    assert [line["event"] for line in lines if line["event"] in ("call", "dropped", "notice")] == ["dropped", "notice"]
