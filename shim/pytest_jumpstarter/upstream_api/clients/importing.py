"""Importing client classes by the path that an exporter names, as far as that is allowed."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from JumpstarterLibrary.errors import ConfigurationError, UsageError

OFFICIAL = "jumpstarter_driver_"
"""How the packages of upstream's drivers begin."""


class MissingDriverError(ConfigurationError):
    """A client class is not here, or may not be imported. Connecting goes on with a stub in its place.

    Attributes:
        class_path: The class.
    """

    code = "JMP-MISSING-DRIVER-ERROR"

    def __init__(self, message: str, class_path: str) -> None:
        super().__init__(message)
        self.class_path = class_path


class NotAClassPath(UsageError, ImportError):
    """A text is no path of a class."""

    code = "JMP-NOT-A-CLASS-PATH"


def is_allowed(class_path: str, allow: Iterable[str], unsafe: bool) -> bool:
    """Tell whether a class may be imported.

    Args:
        class_path: Its path.
        allow: Patterns as of file names.
        unsafe: Whether every class may.
    """
    return unsafe or any(fnmatchcase(class_path, pattern.strip()) for pattern in allow)


def import_class(class_path: str, allow: Iterable[str], unsafe: bool) -> Any:
    """Import a class by its path, if it is allowed.

    Args:
        class_path: ``package.module.Class``.
        allow: Patterns of paths, as of file names: ``my_drivers.*``.
        unsafe: Allow every path.

    Raises:
        MissingDriverError: No pattern admits it, or it is not here.
        NotAClassPath: It is no path of a class; also an `ImportError`.
    """
    if not is_allowed(class_path, allow, unsafe):
        raise MissingDriverError(
            f"The client class '{class_path}' was not imported: no pattern of drivers that are allowed admits it. "
            f"Add one to JMP_DRIVERS_ALLOW, or to drivers.allow of the client configuration.",
            class_path,
        )
    module, _, name = class_path.rpartition(".")
    if not module:
        raise NotAClassPath(f"'{class_path}' is no path of a class. Expected 'package.module.Class'.")
    try:
        return cached_import(module, name)
    except (ModuleNotFoundError, AttributeError) as error:
        raise MissingDriverError(advice(class_path), class_path) from error


def cached_import(module_path: str, class_name: str) -> Any:
    """Import a module, or take the one that is imported, and return what it calls by a name."""
    return getattr(importlib.import_module(module_path), class_name)


def advice(class_path: str) -> str:
    """Return what to do about a client class that is not here, in a sentence or two."""
    package = class_path.partition(".")[0]
    if package.startswith(OFFICIAL):
        return (
            f"The client class '{class_path}' is not installed here. For a driver of Jumpstarter itself that mostly "
            f"means a version mismatch between client and exporter: bring both to the same release, or install "
            f"'{package.replace('_', '-')}'."
        )
    return (
        f"The client class '{class_path}' is not installed here. Install the package of your own that has '{package}'."
    )
