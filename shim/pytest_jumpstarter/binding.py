"""Wide fixtures that are instance methods of a `JumpstarterTest`, as upstream's users write them, stay quiet."""

from __future__ import annotations

import functools
from typing import Any
from weakref import WeakKeyDictionary

import pytest

from pytest_jumpstarter.attributes import DeviceAttributes

_holders: WeakKeyDictionary[type, DeviceAttributes] = WeakKeyDictionary()


def suppress_scope_warning(fixturedef: pytest.FixtureDef[Any]) -> None:
    """Let pytest not see that a fixture is bound to an instance, of which pytest 9.1 and later warn.

    The instance is the one that all such fixtures of the class share, so that what they set on it is there for
    ``client``.
    """
    bound = fixturedef.func
    holder = getattr(bound, "__self__", None)
    if isinstance(holder, DeviceAttributes) and fixturedef.scope != "function":
        _holders[type(holder)] = holder
        vars(fixturedef)["func"] = functools.partial(bound)


def fixture_instance_of(cls: type[DeviceAttributes]) -> DeviceAttributes:
    """Return the instance that the wide fixtures of a class share, or a new one where there are none."""
    return _holders.get(cls) or cls()
