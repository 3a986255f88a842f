"""Results of drivers as objects with attributes, and with the methods by which pydantic's models are turned to data."""

from __future__ import annotations

import dataclasses
import json
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

    def model_dump(self, **_: object) -> dict[str, Any]:
        """Return the record as data."""
        return dataclasses.asdict(self)  # type: ignore[call-overload,no-any-return]

    def model_dump_json(self, *, indent: int | None = None, **_: object) -> str:
        """Return the record as JSON text."""
        return json.dumps(self.model_dump(), indent=indent)
