"""Results of drivers as objects with attributes, and with the methods by which pydantic's models are turned to data.

Every test with a board imports them, so pydantic comes only with the methods that turn them to data.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Self


class Record:
    """Base class of frozen dataclasses that are made from what a driver returned."""

    @classmethod
    def model_validate(cls, data: Mapping[str, Any] | Self, **_: object) -> Self:
        """Return the record of some data; keys that it does not know are for newer clients.

        Raises:
            TypeError: A value is missing.
        """
        if isinstance(data, cls):
            return data
        assert dataclasses.is_dataclass(cls)
        return cls(**{field.name: data[field.name] for field in dataclasses.fields(cls) if field.name in data})

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """Return the record as data; for options see ``pydantic.BaseModel``."""
        found: dict[str, Any] = _adapter(type(self)).dump_python(self, **options)
        return found

    def model_dump_json(self, **options: Any) -> str:
        """Return the record as JSON text; for options see ``pydantic.BaseModel``."""
        text: bytes = _adapter(type(self)).dump_json(self, **options)
        return text.decode()


def _adapter(kind: type[Record]) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
