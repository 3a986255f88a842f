"""The user's configuration: which client is the current one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_serializer

from pytest_jumpstarter.upstream_api.config.client import ClientConfigV1Alpha1
from pytest_jumpstarter.upstream_api.config.error_mapping import map_validation_errors
from pytest_jumpstarter.upstream_api.config.exceptions import FileNotFoundError
from pytest_jumpstarter.upstream_api.config.files import (
    CONFIG_API_VERSION,
    ConfigPath,
    FileModel,
    as_yaml,
    with_unknown,
    write_secret,
)
from pytest_jumpstarter.upstream_api.config.user_file import CURRENT, KIND, NAME, alias_in, check_kind, read_user_file

KNOWN: Mapping[str, Any] = {"apiVersion": None, "kind": None, "config": {CURRENT: None, "current_client": None}}


class UserConfigV1Alpha1Config(BaseModel):
    """The user's configuration.

    Attributes:
        current_client: The client that is used unless another one is asked for; None for none. An alias is looked up,
            and one that has no file counts as none.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    current_client: ClientConfigV1Alpha1 | None = Field(
        default=None, validation_alias=AliasChoices("current_client", CURRENT), serialization_alias=CURRENT
    )

    def __init__(self, *, current_client: ClientConfigV1Alpha1 | str | None = None, **more: Any) -> None:
        # The file's own name for it is none that Python could take otherwise.
        super().__init__(current_client=_client(more.get(CURRENT, current_client)))

    @field_serializer("current_client")
    def _alias(self, client: ClientConfigV1Alpha1 | None) -> str | None:
        return None if client is None else client.alias


class UserConfigV1Alpha1(FileModel):
    """The user's configuration.

    Attributes:
        config: What it says.
    """

    BASE_CONFIG_PATH: ClassVar[Any] = ConfigPath()
    USER_CONFIG_PATH: ClassVar[Any] = ConfigPath("config.yaml")

    apiVersion: str = CONFIG_API_VERSION
    kind: str = KIND
    config: UserConfigV1Alpha1Config

    def __init__(
        self,
        *,
        config: UserConfigV1Alpha1Config | Mapping[str, Any],
        apiVersion: str = CONFIG_API_VERSION,
        kind: str = KIND,
    ) -> None:
        place = f"{NAME}()"
        with map_validation_errors(NAME):
            check_kind({"apiVersion": apiVersion, "kind": kind}, place)
            if not isinstance(config, UserConfigV1Alpha1Config):
                client = config.get(CURRENT, config.get("current_client")) if isinstance(config, Mapping) else None
                if not isinstance(client, ClientConfigV1Alpha1):
                    client = alias_in({"config": config}, place)
                config = UserConfigV1Alpha1Config(current_client=client)
        super().__init__(apiVersion=apiVersion, kind=kind, config=config)

    @classmethod
    def exists(cls) -> bool:
        """Tell whether the user has a configuration."""
        return Path(cls.USER_CONFIG_PATH).exists()

    @classmethod
    def load(cls) -> Self:
        """Return the user's configuration.

        Raises:
            FileNotFoundError: There is none.
            pydantic.ValidationError: It cannot be read, or a value cannot be; it has file, line and key.
        """
        path = Path(cls.USER_CONFIG_PATH)
        if not cls.exists():
            raise FileNotFoundError(f"There is no user configuration '{path}'. `jmp config client use` makes one.")
        document, alias = read_user_file(path)
        made = cls(config=UserConfigV1Alpha1Config(current_client=alias))
        made._document = document
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
