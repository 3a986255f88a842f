from __future__ import annotations

import asyncio
import logging
import re
import sys
import threading
import time

import pytest

from JumpstarterLibrary.exporter.logs import (
    FRAME_LIMIT,
    MESSAGE_LIMIT,
    RING_LIMIT,
    RING_TEXT,
    BoundedFormatter,
    LogRing,
    log_scope,
)
from JumpstarterLibrary.protocol import common_pb2, jumpstarter_pb2

DRIVER_LOG = logging.getLogger("driver.Relay")
EXPORTER_LOG = logging.getLogger("JumpstarterLibrary.exporter.something")


@pytest.fixture(autouse=True)
def levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def _read(ring: LogRing, count: int) -> list[jumpstarter_pb2.LogStreamResponse]:
    async def reading() -> list[jumpstarter_pb2.LogStreamResponse]:
        return [await asyncio.wait_for(ring.get(), 5) for _ in range(count)]

    return asyncio.run(reading())


def test_records_carry_source_severity_time_and_operation() -> None:
    ring = LogRing()
    ring.attach()
    before = time.time()
    with log_scope(ring, "on"):
        DRIVER_LOG.warning("relay %d %s", 3, "on")
        EXPORTER_LOG.debug("said so")
        logging.getLogger("somebody.else").error("not ours")
    ring.detach()
    DRIVER_LOG.warning("too late")
    driver, exporter = _read(ring, 2)
    assert (driver.severity, driver.message, driver.source) == ("WARNING", "relay 3 on", common_pb2.LOG_SOURCE_DRIVER)
    assert (driver.driver_type, driver.operation) == ("Relay", "on")
    assert before - 1 <= driver.timestamp.seconds <= time.time()
    assert (exporter.severity, exporter.message) == ("DEBUG", "said so")
    assert exporter.source == common_pb2.LOG_SOURCE_SYSTEM
    assert not exporter.HasField("driver_type")


def test_two_sessions_of_one_process_do_not_mix() -> None:
    rings = [LogRing(), LogRing()]
    for ring in rings:
        ring.attach()
    with log_scope(rings[0]):
        thread = threading.Thread(target=DRIVER_LOG.info, args=("from nowhere",))
        thread.start()
        thread.join()
        DRIVER_LOG.info("for the first")
    with log_scope(rings[1]):
        DRIVER_LOG.info("for the second")
    for ring in rings:
        ring.detach()
    assert [record.message for record in _read(rings[0], 2)] == ["from nowhere", "for the first"]
    assert [record.message for record in _read(rings[1], 2)] == ["from nowhere", "for the second"]


HOOK = common_pb2.LOG_SOURCE_BEFORE_LEASE_HOOK


def missing(lines: str) -> str:
    return f"{lines} missing here: no client has read them before there was no room for them."


def test_the_ring_keeps_the_newest_gives_each_once_and_tells_of_a_gap() -> None:
    ring = LogRing()
    for number in range(RING_LIMIT + 5):
        ring.write(str(number), HOOK)
    gap, *records = _read(ring, RING_LIMIT + 1)
    assert (gap.message, gap.severity, gap.source) == (missing("5 lines are"), "WARNING", HOOK)
    assert [record.message for record in records] == [str(number) for number in range(5, RING_LIMIT + 5)]
    assert records[0].source == HOOK
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(ring.get(), 0.01))


def test_long_lines_are_kept_as_far_as_there_is_room() -> None:
    ring = LogRing()
    for _ in range(RING_TEXT // MESSAGE_LIMIT + 1):
        ring.write("x" * MESSAGE_LIMIT, HOOK)
    assert ring.take().message == missing("1 line is")  # type: ignore[union-attr]
    assert [len(record.message) for record in _read(ring, RING_TEXT // MESSAGE_LIMIT)] == [MESSAGE_LIMIT] * 32
    assert (ring.take(), ring.read) == (None, True)


def test_a_record_that_comes_back_too_late_is_missing() -> None:
    ring = LogRing()
    ring.write("first", HOOK)
    first = ring.take()
    assert first is not None
    for number in range(RING_LIMIT):
        ring.write(str(number), HOOK)
    ring.put_back(first)
    assert [record.message for record in _read(ring, 2)] == [missing("1 line is"), "0"]


def test_records_are_numbered() -> None:
    ring = LogRing()
    for number in range(3):
        ring.write(str(number), HOOK)
    assert [record.structured_fields["number"] for record in _read(ring, 3)] == ["1", "2", "3"]
    assert ring.written == 3


def test_tracebacks_travel_and_endless_messages_are_cut() -> None:
    ring = LogRing()
    ring.attach()
    try:
        raise KeyError("why")
    except KeyError:
        DRIVER_LOG.exception("it failed")
    DRIVER_LOG.info("x" * (MESSAGE_LIMIT + 1))
    ring.detach()
    first, second = _read(ring, 2)
    assert first.message.startswith("it failed\nTraceback")
    assert first.message.endswith("KeyError: 'why'")
    assert second.message == "x" * MESSAGE_LIMIT


def test_the_log_is_read_once_no_record_waits() -> None:
    ring = LogRing(())

    async def until_read() -> list[str]:
        told: list[str] = []
        await ring.until_read()  # no client follows it
        with ring.followed():
            ring.write("one", common_pb2.LOG_SOURCE_DRIVER)
            ring.write("two", common_pb2.LOG_SOURCE_DRIVER)
            waiting = asyncio.create_task(ring.until_read())
            waiting.add_done_callback(lambda _: told.append("read"))
            for _ in range(2):
                await asyncio.sleep(0)
                told.append((await ring.get()).message)
            await asyncio.wait_for(waiting, 5)
        return told

    assert asyncio.run(until_read()) == ["one", "two", "read"]


def test_a_client_that_goes_is_not_waited_for() -> None:
    ring = LogRing(())

    async def until_read() -> None:
        with ring.followed():
            ring.write("unread", common_pb2.LOG_SOURCE_DRIVER)
            waiting = asyncio.create_task(ring.until_read())
            await asyncio.sleep(0)
            assert not waiting.done()
        await asyncio.wait_for(waiting, 5)

    asyncio.run(until_read())
    assert not ring.read


def test_waiting_readers_wake_for_records_from_other_threads() -> None:
    ring = LogRing()

    async def scenario() -> list[str]:
        readers = [asyncio.create_task(ring.get()) for _ in range(2)]
        await asyncio.sleep(0)
        await asyncio.to_thread(ring.write, "one", common_pb2.LOG_SOURCE_SYSTEM)
        await asyncio.to_thread(ring.write, "two", common_pb2.LOG_SOURCE_SYSTEM)
        return sorted(record.message for record in await asyncio.wait_for(asyncio.gather(*readers), 5))

    assert asyncio.run(scenario()) == ["one", "two"]


def test_a_reader_whose_loop_is_gone_does_no_harm() -> None:
    ring = LogRing()
    loop = asyncio.new_event_loop()
    task = loop.create_task(ring.get())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    ring.write("kept", common_pb2.LOG_SOURCE_SYSTEM)
    assert _read(ring, 1)[0].message == "kept"
    task.get_coro().close()  # type: ignore[union-attr]
    # A pending task that nobody can finish any more says so when it is collected.
    task._log_destroy_pending = False  # type: ignore[attr-defined]


def test_a_record_that_cannot_be_formatted_is_left_to_logging(capsys: pytest.CaptureFixture[str]) -> None:
    ring = LogRing()
    record = logging.LogRecord("driver.Relay", logging.INFO, __file__, 1, "%d", ("text",), None)
    ring.emit(record)
    assert "Logging error" in capsys.readouterr().err


def test_a_source_may_be_added_for_a_logger() -> None:
    ring = LogRing()
    ring.add_source("hook.before", common_pb2.LOG_SOURCE_BEFORE_LEASE_HOOK)
    ring.attach()
    ring.add_source("hook.after", common_pb2.LOG_SOURCE_AFTER_LEASE_HOOK)
    ring.add_source("driver.Relay", common_pb2.LOG_SOURCE_SYSTEM)
    for name in ("hook.before.script", "hook.after", "driver.Relay", "driver.Other", "hook.other"):
        logging.getLogger(name).info(name)
    ring.remove_source("driver.Relay")
    DRIVER_LOG.info("driver again")
    ring.detach()
    logging.getLogger("hook.after").info("too late")
    assert [(record.message, record.source) for record in _read(ring, 5)] == [
        ("hook.before.script", common_pb2.LOG_SOURCE_BEFORE_LEASE_HOOK),
        ("hook.after", common_pb2.LOG_SOURCE_AFTER_LEASE_HOOK),
        ("driver.Relay", common_pb2.LOG_SOURCE_SYSTEM),
        ("driver.Other", common_pb2.LOG_SOURCE_DRIVER),
        ("driver again", common_pb2.LOG_SOURCE_DRIVER),
    ]


def test_records_are_bounded() -> None:
    def deep(name: str, left: int) -> None:
        if left:
            deep(name, left - 1)
        raise ValueError(name)

    def one(left: int) -> None:
        other(left - 1)

    def other(left: int) -> None:
        if left <= 0:
            raise ValueError(left)
        one(left)

    formatter = BoundedFormatter("%(message)s")
    try:
        deep("x" * 100_000, 500)
    except ValueError:
        text = formatter.format(logging.LogRecord("driver", 40, "", 0, "failed", (), sys.exc_info()))
    assert text.startswith("failed\nTraceback (most recent call last):\n")
    assert text.count("Previous line repeated") == 1
    assert text.endswith("x [...]")
    assert len(text) < 10_000
    try:
        one(100)
    except ValueError:
        text = formatter.format(logging.LogRecord("driver", 40, "", 0, "failed", (), sys.exc_info()))
    assert len(re.findall(r" in (?:one|other)\n", text)) == FRAME_LIMIT
    long = formatter.format(logging.LogRecord("driver", 40, "", 0, "y" * 100_000, (), None))
    assert long == "y" * MESSAGE_LIMIT + f" [{100_000 - MESSAGE_LIMIT} more]"
