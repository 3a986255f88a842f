"""The user's configuration: which client is the current one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from JumpstarterLibrary.client.settings import values
from JumpstarterLibrary.client.settings.files import read_file
from JumpstarterLibrary.client.settings.layers import Given, Layers, Line, no_line, where
from JumpstarterLibrary.common.values import type_name
from JumpstarterLibrary.errors import ConfigurationError
from pytest_jumpstarter.upstream_api.config.client import ClientConfigV1Alpha1
from pytest_jumpstarter.upstream_api.config.error_mapping import map_validation_errors
from pytest_jumpstarter.upstream_api.config.exceptions import FileNotFoundError
from pytest_jumpstarter.upstream_api.config.files import (
    CONFIG_API_VERSION,
    ConfigPath,
    as_yaml,
    with_unknown,
    write_secret,
)
from pytest_jumpstarter.upstream_api.config.model import Model

NAME = "UserConfigV1Alpha1"
KIND = "UserConfig"
CURRENT = "current-client"

KNOWN: Mapping[str, Any] = {"apiVersion": None, "kind": None, "config": {CURRENT: None, "current_client": None}}


@dataclass(init=False)
class UserConfigV1Alpha1Config(Model):
    """The user's configuration.

    Attributes:
        current_client: The client that is used unless another one is asked for; None for none. An alias is looked up,
            and one that has no file counts as none.
    """

    ALIASES: ClassVar[Mapping[str, str]] = {"current_client": CURRENT}

    current_client: ClientConfigV1Alpha1 | None

    def __init__(self, *, current_client: ClientConfigV1Alpha1 | str | None = None, **more: Any) -> None:
        # The file's own name for it is none that Python could take otherwise.
        self.current_client = _client(more.get(CURRENT, current_client))

    def _items(self) -> Mapping[str, Any]:
        return {"current_client": None if self.current_client is None else self.current_client.alias}


@dataclass(init=False)
class UserConfigV1Alpha1(Model):
    """The user's configuration.

    Attributes:
        config: What it says.
    """

    BASE_CONFIG_PATH: ClassVar[Any] = ConfigPath()
    USER_CONFIG_PATH: ClassVar[Any] = ConfigPath("config.yaml")

    apiVersion: str
    kind: str
    config: UserConfigV1Alpha1Config

    def __init__(
        self,
        *,
        config: UserConfigV1Alpha1Config | Mapping[str, Any],
        apiVersion: str = CONFIG_API_VERSION,
        kind: str = KIND,
    ) -> None:
        with map_validation_errors(NAME):
            self._fill({"apiVersion": apiVersion, "kind": kind, "config": config}, f"{NAME}()")

    def _fill(self, document: Mapping[Any, Any], place: str, line: Line = no_line) -> None:
        given = {key: Given(value, "file", where(str(key), place, line)) for key, value in document.items()}
        layers = Layers([given])
        self.apiVersion = layers.pick("apiVersion", values.literal(CONFIG_API_VERSION), CONFIG_API_VERSION)
        self.kind = layers.pick("kind", values.literal(KIND), KIND)
        config = document.get("config")
        if isinstance(config, Mapping):
            found = config.get(CURRENT, config.get("current_client"))
            if not isinstance(found, str | ClientConfigV1Alpha1 | None):
                raise ConfigurationError(
                    f"{where(f'config.{CURRENT}', place, line)} must be the alias of a client, not {type_name(found)}."
                )
            config = UserConfigV1Alpha1Config(current_client=found)
        if not isinstance(config, UserConfigV1Alpha1Config):
            raise ConfigurationError(f"{where('config', place, line)} must be a mapping, not {type_name(config)}.")
        self.config = config
        self._document: Mapping[Any, Any] = {}

    @classmethod
    def exists(cls) -> bool:
        """Tell whether the user has a configuration."""
        return Path(cls.USER_CONFIG_PATH).exists()

    @classmethod
    def load(cls) -> Self:
        """Return the user's configuration.

        Raises:
            FileNotFoundError: There is none.
            ConfigurationError: It cannot be read, or something in it cannot be.
        """
        path = Path(cls.USER_CONFIG_PATH)
        if not cls.exists():
            raise FileNotFoundError(f"There is no user configuration '{path}'. `jmp config client use` makes one.")
        made = cls.__new__(cls)
        with map_validation_errors(NAME):
            file = read_file(path)
            made._fill(file.content, f"'{path}'", file.line)
        made._document = file.content
        return made

    @classmethod
    def load_or_create(cls) -> Self:
        """Return the user's configuration; if there is none, make one without a current client."""
        if cls.exists():
            return cls.load()
        Path(cls.BASE_CONFIG_PATH).mkdir(parents=True, exist_ok=True)
        made = cls(config=UserConfigV1Alpha1Config(current_client=None))
        cls.save(made)
        return made

    @classmethod
    def save(cls, config: Self, path: str | os.PathLike[str] | None = None) -> Path:
        """Write a user's configuration, and return where it is. What its file had that is unknown here stays in it.

        Args:
            config: The configuration.
            path: The file. Default: the user's own.
        """
        file = Path(path or cls.USER_CONFIG_PATH)
        file.parent.mkdir(parents=True, exist_ok=True)
        content = with_unknown(config.model_dump(mode="json", by_alias=True), config._document, KNOWN)
        write_secret(file, as_yaml(content))
        return file

    def use_client(self, name: str | None) -> Path | None:
        """Make another client the current one, or none; save that, and return the client's file.

        Raises:
            FileNotFoundError: There is no client of that alias.
        """
        client = None if name is None else ClientConfigV1Alpha1.load(name)
        self.config.current_client = client
        self.save(self)
        return None if client is None else client.path


def _client(found: ClientConfigV1Alpha1 | str | None) -> ClientConfigV1Alpha1 | None:
    if not isinstance(found, str):
        return found
    try:
        return ClientConfigV1Alpha1.load(found)
    except FileNotFoundError:
        return None
