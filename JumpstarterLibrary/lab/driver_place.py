"""The place of a driver in its exporter's tree, by which faults name the drivers that they are for."""

from __future__ import annotations

import fnmatch

from JumpstarterLibrary.exporter.driver import Driver

SERIAL = "serial"
"""Stands for the drivers of serial ports, regardless of their names."""


class DriverPlace:
    """The place of a driver in its exporter's tree.

    Args:
        driver: The driver.

    Attributes:
        paths: Its dotted paths; several where other entries stand for it.
    """

    def __init__(self, driver: Driver) -> None:
        self.paths: list[str] = []
        self._serial = "serial" in type(driver).client().lower()

    def fits(self, pattern: str) -> bool:
        """Whether a pattern means it: a path, with ``*`` for any text, or ``serial`` for every serial port."""
        if pattern == SERIAL and self._serial:
            return True
        return any(fnmatch.fnmatchcase(path, pattern) for path in self.paths)
