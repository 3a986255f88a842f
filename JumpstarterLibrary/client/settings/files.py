"""Read the files of the client configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from JumpstarterLibrary.common.yaml_files import YamlFile

API_VERSION = "jumpstarter.dev/v1alpha1"


def read_file(path: Path) -> YamlFile:
    """Read a file of the client configuration.

    Raises:
        ConfigurationError: It cannot be read, or holds no mapping.
    """
    # Only a client with a file pays for the import.
    from JumpstarterLibrary.common.yaml_files import read_yaml

    return read_yaml(path, empty=False)
