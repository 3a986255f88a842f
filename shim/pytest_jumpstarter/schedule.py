"""Tell which shared boards are still requested by tests to come."""

from __future__ import annotations

import logging
from collections.abc import Hashable

import pytest

from JumpstarterLibrary.client.devices.request import DeviceRequest
from JumpstarterLibrary.types import Scope
from pytest_jumpstarter.binding import fixture_instance_of
from pytest_jumpstarter.device_request import device_request_for
from pytest_jumpstarter.options import Options
from pytest_jumpstarter.parallel.workers import is_ours, wants_board

logger = logging.getLogger("pytest_jumpstarter")


class SharedDeviceSchedule:
    """Find the last test that requests each board that is shared until the end of the run.

    Args:
        options: The settings of the run.
    """

    def __init__(self, options: pytest.Config | Options) -> None:
        self._options = options if isinstance(options, Options) else Options(options)
        self._last: dict[Hashable, int] = {}
        self._places: dict[pytest.Item, int] = {}

    def look(self, session: pytest.Session, key: Hashable, wanted: DeviceRequest) -> None:
        """Find the last test that requests the same device.

        Args:
            session: The session, whose tests are collected.
            key: What the board is shared by.
            wanted: What is requested.
        """
        if key in self._last:
            return
        self._places = self._places or {item: place for place, item in enumerate(session.items)}
        self._last[key] = max(
            (place for item, place in self._places.items() if self._wants(item, wanted)), default=len(self._places)
        )

    def later(self, key: Hashable, item: pytest.Item) -> bool:
        """Tell whether a test after this one wants a board."""
        return self._last.get(key, -1) > self._places.get(item, -1)

    def _wants(self, item: pytest.Item, wanted: DeviceRequest) -> bool:
        try:
            other = shared_request_of(item, self._options)
        except Exception as error:  # noqa: BLE001 - a user's property may raise anything; its test reports the error
            logger.debug("%s wants what cannot be: %s", item.nodeid, error)
            return False
        if other is None or other.scope is not Scope.run:
            return False
        return (other.target, other.mode) == (wanted.target, wanted.mode)


def shared_request_of(item: pytest.Item, options: Options) -> DeviceRequest | None:
    """Return what a test wants of a board; None if it wants none.

    Raises:
        ConfigurationError: What it wants cannot be.
    """
    if not isinstance(item, pytest.Function) or not wants_board(item):
        return None
    holder = fixture_instance_of(item.cls) if is_ours(item) else None
    return device_request_for(item.getparent(pytest.Class) or item, holder, options)
