"""Records of an exporter's configuration: made of keywords, which may also be spelt as in the file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from JumpstarterLibrary.errors import ConfigurationError
from pytest_jumpstarter.upstream_api.config.model import Model


class Record(Model):
    """Base of dataclasses without an ``__init__`` of their own. Keywords that a record does not know are ignored.

    Attributes:
        MADE_OF: How a field's value is made of what was given, where it is not taken as it is.
    """

    MADE_OF: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}

    def __init__(self, **given: Any) -> None:
        for field in dataclasses.fields(self):  # type: ignore[arg-type] # every subclass is a dataclass
            setattr(self, field.name, self._value(field, given))
        self._check()

    def _check(self) -> None:
        """Check the values.

        Raises:
            ConfigurationError: One cannot be.
        """

    def _value(self, field: dataclasses.Field[Any], given: Mapping[str, Any]) -> Any:
        for name in (field.name, self.ALIASES.get(field.name, field.name)):
            if name in given:
                value = given[name]
                made_of = self.MADE_OF.get(field.name)
                return value if made_of is None or value is None else made_of(value)
        if field.default is not dataclasses.MISSING:
            return field.default
        if field.default_factory is not dataclasses.MISSING:
            return field.default_factory()
        raise ConfigurationError(f"A {type(self).__name__} needs {self.ALIASES.get(field.name, field.name)!r}. Add it.")
