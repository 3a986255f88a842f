"""Records with the methods that users know from pydantic's models, which upstream's are."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import enum
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from JumpstarterLibrary.errors import ConfigurationError

Fields = Any
"""Which fields: a set of names, or a mapping of names to true or to fields of what is there; ``__all__`` for items."""


class Model:
    """Base of dataclasses that can be written out and read in.

    Attributes:
        ALIASES: What fields are called in files, where that is not their name.
        HIDDEN: Fields that are not written out.
    """

    ALIASES: ClassVar[Mapping[str, str]] = {}
    HIDDEN: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def model_validate(cls, obj: Any) -> Self:
        """Return an instance with the values of a mapping; an instance is what it is.

        Raises:
            ConfigurationError: It is no mapping, or has values that cannot be.
        """
        if isinstance(obj, cls):
            return obj
        if not isinstance(obj, Mapping):
            raise ConfigurationError(f"{cls.__name__} is made of a mapping, not of a {type(obj).__name__}.")
        names = {field.name: field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        names.update({alias: name for name, alias in cls.ALIASES.items()})
        try:
            return cls(**{names[key]: value for key, value in obj.items() if key in names})
        except TypeError as error:
            raise ConfigurationError(f"{cls.__name__} cannot be made of this mapping: {error}.") from error

    @classmethod
    def model_validate_json(cls, json_data: str | bytes) -> Self:
        """Return an instance with the values of a JSON object; see ``model_validate``."""
        try:
            return cls.model_validate(json.loads(json_data))
        except ValueError as error:
            if isinstance(error, ConfigurationError):
                raise
            raise ConfigurationError(f"{cls.__name__} is made of a JSON object; this text is none.") from None

    def model_dump(
        self,
        *,
        mode: str = "python",
        include: Fields = None,
        exclude: Fields = None,
        by_alias: bool = False,
        exclude_none: bool = False,
    ) -> dict[str, Any]:
        """Return the values in a new dictionary, those of records inside as well.

        Args:
            mode: ``json`` for values that JSON has.
            include: The fields that are wanted. Default: all.
            exclude: The fields that are not.
            by_alias: Call fields what files call them.
            exclude_none: Leave out what is None.
        """
        writer = _Writer(mode == "json", by_alias, exclude_none)
        return writer.record(self, include, exclude)

    def model_dump_json(self, *, indent: int | None = None, **options: Any) -> str:
        """Return the values as a JSON object; for options see ``model_dump``."""
        separators = (",", ":") if indent is None else None
        return json.dumps(
            self.model_dump(**{**options, "mode": "json"}), indent=indent, separators=separators, ensure_ascii=False
        )

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy.

        Args:
            update: Fields with other values.
            deep: Copy also what is inside.
        """
        made = copy.deepcopy(self) if deep else copy.copy(self)
        for name, value in (update or {}).items():
            setattr(made, name, value)
        return made

    def _items(self) -> Mapping[str, Any]:
        """Return the fields that are written out, in their order."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type] # every subclass is a dataclass
        return {
            field.name: getattr(self, field.name)
            for field in fields
            if field.name not in self.HIDDEN and not field.name.startswith("_")
        }


@dataclasses.dataclass(frozen=True)
class _Writer:
    """The options of writing values out.

    Attributes:
        plain: Whether only values are wanted that JSON has.
        by_alias: Whether fields are called what files call them.
        exclude_none: Whether what is None is left out.
    """

    plain: bool
    by_alias: bool
    exclude_none: bool

    def record(self, record: Model, include: Fields, exclude: Fields) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in record._items().items():
            if (include is not None and name not in include) or _whole(exclude, name):
                continue
            if value is None and self.exclude_none:
                continue
            key = record.ALIASES.get(name, name) if self.by_alias else name
            found[key] = self.value(value, _inside(include, name), _inside(exclude, name))
        return found

    def value(self, value: Any, include: Fields = None, exclude: Fields = None) -> Any:
        match value:
            case Model():
                # What is overridden there decides.
                return value.model_dump(
                    mode="json" if self.plain else "python",
                    include=include,
                    exclude=exclude,
                    by_alias=self.by_alias,
                    exclude_none=self.exclude_none,
                )
            case Mapping():
                return {key: self.value(item) for key, item in value.items()}
            case list() | tuple():
                within = _inside(include, "__all__"), _inside(exclude, "__all__")
                return [self.value(item, *within) for item in value]
        return _simple(value) if self.plain else value


def _whole(fields: Fields, name: str) -> bool:
    """Tell whether a field is meant as a whole, and not something in it."""
    if isinstance(fields, Mapping):
        return fields.get(name) in (True, ...)
    return fields is not None and name in fields


def _inside(fields: Fields, name: str) -> Fields:
    """Return which fields of a field are meant."""
    inside = fields.get(name) if isinstance(fields, Mapping) else None
    return None if inside in (True, ...) else inside


def _simple(value: Any) -> Any:
    match value:
        case enum.Enum():
            return value.value
        case datetime.datetime():
            return value.isoformat().replace("+00:00", "Z")
        case datetime.timedelta():
            return value.total_seconds()
        case Path():
            return str(value)
    return value
