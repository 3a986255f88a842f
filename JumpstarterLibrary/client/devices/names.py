"""Name the devices of a run in messages: by alias and exporter, wherever there is more than one.

Robot Framework's tests count those that are connected, or were used in the same test, so that a message is the same
whichever tests have run before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from weakref import WeakKeyDictionary


class DeviceNames:
    """The names of the devices that are in use."""

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

    def keep(self, owner: object, aliases: Iterable[str]) -> None:
        """Remove all devices of an owner except some: those that are still connected."""
        self._used[owner] = set(aliases)
