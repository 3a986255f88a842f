"""Drivers that only hold or point to others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.driver import Driver, TreeEntry


@dataclass(kw_only=True)
class Composite(Driver):
    """A group of drivers; a client reaches them by name."""

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_composite.client.CompositeClient"


@dataclass(kw_only=True)
class Proxy(Driver):
    """A second place for a driver of the same exporter. Clients never see the proxy, only the driver.

    Attributes:
        ref: The driver's path from the root, with dots.
    """

    ref: str

    @classmethod
    def client(cls) -> str:
        return Composite.client()

    def enumerate(
        self, *, root: Driver | None = None, parent: Driver | None = None, name: str | None = None
    ) -> Iterator[TreeEntry]:
        """Yield the target's tree under this proxy's name and parent.

        Raises:
            ConfigurationError: The path leads nowhere, or back to this proxy.
        """
        yield from self.target(root or self).enumerate(root=root, parent=parent, name=name)

    def target(self, root: Driver) -> Driver:
        """Return the driver that is meant.

        Raises:
            ConfigurationError: The path leads nowhere, or back to this proxy.
        """
        found = self._resolve(root, ())
        if _reaches(found, self, root, ()):
            raise ConfigurationError(f"The reference {self.ref!r} leads back to itself. Point it to a driver.")
        return found

    def _resolve(self, root: Driver, passed: tuple[Proxy, ...]) -> Driver:
        if any(self is proxy for proxy in passed):
            raise ConfigurationError(f"The reference {self.ref!r} leads back to itself. Point it to a driver.")
        driver = root
        for part in self.ref.split("."):
            child = driver.children.get(part)
            if child is None:
                known = ", ".join(sorted(driver.children)) or "nothing"
                raise ConfigurationError(
                    f"The reference {self.ref!r} leads nowhere: there is no {part!r}, only {known}. "
                    "Write the path from the root."
                )
            driver = child._resolve(root, (*passed, self)) if isinstance(child, Proxy) else child
        return driver


def _reaches(driver: Driver, wanted: Proxy, root: Driver, passed: tuple[Driver, ...]) -> bool:
    """Tell whether a tree holds a proxy, also by way of other proxies."""
    if driver is wanted or any(driver is earlier for earlier in passed):
        return driver is wanted
    below = [driver._resolve(root, ())] if isinstance(driver, Proxy) else list(driver.children.values())
    return any(_reaches(child, wanted, root, (*passed, driver)) for child in below)
