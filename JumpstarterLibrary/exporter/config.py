"""An exporter's configuration file, and the driver tree that it describes.

The names and keys are upstream's, so that its files can be used. Keys that are not known are ignored, except those of a
driver's ``config``, which must be what its class takes.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self

from JumpstarterLibrary.common import environment
from JumpstarterLibrary.common.config_reader import ConfigReader
from JumpstarterLibrary.common.values import InvalidSetting, one_line, shown, within
from JumpstarterLibrary.common.yaml_files import YamlFile, parse_yaml, read_yaml
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.classes import driver_class
from JumpstarterLibrary.exporter.driver import Driver
from JumpstarterLibrary.exporter.drivers.composite import Composite, Proxy, check_size
from JumpstarterLibrary.exporter.on_release import release_method, release_methods

API_VERSION = "jumpstarter.dev/v1alpha1"
KIND = "ExporterConfig"

SOURCE = "The configuration file"
TEXT = "The YAML text"

OnFailure = Literal["warn", "endLease", "exit"]


@dataclass(frozen=True, kw_only=True)
class ExporterConfigV1Alpha1DriverInstance:
    """One driver in a configuration: a class with its arguments, a group, or a reference to another driver.

    Attributes:
        class_path: What the file calls ``type``; None for a group or a reference.
        config: The class's keyword arguments.
        children: What is below it.
        ref: The dotted path from the root of the driver that is meant; None unless this is a reference.
        description: A text for users.
        methods_description: Help texts by method name.
        on_release: The method that is called when a lease ends, or ``power_off`` for ``off`` of a power driver.
        where: The place in the configuration, for errors.
        source: The file or text that it was read from, for errors.
    """

    class_path: str | None = None
    # Configurations hold passwords.
    config: dict[str, Any] = field(default_factory=dict, repr=False)
    children: dict[str, ExporterConfigV1Alpha1DriverInstance] = field(default_factory=dict)
    ref: str | None = None
    description: str | None = None
    methods_description: dict[str, str] = field(default_factory=dict)
    on_release: str | None = None
    where: str = ""
    source: YamlFile | None = field(default=None, repr=False, compare=False)

    @classmethod
    def from_path(cls, path: str | Path) -> Self:
        """Read a driver's YAML file.

        Raises:
            ConfigurationError: It cannot be read, or does not describe a driver.
        """
        file = read_yaml(path, SOURCE)
        with file.located():
            return replace(cls.from_mapping(file.content), source=file)

    @classmethod
    def from_str(cls, text: str) -> Self:
        """Read a driver's YAML text.

        Raises:
            ConfigurationError: It does not describe a driver.
        """
        file = parse_yaml(text, TEXT)
        with file.located():
            return replace(cls.from_mapping(file.content), source=file)

    @classmethod
    def from_mapping(cls, content: dict[str, Any], where: str = "") -> Self:
        """Read what a YAML file would hold.

        Args:
            content: The mapping.
            where: Its place, for errors.

        Raises:
            ConfigurationError: It does not describe a driver.
        """
        return cls._from_reader(ConfigReader(content, where))

    @classmethod
    def _from_reader(cls, table: ConfigReader) -> Self:
        class_path, ref = table.text("type"), table.text("ref")
        if class_path is not None and ref is not None:
            raise table.error("", "a driver has a type or a ref, not both. Remove one of them.")
        if class_path is None and table.has("on_release"):
            raise table.error("on_release", "only a driver with a type has it. Move it there.")
        return cls(
            class_path=class_path,
            config=table.mapping("config"),
            children={name: cls._from_reader(child) for name, child in table.tables("children")},
            ref=ref,
            description=table.text("description"),
            methods_description=table.texts("methods_description"),
            on_release=table.word("on_release"),
            where=table.where,
        )

    def secrets(self) -> Iterator[str]:
        """Yield the texts of the configuration, and of those below, whose keys say that they are secret."""
        yield from _secret_texts(self.config, False)
        for child in self.children.values():
            yield from child.secrets()

    def instantiate(self) -> Driver:
        """Build the driver tree.

        Raises:
            ConfigurationError: A class is missing or refuses its configuration, or a reference leads nowhere.
        """
        with _located(self.source), ExitStack() as undo:
            root = self._build()
            undo.callback(root.close)
            self._check_references(root)
            undo.pop_all()
        return root

    def _build(self) -> Driver:
        if self.ref is not None:
            return Proxy(ref=self.ref)
        driver_type = Composite if self.class_path is None else driver_class(self.class_path, self._place("type"))
        with ExitStack() as undo:
            children = {}
            for name, child in self.children.items():
                children[name] = child._build()
                undo.callback(children[name].close)
            method = self._release_method(driver_type)
            driver = self._construct(driver_type, children)
            if method is not None:
                vars(driver)["on_release"] = method
            undo.pop_all()
        return driver

    def _release_method(self, driver_type: type[Driver]) -> str | None:
        if self.on_release is None:
            return None
        method = release_method(driver_type, self.on_release)
        if method is None:
            known = release_methods(driver_type)
            has = f"It has: {', '.join(known)}." if known else "It has none."
            raise InvalidSetting(
                self._place("on_release"),
                f"{driver_type.__name__} has no method {shown(self.on_release)} without arguments. {has}",
            )
        return method

    def _construct(self, driver_type: type[Driver], children: dict[str, Driver]) -> Driver:
        arguments = {
            "children": children,
            "description": self.description,
            "methods_description": self.methods_description,
            **self.config,
        }
        self._check_arguments(driver_type, arguments)
        try:
            return driver_type(**arguments)
        except Exception as error:
            reason = one_line(str(error)).rstrip(".") or type(error).__name__
            raise InvalidSetting(
                self._place("config"),
                f"{driver_type.__name__} did not accept it: {reason}.",
            ) from error

    def _check_arguments(self, driver_type: type[Driver], arguments: dict[str, Any]) -> None:
        parameters = inspect.signature(driver_type).parameters
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            return
        known = [name for name in parameters if name not in _COMMON]
        for name in arguments:
            if name not in parameters:
                takes = f"It takes: {', '.join(known)}." if known else "It takes nothing."
                raise InvalidSetting(self._place("config"), f"{driver_type.__name__} takes no {shown(name)}. {takes}")
        for name, parameter in parameters.items():
            if parameter.default is parameter.empty and name not in arguments:
                raise InvalidSetting(self._place("config"), f"{driver_type.__name__} needs {name!r}. Add it.")

    def _place(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def _check_references(self, root: Driver) -> None:
        for instance, driver in self._pairs(root):
            if isinstance(driver, Proxy):
                try:
                    driver.target(root)
                except ConfigurationError as error:
                    raise InvalidSetting(instance._place("ref"), f"{error}") from error
        with within(self.where):
            check_size(root)

    def _pairs(self, driver: Driver) -> Iterator[tuple[ExporterConfigV1Alpha1DriverInstance, Driver]]:
        yield self, driver
        for name, child in self.children.items():
            # A driver may keep children of its own under other names; those of the configuration it may also drop.
            if name in driver.children:
                yield from child._pairs(driver.children[name])


_SECRET_WORDS = ("password", "passphrase", "passwd", "secret", "token", "credential", "api_key", "apikey")

_SECRET_LEAST = 4
"""Characters of a text from which on it can be hidden in lines; a shorter one is part of many words."""


def _secret_texts(value: object, secret: bool) -> Iterator[str]:
    match value:
        case dict():
            for key, below in value.items():
                yield from _secret_texts(below, secret or any(word in str(key).lower() for word in _SECRET_WORDS))
        case list():
            for below in value:
                yield from _secret_texts(below, secret)
        case str() if secret and len(value) >= _SECRET_LEAST:
            yield value


_COMMON = frozenset(inspect.signature(Driver).parameters)


@dataclass(frozen=True, kw_only=True)
class HookInstanceConfigV1Alpha1:
    """A script that the exporter runs before or after a lease.

    Attributes:
        script: The commands, or a file's path.
        exec: The interpreter; None chooses one by the script.
        timeout: Seconds, after which the hook has failed.
        on_failure: What follows then.
    """

    script: str
    exec: str | None = None
    timeout: float = 120
    on_failure: OnFailure = "warn"


@dataclass(frozen=True, kw_only=True)
class ExporterConfigV1Alpha1:
    """An exporter's configuration file.

    Attributes:
        name: The exporter's name; ``JMP_NAME`` fills in.
        namespace: Its namespace; ``JMP_NAMESPACE`` fills in.
        endpoint: The controller, ``host:port``; ``JMP_ENDPOINT`` fills in.
        token: The exporter's token; ``JMP_TOKEN`` fills in.
        tls_ca: The controller's CA, base64 of PEM text.
        tls_insecure: Do not verify the controller's certificate.
        grpc_options: Channel arguments.
        description: A text for users.
        motd: A message for clients.
        export: The drivers, by name.
        before_lease: The hook that runs before clients may call.
        after_lease: The hook that runs when they have gone.
        max_rapid_failures: How many starts of the drivers have to fail in a row for the exporter to give up; from 1 on.
        rapid_failure_window: Seconds in which they have to fail.
        exit_on_lease_end: End the process with the lease.
        path: The file.
        source: The file or text that it was read from, for errors.
    """

    name: str | None = None
    namespace: str | None = None
    endpoint: str | None = None
    token: str | None = field(default=None, repr=False)
    tls_ca: str = field(default="", repr=False)
    tls_insecure: bool = False
    grpc_options: dict[str, Any] = field(default_factory=dict)
    description: str | None = None
    motd: str | None = None
    export: dict[str, ExporterConfigV1Alpha1DriverInstance] = field(default_factory=dict)
    before_lease: HookInstanceConfigV1Alpha1 | None = None
    after_lease: HookInstanceConfigV1Alpha1 | None = None
    max_rapid_failures: int = 5
    rapid_failure_window: int = 60
    exit_on_lease_end: bool = False
    path: Path | None = None
    source: YamlFile | None = field(default=None, repr=False, compare=False)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read an exporter's configuration file.

        Raises:
            ConfigurationError: It cannot be read, or is no exporter's configuration.
        """
        file = read_yaml(path, SOURCE)
        with file.located():
            return replace(cls.from_mapping(file.content, Path(path)), source=file)

    @classmethod
    def from_str(cls, text: str) -> Self:
        """Read an exporter's configuration text.

        Raises:
            ConfigurationError: It is no exporter's configuration.
        """
        file = parse_yaml(text, TEXT)
        with file.located():
            return replace(cls.from_mapping(file.content), source=file)

    @classmethod
    def from_mapping(cls, content: dict[str, Any], path: Path | None = None) -> Self:
        """Read what a YAML file would hold.

        Args:
            content: The mapping.
            path: The file, if there is one.

        Raises:
            ConfigurationError: It is no exporter's configuration.
        """
        return cls._from_reader(ConfigReader(content, ""), path)

    @classmethod
    def _from_reader(cls, table: ConfigReader, path: Path | None) -> Self:
        table.literal("apiVersion", API_VERSION)
        table.literal("kind", KIND)
        metadata, tls, hooks = table.table("metadata"), table.table("tls"), table.table("hooks")
        failures = table.table("failureDetection")
        return cls(
            name=metadata.text("name") or os.environ.get(environment.NAME),
            namespace=metadata.text("namespace") or os.environ.get(environment.NAMESPACE),
            endpoint=table.text("endpoint") or os.environ.get(environment.ENDPOINT),
            token=table.text("token") or os.environ.get(environment.TOKEN),
            tls_ca=tls.text("ca") or "",
            tls_insecure=tls.boolean("insecure"),
            grpc_options=table.mapping("grpcOptions"),
            description=table.text("description"),
            motd=table.text("motd"),
            export={
                name: ExporterConfigV1Alpha1DriverInstance._from_reader(child) for name, child in table.tables("export")
            },
            before_lease=_hook(hooks, "beforeLease"),
            after_lease=_hook(hooks, "afterLease"),
            max_rapid_failures=failures.count("maxRapidFailures", 5),
            rapid_failure_window=int(failures.duration("rapidFailureWindow", 60.0)),
            exit_on_lease_end=table.boolean("exitOnLeaseEnd"),
            path=path,
        )

    def secrets(self) -> tuple[str, ...]:
        """Return the texts of the drivers' configurations whose keys say that they are secret, such as ``password``."""
        return tuple(text for driver in self.export.values() for text in driver.secrets())

    def instantiate(self) -> Driver:
        """Build the driver tree: a group of everything under ``export``. Each call builds a new one.

        Raises:
            ConfigurationError: A class is missing or refuses its configuration, or a reference leads nowhere.
        """
        root = ExporterConfigV1Alpha1DriverInstance(children=self.export, description=self.description, where="export")
        with _located(self.source):
            return root.instantiate()


def _located(source: YamlFile | None) -> AbstractContextManager[None]:
    return nullcontext() if source is None else source.located()


def _hook(hooks: ConfigReader, name: str) -> HookInstanceConfigV1Alpha1 | None:
    table = hooks.table(name)
    if table.absent:
        return None
    script = table.text("script")
    if script is None:
        raise table.error("", "a hook needs a script. Add it.")
    return HookInstanceConfigV1Alpha1(
        script=script,
        exec=table.text("exec"),
        timeout=table.duration("timeout", 120.0),
        on_failure=table.choice("onFailure", ("warn", "endLease", "exit")),
    )
