"""Import modules that need optional packages."""

from __future__ import annotations

import importlib
from typing import Any

from JumpstarterLibrary.errors import UsageError


class MissingPackage(UsageError, ImportError):
    """A package that is needed for this is not installed."""

    code = "JMP-MISSING-PACKAGE"


def needed(module: str, what: str, extra: str = "upstream") -> Any:
    """Import a module that others need, and return it.

    Args:
        module: The module.
        what: What needs it, as the subject of a sentence.
        extra: The extra that brings it.

    Raises:
        MissingPackage: It, or what it needs itself, is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingPackage(
            f"{what} needs the package '{error.name}', which is not installed. "
            f"Install robotframework-jumpstarter[{extra}]."
        ) from error


def commands(module: str) -> Any:
    """Return a module of command lines, which need click."""
    return needed(f"pytest_jumpstarter.upstream_api.clients.commands.{module}", "A driver's command line")
