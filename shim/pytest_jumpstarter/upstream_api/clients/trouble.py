"""Errors of driver calls as upstream's ``except`` clauses expect them: every failure of a call is a `DriverError`."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from JumpstarterLibrary.errors import DriverError, InfrastructureError, JumpstarterError, UsageError, new_error
from pytest_jumpstarter.upstream_api.config.exceptions import ArgumentError

_combined: dict[tuple[type[Exception], type[Exception]], type[Exception]] = {}


def also_as(error: Exception, other: type[Exception]) -> Exception:
    """Return an error that is also of another class; the same one if it is already.

    Args:
        error: The error.
        other: What else it is caught as.
    """
    if isinstance(error, other):
        return error
    made = _new(_combine(type(error), other), error.args)
    vars(made).update(vars(error))
    if isinstance(error, JumpstarterError):
        # Its own class comes first, but not in what both classes inherit.
        vars(made)["fault"] = error.fault
    made.__cause__ = error.__cause__ or error
    return made


def _combine(kind: type[Exception], other: type[Exception]) -> type[Exception]:
    """Return the class of errors that are of two classes; always the same one."""
    if issubclass(other, kind):
        return other
    if (kind, other) not in _combined:
        # Such a class has no name by which it could be unpickled: its errors name the classes that it is made of.
        members = {
            "__module__": kind.__module__,
            "__reduce__": _reduce,
            _PARTS: (*vars(kind).get(_PARTS, (kind,)), other),
        }
        _combined[kind, other] = type(kind.__name__, (kind, other), members)
    return _combined[kind, other]


_PARTS = "_combined_classes"


def _reduce(error: Exception) -> tuple[Any, ...]:
    return _restore, (vars(type(error))[_PARTS], error.args), vars(error)


def _restore(parts: tuple[type[Exception], ...], args: tuple[object, ...]) -> Exception:
    return _new(functools.reduce(_combine, parts), args)


def _new(kind: type[Exception], args: tuple[object, ...]) -> Exception:
    return new_error(kind, args) if issubclass(kind, JumpstarterError) else kind(*args)


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


@contextmanager
def argument_errors() -> Iterator[None]:
    """Make every refusal of an argument inside the block upstream's `ArgumentError`."""
    try:
        yield
    except UsageError as error:
        made = also_as(error, ArgumentError)
        raise made from made.__cause__
