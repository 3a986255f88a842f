"""Find the configuration file of an exporter that is named on a command line: by its path, or by its name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from JumpstarterLibrary.common.environment import config_home
from JumpstarterLibrary.common.values import listed, shown
from JumpstarterLibrary.errors import ConfigurationError

SYSTEM = Path("/etc/jumpstarter/exporters")
"""The system's configurations. One of the user's with the same name goes first."""

SUFFIX = ".yaml"


def config_file(named: str, environ: Mapping[str, str] = os.environ, system: Path = SYSTEM) -> Path:
    """Return the file of an exporter's configuration.

    A file that is there is meant as it is, and so is what has a slash or ends in ``.yaml``. Anything else is a name:
    that of a file in ``exporters`` of the user's configuration folder, or else of the system's.

    Args:
        named: The path or the name.
        environ: The environment, which may name the user's configuration folder.
        system: The system's folder.

    Raises:
        ConfigurationError: There is no configuration of that name.
    """
    path = Path(named)
    if path.is_file() or path.name != named or path.suffix in (SUFFIX, ".yml"):
        return path
    folders = (config_home(environ) / "exporters", system)
    for folder in folders:
        if (folder / f"{named}{SUFFIX}").is_file():
            return folder / f"{named}{SUFFIX}"
    known = sorted({file.stem for folder in folders if folder.is_dir() for file in folder.glob(f"*{SUFFIX}")})
    there = f"There are: {listed(known)}." if known else "There are none."
    raise ConfigurationError(
        f"There is no exporter configuration {shown(named)} in {folders[0]} or {folders[1]}, and no file of that name. "
        f"{there} Correct the name, or give the path of a file."
    )
