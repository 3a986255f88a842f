"""Read a mapping of a configuration key by key; an error names the place."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, TypeVar, overload

from JumpstarterLibrary.common.durations import read_duration
from JumpstarterLibrary.common.values import InvalidSetting, InvalidValue, shown, type_name

Kind = TypeVar("Kind")
Choice = TypeVar("Choice", bound=str)


class ConfigReader:
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

    def word(self, key: str) -> str | None:
        """Return a text, or None if it is absent; YAML takes ``on`` and ``off`` for truth values."""
        value = self._data.get(key)
        return {True: "on", False: "off"}[value] if isinstance(value, bool) else self.text(key)

    def filled_text(self, key: str) -> str | None:
        """Return a text that is not empty, or None if it is absent."""
        text = self.text(key)
        if text == "":
            raise self.error(key, "a text is needed, not an empty one.")
        return text

    def boolean(self, key: str) -> bool:
        """Return a truth value; absent is false."""
        return bool(self._get(key, bool, "true or false"))

    def number(self, key: str, default: float) -> float:
        """Return a number."""
        value = self._data.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._needs(key, "a number", value)
        try:
            finite = math.isfinite(value)
        except OverflowError:
            finite = False
        if not finite:
            raise self.error(key, "a finite number is needed.")
        return value

    def count(self, key: str, default: int) -> int:
        """Return a whole number from 1 on."""
        value = self.number(key, default)
        if value < 1 or value != int(value):
            raise self.error(key, f"a whole number from 1 on is needed, not {value:g}.")
        return int(value)

    @overload
    def duration(self, key: str, default: float, **limits: Any) -> float: ...
    @overload
    def duration(self, key: str, default: None = None, **limits: Any) -> float | None: ...
    def duration(self, key: str, default: float | None = None, **limits: Any) -> float | None:
        """Return a length of time in seconds, or the default if it is absent; ``limits`` as of ``read_duration``."""
        value = self._data.get(key)
        if value is None:
            return default
        try:
            return read_duration(value, **limits)
        except InvalidValue as error:
            raise self.error(key, f"it {error}.") from None

    def choice(self, key: str, choices: tuple[Choice, ...]) -> Choice:
        """Return one of several texts; the first is the default."""
        value = self.text(key)
        if value is None:
            return choices[0]
        for choice in choices:
            if value == choice:
                return choice
        raise self.error(key, f"{shown(value)} is none of {', '.join(choices)}.")

    def literal(self, key: str, expected: str) -> None:
        """Check a text that can only have one value, or be absent."""
        value = self._data.get(key, expected)
        if value != expected:
            raise self.error(key, f"{expected!r} is needed, not {shown(value)}.")

    def mapping(self, key: str) -> dict[str, Any]:
        """Return a mapping with text keys, as it is; absent is empty."""
        found = self._get(key, dict, "a mapping") or {}
        for name in found:
            if not isinstance(name, str):
                raise self.error(key, f"the key {shown(name)} is no text. Quote it.")
        return found

    def texts(self, key: str) -> dict[str, str]:
        """Return a mapping of texts; absent is empty."""
        found = self.mapping(key)
        for name, value in found.items():
            if not isinstance(value, str):
                raise self.error(f"{key}.{name}", f"text is needed, not {type_name(value)}.")
        return found

    def table(self, key: str) -> ConfigReader:
        """Return a mapping to read key by key; one that is absent is empty and says so."""
        return ConfigReader(self._get(key, dict, "a mapping"), self._place(key))

    def tables(self, key: str) -> Iterator[tuple[str, ConfigReader]]:
        """Yield the mappings in a mapping, by name."""
        place = self._place(key)
        for name, value in self.mapping(key).items():
            if value is not None and not isinstance(value, dict):
                raise self.error(f"{key}.{name}", f"a mapping is needed, not {type_name(value)}.")
            yield name, ConfigReader(value or {}, f"{place}.{name}")

    def has(self, key: str) -> bool:
        """Whether there is a value."""
        return self._data.get(key) is not None

    def rows(self, key: str) -> Iterator[ConfigReader]:
        """Yield the mappings in a list; absent is empty."""
        place = self._place(key)
        for position, value in enumerate(self._get(key, list, "a list") or []):
            if not isinstance(value, dict):
                raise self.error(f"{key}[{position}]", f"a mapping is needed, not {type_name(value)}.")
            yield ConfigReader(value, f"{place}[{position}]")

    def listed_texts(self, key: str) -> list[str]:
        """Return a list of texts; absent is empty."""
        found = self._get(key, list, "a list") or []
        for position, value in enumerate(found):
            if not isinstance(value, str):
                raise self.error(f"{key}[{position}]", f"text is needed, not {type_name(value)}.")
        return found

    def only(self, *known: str) -> None:
        """Check that there are no other keys than these."""
        for key in self._data:
            if key not in known:
                raise self.error(str(key), f"there is no such key. Known: {', '.join(known)}.")

    def _get(self, key: str, kind: type[Kind], needed: str) -> Kind | None:
        value = self._data.get(key)
        if value is not None and not isinstance(value, kind):
            raise self._needs(key, needed, value)
        return value

    def error(self, key: str, problem: str) -> InvalidSetting:
        """Return the error for a setting.

        Args:
            key: The setting's key in this mapping; empty for the mapping.
            problem: What is wrong with it: a sentence.
        """
        return InvalidSetting(self._place(key) if key else self.where, problem)

    def _needs(self, key: str, needed: str, value: object) -> InvalidSetting:
        return self.error(key, f"{needed} is needed, not {type_name(value)}.")

    def _place(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key
