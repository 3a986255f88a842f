"""Find and write configuration files: atomically, and readable by their user only."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, PrivateAttr

from JumpstarterLibrary.client.settings import config_home

CONFIG_API_VERSION = "jumpstarter.dev/v1alpha1"

SECRET = 0o600


def __getattr__(name: str) -> Path:
    """Return the folder of configurations as ``CONFIG_PATH``, looked up anew each time."""
    if name == "CONFIG_PATH":
        return config_home()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class ConfigPath:
    """A path in the folder of configurations, as an attribute of a class.

    It is looked up anew each time, since the environment may change; a test may set the attribute to another path.

    Args:
        parts: The path below that folder.
    """

    def __init__(self, *parts: str) -> None:
        self._parts = parts

    def __get__(self, _instance: object, _owner: type | None = None) -> Path:
        return config_home().joinpath(*self._parts)


class FileModel(BaseModel):
    """A model that is read from a file; two are equal whose fields are, wherever they come from."""

    model_config = ConfigDict(hide_input_in_errors=True)

    _document: Mapping[Any, Any] = PrivateAttr(default_factory=dict)
    """What the file has; what is unknown here stays in it."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__


def write_secret(path: str | os.PathLike[str], text: str) -> None:
    """Write a file that only its owner may read; until it is complete, the old one stays.

    A symbolic link stays one: what it leads to is written.

    Raises:
        OSError: It cannot be written.
    """
    target = Path(os.path.realpath(path))
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        # Not every system has files that mkstemp makes for their owner alone.
        os.fchmod(descriptor, SECRET)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def as_yaml(content: Mapping[str, Any], **options: Any) -> str:
    """Return a mapping as YAML text, its keys in their order unless the options say otherwise."""
    import yaml

    text: str = yaml.safe_dump(dict(content), **{"sort_keys": False, **options})
    return text


def with_unknown(content: dict[str, Any], document: Mapping[Any, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content to be written into a file, with the unknown keys that the file had.

    Args:
        content: What is to be written.
        document: What the file had when it was read.
        known: The keys that are known, with those inside them; the others are kept.
    """
    for key, value in document.items():
        if key not in known:
            content.setdefault(key, value)
        elif isinstance(value, Mapping) and isinstance(content.get(key), dict) and known[key]:
            with_unknown(content[key], value, known[key])
        elif value is None:
            # Empty it was, and empty it is: left out because of that alone.
            content.setdefault(key, None)
    return content
