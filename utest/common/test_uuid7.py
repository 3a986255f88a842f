"""UUIDs of version 7."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator

from JumpstarterLibrary.common.uuid7 import Uuid7, uuid7

ALL_ONES = (1 << 74) - 1


def test_a_uuid_is_what_the_standard_says() -> None:
    before = time.time_ns() // 1_000_000
    text = uuid7()
    after = time.time_ns() // 1_000_000
    found = uuid.UUID(text)
    assert (found.version, found.variant) == (7, uuid.RFC_4122)
    assert before <= found.int >> 80 <= after
    assert text == str(found) == text.lower()
    assert len(text) == 36


def test_the_example_of_the_standard() -> None:
    # RFC 9562, A.6: 0x017F22E279B0, 0xCC3, 0x18C4DC0C0C07398F
    source = Uuid7(lambda: 0x017F22E279B0, lambda _bits: 0xCC3 << 62 | 0x18C4DC0C0C07398F)
    assert source() == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


def test_they_grow_within_a_millisecond() -> None:
    source = Uuid7(lambda: 1000)
    found = [source() for _ in range(10_000)]
    assert found == sorted(found)
    assert len(set(found)) == len(found)
    assert {uuid.UUID(text).int >> 80 for text in found} == {1000}


def test_they_grow_when_the_clock_goes_back() -> None:
    clock = iter([1000, 900, 1, 1000, 1001])
    source = Uuid7(lambda: next(clock))
    found = [source() for _ in range(5)]
    assert found == sorted(found)
    assert [uuid.UUID(text).int >> 80 for text in found] == [1000, 1000, 1000, 1000, 1001]


def test_what_cannot_be_counted_up_any_more_goes_on_in_the_next_millisecond() -> None:
    numbers: Iterator[int] = iter([ALL_ONES, 0, 7, 5])
    source = Uuid7(lambda: 1000, lambda _bits: next(numbers))
    first, second, third = (uuid.UUID(source()) for _ in range(3))
    assert first < second < third
    assert (first.int >> 80, second.int >> 80, third.int >> 80) == (1000, 1001, 1001)
    assert third.int - second.int == 6


def test_many_threads() -> None:
    found: list[list[str]] = [[] for _ in range(8)]
    start = threading.Barrier(8)

    def run(mine: list[str]) -> None:
        start.wait(10)
        mine += [uuid7() for _ in range(500)]

    threads = [threading.Thread(target=run, args=(mine,), daemon=True) for mine in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert all(mine == sorted(mine) for mine in found)
    assert len({text for mine in found for text in mine}) == 4000


def test_a_forked_process_goes_its_own_way() -> None:
    # The child gets a copy of the source with its lock held, as if another thread were just using it.
    script = (
        "import os\n"
        "from JumpstarterLibrary.common import uuid7 as module\n"
        "module._source = module.Uuid7(lambda: 1000, lambda bits: 0)\n"
        "print(module._source(), flush=True)\n"
        "with module._source._lock:\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        print(module._source(), flush=True)\n"
        "        os._exit(0)\n"
        "    os.waitpid(child, 0)\n"
        "print(module._source())\n"
    )
    python = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    parent, child, again = (uuid.UUID(line) for line in python.stdout.split())
    assert (parent.int >> 80, again.int >> 80) == (1000, 1000)
    assert child.int >> 80 > 1000
