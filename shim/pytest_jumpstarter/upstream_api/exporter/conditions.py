"""Conditions of leases and exporters, as Kubernetes has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Condition(Protocol):
    """One condition of an object: what, whether, and why."""

    type: str
    status: str
    reason: str
    message: str


def condition_present_and_equal(
    conditions: Iterable[Condition], condition_type: str, status: str, reason: str | None = None
) -> bool:
    """Tell whether there is a condition with this status, and this reason if one is given."""
    found = _condition(conditions, condition_type, reason)
    return found is not None and found.status == status


def condition_message(conditions: Iterable[Condition], condition_type: str, reason: str | None = None) -> str | None:
    """Return a condition's message, or None if there is no such condition."""
    found = _condition(conditions, condition_type, reason)
    return None if found is None else found.message


def condition_true(conditions: Iterable[Condition], condition_type: str) -> bool:
    """Tell whether a condition is there and true."""
    return condition_present_and_equal(conditions, condition_type, "True")


def condition_false(conditions: Iterable[Condition], condition_type: str) -> bool:
    """Tell whether a condition is there and false."""
    return condition_present_and_equal(conditions, condition_type, "False")


def _condition(conditions: Iterable[Condition], kind: str, reason: str | None) -> Condition | None:
    of_kind = (condition for condition in conditions if condition.type == kind)
    return next((condition for condition in of_kind if reason is None or condition.reason == reason), None)
