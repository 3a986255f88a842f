"""The sections of a client's configuration. What is not given comes from the environment, and then from defaults."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from JumpstarterLibrary.client.settings import values
from JumpstarterLibrary.client.settings.environment import VARIABLES, env_defaults
from JumpstarterLibrary.client.settings.layers import Layer, Layers, section_layer
from JumpstarterLibrary.client.settings.model import ACQUISITION_S, RETRY_S
from JumpstarterLibrary.errors import ConfigurationError
from pytest_jumpstarter.upstream_api.config.error_mapping import map_validation_errors
from pytest_jumpstarter.upstream_api.config.model import Model

DIAL_S = 30.0
"""Upstream 0.9.0's own default."""

UNSAFE = "UNSAFE"
"""The pattern that stands for every driver."""

UNSET: Any = object()
"""What is not given, and so may come from elsewhere."""


def drop_unset(**given: Any) -> dict[str, Any]:
    """Return those that are given."""
    return {name: value for name, value in given.items() if value is not UNSET}


def env_defaults_of() -> Sequence[Layer]:
    """Return what the environment fills in now."""
    return env_defaults(os.environ)


def weak_of_sections() -> Sequence[Layer]:
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


class Section(Model):
    """A section: made of keywords, or of the layers of a whole configuration."""

    NAME: ClassVar[str]

    def _init(self, **given: Any) -> None:
        kind = type(self).__name__
        with map_validation_errors(kind):
            layer = section_layer(self.NAME, drop_unset(**given), f"{kind}()", "argument")
            self._fill(Layers([layer, *weak_of_sections()]))

    @classmethod
    def model_validate(cls, obj: Any) -> Self:
        """Return a section with the values of a mapping; a section is what it is.

        Raises:
            ConfigurationError: It is no mapping, or has keys or values that cannot be.
        """
        if isinstance(obj, cls):
            return obj
        with map_validation_errors(cls.__name__):
            return cls.of(Layers([section_layer(cls.NAME, obj, "the mapping", "argument"), *weak_of_sections()]))

    @classmethod
    def of(cls, layers: Layers) -> Self:
        """Return the section that some layers give."""
        made = cls.__new__(cls)
        made._fill(layers)
        return made

    def _fill(self, layers: Layers) -> None:
        raise NotImplementedError


@dataclass(init=False)
class ObjectMeta(Section):
    """The identity of a client or an exporter.

    Attributes:
        namespace: Its namespace. Default: ``JMP_NAMESPACE``.
        name: Its name. Default: ``JMP_NAME``.
    """

    NAME: ClassVar[str] = "metadata"

    namespace: str | None
    name: str

    def __init__(self, *, namespace: str | None = UNSET, name: str = UNSET) -> None:
        self._init(namespace=namespace, name=name)

    def _fill(self, layers: Layers) -> None:
        for key in ("metadata.namespace", "metadata.name"):
            needed(layers, key)
        self.namespace = layers.pick("metadata.namespace", values.text_or_nothing, None)
        self.name = layers.pick("metadata.name", values.text, "")


@dataclass(init=False)
class TLSConfigV1Alpha1(Section):
    """The security of the connection to the controller.

    Attributes:
        ca: The authorities to trust, base64 of PEM text. Default: empty, for those that the system trusts.
        insecure: Trust the first certificate that the controller shows. Default: no.
    """

    NAME: ClassVar[str] = "tls"

    ca: str = field(repr=False)
    insecure: bool

    def __init__(self, *, ca: str = UNSET, insecure: bool = UNSET) -> None:
        self._init(ca=ca, insecure=insecure)

    def _fill(self, layers: Layers) -> None:
        self.ca = layers.pick("tls.ca", values.text, "")
        self.insecure = layers.pick("tls.insecure", values.boolean, False)


@dataclass(init=False)
class ShellConfigV1Alpha1(Section):
    """The options of the shell that ``jmp shell`` starts.

    Attributes:
        use_profiles: Whether the shell reads the user's profile. Default: no.
    """

    NAME: ClassVar[str] = "shell"

    use_profiles: bool

    def __init__(self, *, use_profiles: bool = UNSET) -> None:
        self._init(use_profiles=use_profiles)

    def _fill(self, layers: Layers) -> None:
        self.use_profiles = layers.pick("shell.use_profiles", values.boolean, False)


@dataclass(init=False)
class ClientConfigV1Alpha1Drivers(Section):
    """The client classes that may be imported because an exporter names them.

    Attributes:
        allow: Patterns of class paths; text is cut at commas. Default: ``JMP_DRIVERS_ALLOW``, or none.
        unsafe: Whether every class may. Default: ``JMP_DRIVERS_UNSAFE``, or no; yes if ``allow`` has ``UNSAFE``.
    """

    NAME: ClassVar[str] = "drivers"

    allow: list[str]
    unsafe: bool

    def __init__(self, *, allow: list[str] | str = UNSET, unsafe: bool = UNSET) -> None:
        self._init(allow=allow, unsafe=unsafe)

    def _fill(self, layers: Layers) -> None:
        self.allow = list(layers.pick("drivers.allow", values.patterns, ()))
        self.unsafe = layers.pick("drivers.unsafe", values.boolean, False) or UNSAFE in self.allow


@dataclass(init=False)
class ClientConfigV1Alpha1Lease(Section):
    """The time limits of leases, in seconds.

    Attributes:
        acquisition_timeout: Until there is an exporter; whole seconds, at least 5. Default: 7200.
        dial_timeout: Until there is a connection to it. Default: 30.
        retry_timeout: In which a lease may be replaced whose exporter cannot be reached; 0 for never. Default: 300.
    """

    NAME: ClassVar[str] = "leases"

    acquisition_timeout: int
    dial_timeout: float
    retry_timeout: float

    def __init__(
        self, *, acquisition_timeout: int = UNSET, dial_timeout: float = UNSET, retry_timeout: float = UNSET
    ) -> None:
        self._init(acquisition_timeout=acquisition_timeout, dial_timeout=dial_timeout, retry_timeout=retry_timeout)

    def _fill(self, layers: Layers) -> None:
        timeout = layers.pick("leases.acquisition_timeout", values.duration(5, whole=True), ACQUISITION_S)
        self.acquisition_timeout = int(timeout)
        self.dial_timeout = layers.pick("leases.dial_timeout", values.duration(0), DIAL_S)
        self.retry_timeout = layers.pick("leases.retry_timeout", values.duration(0), RETRY_S)

    def _items(self) -> Mapping[str, Any]:
        # Only newer clients than upstream 0.9.0 write it.
        usual = self.dial_timeout == DIAL_S
        return {name: value for name, value in super()._items().items() if name != "dial_timeout" or not usual}
