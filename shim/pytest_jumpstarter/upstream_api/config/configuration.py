"""A client's configuration as data: its fields, and how they are read from keywords, files and the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field

from JumpstarterLibrary.client.settings import values
from JumpstarterLibrary.client.settings.environment import env_defaults
from JumpstarterLibrary.client.settings.find import KIND
from JumpstarterLibrary.client.settings.layers import (
    SECTIONS,
    TOP,
    Given,
    Layer,
    Layers,
    Line,
    file_layer,
    section_layer,
)
from pytest_jumpstarter.upstream_api.config.error_mapping import map_validation_errors
from pytest_jumpstarter.upstream_api.config.files import CONFIG_API_VERSION, FileModel
from pytest_jumpstarter.upstream_api.config.sections import (
    ClientConfigV1Alpha1Drivers,
    ClientConfigV1Alpha1Lease,
    ObjectMeta,
    Section,
    ShellConfigV1Alpha1,
    TLSConfigV1Alpha1,
)

NAME = "ClientConfigV1Alpha1"

_SECTIONS: Mapping[str, type[Section]] = {
    "metadata": ObjectMeta,
    "tls": TLSConfigV1Alpha1,
    "drivers": ClientConfigV1Alpha1Drivers,
    "shell": ShellConfigV1Alpha1,
    "leases": ClientConfigV1Alpha1Lease,
}


class ClientConfiguration(FileModel):
    """What a client's file says. What is not given comes from the environment; see `ClientConfigV1Alpha1`."""

    alias: str = "default"
    path: Path | None = None
    apiVersion: str = CONFIG_API_VERSION
    kind: str = KIND
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    endpoint: str | None = None
    tls: TLSConfigV1Alpha1 = Field(default_factory=TLSConfigV1Alpha1)
    token: str | None = Field(default=None, repr=False)
    refresh_token: str | None = Field(default=None, repr=False)
    grpcOptions: dict[str, str | int] = Field(default_factory=dict)
    drivers: ClientConfigV1Alpha1Drivers = Field(default_factory=ClientConfigV1Alpha1Drivers)
    shell: ShellConfigV1Alpha1 = Field(default_factory=ShellConfigV1Alpha1)
    leases: ClientConfigV1Alpha1Lease = Field(default_factory=ClientConfigV1Alpha1Lease)

    def __init__(self, *, alias: str = "default", path: str | os.PathLike[str] | None = None, **given: Any) -> None:
        with map_validation_errors(NAME):
            found = _read(*_argued(given))
        super().__init__(alias=alias, path=path, **found)

    @classmethod
    def of_document(cls, document: Mapping[Any, Any], file: Path, line: Line) -> Self:
        """Return the configuration in a file.

        Args:
            document: The file's content.
            file: The file.
            line: Tells the line of a key in it.

        Raises:
            ConfigurationError: Something in it cannot be; the sentence has file, line and key.
        """
        found = _read(file_layer(document, f"'{file}'", line), {})
        made = cls.model_construct(alias=file.name.partition(".")[0], path=file, **found)
        made._document = document
        return made


def _read(layer: Layer, made: Mapping[str, Section]) -> dict[str, Any]:
    """Return the values of all fields that a file has.

    Args:
        layer: What is given; the environment fills in the rest.
        made: Sections that are made already.
    """
    layers = Layers([layer, *env_defaults(os.environ)])
    return {
        "apiVersion": layers.pick("apiVersion", values.literal(CONFIG_API_VERSION), CONFIG_API_VERSION),
        "kind": layers.pick("kind", values.literal(KIND), KIND),
        **{name: made.get(name) or kind.of(layers) for name, kind in _SECTIONS.items()},
        "endpoint": layers.pick("endpoint", values.text_or_nothing, None),
        "token": layers.pick("token", values.text_or_nothing, None),
        "refresh_token": layers.pick("refresh_token", values.text_or_nothing, None),
        "grpcOptions": dict(layers.pick_options()),
    }


def _argued(given: Mapping[str, Any]) -> tuple[Layer, Mapping[str, Section]]:
    """Return the layer of what was given by keywords, and the sections among it that are made already."""
    place = f"{NAME}()"
    # It refuses what is unknown.
    file_layer({key: None for key in given if key not in {*TOP, *SECTIONS}}, place)
    layer: dict[str, Given] = {}
    made: dict[str, Section] = {}
    for key, value in given.items():
        kind = _SECTIONS.get(key)
        if kind is not None and isinstance(value, kind):
            made[key] = value
        elif kind is not None:
            layer.update(section_layer(key, value, place, "argument"))
        else:
            layer[key] = Given(value, "argument", f"{key}=")
    return layer, made
