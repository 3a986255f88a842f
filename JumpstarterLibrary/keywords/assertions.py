"""Assertions of getters: AssertionEngine's operators, with our errors."""

from __future__ import annotations

from typing import Any

from assertionengine import AssertionOperator, verify_assertion

from JumpstarterLibrary.errors import DeviceFailure, UsageError


def asserted(
    value: Any,
    operator: AssertionOperator | None,
    expected: Any,
    *,
    what: str,
    message: str | None,
    error: type[DeviceFailure],
) -> Any:
    """Return a value, or what an assertion makes of it.

    Args:
        value: What was got.
        operator: What to check; None for nothing.
        expected: What to check it with.
        what: The value in words.
        message: The caller's own words, which come first in the error; None for none.
        error: What to raise if it is not so.

    Raises:
        UsageError: There is something expected, and no operator.
    """
    if operator is None and expected is None:
        return value
    try:
        return verify_assertion(value, operator, expected, what)
    except AssertionError as cause:
        raise error(f"{message}: {cause}" if message is not None else str(cause)) from cause
    except ValueError as cause:
        raise UsageError("What is expected needs an assertion operator before it, such as: ==") from cause
