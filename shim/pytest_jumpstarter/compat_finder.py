"""Packages of upstream's name that are in several places at once: our modules, and a project's own test files.

Upstream keeps tests beside the code: ``jumpstarter_driver_power/client_test.py`` begins with ``from .driver import
MockPower``. Where upstream's package is not installed but its tests are, in a folder of the same name, such an import
has to find our ``driver``. The finder merges the two: a module that the folder does not have comes from ours.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import ModuleType


class CompatFinder(MetaPathFinder):
    """Finds modules of ours in packages that others have a part of, too.

    Where a package's own distribution is installed, it finds nothing: two halves of different makes do not fit.

    Args:
        folder: Where our packages of upstream's names are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._offered = {entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name != "__pycache__"}
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
        ours = PathFinder.find_spec(fullname, [str(self._folder.joinpath(top, *rest[:-1]) if rest else self._folder)])
        if ours is None or ours.origin is None:
            if rest and isinstance(path, list):
                self._look_beside(fullname, path)
            return None
        folders = list((others and others.submodule_search_locations) or ())
        return ours if not folders else _merged(ours, folders)

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


def _merged(ours: ModuleSpec, folders: Iterable[str]) -> ModuleSpec:
    """Return the spec of our package, extended by folders. It has no single origin, and says so.

    pytest asks for a folder without ``__init__.py`` by its place, and takes only a spec that is there.
    """
    assert isinstance(ours.loader, SourceFileLoader)
    loader = _Loader(ours.name, ours.loader.path)
    spec = ModuleSpec(ours.name, loader, is_package=True)
    spec.submodule_search_locations = [*folders, *(ours.submodule_search_locations or ())]
    return spec


class _Loader(SourceFileLoader):
    """Loads a package of ours, and tells it where its code is."""

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = self.path
        super().exec_module(module)


def _has_distribution(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
