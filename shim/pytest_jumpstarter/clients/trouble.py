"""Errors of driver calls as upstream's ``except`` clauses expect them: every failure of a call is a `DriverError`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from JumpstarterLibrary.errors import DriverError, InfrastructureError, JumpstarterError

_both: dict[tuple[type[Exception], type[Exception]], type[Exception]] = {}


def also_as(error: Exception, other: type[Exception]) -> Exception:
    """Return an error that is also of another class; the same one if it is already.

    Args:
        error: The error.
        other: What else it is caught as.
    """
    kind = type(error)
    if isinstance(error, other):
        return error
    both = other if issubclass(other, kind) else _both.get((kind, other))
    if both is None:
        both = _both[kind, other] = type(kind.__name__, (kind, other), {"__module__": kind.__module__})
    made = both(*error.args)
    vars(made).update(vars(error))
    if isinstance(error, JumpstarterError):
        # Its own class comes first, but not in what both classes inherit.
        vars(made)["fault"] = error.fault
    made.__cause__ = error.__cause__ or error
    return made


@contextmanager
def as_driver_error() -> Iterator[None]:
    """Make every trouble of the lab inside the block a `DriverError` as well: a lost link, a status, a timeout."""
    try:
        yield
    except DriverError:
        raise
    except InfrastructureError as error:
        made = also_as(error, DriverError)
        raise made from made.__cause__
