"""Reading the configuration's files, and naming what is wrong with them without showing what is in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from JumpstarterLibrary.client.settings.values import type_name
from JumpstarterLibrary.errors import ConfigurationError

API_VERSION = "jumpstarter.dev/v1alpha1"


def read_mapping(path: Path) -> Mapping[object, object]:
    """Return the mapping in a YAML file.

    Raises:
        ConfigurationError: It cannot be read, or holds no mapping.
    """
    # Only who has a file pays for the import.
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"The file '{path}' cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError:
        raise ConfigurationError(f"The file '{path}' cannot be read: it is no UTF-8 text.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # The error's own text quotes the line, which may hold a token.
        raise ConfigurationError(f"The file '{path}' is no valid YAML{_place(error)}.") from None
    if not isinstance(data, dict):
        raise ConfigurationError(f"The file '{path}' must hold a mapping, not {type_name(data)}.")
    return data


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f" at line {mark.line + 1}, column {mark.column + 1}"
