"""Keywords for callers with plain data: what is converted, what comes back, and where the log goes."""

from __future__ import annotations

import datetime
import logging
from enum import StrEnum
from pathlib import Path

import pytest
from robot.api import logger

from JumpstarterLibrary.errors import UsageError
from JumpstarterLibrary.keywords.conversion import Duration
from JumpstarterLibrary.keywords.expected_status import ExpectedStatus
from JumpstarterLibrary.keywords.remote import call_plainly, plain, plain_specification
from JumpstarterLibrary.keywords.secret import Secret
from JumpstarterLibrary.reporting.html import table
from JumpstarterLibrary.types import CommandResult, Compression, PowerReading

TYPES = {
    "timeout": Duration,
    "expect_status": ExpectedStatus,
    "compression": Compression,
    "password": Secret | str | None,
    "counts": int,
    "options": int,
}


def keyword(
    *counts: int,
    timeout: object = None,
    expect_status: object = 0,
    compression: object = None,
    password: object = None,
    **options: int,
) -> list[object]:
    """Return what it gets, as text."""
    return [counts, str(timeout), str(expect_status), str(compression), password, options]


def test_arguments_are_converted() -> None:
    named = {"timeout": "1 min", "expect_status": "0|1", "compression": "GZIP", "password": "", "x": "3"}
    found = call_plainly("k", keyword, TYPES, ["1", 2], named)
    assert found == [[1, 2], "0:01:00", "0, 1", "Compression.gzip", "", {"x": 3}]


def test_nothing_travels_as_an_empty_text_and_control_characters_as_bytes() -> None:
    found = call_plainly("k", keyword, TYPES, [], {"timeout": "", "password": b"\x03\xe4"})
    assert found == [[], "None", "0", "None", "\\x03\xe4", {}]


def test_what_cannot_be_converted() -> None:
    with pytest.raises(
        ValueError, match=r"^Argument 'timeout' got value 'soon' that cannot be converted to Duration: must be a "
    ):
        call_plainly("k", keyword, TYPES, [], {"timeout": "soon"})


def test_arguments_that_the_keyword_does_not_take() -> None:
    with pytest.raises(UsageError) as caught:
        call_plainly("plain", plain, {}, [1, 2], {})
    assert str(caught.value) == "Keyword 'plain' cannot be called so: too many positional arguments. See its arguments."


def test_specification() -> None:
    given = ["name", "*", ("compression", Compression.auto), ("timeout", datetime.timedelta(seconds=30))]
    assert plain_specification(given) == ["name", "*", "compression=auto", "timeout=0:00:30"]


def test_results_are_plain_data() -> None:
    class Word(StrEnum):
        one = "1"

    assert plain(PowerReading(5.0, 2.0)) == {"voltage": 5.0, "current": 2.0, "apparent_power": 10.0, "power": 10.0}
    result = plain(CommandResult("cat", "a\x1b[0m\tb\n", 1, 0.5))
    assert isinstance(result, dict)
    assert (result["stdout"], result["rc"], result["stderr"]) == ("a\\x1b[0m\tb\n", 1, "")
    values = (Word.one, None, True, 2**31 - 1, 2**40, datetime.timedelta(minutes=1), Path("/x"), b"\0")
    assert plain(values) == ["one", None, True, 2**31 - 1, float(2**40), 60.0, "/x", b"\0"]
    assert plain({Word.one: {"a"}}) == {"one": ["a"]}


def test_the_log_goes_to_standard_output_as_robot_framework_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    level = logging.getLogger("JumpstarterLibrary").level

    def logs() -> None:
        logger.info("one\n*HTML* <b>injected</b>")
        logger.warn("two")
        logger.info(table("Drivers", ("name",), [["<i>"]]), html=True)
        logging.getLogger("JumpstarterLibrary.client").debug("three")

    call_plainly("logs", logs, {}, [], {})
    logging.getLogger("JumpstarterLibrary.client").error("not ours any more")
    first, rest, second, third, fourth = capsys.readouterr().out.splitlines()
    assert (first, rest, second, fourth) == ("*INFO* one", " *HTML* <b>injected</b>", "*WARN* two", "*DEBUG* three")
    assert third.startswith("*HTML* <b>Drivers</b><table>")
    assert logging.getLogger("JumpstarterLibrary").level == level
