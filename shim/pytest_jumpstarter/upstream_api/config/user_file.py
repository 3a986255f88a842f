"""The file of the user's configuration: which client is the current one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from JumpstarterLibrary.client.settings import config_home, values
from JumpstarterLibrary.client.settings.files import read_file
from JumpstarterLibrary.client.settings.layers import Given, Layers, Line, no_line, where
from JumpstarterLibrary.common.values import type_name
from JumpstarterLibrary.errors import ConfigurationError
from pytest_jumpstarter.upstream_api.config.error_mapping import map_validation_errors
from pytest_jumpstarter.upstream_api.config.files import CONFIG_API_VERSION

NAME = "UserConfigV1Alpha1"
KIND = "UserConfig"
CURRENT = "current-client"


def check_kind(document: Mapping[Any, Any], place: str, line: Line = no_line) -> None:
    """Check that a document is a user's configuration.

    Raises:
        ConfigurationError: It is of another version or kind.
    """
    given = {key: Given(value, "file", where(str(key), place, line)) for key, value in document.items()}
    layers = Layers([given])
    layers.pick("apiVersion", values.literal(CONFIG_API_VERSION), CONFIG_API_VERSION)
    layers.pick("kind", values.literal(KIND), KIND)


def alias_in(document: Mapping[Any, Any], place: str, line: Line = no_line) -> str | None:
    """Return the alias of the current client in a document; None if there is none.

    Raises:
        ConfigurationError: Something in it cannot be.
    """
    config = document.get("config")
    if not isinstance(config, Mapping):
        raise ConfigurationError(f"{where('config', place, line)} must be a mapping, not {type_name(config)}.")
    found = config.get(CURRENT, config.get("current_client"))
    if not isinstance(found, str | None):
        raise ConfigurationError(
            f"{where(f'config.{CURRENT}', place, line)} must be the alias of a client, not {type_name(found)}."
        )
    return found


def read_user_file(path: Path) -> tuple[Mapping[Any, Any], str | None]:
    """Return what a user's configuration file has, and the alias of the current client.

    Raises:
        pydantic.ValidationError: It cannot be read, or a value cannot be; it has file, line and key.
    """
    with map_validation_errors(NAME):
        file = read_file(path)
        check_kind(file.content, f"'{path}'", file.line)
        return file.content, alias_in(file.content, f"'{path}'", file.line)


def current_alias() -> str | None:
    """Return the alias of the current client in the user's own file; None if there is none."""
    path = config_home() / "config.yaml"
    return read_user_file(path)[1] if path.exists() else None
