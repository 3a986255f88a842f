"""Connected devices of a run by key: shared by several owners, closed when the last owner has released them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Generic, TypeVar

from JumpstarterLibrary.client.device import Device
from JumpstarterLibrary.client.devices.leases import extend_shared_lease
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.leasing.device import LeasedDevice
from JumpstarterLibrary.errors import JumpstarterError

logger = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)


@dataclass(eq=False)
class PooledDevice:
    """A connected device and its owners.

    Attributes:
        device: The device.
        stack: Closes the device and releases its lease, if the lease is ours.
        owners: What uses the device at present, such as a suite, a test or a fixture; one entry for each use.
    """

    device: Device
    stack: ExitStack
    owners: list[Hashable] = field(default_factory=list, kw_only=True)

    @property
    def lease_ended(self) -> bool:
        """Whether the device's lease is over, so that the device cannot be used any more."""
        return isinstance(self.device, LeasedDevice) and self.device.lease.ended is not None


Item = TypeVar("Item", bound=PooledDevice)


class DevicePool(Generic[Key, Item]):
    """The connected devices of a run."""

    def __init__(self) -> None:
        self._items: dict[Key, Item] = {}

    @property
    def items(self) -> Mapping[Key, Item]:
        """The devices by key, in the order in which they were added."""
        return MappingProxyType(self._items)

    def __bool__(self) -> bool:
        return bool(self._items)

    def add(self, key: Key, item: Item) -> None:
        """Add a connected device."""
        self._items[key] = item

    def share(self, key: Key, owner: Hashable, request: LeaseRequest | None) -> Item | None:
        """Return a device as one that a further owner uses, too, with a lease that lasts as long as the owner requests.

        Args:
            key: The device's key.
            owner: The owner.
            request: What the owner leases; None for nothing.

        Returns:
            The device; None if there is none that can be used. One whose lease is over stays in the pool.
        """
        item = self._items.get(key)
        if item is None or item.lease_ended:
            return None
        # From here on it has an owner, and no event that comes meanwhile closes it.
        item.owners.append(owner)
        if request is not None:
            extend_shared_lease(item.device, request)
        if not item.lease_ended:
            return item
        item.owners.remove(owner)
        return None

    def release(self, key: Key, item: Item, owner: Hashable, *, keep: bool = False) -> None:
        """Remove one use of a device by an owner; close the device if no owner is left.

        Args:
            key: The device's key.
            item: The device. It may have been replaced under its key, because its lease was over.
            owner: The owner.
            keep: Whether the device stays although it has no owner now. Default: no.
        """
        item.owners.remove(owner)
        if not item.owners and not keep:
            self._discard(key, item)

    def close(self, key: Key) -> None:
        """Close a device and release its lease.

        Raises:
            KeyError: There is no such device.
            JumpstarterError: The device was not closed cleanly; it is gone from the pool all the same.
        """
        self._items.pop(key).stack.close()

    def discard(self, key: Key) -> None:
        """Close a device, if it is there. Trouble goes to the log: it is no verdict on any test."""
        item = self._items.get(key)
        if item is not None:
            self._discard(key, item)

    def _discard(self, key: Key, item: Item) -> None:
        """Close a device, unless it is no longer the one of its key."""
        if self._items.get(key) is item:
            del self._items[key]
            try:
                item.stack.close()
            except (JumpstarterError, OSError) as error:
                logger.warning("Exporter '%s' was not released cleanly: %s", item.device.link.name, error)

    def discard_unowned(self, wanted: Callable[[Key], bool] = lambda _key: False) -> None:
        """Close the devices that have no owner.

        Args:
            wanted: Whether a device stays although it has no owner now. Default: none does.
        """
        # A copy: events of other threads may discard devices meanwhile.
        for key, item in list(self._items.items()):
            if not item.owners and not wanted(key):
                self._discard(key, item)

    def discard_all(self) -> None:
        """Close all devices."""
        for key in list(self._items):
            self.discard(key)
