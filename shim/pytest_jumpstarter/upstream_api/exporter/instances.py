"""Drivers as an exporter's configuration describes them, and a tree of them that is served for a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel

from JumpstarterLibrary.common.yaml_files import YamlFile, parse_yaml, read_yaml
from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter import ExporterConfigV1Alpha1DriverInstance as CoreInstance
from JumpstarterLibrary.exporter.config import SOURCE, TEXT
from pytest_jumpstarter.upstream_api.exporter.records import Record

if TYPE_CHECKING:
    from pytest_jumpstarter.upstream_api.clients.base import DriverClient


@contextmanager
def run(config: str) -> Iterator[DriverClient]:
    """Serve the driver that a configuration describes, and yield a client for it.

    Args:
        config: YAML text with ``type``, ``config`` and ``children``, or with ``children`` only, or with ``ref``.

    Raises:
        ConfigurationError: It describes no driver, or the driver refuses it.
    """
    from pytest_jumpstarter.upstream_api.clients.serving import serve

    with serve(ExporterConfigV1Alpha1DriverInstance.from_str(config).instantiate()) as client:
        yield client


class ExporterConfigV1Alpha1DriverInstanceProxy(Record):
    """Another name for a driver of the same exporter.

    Attributes:
        ref: The driver's path from the root, with dots.
    """

    ref: str


class ExporterConfigV1Alpha1DriverInstanceComposite(Record):
    """A group.

    Attributes:
        children: What is in it.
    """

    children: dict[str, ExporterConfigV1Alpha1DriverInstance] = Field(default_factory=dict)


class ExporterConfigV1Alpha1DriverInstanceBase(Record):
    """A driver.

    Attributes:
        type: The path of its class.
        description: A text for users.
        methods_description: Help texts by method name.
        config: The class's keyword arguments.
        children: What is below it.
    """

    type: str
    description: str | None = None
    methods_description: dict[str, str] = Field(default_factory=dict)
    # Configurations hold passwords.
    config: dict[str, Any] = Field(default_factory=dict, repr=False)
    children: dict[str, ExporterConfigV1Alpha1DriverInstance] = Field(default_factory=dict)


Root = (
    ExporterConfigV1Alpha1DriverInstanceBase
    | ExporterConfigV1Alpha1DriverInstanceComposite
    | ExporterConfigV1Alpha1DriverInstanceProxy
)


class ExporterConfigV1Alpha1DriverInstance(RootModel[Root]):
    """One driver in a configuration: a class with its arguments, a group, or a reference to another driver.

    Args:
        root: One of the three, ready made; else it is made of the keywords.
        **given: Keys as in the file: ``type``, ``config``, ``children``, ``description``, ``methods_description``; or
            ``children`` only; or ``ref``.

    Attributes:
        root: Which of the three it is.

    Raises:
        ConfigurationError: It is none of them.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    def __init__(self, root: Any = None, **given: Any) -> None:
        super().__init__(root if isinstance(root, Root) else _root(root or given))

    @classmethod
    def from_path(cls, path: str | PathLike[str]) -> Self:
        """Read a driver's YAML file.

        Raises:
            ConfigurationError: It does not describe a driver.
        """
        return cls._from_file(read_yaml(path, SOURCE))

    @classmethod
    def from_str(cls, config: str) -> Self:
        """Read a driver's YAML text.

        Raises:
            ConfigurationError: It does not describe a driver.
        """
        return cls._from_file(parse_yaml(config, TEXT))

    @classmethod
    def _from_file(cls, file: YamlFile) -> Self:
        with file.located():
            return cls(file.content)

    def instantiate(self) -> Driver:
        """Build the driver with everything below it.

        The paths of upstream's own drivers, such as ``jumpstarter_driver_power.driver.MockPower``, give ours.

        Raises:
            ConfigurationError: A class is missing or refuses its configuration, or a reference leads nowhere.
        """
        return CoreInstance.from_mapping(self.model_dump()).instantiate()


def _root(content: Any) -> Root:
    content = content if isinstance(content, Mapping) else {"": content}
    # What our exporter makes of it decides, also what is wrong with it.
    core = CoreInstance.from_mapping(_plain(content))
    if core.class_path is not None:
        return ExporterConfigV1Alpha1DriverInstanceBase(**content)
    if core.ref is not None:
        return ExporterConfigV1Alpha1DriverInstanceProxy(**content)
    return ExporterConfigV1Alpha1DriverInstanceComposite(**content)


def _plain(content: Mapping[str, Any]) -> dict[str, Any]:
    plain = dict(content)
    if isinstance(children := plain.get("children"), Mapping):
        plain["children"] = {
            name: child.model_dump() if isinstance(child, BaseModel) else child for name, child in children.items()
        }
    return plain
