"""What every error carries beside its sentence: a code, and a class of fault."""

from __future__ import annotations

import copy
import inspect
import pickle
from pathlib import Path

import pytest

from JumpstarterLibrary import errors
from JumpstarterLibrary.errors import (
    CODES,
    BootFailed,
    ConsoleMismatch,
    DeviceCrashed,
    DeviceFailure,
    DriverError,
    FaultClass,
    JumpstarterError,
    LeaseExpired,
    LinkError,
    UsageError,
)

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


def test_the_classes_of_fault() -> None:
    unknown = {
        "JumpstarterError",
        "OperationTimeout",
        "DriverError",
        "DriverMethodNotImplemented",
        "DriverInvalidArgument",
        "DriverTimeout",
        "DriverUnavailable",
    }
    for kind in CLASSES:
        if kind.__name__ in unknown:
            expected = FaultClass.UNKNOWN
        elif issubclass(kind, UsageError):
            expected = FaultClass.TEST
        elif issubclass(kind, DeviceFailure):
            expected = FaultClass.PRODUCT
        else:
            expected = FaultClass.LAB
        assert kind("The sentence.").fault is expected, kind


def test_the_place_that_raises_an_error_may_know_better() -> None:
    error = LinkError("The sentence.", fault=FaultClass.PRODUCT)
    assert (str(error), error.args, error.fault) == ("The sentence.", ("The sentence.",), "product")
    assert LinkError("The sentence.").fault is FaultClass.LAB


@pytest.mark.parametrize("kind", sorted(CLASSES, key=lambda kind: kind.__name__))
def test_they_survive_copies_and_other_processes(kind: type[JumpstarterError]) -> None:
    error = kind("The sentence.", fault=FaultClass.TEST) if kind is not DeviceCrashed else kind("The sentence.")
    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(again) is kind
        assert (str(again), again.fault) == ("The sentence.", error.fault)


def test_another_sentence_leaves_the_rest_as_it_is() -> None:
    error = ConsoleMismatch("Nothing came.", fault=FaultClass.UNKNOWN)
    other = error.reworded(BootFailed, f"It did not boot. {error}")
    assert type(other) is BootFailed
    assert (str(other), other.fault) == ("It did not boot. Nothing came.", FaultClass.UNKNOWN)
    # Also where the fault is that of the class.
    assert DriverError("It broke.").reworded(LinkError, "The stream broke.").fault is FaultClass.UNKNOWN
