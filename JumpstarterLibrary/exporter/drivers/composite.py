"""Drivers that only hold or point to others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from JumpstarterLibrary.common.values import listed, shown
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.driver import Driver, TreeEntry

DRIVERS = 20_000
"""Drivers at most in a tree, with those that references repeat."""

DEPTH = 50
"""Drivers at most in each other, and references that lead to references."""


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
        if _reaches(found, self, root):
            raise ConfigurationError(f"The reference {shown(self.ref)} leads back to itself. Point it to a driver.")
        self._proxy_target = found
        return found

    def _resolve(self, root: Driver, passed: tuple[Proxy, ...]) -> Driver:
        if any(self is proxy for proxy in passed):
            raise ConfigurationError(f"The reference {shown(self.ref)} leads back to itself. Point it to a driver.")
        if len(passed) >= DEPTH:
            raise ConfigurationError(
                f"The reference {shown(self.ref)} is behind more than {DEPTH} others. Point them to the driver."
            )
        driver = root
        for part in self.ref.split("."):
            child = driver.children.get(part)
            if child is None:
                known = listed(sorted(driver.children)) or "nothing"
                raise ConfigurationError(
                    f"The reference {shown(self.ref)} leads nowhere: there is no {shown(part)}, only {known}. "
                    "Write the path from the root."
                )
            driver = child._resolve(root, (*passed, self)) if isinstance(child, Proxy) else child
        return driver


def check_size(root: Driver) -> None:
    """Check that a tree can be reported: references that lead to groups of references multiply what is below them.

    Args:
        root: The tree, all of whose references lead to drivers.

    Raises:
        ConfigurationError: There are too many drivers, or too many in each other.
    """
    count, waiting = 0, [(root, 0)]
    while waiting:
        driver, depth = waiting.pop()
        count += 1
        if depth > DEPTH:
            raise ConfigurationError(f"More than {DEPTH} drivers are in each other, by way of references, too.")
        if count > DRIVERS:
            raise ConfigurationError(
                f"There are more than {DRIVERS:,} drivers, with those that references repeat. Point fewer references "
                f"to groups."
            )
        found = driver._resolve(root, ()) if isinstance(driver, Proxy) else driver
        # A class of others may lack children, as long as the configuration gives it none.
        waiting += [(child, depth + 1) for child in getattr(found, "children", {}).values()]


def _reaches(driver: Driver, wanted: Proxy, root: Driver) -> bool:
    """Tell whether a tree holds a proxy, also by way of other proxies."""
    waiting, seen = [driver], set[int]()
    while waiting:
        found = waiting.pop()
        if found is wanted:
            return True
        if id(found) not in seen:
            seen.add(id(found))
            waiting += [found._resolve(root, ())] if isinstance(found, Proxy) else found.children.values()
    return False
