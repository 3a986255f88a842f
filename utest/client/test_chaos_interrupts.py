"""Interruptions that gRPC takes for messages which it cannot read."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import grpc._common
import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.interrupts import interruptible
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.protocol import jumpstarter_pb2


class Stopped(Exception):
    """What Robot Framework raises on Ctrl-C or at a timeout is an ``Exception``, too."""


@pytest.fixture
def interrupted() -> Iterator[Callable[[bytes], Any]]:
    """What reads a message while a signal arrives."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Stopped

    def read(data: bytes) -> Any:
        signal.raise_signal(signal.SIGALRM)
        return data

    before = signal.signal(signal.SIGALRM, stop)
    yield read
    signal.signal(signal.SIGALRM, before)


def test_an_interruption_that_grpc_took_for_a_broken_message_is_raised(
    interrupted: Callable[[bytes], Any], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Stopped), interruptible:
        assert grpc._common.deserialize(b"x", interrupted) is None
    assert caplog.records == []
    with interruptible:
        pass


def test_one_that_was_lost_elsewhere_is_not_raised_here(interrupted: Callable[[bytes], Any]) -> None:
    grpc._common.deserialize(b"x", interrupted)
    with interruptible:
        pass


def test_a_message_that_is_really_broken_is_still_logged(caplog: pytest.LogCaptureFixture) -> None:
    with interruptible:
        assert grpc._common.deserialize(b"\xff", jumpstarter_pb2.DriverCallResponse.FromString) is None
    assert [(record.name, record.levelno) for record in caplog.records] == [("grpc._common", logging.ERROR)]


def test_other_threads_lose_nothing_to_the_main_one(interrupted: Callable[[bytes], Any]) -> None:
    def fail(_data: bytes) -> None:
        raise Stopped

    with interruptible:
        thread = threading.Thread(target=lambda: grpc._common.deserialize(b"x", fail))
        thread.start()
        thread.join(10)


def test_a_call_whose_answer_is_read_while_a_signal_arrives_is_interrupted(
    device_with: Callable[..., Device], interrupted: Callable[[bytes], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    device = device_with({"power": MockPower()})
    before = grpc._common.deserialize
    monkeypatch.setattr(grpc._common, "deserialize", lambda data, _: before(data, interrupted))
    with pytest.raises(Stopped):
        device.client.power.on()
    monkeypatch.undo()
    device.client.power.on()
