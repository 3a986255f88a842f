"""Drivers that only hold or point to others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from JumpstarterLibrary.common.values import shown
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.driver import Driver, TreeEntry


class CompositeInterface:
    """The label of a group."""

    @classmethod
    def client(cls) -> str:
        """Return the label."""
        return "jumpstarter_driver_composite.client.CompositeClient"


@dataclass(kw_only=True)
class Composite(CompositeInterface, Driver):
    """A group of drivers; a client reaches them by name."""


class UnresolvedProxy(RuntimeError, AttributeError):
    """A proxy was used before the tree that it belongs to was known."""


@dataclass(kw_only=True)
class Proxy(CompositeInterface, Driver):
    """A second place for a driver of the same exporter. Clients never see the proxy, only the driver.

    Inside the exporter a proxy has its target's methods and attributes, once the tree has been enumerated, as a session
    does: a driver above it uses ``self.children["serial"].connect()`` without asking which of the two it has.

    Attributes:
        ref: The driver's path from the root, with dots.
    """

    ref: str
    is_reference: ClassVar[bool] = True
    _proxy_target: Any = field(init=False, default=None, repr=False, compare=False)

    def enumerate(
        self, *, root: Driver | None = None, parent: Driver | None = None, name: str | None = None
    ) -> list[TreeEntry]:
        """Return the target's tree under this proxy's name and parent.

        Raises:
            ConfigurationError: The path leads nowhere, or back to this proxy.
        """
        return self.target(root or self).enumerate(root=root, parent=parent, name=name)

    def report(self, *, parent: Driver | None = None, name: str | None = None) -> Any:
        """Return the target's entry in the exporter's report, under this proxy's name and parent.

        Raises:
            UnresolvedProxy: The target is not known yet.
        """
        return self._known_target("report").report(parent=parent, name=name)

    def reset(self) -> None:
        """Reset the target. A parent's ``reset`` leaves proxies out: the target has its own place in the tree."""
        if self._proxy_target is not None:
            self._proxy_target.reset()

    def close(self) -> None:
        """Close the target. A parent's ``close`` leaves proxies out: the target has its own place in the tree."""
        if self._proxy_target is not None:
            self._proxy_target.close()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self._known_target(name), name)

    def _known_target(self, wanted: str) -> Driver:
        target: Driver | None = self.__dict__.get("_proxy_target")
        if target is None:
            raise UnresolvedProxy(
                f"The proxy for {self.__dict__.get('ref')!r} has no {wanted!r} before it knows its target. "
                "Serve the tree, or call enumerate() of its root."
            )
        return target

    def target(self, root: Driver) -> Driver:
        """Return the driver that is meant.

        Raises:
            ConfigurationError: The path leads nowhere, or back to this proxy.
        """
        found = self._resolve(root, ())
        if _reaches(found, self, root, ()):
            raise ConfigurationError(f"The reference {shown(self.ref)} leads back to itself. Point it to a driver.")
        self._proxy_target = found
        return found

    def _resolve(self, root: Driver, passed: tuple[Proxy, ...]) -> Driver:
        if any(self is proxy for proxy in passed):
            raise ConfigurationError(f"The reference {shown(self.ref)} leads back to itself. Point it to a driver.")
        driver = root
        for part in self.ref.split("."):
            child = driver.children.get(part)
            if child is None:
                known = ", ".join(sorted(driver.children)) or "nothing"
                raise ConfigurationError(
                    f"The reference {shown(self.ref)} leads nowhere: there is no {shown(part)}, only {known}. "
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
