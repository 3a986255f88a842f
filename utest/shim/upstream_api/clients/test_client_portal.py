"""The portal that exists only once somebody has used it."""

from __future__ import annotations

import sys
import threading
from typing import Any

import anyio
import pytest
from pytest_jumpstarter.upstream_api.clients.portal import CLOSE_S, LazyPortal

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.errors import UsageError


def test_one_loop_for_all_who_ask() -> None:
    portal = LazyPortal()
    found = []
    threads = [threading.Thread(target=lambda: found.append(portal.call(threading.get_ident))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(set(found)) == 1
    portal.close()
    portal.close()


def test_what_still_runs_is_cancelled() -> None:
    portal = LazyPortal()
    running = portal.start_task_soon(anyio.sleep_forever)
    portal.close()
    assert running.done()


def test_what_does_not_let_itself_be_cancelled_keeps_nobody(
    caplog: pytest.LogCaptureFixture, frozen_clock: MovableClock, during: Any, eventually: Any
) -> None:
    portal = LazyPortal()
    release, began = threading.Event(), threading.Event()

    async def stubborn() -> None:
        began.set()
        release.wait(60)

    done = portal.start_task_soon(stubborn)
    assert began.wait(30)
    closing = during(portal.close)
    eventually(lambda: frozen_clock.advance(0.1) or closing.over)
    closing()
    assert frozen_clock.seconds() >= CLOSE_S
    assert caplog.messages == ["The event loop of a client's portal did not end in 5 seconds."]
    release.set()
    done.result(30)


def test_without_anyio_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anyio.from_thread", None)
    with pytest.raises(UsageError) as failure:
        _ = LazyPortal().call
    assert str(failure.value) == (
        "A client's portal and its methods for coroutines need anyio, which is not installed. Install "
        "robotframework-jumpstarter[upstream]."
    )
