"""Client configurations: who a client is, and which controller it asks."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from JumpstarterLibrary.client.settings import values
from JumpstarterLibrary.client.settings.files import read_file
from JumpstarterLibrary.client.settings.find import KIND
from JumpstarterLibrary.client.settings.layers import (
    SECTIONS,
    TOP,
    Given,
    Layer,
    Layers,
    Line,
    file_layer,
    no_line,
    section_layer,
)
from JumpstarterLibrary.errors import ConfigurationError
from pytest_jumpstarter.upstream_api.config.controller_calls import ControllerCallsMixin
from pytest_jumpstarter.upstream_api.config.error_mapping import invalid, map_validation_errors
from pytest_jumpstarter.upstream_api.config.exceptions import FileNotFoundError
from pytest_jumpstarter.upstream_api.config.files import (
    CONFIG_API_VERSION,
    ConfigPath,
    as_yaml,
    with_unknown,
    write_secret,
)
from pytest_jumpstarter.upstream_api.config.leasing import LeasingMethods
from pytest_jumpstarter.upstream_api.config.lists import ClientConfigListV1Alpha1
from pytest_jumpstarter.upstream_api.config.model import Model
from pytest_jumpstarter.upstream_api.config.sections import (
    UNSET,
    ClientConfigV1Alpha1Drivers,
    ClientConfigV1Alpha1Lease,
    ObjectMeta,
    Section,
    ShellConfigV1Alpha1,
    TLSConfigV1Alpha1,
    drop_unset,
    env_defaults_of,
)
from pytest_jumpstarter.upstream_api.config.service import ClientService

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

NAME = "ClientConfigV1Alpha1"

KNOWN: Mapping[str, Any] = {
    **dict.fromkeys(TOP),
    **{section: dict.fromkeys(keys) for section, keys in SECTIONS.items()},
}
"""What a client's file may have; what else is in one is kept there."""

_SECTIONS: Mapping[str, type[Section]] = {
    "metadata": ObjectMeta,
    "tls": TLSConfigV1Alpha1,
    "drivers": ClientConfigV1Alpha1Drivers,
    "shell": ShellConfigV1Alpha1,
    "leases": ClientConfigV1Alpha1Lease,
}


@dataclass(init=False)
class ClientConfigV1Alpha1(ControllerCallsMixin, LeasingMethods, Model):
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

    alias: str
    path: Path | None
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    endpoint: str | None
    tls: TLSConfigV1Alpha1
    token: str | None = field(repr=False)
    refresh_token: str | None = field(repr=False)
    grpcOptions: dict[str, str | int]
    drivers: ClientConfigV1Alpha1Drivers
    shell: ShellConfigV1Alpha1
    leases: ClientConfigV1Alpha1Lease

    def __init__(
        self,
        *,
        alias: str = "default",
        path: str | os.PathLike[str] | None = None,
        apiVersion: str = CONFIG_API_VERSION,
        kind: str = KIND,
        metadata: ObjectMeta | Mapping[str, Any] = UNSET,
        endpoint: str | None = UNSET,
        tls: TLSConfigV1Alpha1 | Mapping[str, Any] = UNSET,
        token: str | None = UNSET,
        refresh_token: str | None = UNSET,
        grpcOptions: Mapping[str, str | int] | None = UNSET,
        drivers: ClientConfigV1Alpha1Drivers | Mapping[str, Any] = UNSET,
        shell: ShellConfigV1Alpha1 | Mapping[str, Any] = UNSET,
        leases: ClientConfigV1Alpha1Lease | Mapping[str, Any] = UNSET,
    ) -> None:
        given = drop_unset(
            apiVersion=apiVersion,
            kind=kind,
            metadata=metadata,
            endpoint=endpoint,
            tls=tls,
            token=token,
            refresh_token=refresh_token,
            grpcOptions=grpcOptions,
            drivers=drivers,
            shell=shell,
            leases=leases,
        )
        with map_validation_errors(NAME):
            self._fill(*_argued(given))
        self.alias = alias
        self.path = None if path is None else Path(path)

    def _fill(self, layer: Layer, made: Mapping[str, Section]) -> None:
        """Take what a layer gives and the environment fills in, with the sections that are made already."""
        layers = Layers([layer, *env_defaults_of()])
        self.apiVersion = layers.pick("apiVersion", values.literal(CONFIG_API_VERSION), CONFIG_API_VERSION)
        self.kind = layers.pick("kind", values.literal(KIND), KIND)
        for name, kind in _SECTIONS.items():
            setattr(self, name, made.get(name) or kind.of(layers))
        self.endpoint = layers.pick("endpoint", values.text_or_nothing, None)
        self.token = layers.pick("token", values.text_or_nothing, None)
        self.refresh_token = layers.pick("refresh_token", values.text_or_nothing, None)
        self.grpcOptions = dict(layers.pick_options())
        self._document: Mapping[Any, Any] = {}

    def _service(self, channel: Any) -> ClientService:
        return ClientService(channel=channel, namespace=self.metadata.namespace)

    # From somewhere

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Return the configuration in a file.

        Raises:
            FileNotFoundError: There is no such file.
            ConfigurationError: It cannot be read, or something in it cannot be.
        """
        file = Path(path)
        if not file.exists():
            raise FileNotFoundError(f"There is no client configuration '{file}'. Check the path.")
        with map_validation_errors(NAME):
            document = read_file(file)
            made = cls._of(document.content, f"'{file}'", document.line)
        made.alias, made.path = file.name.partition(".")[0], file
        return made

    @classmethod
    def model_validate(cls, obj: Any) -> Self:
        """Return the configuration in a mapping, as files have it; a configuration is what it is.

        Raises:
            ConfigurationError: It is no mapping, or something in it cannot be.
        """
        if isinstance(obj, cls):
            return obj
        with map_validation_errors(NAME):
            if not isinstance(obj, Mapping):
                raise ConfigurationError(f"{NAME} is made of a mapping, not of a {type(obj).__name__}.")
            made = cls._of(obj, "the mapping")
        made.alias = obj.get("alias", "default")
        made.path = Path(obj["path"]) if obj.get("path") else None
        return made

    @classmethod
    def _of(cls, document: Mapping[Any, Any], place: str, line: Line = no_line) -> Self:
        made = cls.__new__(cls)
        made._fill(file_layer(document, place, line), {})
        made._document = document
        return made

    @classmethod
    def from_env(cls) -> Self:
        """Return a configuration of the environment alone.

        Raises:
            ConfigurationError: ``JMP_NAMESPACE`` or ``JMP_NAME`` is not set.
        """
        return cls()

    @classmethod
    def try_from_env(cls) -> Self | None:
        """Return a configuration of the environment alone, or None if it has none."""
        try:
            return cls.from_env()
        except invalid():
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
            ConfigurationError: Its file cannot be read, or something in it cannot be.
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
            ConfigurationError: One of the files cannot be read, or something in it cannot be.
        """
        from pytest_jumpstarter.upstream_api.config.user import UserConfigV1Alpha1

        folder = Path(cls.CLIENT_CONFIGS_PATH)
        if not folder.exists():
            return ClientConfigListV1Alpha1(current_config=None, items=[])
        current = UserConfigV1Alpha1.load().config.current_client if UserConfigV1Alpha1.exists() else None
        return ClientConfigListV1Alpha1(
            current_config=None if current is None else current.alias,
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


def _argued(given: Mapping[str, Any]) -> tuple[Layer, Mapping[str, Section]]:
    """Return the layer of what was given by keywords, and the sections among it that are made already."""
    layer: dict[str, Given] = {}
    made: dict[str, Section] = {}
    for key, value in given.items():
        kind = _SECTIONS.get(key)
        if kind is not None and isinstance(value, kind):
            made[key] = value
        elif kind is not None:
            layer.update(section_layer(key, value, f"{NAME}()", "argument"))
        else:
            layer[key] = Given(value, "argument", f"{key}=")
    return layer, made


def _files(folder: Path) -> Any:
    """Return the files of clients, in the order of their names."""
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if file.name.endswith(".yaml") and not file.name.startswith("."))
