"""Client configurations: who a client is, and which controller it asks."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from JumpstarterLibrary.client.settings.files import read_file
from JumpstarterLibrary.client.settings.layers import SECTIONS, TOP
from JumpstarterLibrary.errors import ConfigurationError
from pytest_jumpstarter.upstream_api.config.configuration import NAME
from pytest_jumpstarter.upstream_api.config.controller_calls import ControllerMethods
from pytest_jumpstarter.upstream_api.config.error_mapping import map_validation_errors
from pytest_jumpstarter.upstream_api.config.exceptions import FileNotFoundError
from pytest_jumpstarter.upstream_api.config.files import (
    CONFIG_API_VERSION,
    ConfigPath,
    as_yaml,
    with_unknown,
    write_secret,
)
from pytest_jumpstarter.upstream_api.config.leasing import LeasingMethods
from pytest_jumpstarter.upstream_api.config.records import ClientService
from pytest_jumpstarter.upstream_api.config.sections import (
    ClientConfigV1Alpha1Drivers,
    ClientConfigV1Alpha1Lease,
    ObjectMeta,
    ShellConfigV1Alpha1,
    TLSConfigV1Alpha1,
)
from pytest_jumpstarter.upstream_api.config.tables import Table
from pytest_jumpstarter.upstream_api.config.user_file import current_alias

__all__ = [
    "ClientConfigListV1Alpha1",
    "ClientConfigV1Alpha1",
    "ClientConfigV1Alpha1Drivers",
    "ClientConfigV1Alpha1Lease",
    "ClientService",
    "ObjectMeta",
    "ShellConfigV1Alpha1",
    "TLSConfigV1Alpha1",
]

KNOWN: Mapping[str, Any] = {
    **dict.fromkeys(TOP),
    **{section: dict.fromkeys(keys) for section, keys in SECTIONS.items()},
}
"""What a client's file may have; what else is in one is kept there."""

SHOWN = {"items": {"__all__": {"refresh_token"}}}
"""What is left out where a list is shown."""


class ClientConfigV1Alpha1(ControllerMethods, LeasingMethods):
    """A client's configuration: made of keywords, or read from its file.

    What is not given comes from the environment: ``JMP_NAMESPACE``, ``JMP_NAME``, ``JMP_ENDPOINT``, ``JMP_TOKEN`` and
    so on. Tokens are not shown by ``repr``.

    Attributes:
        alias: The name of its file, without ``.yaml``.
        path: Its file; None if it has none yet.
        metadata: Who the client is.
        endpoint: The controller, ``HOST:PORT``.
        tls: How the connection to it is secured.
        token: The client's token.
        refresh_token: With which a new token can be had.
        grpcOptions: Channel arguments, on top of the usual ones.
        drivers: Which client classes may be imported.
        shell: How shells are started.
        leases: How long things around leases may take.
    """

    CLIENT_CONFIGS_PATH: ClassVar[Any] = ConfigPath("clients")

    def _service(self, channel: Any) -> ClientService:
        return ClientService(channel=channel, namespace=self.metadata.namespace)

    # From somewhere

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Return the configuration in a file.

        Raises:
            FileNotFoundError: There is no such file.
            pydantic.ValidationError: It cannot be read, or a value cannot be; it has file, line and key.
        """
        file = Path(path)
        if not file.exists():
            raise FileNotFoundError(f"There is no client configuration '{file}'. Check the path.")
        with map_validation_errors(NAME):
            document = read_file(file)
            return cls.of_document(document.content, file, document.line)

    @classmethod
    def from_env(cls) -> Self:
        """Return a configuration of the environment alone.

        Raises:
            pydantic.ValidationError: ``JMP_NAMESPACE`` or ``JMP_NAME`` is not set.
        """
        return cls()

    @classmethod
    def try_from_env(cls) -> Self | None:
        """Return a configuration of the environment alone, or None if it has none."""
        try:
            return cls.from_env()
        except ValidationError:
            return None

    # The files of this user

    @classmethod
    def _get_path(cls, alias: str) -> Path:
        if os.sep in alias:
            raise ConfigurationError(f"'{alias}' is a path, and no alias of a client. Read it with from_file().")
        return Path(cls.CLIENT_CONFIGS_PATH) / f"{alias}.yaml"

    @classmethod
    def load(cls, alias: str) -> Self:
        """Return the configuration of a client that ``jmp`` knows.

        Raises:
            FileNotFoundError: There is none of that alias.
            pydantic.ValidationError: Its file cannot be read, or something in it cannot be.
        """
        return cls.from_file(cls._existing(alias))

    @classmethod
    def exists(cls, alias: str) -> bool:
        """Tell whether there is a client of an alias."""
        return cls._get_path(alias).exists()

    @classmethod
    def ensure_exists(cls) -> None:
        """Make the folder of clients, unless it is there."""
        Path(cls.CLIENT_CONFIGS_PATH).mkdir(parents=True, exist_ok=True)

    @classmethod
    def list(cls) -> ClientConfigListV1Alpha1:
        """Return all clients that there are, in the order of their aliases.

        Raises:
            pydantic.ValidationError: One of the files cannot be read, or something in it cannot be.
        """
        folder = Path(cls.CLIENT_CONFIGS_PATH)
        if not folder.exists():
            return ClientConfigListV1Alpha1(current_config=None, items=[])
        current = current_alias()
        return ClientConfigListV1Alpha1(
            current_config=current if current is not None and cls.exists(current) else None,
            items=[cls.from_file(file) for file in _files(folder)],
        )

    @classmethod
    def save(cls, config: Self, path: str | os.PathLike[str] | None = None) -> Path:
        """Write a configuration, for its owner's eyes only, and return where it is. It is a file of its own then.

        What its file had that is unknown here stays in it.

        Args:
            config: The configuration.
            path: The file. Default: that of its alias.
        """
        if path is None:
            cls.ensure_exists()
            config.path = cls._get_path(config.alias)
        else:
            config.path = Path(path)
            config.path.parent.mkdir(parents=True, exist_ok=True)
        content = with_unknown(config._content(), config._document, KNOWN)
        write_secret(config.path, as_yaml(content))
        return config.path

    @classmethod
    def dump_yaml(cls, config: Self) -> str:
        """Return a configuration as YAML, its token included, but not that for a new login."""
        return as_yaml(config._content("refresh_token"))

    @classmethod
    def delete(cls, alias: str) -> Path:
        """Remove a client's file, and return where it was.

        Raises:
            FileNotFoundError: There is none of that alias.
        """
        path = cls._existing(alias)
        path.unlink()
        return path

    @classmethod
    def _existing(cls, alias: str) -> Path:
        path = cls._get_path(alias)
        if path.exists():
            return path
        aliases = [file.name.removesuffix(".yaml") for file in _files(path.parent)]
        if close := difflib.get_close_matches(alias, aliases, n=1):
            hint = f"Did you mean '{close[0]}'?"
        else:
            hint = f"There are: {', '.join(aliases)}." if aliases else "Log in with `jmp login`."
        raise FileNotFoundError(f"There is no client '{alias}': no file '{path}'. {hint}")

    def _content(self, *without: str) -> dict[str, Any]:
        """Return what goes into a file."""
        content = self.model_dump(mode="json", exclude={"path", "alias", *without}, exclude_none=True)
        # Without it the file could not be read any more.
        content["metadata"] = self.metadata.model_dump()
        if self.leases == ClientConfigV1Alpha1Lease() and "leases" not in self._document:
            # Clients from before 0.8 do not know the section.
            del content["leases"]
        return content


class ClientConfigListV1Alpha1(BaseModel):
    """Client configurations.

    Attributes:
        current_config: The alias of the current one; None if none is.
        items: The configurations.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    api_version: str = Field(
        default=CONFIG_API_VERSION,
        validation_alias=AliasChoices("api_version", "apiVersion"),
        serialization_alias="apiVersion",
    )
    current_config: str | None = Field(
        validation_alias=AliasChoices("current_config", "currentConfig"), serialization_alias="currentConfig"
    )
    items: list[ClientConfigV1Alpha1]
    kind: str = "ClientConfigList"

    def dump_json(self) -> str:
        """Return the list as JSON, tokens included, but without those for a new login."""
        return self.model_dump_json(indent=4, by_alias=True, exclude=SHOWN)

    def dump_yaml(self) -> str:
        """Return the list as YAML, tokens included, but without those for a new login."""
        content = self.model_dump(mode="json", by_alias=True, exclude=SHOWN)
        return as_yaml(content, indent=2, sort_keys=True)

    @classmethod
    def rich_add_columns(cls, table: Table) -> None:
        """Add columns for client configurations to a table."""
        for header in ("CURRENT", "ALIAS", "ENDPOINT", "PATH"):
            table.add_column(header)

    def rich_add_rows(self, table: Table) -> None:
        """Add the configurations to a table."""
        for one in self.items:
            current = "*" if one.alias == self.current_config else ""
            table.add_row(current, one.alias, one.endpoint or "", str(one.path))

    def rich_add_names(self, names: list[str]) -> None:
        """Append the aliases to a list."""
        names.extend(one.alias for one in self.items)


def _files(folder: Path) -> Any:
    """Return the files of clients, in the order of their names."""
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if file.name.endswith(".yaml") and not file.name.startswith("."))
