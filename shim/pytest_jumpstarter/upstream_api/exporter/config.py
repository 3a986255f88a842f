"""An exporter's configuration file under upstream's interface."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, Field

from JumpstarterLibrary.common.yaml_files import read_yaml
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter import ExporterConfigV1Alpha1 as CoreConfig
from JumpstarterLibrary.exporter.config import SOURCE, OnFailure
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1 as CoreHook
from pytest_jumpstarter.upstream_api.config.exceptions import FileNotFoundError
from pytest_jumpstarter.upstream_api.config.files import (
    CONFIG_API_VERSION,
    ConfigPath,
    FileModel,
    as_yaml,
    write_secret,
)
from pytest_jumpstarter.upstream_api.config.sections import ObjectMeta, TLSConfigV1Alpha1
from pytest_jumpstarter.upstream_api.exporter.exporter import Exporter
from pytest_jumpstarter.upstream_api.exporter.instances import ExporterConfigV1Alpha1DriverInstance
from pytest_jumpstarter.upstream_api.exporter.records import Record, Seconds, WholeSeconds
from pytest_jumpstarter.upstream_api.exporter.session import Session
from pytest_jumpstarter.upstream_api.exporter.statuses import ExporterStatus

KIND = "ExporterConfig"


class HookInstanceConfigV1Alpha1(Record):
    """A script that the exporter runs before or after a lease.

    Attributes:
        exec_: The interpreter; None chooses one by the script.
        script: The commands, or a file's path.
        timeout: Seconds, after which the hook has failed.
        on_failure: What follows then: ``warn``, ``endLease`` or ``exit``.
    """

    exec_: str | None = Field(default=None, alias="exec")
    script: str
    timeout: Seconds = CoreHook.timeout
    on_failure: OnFailure = Field(default=CoreHook.on_failure, alias="onFailure")


class HookConfigV1Alpha1(Record):
    """The hooks of an exporter.

    Attributes:
        before_lease: Runs before clients may call.
        after_lease: Runs when they have gone.
    """

    before_lease: HookInstanceConfigV1Alpha1 | None = Field(default=None, alias="beforeLease")
    after_lease: HookInstanceConfigV1Alpha1 | None = Field(default=None, alias="afterLease")


class FailureDetectionConfigV1Alpha1(Record):
    """The limit at which an exporter that keeps failing gives up.

    Attributes:
        max_rapid_failures: Failures in a row.
        rapid_failure_window: Seconds in which a failure counts.
    """

    max_rapid_failures: int = Field(default=CoreConfig.max_rapid_failures, alias="maxRapidFailures")
    rapid_failure_window: WholeSeconds = Field(default=CoreConfig.rapid_failure_window, alias="rapidFailureWindow")


class ExporterConfigV1Alpha1(Record, FileModel):
    """An exporter's configuration.

    Attributes:
        BASE_PATH: The user's folder of exporters, where configurations are saved.
        SYSTEM_CONFIG_PATH: The system's, which is read, too.
        alias: The file's name without its suffix.
        apiVersion: As in the file.
        kind: As in the file.
        metadata: The exporter's name and namespace.
        endpoint: The controller, ``host:port``.
        tls: How the connection to it is secured.
        token: The exporter's token.
        grpcOptions: Channel arguments.
        description: A text for users.
        export: The drivers, by name.
        hooks: Scripts around leases.
        failure_detection: When to give up.
        path: The file; None if there is none.
    """

    BASE_PATH: ClassVar[Any] = ConfigPath("exporters")
    SYSTEM_CONFIG_PATH: ClassVar[Path] = Path("/etc/jumpstarter/exporters")

    alias: str = "default"
    apiVersion: str = CONFIG_API_VERSION
    kind: str = KIND
    metadata: ObjectMeta
    endpoint: str | None = None
    tls: TLSConfigV1Alpha1 = Field(default_factory=TLSConfigV1Alpha1)
    # The token of an exporter proves who it is.
    token: str | None = Field(default=None, repr=False)
    grpcOptions: dict[str, Any] | None = Field(default_factory=dict)
    description: str | None = None
    export: dict[str, ExporterConfigV1Alpha1DriverInstance] = Field(default_factory=dict)
    hooks: HookConfigV1Alpha1 = Field(default_factory=HookConfigV1Alpha1)
    failure_detection: FailureDetectionConfigV1Alpha1 = Field(
        default_factory=FailureDetectionConfigV1Alpha1, alias="failureDetection"
    )
    path: Path | None = None

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ConfigurationError:
            # Our exporter says more of what it would not take.
            CoreConfig.from_mapping(_plain(given), given.get("path"))
            raise
        CoreConfig.from_mapping(self._content(), self.path)

    @classmethod
    def validate_alias(cls, alias: str) -> None:
        """Check that an alias can be a file's name.

        Raises:
            ConfigurationError: It cannot.
        """
        if alias in ("", ".", "..") or any(separator in alias for separator in "/\\"):
            raise ConfigurationError(
                f"Invalid exporter alias {alias!r}: it names a file, so it has no slashes and is not '.' or '..'."
            )

    @classmethod
    def resolve_path(cls, alias: str) -> Path:
        """Return the file of an alias: the user's, or else the system's; the user's if there is neither.

        Raises:
            ConfigurationError: It can be no file's name.
        """
        own, system = cls._get_path(alias), cls.SYSTEM_CONFIG_PATH / f"{alias}.yaml"
        return system if system.exists() and not own.exists() else own

    @classmethod
    def _get_path(cls, alias: str) -> Path:
        cls.validate_alias(alias)
        path: Path = cls.BASE_PATH / f"{alias}.yaml"
        return path

    @classmethod
    def user_config_exists(cls, alias: str) -> bool:
        """Tell whether the user has a configuration of that alias."""
        return cls._get_path(alias).exists()

    @classmethod
    def exists(cls, alias: str) -> bool:
        """Tell whether the user or the system has a configuration of that alias."""
        return cls.resolve_path(alias).exists()

    @classmethod
    def load(cls, alias: str) -> Self:
        """Read the configuration of an alias.

        Raises:
            FileNotFoundError: There is none.
            ConfigurationError: It is no exporter's configuration.
        """
        config = cls.load_path(cls.resolve_path(alias))
        config.alias = alias
        return config

    @classmethod
    def load_path(cls, path: str | PathLike[str]) -> Self:
        """Read a configuration file.

        Raises:
            FileNotFoundError: There is none.
            ConfigurationError: It cannot be read, or is no exporter's configuration.
        """
        path = Path(path)
        if not path.exists():
            raise FileNotFoundError(f"There is no exporter configuration {path}. Create it, or choose another one.")
        file = read_yaml(path, SOURCE)
        content = file.content
        known = {field.alias or name for name, field in cls.model_fields.items()} - {"alias", "path"}
        given = {key: value for key, value in content.items() if key in known}
        given.setdefault("metadata", {})
        with file.located():
            config = cls(**given, path=path)
        config._document = {key: value for key, value in content.items() if key not in known}
        return config

    @classmethod
    def list(cls) -> ExporterConfigListV1Alpha1:
        """Return all configurations; the user's one where the system has one of the same alias."""
        aliases: dict[str, None] = {}
        for folder in (cls.BASE_PATH, cls.SYSTEM_CONFIG_PATH):
            aliases.update(dict.fromkeys(sorted(entry.stem for entry in folder.glob("*.yaml"))))
        found = []
        for alias in aliases:
            # One may be deleted meanwhile.
            with suppress(FileNotFoundError):
                found.append(cls.load(alias))
        return ExporterConfigListV1Alpha1(items=found)

    @classmethod
    def dump_yaml(cls, config: Self) -> str:
        """Return a configuration as YAML text, as it is saved."""
        return as_yaml(config._content())

    @classmethod
    def save(cls, config: Self, path: str | PathLike[str] | None = None) -> Path:
        """Write a configuration to a file that only its owner may read, and return the file.

        Args:
            config: The configuration; its ``path`` is set.
            path: The file. Default: the one of its alias, in the user's folder.

        Raises:
            OSError: It cannot be written.
        """
        config.path = cls._get_path(config.alias) if path is None else Path(path)
        config.path.parent.mkdir(parents=True, exist_ok=True)
        write_secret(config.path, cls.dump_yaml(config))
        return config.path

    @classmethod
    def delete(cls, alias: str) -> Path:
        """Delete the user's configuration of an alias, if there is one, and return its file.

        Raises:
            ConfigurationError: Only the system has one, which is not the user's to delete.
        """
        path = cls._get_path(alias)
        system = cls.SYSTEM_CONFIG_PATH / path.name
        if system.exists() and not path.exists():
            raise ConfigurationError(
                f"The exporter configuration {alias!r} is in the system location only, and is not deleted from there. "
                f"Remove {system} yourself."
            )
        path.unlink(missing_ok=True)
        return path

    def instantiate(self) -> Driver:
        """Build the driver tree: a group of everything under ``export``. Each call builds a new one.

        Raises:
            ConfigurationError: A class is missing or refuses its configuration, or a reference leads nowhere.
        """
        return self.core().instantiate()

    def core(self) -> CoreConfig:
        """Return the same configuration as our exporter takes it.

        Raises:
            ConfigurationError: A value cannot be.
        """
        return CoreConfig.from_mapping(self._content(), self.path)

    @asynccontextmanager
    async def serve_unix_async(self) -> AsyncIterator[Path]:
        """Serve the drivers on a unix socket without a controller, on the running event loop; yield its path.

        Raises:
            ConfigurationError: As with ``instantiate``.
        """
        with Session(root_device=self.instantiate()) as session:
            async with session.serve_unix_async() as path:
                session.update_status(ExporterStatus.LEASE_READY)
                yield path

    @contextmanager
    def serve_unix(self) -> Iterator[Path]:
        """Serve the drivers on a unix socket without a controller, from a thread; yield its path.

        Raises:
            ConfigurationError: As with ``instantiate``.
        """
        with Session(root_device=self.instantiate()) as session, session.serve_unix() as path:
            session.update_status(ExporterStatus.LEASE_READY)
            yield path

    @asynccontextmanager
    async def create_exporter(self, *, standalone: bool = False) -> AsyncIterator[Exporter]:
        """Yield an exporter that serves leases, or with ``standalone`` a TCP port; it is stopped at the end.

        Raises:
            ConfigurationError: What the configuration says of the controller does not do.
        """
        async with Exporter(self.core(), standalone=standalone) as exporter:
            yield exporter

    async def serve(self) -> None:
        """Register with the controller, and serve leases until cancelled.

        Raises:
            ConfigurationError: What the configuration says of the controller does not do.
            LinkError: The controller cannot be reached, or does not take the exporter.
        """
        async with self.create_exporter() as exporter:
            await exporter.serve()

    def _content(self) -> dict[str, Any]:
        content = self.model_dump(mode="json", by_alias=True, exclude={"alias", "path"})
        return {**content, **self._document}


class ExporterConfigListV1Alpha1(Record):
    """Several configurations.

    Attributes:
        api_version: As in the configurations.
        items: The configurations.
        kind: What it is.
    """

    api_version: str = Field(default=CONFIG_API_VERSION, alias="apiVersion")
    items: Any = Field(default_factory=list)
    kind: str = "ExporterConfigList"


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return keywords as a file would have them."""
    names = {name: field.alias or name for name, field in ExporterConfigV1Alpha1.model_fields.items()}
    return {
        names.get(key, key): value.model_dump(mode="json", by_alias=True) if isinstance(value, BaseModel) else value
        for key, value in given.items()
        if key not in ("alias", "path")
    }
