"""YAML mappings, read key by key; an error names the place."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any, TypeVar

import yaml

from JumpstarterLibrary.errors import ConfigurationError

Kind = TypeVar("Kind")
Choice = TypeVar("Choice", bound=str)


class _Loader(yaml.SafeLoader):
    """The safe loader, but with the keys ``on``, ``off``, ``yes`` and ``no`` as text: drivers have such methods."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        node.value = [(_text_key(key), value) for key, value in node.value]
        return super().construct_mapping(node, deep)


def _text_key(node: yaml.Node) -> yaml.Node:
    if node.tag != "tag:yaml.org,2002:bool":
        return node
    return yaml.ScalarNode("tag:yaml.org,2002:str", node.value, node.start_mark, node.end_mark)


def parse_yaml(text: str, source: str) -> Table:
    """Parse a YAML mapping, with the safe loader.

    Args:
        text: The text.
        source: Where it comes from, for errors.

    Raises:
        ConfigurationError: It is no YAML, or no mapping.
    """
    return Table(parse_mapping(text, source), "")


def parse_mapping(text: str, source: str) -> dict[Any, Any]:
    """Do the same, and return the mapping as it is.

    Raises:
        ConfigurationError: It is no YAML, or no mapping.
    """
    try:
        data = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{source} is no valid YAML: {error}") from error
    if data is not None and not isinstance(data, dict):
        raise ConfigurationError(f"{source} holds {_name(data)} where a mapping is needed.")
    return data or {}


class Table:
    """One mapping of a configuration.

    Args:
        data: The mapping; None if it is absent.
        where: Its place: keys joined by dots.
    """

    def __init__(self, data: dict[Any, Any] | None, where: str) -> None:
        self._data = data or {}
        self.where = where
        self.absent = data is None

    def text(self, key: str) -> str | None:
        """Return a text, or None if it is absent."""
        return self._get(key, str, "text")

    def boolean(self, key: str) -> bool:
        """Return a truth value; absent is false."""
        return bool(self._get(key, bool, "true or false"))

    def number(self, key: str, default: float) -> float:
        """Return a number."""
        value = self._data.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._error(key, "a number", value)
        return value

    def choice(self, key: str, choices: tuple[Choice, ...]) -> Choice:
        """Return one of several texts; the first is the default."""
        value = self.text(key)
        if value is None:
            return choices[0]
        for choice in choices:
            if value == choice:
                return choice
        raise ConfigurationError(f"{self._place(key)}: {value!r} is none of {', '.join(choices)}.")

    def literal(self, key: str, expected: str) -> None:
        """Check a text that can only have one value, or be absent."""
        value = self._data.get(key, expected)
        if value != expected:
            raise ConfigurationError(f"{self._place(key)}: {expected!r} is needed, not {value!r}.")

    def mapping(self, key: str) -> dict[str, Any]:
        """Return a mapping with text keys, as it is; absent is empty."""
        found = self._get(key, dict, "a mapping") or {}
        for name in found:
            if not isinstance(name, str):
                raise ConfigurationError(f"{self._place(key)}: the key {name!r} is no text. Quote it.")
        return found

    def texts(self, key: str) -> dict[str, str]:
        """Return a mapping of texts; absent is empty."""
        found = self.mapping(key)
        for name, value in found.items():
            if not isinstance(value, str):
                raise ConfigurationError(f"{self._place(key)}.{name}: text is needed, not {_name(value)}.")
        return found

    def table(self, key: str) -> Table:
        """Return a mapping to read key by key; one that is absent is empty and says so."""
        return Table(self._get(key, dict, "a mapping"), self._place(key))

    def tables(self, key: str) -> Iterator[tuple[str, Table]]:
        """Yield the mappings in a mapping, by name."""
        place = self._place(key)
        for name, value in self.mapping(key).items():
            if value is not None and not isinstance(value, dict):
                raise ConfigurationError(f"{place}.{name}: a mapping is needed, not {_name(value)}.")
            yield name, Table(value or {}, f"{place}.{name}")

    def has(self, key: str) -> bool:
        """Whether there is a value."""
        return self._data.get(key) is not None

    def scalar(self, key: str) -> str | int | float | bool | None:
        """Return a text, number or truth value as it is, or None if it is absent."""
        value = self._data.get(key)
        if value is not None and not isinstance(value, str | int | float | bool):
            raise self._error(key, "a single value", value)
        return value

    def rows(self, key: str) -> Iterator[Table]:
        """Yield the mappings in a list; absent is empty."""
        place = self._place(key)
        for position, value in enumerate(self._get(key, list, "a list") or []):
            if not isinstance(value, dict):
                raise ConfigurationError(f"{place}[{position}]: a mapping is needed, not {_name(value)}.")
            yield Table(value, f"{place}[{position}]")

    def listed_texts(self, key: str) -> list[str]:
        """Return a list of texts; absent is empty."""
        found = self._get(key, list, "a list") or []
        for position, value in enumerate(found):
            if not isinstance(value, str):
                raise ConfigurationError(f"{self._place(key)}[{position}]: text is needed, not {_name(value)}.")
        return found

    def only(self, *known: str) -> None:
        """Check that there are no other keys than these."""
        for key in self._data:
            if key not in known:
                raise ConfigurationError(f"{self._place(str(key))}: there is no such key. Known: {', '.join(known)}.")

    def _get(self, key: str, kind: type[Kind], needed: str) -> Kind | None:
        value = self._data.get(key)
        if value is not None and not isinstance(value, kind):
            raise self._error(key, needed, value)
        return value

    def _error(self, key: str, needed: str, value: object) -> ConfigurationError:
        return ConfigurationError(f"{self._place(key)}: {needed} is needed, not {_name(value)}.")

    def _place(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key


def _name(value: object) -> str:
    # The value itself may be a secret in the wrong place.
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "a mapping"
    return f"a {type(value).__name__}"
