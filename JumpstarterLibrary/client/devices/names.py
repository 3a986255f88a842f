"""Name the devices of a run in messages: by alias and exporter, wherever the run has used more than one alias.

Boards that follow each other under one alias do not count, so that a message is the same in any order of the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary


class DeviceNames:
    """The names of the devices that a run has used so far."""

    def __init__(self) -> None:
        self._used: WeakKeyDictionary[object, set[str]] = WeakKeyDictionary()

    def add(self, owner: object, exporter: str, alias: str = "") -> Callable[[], str]:
        """Add a device, and return what gives the suffix of its drivers' and consoles' names; see ``Device``.

        Args:
            owner: What has the device; two owners may use one alias for two devices.
            exporter: The name of its exporter.
            alias: The alias by which the test knows it. Default: none, so that it is known by its exporter.
        """
        self._used.setdefault(owner, set()).add(alias or exporter)
        name = f" of '{alias}' (exporter '{exporter}')" if alias else f" of exporter '{exporter}'"
        return lambda: name if sum(map(len, self._used.values())) > 1 else ""

    def remove(self, owner: object) -> None:
        """Remove all devices of an owner, whose run is over."""
        self._used.pop(owner, None)
