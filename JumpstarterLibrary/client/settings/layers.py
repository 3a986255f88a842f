"""Settings from several places, the stronger ones first."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from JumpstarterLibrary.client.settings.values import options
from JumpstarterLibrary.common.values import InvalidValue, shown, type_name
from JumpstarterLibrary.errors import ConfigurationError

Value = TypeVar("Value")
Default = TypeVar("Default")

TOP = ("apiVersion", "kind", "endpoint", "token", "refresh_token", "grpcOptions")
IGNORED = ("alias", "path")
"""Upstream's client takes these at the top level of a file and overwrites them."""

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "metadata": ("namespace", "name"),
    "tls": ("ca", "insecure"),
    "drivers": ("allow", "unsafe"),
    "shell": ("use_profiles",),
    "leases": ("acquisition_timeout", "dial_timeout", "retry_timeout"),
}

TOLERANT = frozenset({"tls", "shell"})
"""Sections whose unknown keys are ignored, as upstream's client does."""

OPTIONS = "grpcOptions"
FILE = "file"
DEFAULT = "default"


@dataclass(frozen=True)
class Given:
    """One value from one place.

    Attributes:
        value: As it was given; perhaps a secret, perhaps of a wrong type.
        origin: The kind of place, for users: ``file``, ``environment JMP_TOKEN``, ``argument``.
        where: The exact place, for errors: ``'token' in '/home/me/a.yaml'``, ``JMP_TOKEN``, ``token=``.
    """

    value: object = field(repr=False)
    origin: str
    where: str


Layer = Mapping[str, Given]
"""What one place gives, by dotted key of the client's file: ``leases.dial_timeout``."""

Line = Callable[[str], int | None]
"""Tells the line of a dotted key in a file; None if there is none."""


def no_line(_key: str) -> int | None:
    """Return no line, for what is not in a file."""
    return None


def file_layer(data: Mapping[Any, Any], place: str, line: Line = no_line) -> Layer:
    """Return what a client's file gives.

    Args:
        data: The file's content.
        place: The file, for errors.
        line: Tells the line of a key in it.

    Raises:
        ConfigurationError: It has unknown keys, or something else where a section should be.
    """
    layer: dict[str, Given] = {}
    for key, value in data.items():
        if key in SECTIONS:
            layer.update(section_layer(str(key), value, place, FILE, line))
        elif key in TOP:
            layer[str(key)] = Given(value, FILE, where(str(key), place, line))
        elif key not in IGNORED:
            raise _unknown(str(key), "", f"at the top level of {_at(str(key), place, line)}", (*TOP, *SECTIONS))
    return layer


def section_layer(section: str, data: object, place: str, origin: str, line: Line = no_line) -> Layer:
    """Return what one section of a client's file, or the variable named after it, gives.

    Raises:
        ConfigurationError: It is no mapping, or has unknown keys that matter.
    """
    if not isinstance(data, dict):
        raise ConfigurationError(f"{where(section, place, line)} must be a mapping, not {type_name(data)}.")
    known = SECTIONS[section]
    for key in data:
        if key not in known and section not in TOLERANT:
            there = f"under '{section}' in {_at(f'{section}.{key}', place, line)}"
            raise _unknown(str(key), section, there, known)
    given = {f"{section}.{key}": data[key] for key in known if key in data}
    return {name: Given(value, origin, where(name, place, line)) for name, value in given.items()}


def where(key: str, place: str, line: Line = no_line) -> str:
    """Return where a key is, for errors: ``'leases.dial_timeout' in '/home/me/a.yaml' (line 7)``."""
    return f"'{key}' in {_at(key, place, line)}"


def _at(key: str, place: str, line: Line) -> str:
    number = line(key)
    return place if number is None else f"{place} (line {number})"


def _unknown(key: str, section: str, there: str, known: Sequence[str]) -> ConfigurationError:
    close = difflib.get_close_matches(key, known, n=1)
    homes = [f"under '{name}'" for name, keys in SECTIONS.items() if key in keys and name != section]
    homes += ["at the top level"] if section and key in TOP else []
    if close:
        hint = f"Did you mean '{close[0]}'?"
    elif homes:
        hint = f"It belongs {homes[0]}."
    else:
        hint = f"There can be: {', '.join(known)}."
    return ConfigurationError(f"{shown(key)} {there} is not a known key. {hint}")


class Layers:
    """Several layers, of which the first that gives a value decides.

    Args:
        layers: The layers, the strongest first.

    Attributes:
        origins: Where each value came from that was asked for, by dotted key.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._layers = layers
        self.origins: dict[str, str] = {}

    def given(self, key: str) -> Sequence[Given]:
        """Return what all layers give for a key, the strongest first."""
        return [layer[key] for layer in self._layers if key in layer]

    def pick(self, key: str, convert: Callable[[object], Value], default: Default) -> Value | Default:
        """Return the value that decides, checked and converted.

        Raises:
            ConfigurationError: It does not fit; the message says where it is and what is needed.
        """
        given = self.given(key)
        self.origins[key] = given[0].origin if given else DEFAULT
        return _converted(given[0], convert) if given else default

    def pick_options(self) -> Mapping[str, str | int]:
        """Return the channel options of all layers together; for each option the strongest layer decides.

        Raises:
            ConfigurationError: Some of them cannot be channel options.
        """
        given = self.given(OPTIONS)
        origins = dict.fromkeys(one.origin for one in given)
        self.origins[OPTIONS] = " and ".join(origins) or DEFAULT
        merged: dict[str, str | int] = {}
        for one in reversed(given):
            merged.update(_converted(one, options))
        return merged


def _converted(given: Given, convert: Callable[[object], Value]) -> Value:
    try:
        return convert(given.value)
    except InvalidValue as error:
        raise ConfigurationError(f"{given.where} {error}.") from None
