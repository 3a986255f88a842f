"""Packages of upstream's name that are in several places at once: our modules, and a project's own test files.

Upstream keeps tests beside the code: ``jumpstarter_driver_power/client_test.py`` begins with ``from .driver import
MockPower``. Where upstream's package is not installed but its tests are, in a folder of the same name, such an import
has to find our ``driver``. The finder merges the two: a module that the folder does not have comes from ours.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import ModuleType

from pytest_jumpstarter.compat_modules import spec_of
from pytest_jumpstarter.upstream_api import names


class CompatFinder(MetaPathFinder):
    """Finds modules of ours in packages that others have a part of, too.

    Where a package's own distribution is installed, it finds nothing: two halves of different makes do not fit.
    """

    def __init__(self) -> None:
        self._offered = {name for name in names.NAMES if "." not in name}
        self._installed: dict[str, bool] = {}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Return where a module is, if it is for us to say; see ``importlib.abc.MetaPathFinder``."""
        top, *rest = fullname.split(".")
        if top not in self._offered or (path is None and not rest) or self.is_installed(top):
            return None
        others = PathFinder.find_spec(fullname, path)
        if others is not None and others.origin is not None:
            return None  # the usual finders find it, and pytest's rewrites its assertions
        ours = spec_of(fullname, (others and others.submodule_search_locations) or ())
        if ours is None and rest and isinstance(path, list):
            self._look_beside(fullname, path)
        return ours

    def offers(self, name: str) -> bool:
        """Tell whether a top-level package is one of ours, and not installed otherwise."""
        return name in self._offered and not self.is_installed(name)

    def is_installed(self, top: str) -> bool:
        """Tell whether the distribution of a top-level package is installed."""
        known = self._installed.get(top)
        if known is None:
            known = self._installed[top] = _has_distribution(top.replace("_", "-"))
        return known

    def _look_beside(self, fullname: str, path: list[str]) -> None:
        """Extend a package of ours by the folder of its name that has a module, somewhere on ``sys.path``.

        The finders after this one then find the module there, pytest's among them, which rewrites assertions.
        """
        for entry in sys.path:
            folder = str(Path(entry, *fullname.split(".")[:-1]))
            found = PathFinder.find_spec(fullname, [folder])
            if found is not None and found.origin is not None:
                path.append(folder)
                return


def _has_distribution(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
