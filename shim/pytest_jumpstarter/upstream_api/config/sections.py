"""The sections of a client's configuration. What is not given comes from the environment, and then from defaults."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from JumpstarterLibrary.client.settings import values
from JumpstarterLibrary.client.settings.environment import VARIABLES, env_defaults
from JumpstarterLibrary.client.settings.layers import Layer, Layers, section_layer
from JumpstarterLibrary.client.settings.model import ACQUISITION_S, RETRY_S
from JumpstarterLibrary.errors import ConfigurationError
from pytest_jumpstarter.upstream_api.config.error_mapping import map_validation_errors

DIAL_S = 30.0
"""Upstream 0.9.0's own default."""

UNSAFE = "UNSAFE"
"""The pattern that stands for every driver."""


def env_defaults_of_sections() -> Sequence[Layer]:
    """Return what the environment fills in where a section is made alone: what has a variable of its own."""
    return env_defaults({name: os.environ[name] for name in VARIABLES.values() if name in os.environ})


def needed(layers: Layers, key: str) -> Any:
    """Return a value that has to be given somewhere.

    Raises:
        ConfigurationError: It is nowhere.
    """
    if not layers.given(key):
        name = key.rpartition(".")[2]
        raise ConfigurationError(f"There is no {key}. Give {name}=, put it into the file, or set {VARIABLES[key]}.")
    return layers.given(key)[0].value


class Section(BaseModel):
    """A section: made of keywords, or of the layers of a whole configuration.

    The values are checked as those of the core's own settings are, so that they are refused in the same words.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    NAME: ClassVar[str]

    def __init__(self, **given: Any) -> None:
        kind = type(self).__name__
        with map_validation_errors(kind):
            layer = section_layer(self.NAME, given, f"{kind}()", "argument")
            found = self.read(Layers([layer, *env_defaults_of_sections()]))
        super().__init__(**found)

    @classmethod
    def of(cls, layers: Layers) -> Self:
        """Return the section that some layers give.

        Raises:
            ConfigurationError: A value cannot be.
        """
        return cls.model_construct(**cls.read(layers))

    @classmethod
    def read(cls, layers: Layers) -> dict[str, Any]:
        """Return the values of all fields.

        Raises:
            ConfigurationError: A value cannot be.
        """
        raise NotImplementedError


class ObjectMeta(Section):
    """The identity of a client or an exporter.

    Attributes:
        namespace: Its namespace. Default: ``JMP_NAMESPACE``.
        name: Its name. Default: ``JMP_NAME``.
    """

    NAME: ClassVar[str] = "metadata"

    namespace: str | None = None
    name: str = ""

    @classmethod
    def read(cls, layers: Layers) -> dict[str, Any]:
        """Return namespace and name, which both have to be given somewhere."""
        for key in ("metadata.namespace", "metadata.name"):
            needed(layers, key)
        return {
            "namespace": layers.pick("metadata.namespace", values.text_or_nothing, None),
            "name": layers.pick("metadata.name", values.text, ""),
        }


class TLSConfigV1Alpha1(Section):
    """The security of the connection to the controller.

    Attributes:
        ca: The authorities to trust, base64 of PEM text. Default: empty, for those that the system trusts.
        insecure: Trust the first certificate that the controller shows. Default: no.
    """

    NAME: ClassVar[str] = "tls"

    ca: str = Field(default="", repr=False)
    insecure: bool = False

    @classmethod
    def read(cls, layers: Layers) -> dict[str, Any]:
        """Return the authorities, and whether any certificate will do."""
        return {
            "ca": layers.pick("tls.ca", values.text, ""),
            "insecure": layers.pick("tls.insecure", values.boolean, False),
        }


class ShellConfigV1Alpha1(Section):
    """The options of the shell that ``jmp shell`` starts.

    Attributes:
        use_profiles: Whether the shell reads the user's profile. Default: no.
    """

    NAME: ClassVar[str] = "shell"

    use_profiles: bool = False

    @classmethod
    def read(cls, layers: Layers) -> dict[str, Any]:
        """Return whether the user's profile is read."""
        return {"use_profiles": layers.pick("shell.use_profiles", values.boolean, False)}


class ClientConfigV1Alpha1Drivers(Section):
    """The client classes that may be imported because an exporter names them.

    Attributes:
        allow: Patterns of class paths; text is cut at commas. Default: ``JMP_DRIVERS_ALLOW``, or none.
        unsafe: Whether every class may. Default: ``JMP_DRIVERS_UNSAFE``, or no; yes if ``allow`` has ``UNSAFE``.
    """

    NAME: ClassVar[str] = "drivers"

    allow: list[str] = Field(default_factory=list)
    unsafe: bool = False

    @classmethod
    def read(cls, layers: Layers) -> dict[str, Any]:
        """Return the patterns, and whether every class is allowed."""
        allow = list(layers.pick("drivers.allow", values.patterns, ()))
        return {
            "allow": allow,
            "unsafe": layers.pick("drivers.unsafe", values.boolean, False) or UNSAFE in allow,
        }


class ClientConfigV1Alpha1Lease(Section):
    """The time limits of leases, in seconds.

    Attributes:
        acquisition_timeout: Until there is an exporter; whole seconds, at least 5. Default: 7200.
        dial_timeout: Until there is a connection to it. Default: 30.
        retry_timeout: In which a lease may be replaced whose exporter cannot be reached; 0 for never. Default: 300.
    """

    NAME: ClassVar[str] = "leases"

    acquisition_timeout: int = int(ACQUISITION_S)
    dial_timeout: float = DIAL_S
    retry_timeout: float = RETRY_S

    @classmethod
    def read(cls, layers: Layers) -> dict[str, Any]:
        """Return the limits."""
        timeout = layers.pick("leases.acquisition_timeout", values.duration(5, whole=True), ACQUISITION_S)
        return {
            "acquisition_timeout": int(timeout),
            "dial_timeout": layers.pick("leases.dial_timeout", values.duration(0), DIAL_S),
            "retry_timeout": layers.pick("leases.retry_timeout", values.duration(0), RETRY_S),
        }

    @model_serializer(mode="wrap")
    def _without_usual_dial_timeout(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = write(self)
        if self.dial_timeout == DIAL_S:
            # Only newer clients than upstream 0.9.0 write it.
            found.pop("dial_timeout", None)
        return found
