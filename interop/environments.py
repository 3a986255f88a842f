"""Virtual environments that are kept from run to run, because building them takes the package index."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from scripts.environments import ROOT, creation, with_indexes

CACHE = ROOT / ".interop"

INSTALL_LIMIT_S = 600


class EnvironmentUnavailable(Exception):
    """Packages could not be had or installed here."""


def kept(name: str, requirements: Sequence[str], cache: Path = CACHE, *, sources: Sequence[Path] = ()) -> Path:
    """Return a virtual environment; it is built on the first use, and again when other requirements are asked for.

    Args:
        name: Its folder in the cache.
        requirements: Distributions, and options of ``uv pip install``.
        cache: Where environments are kept.
        sources: Files that are installed from this tree; it is built again as well when one of them has changed.

    Raises:
        EnvironmentUnavailable: It could not be built.
    """
    home = cache / name
    digests = [f"{source.name} {hashlib.sha256(source.read_bytes()).hexdigest()}" for source in sources]
    with _fresh(home, [*requirements, *digests]) as needed:
        if needed:
            for command in creation(home, requirements):
                run(command)
    return home


def downloaded(name: str, requirements: Sequence[str], cache: Path = CACHE) -> list[Path]:
    """Return the wheels of distributions, without those that they depend on; downloaded on the first use.

    Raises:
        EnvironmentUnavailable: They could not be had.
    """
    folder = cache / name
    with _fresh(folder, requirements) as needed:
        if needed:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
            run([*command, "--dest", str(folder), *requirements])
    return sorted(folder.glob("*.whl"))


def run(command: Sequence[str]) -> None:
    """Run a command that installs something.

    Raises:
        EnvironmentUnavailable: It failed, or took too long.
    """
    try:
        subprocess.run(command, env=with_indexes(), check=True, capture_output=True, text=True, timeout=INSTALL_LIMIT_S)
    except subprocess.CalledProcessError as error:
        raise EnvironmentUnavailable(f"{' '.join(command[1:5])} failed: {error.stderr.strip()[-400:]}") from error
    except subprocess.TimeoutExpired as error:
        raise EnvironmentUnavailable(f"{' '.join(command[1:5])} took more than {INSTALL_LIMIT_S} seconds.") from error


@contextmanager
def _fresh(folder: Path, wanted: Sequence[str]) -> Iterator[bool]:
    """Yield whether a folder has to be filled; an old one is removed, and what was wanted is noted at the end."""
    complete, text = folder / "complete.txt", "\n".join(wanted)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        needed = not complete.exists() or complete.read_text() != text
        if needed:
            shutil.rmtree(folder, ignore_errors=True)
        yield needed
        if needed:
            complete.write_text(text)
