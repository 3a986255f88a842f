"""Each face writes the same lines about the same events, in its own terms, and shows the urgent ones."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.client.devices.notices import TOLD, EventLine, EventSink, format_event, format_log_record
from JumpstarterLibrary.client.events import Event, LogRecord, MarkSet, Notice, Progress, TransferEnded
from JumpstarterLibrary.hints import Hint

PHRASES = {Hint.LOG_IN: "Try the keyword."}


@pytest.mark.parametrize(
    ("event", "device", "line"),
    [
        (Notice("Take care."), "left", EventLine("INFO", "Take care.")),
        (
            Notice("Nobody is logged in.", "WARN", console=True, hints=(Hint.LOG_IN,)),
            "",
            EventLine("WARN", "Nobody is logged in. Try the keyword.", urgent=True),
        ),
        (LogRecord("on", "DEBUG", "DRIVER"), "", EventLine("DEBUG", "exporter log: DRIVER DEBUG: on")),
        (LogRecord("on", "ERROR", "SYSTEM"), "left", EventLine("INFO", "exporter log of 'left': SYSTEM ERROR: on")),
        (Progress("'write'", 1_000_000, None, 1.0), "left", EventLine("INFO", "'write': 1.0 MB, 1.0 MB/s")),
        (
            TransferEnded("upload", "'write'", "a.img", 1_000_000, None, 1.0),
            "left",
            EventLine("DEBUG", "'write': upload of 'a.img' ended: 1000000 bytes, 1.0 MB/s"),
        ),
        (MarkSet("boot"), "left", None),
    ],
)
def test_lines(event: Event, device: str, line: EventLine | None) -> None:
    assert format_event(event, PHRASES, device) == line
    assert isinstance(event, TOLD) is (line is not None)


@pytest.mark.parametrize(("shows_warnings", "expected"), [(False, ["urgent", "urgent warning"]), (True, ["urgent"])])
def test_a_sink_logs_everything_and_shows_what_is_urgent(shows_warnings: bool, expected: list[str]) -> None:
    logged: list[tuple[str, str]] = []
    shown: list[str] = []
    sink = EventSink(lambda level, text: logged.append((level, text)), shown.append, shows_warnings=shows_warnings)
    sink.put(Notice("plain"))
    sink.put(Notice("urgent", console=True))
    sink.put(Notice("urgent warning", "WARN", console=True))
    sink.put(LogRecord("on", "INFO", "DRIVER"), "left")
    sink.put(MarkSet("boot"))
    assert logged == [
        ("INFO", "plain"),
        ("INFO", "urgent"),
        ("WARN", "urgent warning"),
        ("INFO", "exporter log of 'left': DRIVER INFO: on"),
    ]
    assert shown == expected


def test_a_line_of_a_list() -> None:
    record = LogRecord("power on \n", "INFO", "DRIVER", time=0.0)
    time, _, rest = format_log_record(record).partition(" ")
    assert len(time) == len("00:00:00")
    assert rest == "INFO    power on"
    forged = LogRecord("first\n12:00:00 ERROR   second\n", "INFO", "DRIVER")
    assert format_log_record(forged).partition(" ")[2] == "INFO    first\n    12:00:00 ERROR   second"
