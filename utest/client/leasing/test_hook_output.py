"""What hooks print reaches the client, however much and however late, or the number of the lines that are missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from JumpstarterLibrary.client.events import LogRecord
from JumpstarterLibrary.errors import HookFailed
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1 as Hook
from JumpstarterLibrary.exporter.logs import RING_LIMIT
from JumpstarterLibrary.lab import LabExporter


@pytest.fixture
def hooked(rigs: Callable[..., Any]) -> Callable[..., tuple[Any, list[str]]]:
    """Start a lab with a hooked exporter; return its rig, and the lines of the hooks."""

    def start(**hooks: Hook) -> tuple[Any, list[str]]:
        rig = rigs(exporters=[LabExporter(name="b1", labels={"board": "b"}, **hooks)])
        lines: list[str] = []

        def take(event: LogRecord) -> None:
            if event.source.endswith("_HOOK"):
                lines.append(event.message)

        rig.events.subscribe(take, LogRecord)
        return rig, lines

    return start


def printing(lines: int, then: str = "true", **options: Any) -> Hook:
    return Hook(script=f"seq {lines}; printf 'the very last'; {then}", **options)


def numbers(first: int, last: int) -> list[str]:
    return [str(number) for number in range(first, last + 1)]


def test_all_lines_of_a_hook_are_there_when_the_lease_is(hooked: Callable[..., Any]) -> None:
    rig, lines = hooked(before_lease=printing(2000))
    rig.lease(timeout=60)
    assert lines == [*numbers(1, 2000), "the very last"]


def test_a_gap_is_told_with_its_number_of_lines(hooked: Callable[..., Any]) -> None:
    rig, lines = hooked(before_lease=printing(RING_LIMIT + 999))
    rig.lease(timeout=60)
    gap, *rest = lines
    first = int(rest[0])
    told = f"{first - 1} lines are missing here: no client has read them before there was no room for them."
    assert gap == told
    assert rest == [*numbers(first, RING_LIMIT + 999), "the very last"]
    assert first > 900


def test_a_warning_has_the_last_lines(hooked: Callable[..., Any]) -> None:
    rig, lines = hooked(before_lease=printing(50, "exit 3"))
    rig.lease(timeout=60)
    failed = "The beforeLease hook failed with exit status 3"
    assert lines == [*numbers(1, 50), "the very last", f"{failed} (onFailure: warn)."]
    end = "\n  ".join([*numbers(33, 50), "the very last", f"{failed} (onFailure: warn)."])
    warning = f"Exporter 'b1' is ready, but its hook failed: {failed}. Its last lines were:\n  {end}"
    assert warning in rig.notices


@pytest.mark.parametrize("on_failure", ["endLease", "exit"])
def test_an_error_has_the_last_lines(hooked: Callable[..., Any], on_failure: str) -> None:
    rig, _ = hooked(before_lease=printing(3, "exit 3", on_failure=on_failure))
    with pytest.raises(HookFailed) as info:
        rig.lease(timeout=60)
    begin, _, lines = str(info.value).partition(" Its last lines were:\n")
    assert begin.endswith(f"The beforeLease hook failed with exit status 3 (onFailure: {on_failure}).")
    assert lines.startswith("  1\n  2\n  3\n  the very last")


@pytest.mark.parametrize("on_failure", ["warn", "endLease", "exit"])
def test_all_lines_of_the_hook_after_the_lease_are_there(hooked: Callable[..., Any], on_failure: str) -> None:
    rig, lines = hooked(after_lease=printing(2000, "exit 5", on_failure=on_failure))
    rig.service.release(rig.lease(timeout=60), 20)
    failed = f"The afterLease hook failed with exit status 5 (onFailure: {on_failure})."
    assert lines == [*numbers(1, 2000), "the very last", failed]
    assert rig.notices[-1].endswith(f"\n  2000\n  the very last\n  {failed}")
