"""Records of an exporter's configuration: made of keywords, which may also be spelt as in the file."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from JumpstarterLibrary.common.durations import parse_duration
from JumpstarterLibrary.errors import ConfigurationError
from pytest_jumpstarter.upstream_api.config.error_mapping import SENTENCE


def _seconds(value: Any) -> Any:
    """Return the seconds of a time; what is none is left to the model to refuse."""
    seconds = parse_duration(value)
    return value if seconds is None else seconds


Seconds = Annotated[float, BeforeValidator(_seconds)]
WholeSeconds = Annotated[int, BeforeValidator(_seconds)]
"""Times as users write them everywhere: ``2 min``, ``PT2M`` or a number."""


class Record(BaseModel):
    """Base of models whose errors are sentences. Keywords that a record does not know are ignored."""

    model_config = ConfigDict(populate_by_name=True, hide_input_in_errors=True)

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise ConfigurationError(_sentence(type(self).__name__, error)) from error


def _sentence(kind: str, error: ValidationError) -> str:
    """Return what is wrong, without any value: it may be a secret."""
    first = error.errors(include_url=False, include_input=False)[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, ConfigurationError):
        return str(cause)
    if first["type"] == SENTENCE:
        return first["msg"]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"A {kind} needs {key!r}. Add it."
    return f"A {kind} cannot have this {key!r}: {first['msg'][:1].lower()}{first['msg'][1:]}. Change it."
