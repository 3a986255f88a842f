"""What every error carries beside its sentence: a code that stays, whatever its class is called."""

from __future__ import annotations

import inspect
from pathlib import Path

from JumpstarterLibrary import errors
from JumpstarterLibrary.errors import CODES, JumpstarterError, LeaseExpired

APPROVED = Path(__file__).parent / "approved" / "error_codes.txt"

CLASSES = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, JumpstarterError)}


def test_every_error_has_a_code_of_its_own() -> None:
    assert CODES.keys() == CLASSES
    assert len(set(CODES.values())) == len(CODES)
    assert all(kind.code == code for kind, code in CODES.items())


def test_the_codes_are_those_that_were_approved() -> None:
    assert [f"{kind.__name__}: {code}" for kind, code in CODES.items()] == APPROVED.read_text().splitlines()


def test_another_name_for_a_class_changes_no_code() -> None:
    renamed = type("LeaseOver", (LeaseExpired,), {})
    assert renamed.code == LeaseExpired.code == "JMP-LEASE-EXPIRED"
