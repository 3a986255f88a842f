"""The outbox: order, bounds, and who waits for whom."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.outbox import LIMIT, Outbox
from JumpstarterLibrary.errors import LinkError, OperationTimeout
from JumpstarterLibrary.protocol import router_pb2

FOREVER = Deadline(None)


def payloads(outbox: Outbox) -> list[Any]:
    return [frame.payload or frame.frame_type for frame in outbox]


def test_frames_keep_their_order_and_end_with_goaway() -> None:
    outbox = Outbox()
    outbox.put(b"a", FOREVER)
    outbox.put(b"b", FOREVER)
    outbox.end()
    outbox.end()
    assert payloads(outbox) == [b"a", b"b", router_pb2.FRAME_TYPE_GOAWAY]
    assert payloads(outbox) == []


def test_after_the_end_nothing_can_be_sent() -> None:
    outbox = Outbox()
    outbox.end()
    with pytest.raises(LinkError) as caught:
        outbox.put(b"x", FOREVER)
    assert str(caught.value) == "The byte stream is closed; nothing more can be sent on it."


def test_putting_waits_for_room_and_gives_up() -> None:
    outbox = Outbox()
    for _ in range(LIMIT):
        outbox.put(b"x", FOREVER)
    with pytest.raises(OperationTimeout) as caught:
        outbox.put(b"x", Deadline(0.01))
    assert str(caught.value) == "The far side of the byte stream took no data for 10 milliseconds."


def test_putting_goes_on_when_there_is_room() -> None:
    outbox = Outbox()
    for _ in range(LIMIT):
        outbox.put(b"x", FOREVER)
    done = threading.Event()
    threading.Thread(target=lambda: (outbox.put(b"last", Deadline(10)), done.set()), daemon=True).start()
    assert next(outbox).payload == b"x"
    assert done.wait(10)
    outbox.end()
    assert payloads(outbox)[-2:] == [b"last", router_pb2.FRAME_TYPE_GOAWAY]


def test_killing_it_drops_what_waits_and_wakes_both_sides() -> None:
    outbox = Outbox()
    for _ in range(LIMIT):
        outbox.put(b"x", FOREVER)
    errors: list[LinkError] = []
    waiting = threading.Thread(target=lambda: errors.append(_refused(outbox)), daemon=True)
    waiting.start()
    outbox.kill()
    waiting.join(10)
    assert str(errors[0]) == "The byte stream is closed; nothing more can be sent on it."
    assert payloads(outbox) == []


def _refused(outbox: Outbox) -> LinkError:
    with pytest.raises(LinkError) as caught:
        outbox.put(b"x", Deadline(10))
    return caught.value


def test_whoever_waits_for_a_frame_is_woken_by_the_end() -> None:
    outbox = Outbox()
    found: list[list[Any]] = []
    reader = threading.Thread(target=lambda: found.append(payloads(outbox)), daemon=True)
    reader.start()
    outbox.kill()
    reader.join(10)
    assert found == [[]]
