"""Read settings from environment variables.

Upstream's client also reads ``DIAL_TIMEOUT``, ``RETRY_TIMEOUT`` and ``ACQUISITION_TIMEOUT`` without any prefix. That is
a defect, by which variables of other programs change its time limits; they are not read here. A variable that is set
but empty counts as not set, since that is how most CI systems hand on a secret that is not there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from JumpstarterLibrary.client.settings.layers import OPTIONS, SECTIONS, Given, Layer, section_layer
from JumpstarterLibrary.common import environment
from JumpstarterLibrary.errors import ConfigurationError

_STRONG = {environment.DIAL_TIMEOUT: "leases.dial_timeout", environment.RETRY_TIMEOUT: "leases.retry_timeout"}

_WEAK = {
    environment.NAMESPACE: "metadata.namespace",
    environment.NAME: "metadata.name",
    environment.ENDPOINT: "endpoint",
    environment.TOKEN: "token",
    environment.REFRESH_TOKEN: "refresh_token",
    environment.DRIVERS_ALLOW: "drivers.allow",
    environment.DRIVERS_UNSAFE: "drivers.unsafe",
}

VARIABLES = {key: name for name, key in _WEAK.items()}
"""The variable for a setting, by its dotted key."""


def env_overrides(environ: Mapping[str, str]) -> Layer:
    """Return what the environment says even against the file."""
    layer = _single(environ, _STRONG)
    for name in environment.INSECURE:
        if environ.get(name) == "1":
            return {**layer, "tls.insecure": Given(True, f"environment {name}", name)}
    return layer


def env_defaults(environ: Mapping[str, str]) -> Sequence[Layer]:
    """Return what the environment fills in where the file is silent, the stronger layer first.

    Raises:
        ConfigurationError: A variable that takes JSON holds something else, or has unknown keys.
    """
    sections: dict[str, Given] = {}
    for section in SECTIONS:
        name = f"JMP_{section.upper()}"
        if environ.get(name):
            sections.update(section_layer(section, _parsed(name, environ[name]), name, f"environment {name}"))
    name = f"JMP_{OPTIONS.upper()}"
    if environ.get(name):
        sections[OPTIONS] = Given(_parsed(name, environ[name]), f"environment {name}", name)
    return sections, _single(environ, _WEAK)


def _single(environ: Mapping[str, str], names: Mapping[str, str]) -> dict[str, Given]:
    return {key: Given(environ[name], f"environment {name}", name) for name, key in names.items() if environ.get(name)}


def _parsed(name: str, text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ConfigurationError(
            f'{name} must be a JSON object, such as {{"key": "value"}}; it cannot be parsed.'
        ) from None
