"""Name the devices of a run in messages: by alias and exporter, wherever the run has used more than one."""

from __future__ import annotations

from collections.abc import Callable


class DeviceNames:
    """The names of the devices that a run has used so far."""

    def __init__(self) -> None:
        self._used: set[tuple[str, str]] = set()

    def add(self, exporter: str, alias: str = "") -> Callable[[], str]:
        """Add a device, and return what gives the suffix of its drivers' and consoles' names; see ``Device``.

        Args:
            exporter: The name of its exporter.
            alias: The alias by which the test knows it. Default: none.
        """
        self._used.add((exporter, alias))
        name = f" of '{alias}' (exporter '{exporter}')" if alias else f" of exporter '{exporter}'"
        return lambda: name if len(self._used) > 1 else ""

    def clear(self) -> None:
        """Remove all devices: the run is over."""
        self._used.clear()
