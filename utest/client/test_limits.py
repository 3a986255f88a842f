"""The table of all limits: in the manual, on its page, and as the fields and constants have them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from JumpstarterLibrary.client.limits import LIMITS, describe_limits
from JumpstarterLibrary.client.timing import Timing
from JumpstarterLibrary.library import JumpstarterLibrary

STARTING_S = 300.0
"""What the slowest virtual device of upstream takes to start."""


def test_the_page_has_the_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "limits.md").read_text()
    rows = [[text.replace("``", "`") for text in row] for row in describe_limits()]
    assert "\n".join(f"| {' | '.join(row)} |" for row in rows) in page


def test_the_manual_has_the_table() -> None:
    manual = str(JumpstarterLibrary.__doc__)
    assert "%LIMITS%" not in manual
    assert all(f"| {' | '.join(row)} |" in manual for row in describe_limits())


def test_each_operation_has_a_bound() -> None:
    assert all(limit.silence is not None or limit.length is not None for limit in LIMITS)


def test_each_field_of_a_whole_operation_is_in_the_table() -> None:
    told = {name for limit in LIMITS for name in (limit.silence, limit.length) if isinstance(name, str)}
    fields = {field.name for field in dataclasses.fields(Timing)}
    assert told <= fields
    parts = {"echo_timeout", "answer_timeout", "probe_timeout", "uboot_prompt_timeout", "unlock_timeout"}
    assert {name for name in fields if name.endswith("_timeout")} - parts <= told


def test_power_has_time_for_devices_that_start_slowly() -> None:
    assert Timing().power_timeout >= STARTING_S + 60
