"""What is shown while a lease is awaited: on a terminal, without one, and without rich."""

from __future__ import annotations

import io
import logging
import sys
from datetime import datetime, timedelta
from typing import Any

import pytest
import rich.console
from pytest_jumpstarter.upstream_api.config import spinner as spinner_module
from pytest_jumpstarter.upstream_api.config.lease_notices import interactive, log_notice
from pytest_jumpstarter.upstream_api.config.spinner import LeaseAcquisitionSpinner

from JumpstarterLibrary.client.events import LogRecord, Notice


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def sit_down(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make it as if somebody sat at a terminal; return what is written there.

    No fixture, since pytest changes these streams between fixtures and tests.
    """
    found = Terminal()
    monkeypatch.setattr(sys, "stdout", found)
    monkeypatch.setattr(sys, "stderr", found)
    monkeypatch.delenv("NONINTERACTIVE", raising=False)
    return found


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "jumpstarter.client.lease")
    return caplog


WAITS = Notice("Waiting for selector 'board=[b]'.", console=True)


def test_on_a_terminal_it_turns(log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = sit_down(monkeypatch)
    shown: list[str] = []

    class Status:
        def __init__(self, text: str) -> None:
            shown.append(text)

        def start(self) -> None:
            shown.append("start")

        def stop(self) -> None:
            shown.append("stop")

        def update(self, text: str) -> None:
            shown.append(text)

    monkeypatch.setattr(rich.console.Console, "status", lambda self, text: Status(text))
    with LeaseAcquisitionSpinner("lease-1") as spinner:
        spinner.tick()
        spinner.put(WAITS)
        spinner.start_time = datetime.now() - timedelta(seconds=65)
        spinner.tick()
        spinner.put(Notice("Take care.", "WARN", console=True))
        spinner.put(LogRecord("a line", "INFO", "DRIVER"))
    text = "[blue]Waiting for selector 'board=\\[b]'.[/blue]"
    assert shown == [
        "Acquiring lease lease-1...",
        "start",
        f"{text} [dim](0:00:00)[/dim]",
        f"{text} [dim](0:01:05)[/dim]",
        "stop",
    ]
    assert log.messages == ["Take care."]
    assert terminal.getvalue() == ""


def test_rich_itself_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = sit_down(monkeypatch)
    with LeaseAcquisitionSpinner() as spinner:
        assert spinner.spinner is not None
        spinner.put(WAITS)
    assert spinner.console.file is terminal


def test_without_rich_a_terminal_has_lines(log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = sit_down(monkeypatch)
    monkeypatch.setattr(spinner_module, "find_spec", lambda name: None)
    with LeaseAcquisitionSpinner() as spinner:
        spinner.put(WAITS)
        spinner.tick()
        spinner.put(Notice("For the log only."))
        spinner.put(Notice("Take care.", "WARN", console=True))
    assert terminal.getvalue() == "Waiting for selector 'board=[b]'.\n"
    assert log.messages == ["Waiting for selector 'board=[b]'.", "For the log only.", "Take care."]
    assert [record.levelname for record in log.records] == ["INFO", "INFO", "WARNING"]


@pytest.mark.parametrize("value", ["1", "true", "TRUE"])
def test_a_terminal_that_nobody_looks_at(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    terminal = sit_down(monkeypatch)
    monkeypatch.setenv("NONINTERACTIVE", value)
    with LeaseAcquisitionSpinner() as spinner:
        assert spinner.spinner is None
        spinner.put(WAITS)
    assert terminal.getvalue() == ""


def test_without_a_terminal_every_news_is_logged(log: pytest.LogCaptureFixture, capsys: Any) -> None:
    assert interactive() is False
    with LeaseAcquisitionSpinner("lease-1") as spinner:
        spinner.put(WAITS)
        spinner.put(WAITS)
        log_notice(LogRecord("a line", "INFO", "DRIVER"))
    assert log.messages == ["Waiting for selector 'board=[b]'."] * 2
    assert capsys.readouterr() == ("", "")


def test_what_is_no_news_is_logged_now_and_then(log: pytest.LogCaptureFixture) -> None:
    with LeaseAcquisitionSpinner() as spinner:
        spinner.update_status("first")
        spinner.update_status("too early")
        spinner.update_status("news", force=True)
        assert spinner._last_log_time is not None
        spinner._last_log_time -= timedelta(minutes=6)
        spinner.update_status("later")
    assert log.messages == ["first (0:00:00)", "news (0:00:00)", "later (0:00:00)"]
