"""Make the modules of upstream's names from their table, for the one entry of ``sys.path`` that stands for them all."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from pytest_jumpstarter.upstream_api import names

COMPAT = str(Path(__file__).parent / "compat")
"""The entry of ``sys.path``. A path hook serves it from the table. In a process without the hook, such as a spawned
child, which inherits the path only, the few modules of the folder install it."""


def install_hook() -> None:
    """Let Python find modules in ``COMPAT``. Twice is fine."""
    if _path_hook in sys.path_hooks:
        return
    # First: folders that an older checkout has left behind would be found otherwise.
    sys.path_hooks.insert(0, _path_hook)
    for entry in [entry for entry in sys.path_importer_cache if entry.startswith(COMPAT)]:
        del sys.path_importer_cache[entry]


def append_to_path() -> bool:
    """Make upstream's names importable, behind everything else on ``sys.path``; return whether that is new."""
    install_hook()
    if COMPAT in sys.path:
        return False
    sys.path.append(COMPAT)
    return True


def spec_of(module: str, folders: Sequence[str] = ()) -> ModuleSpec | None:
    """Return the spec of a module of upstream's name; None if the table does not have it.

    Args:
        module: The full name.
        folders: More folders with modules of this package. It has no single origin then, and says so: pytest asks for
            a folder without ``__init__.py`` by its place, and takes only a spec that is there.
    """
    if not names.is_served(module):
        return None
    is_package = names.is_package(module)
    spec = ModuleSpec(module, NamesLoader(), origin=None if folders else names.__file__, is_package=is_package)
    if is_package:
        spec.submodule_search_locations = [*folders, str(Path(COMPAT, *module.split(".")))]
    return spec


def serve(module: str) -> None:
    """Put a top-level module of the table in the place of the one that Python has found in the folder.

    Args:
        module: Its name, which is being imported now.
    """
    install_hook()
    spec = spec_of(module)
    assert spec is not None
    assert spec.loader is not None
    made = sys.modules[module] = module_from_spec(spec)
    spec.loader.exec_module(made)


class NamesLoader(Loader):
    """Makes a module whose names are imported when they are asked for."""

    def exec_module(self, module: ModuleType) -> None:
        """Fill a module with what its row of the table has; see ``importlib.abc.Loader``."""
        name = module.__name__
        row = names.NAMES[name]
        if isinstance(row, str):
            # Python's way for a module to replace itself.
            sys.modules[name] = importlib.import_module(row)
            return
        module.__doc__ = f"Upstream's {name}, served by robotframework-jumpstarter."
        module.__file__ = names.__file__
        targets = names.targets(name)

        def lookup(attribute: str) -> Any:
            if attribute not in targets:
                raise AttributeError(f"module {name!r} has no attribute {attribute!r}")
            return _import_name(f"{name}.{attribute}", *targets[attribute])

        module.__dict__.update(__all__=sorted(targets), __dir__=lambda: sorted({*vars(module), *targets}))
        module.__dict__["__getattr__"] = lookup
        for attribute in targets:
            if names.is_served(f"{name}.{attribute}"):
                # Python binds a submodule when it is imported; the name of the table has to win, as with upstream.
                importlib.import_module(f"{name}.{attribute}")
                setattr(module, attribute, lookup(attribute))


def _import_name(wanted: str, home: str, name: str) -> Any:
    from pytest_jumpstarter.upstream_api.clients.optional import needed

    return getattr(needed(home, wanted), name)


class _TableFinder:
    """Finds the modules of one package in the table, as an entry of a path.

    Args:
        package: The package; empty for top-level modules.
    """

    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(self, fullname: str, target: ModuleType | None = None) -> ModuleSpec | None:  # noqa: ARG002
        """Return the spec of a module; see ``importlib.abc.PathEntryFinder``."""
        return spec_of(fullname) if fullname.rpartition(".")[0] == self._package else None

    def iter_modules(self, prefix: str = "") -> Iterator[tuple[str, bool]]:
        """Yield each module's name and whether it is a package; see ``pkgutil.iter_modules``."""
        for module in names.NAMES:
            package, _, name = module.rpartition(".")
            if package == self._package:
                yield prefix + name, names.is_package(module)


def _path_hook(entry: str) -> _TableFinder:
    if not entry.startswith(COMPAT) or not Path(entry).is_relative_to(COMPAT):
        raise ImportError(entry)
    return _TableFinder(".".join(Path(entry).relative_to(COMPAT).parts))
