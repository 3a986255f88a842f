"""Test files of upstream's packages, in a folder of the package's name and nothing else of the package around them."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from types import ModuleType

import pytest

from pytest_jumpstarter.compat_finder import CompatFinder
from pytest_jumpstarter.upstream_api import names


class TestsOfPackages:
    """Imports a test file as a module of its package, where it asks for that: ``from .driver import MockPower``.

    pytest does so by itself where the folder has an ``__init__.py``; without one such an import never works.

    Args:
        finder: Knows which packages are ours.
    """

    __test__ = False

    def __init__(self, finder: CompatFinder) -> None:
        self._finder = finder

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makemodule(self, module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
        """Collect the file by its name in the package, if it is one of those."""
        package = self._package(module_path.parent)
        if package is None or not _imports_relatively(module_path):
            return None
        module: pytest.Module = _ModuleOfPackage.from_parent(parent, path=module_path)
        module.stash[_PACKAGE] = package
        return module

    def _package(self, folder: Path) -> str | None:
        """Return the dotted name of our package that a folder could be a part of."""
        parts: list[str] = []
        for place in (folder, *folder.parents):
            if (place / "__init__.py").is_file():
                return None
            parts.insert(0, place.name)
            if self._finder.offers(place.name):
                return ".".join(parts) if names.is_package(".".join(parts)) else None
        return None


_PACKAGE = pytest.StashKey[str]()


class _ModuleOfPackage(pytest.Module):
    def _getobj(self) -> ModuleType:
        # What pytest.Module overrides, too, to say where a module comes from.
        package = importlib.import_module(self.stash[_PACKAGE])
        folder = str(self.path.parent)
        if folder not in package.__path__:
            package.__path__.append(folder)
        try:
            module = importlib.import_module(f"{package.__name__}.{self.path.stem}")
        except ImportError as error:
            raise self.CollectError(
                f"Test file '{self.path}' could not be imported as a part of {package.__name__}: {error}."
            ) from error
        self.config.pluginmanager.consider_module(module)
        return module


def _imports_relatively(path: Path) -> bool:
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError:
        return False  # pytest tells it better
    return any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree))
