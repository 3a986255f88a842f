"""Record the leases of xdist's workers in files, so that the process which started a worker can release them."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from JumpstarterLibrary.common.drafts import replace_file

if TYPE_CHECKING:
    from JumpstarterLibrary.client.settings import ClientSettings

logger = logging.getLogger("pytest_jumpstarter")

NOTES: pytest.StashKey[str] = pytest.StashKey()
"""The folder in which xdist's workers write down their leases."""

FOLDER = "jumpstarter_notes"
"""Where a worker is told to write down its leases."""


class WorkerLeaseRegistry:
    """The leases that a worker holds, in files: the worker's memory dies with it.

    Args:
        folder: Where they are; None where no process would read them.
        worker: The worker.
    """

    def __init__(self, folder: Path | None, worker: str) -> None:
        self._folder, self._worker = folder, worker

    @classmethod
    def of(cls, config: pytest.Config) -> WorkerLeaseRegistry:
        """Return the notes of the worker that this process is; empty ones that stay so elsewhere."""
        given = getattr(config, "workerinput", {})
        folder = Path(given[FOLDER]) if FOLDER in given else None
        # A worker on another machine has no such folder.
        return cls(folder if folder is not None and folder.is_dir() else None, str(given.get("workerid", "")))

    def add(self, lease: str, settings: ClientSettings) -> None:
        """Write down a lease that is to be released."""
        if self._folder is None:
            return
        text = json.dumps({"lease": lease, "client": identity(settings)})
        try:
            # At once or not at all: a worker may die in the middle.
            replace_file(self._path(lease), text, suffix=".part", mode=0o600)
        except OSError as error:
            logger.warning("Lease %s will not be released if this worker dies: %s", lease, error)

    def remove(self, lease: str) -> None:
        """Strike a lease that was released."""
        if self._folder is not None:
            self._path(lease).unlink(missing_ok=True)

    def take(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the leases that are left, each with the identity of its client, and strike them."""
        for path in sorted(self._folder.glob(f"{self._worker}.*.json")) if self._folder is not None else ():
            note = json.loads(path.read_text(encoding="utf-8"))
            path.unlink()
            yield note["lease"], note["client"]

    def _path(self, lease: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{self._worker}.{lease}.json"


def prepare(config: pytest.Config, workerinput: MutableMapping[str, Any]) -> None:
    """Tell a worker where to write down its leases."""
    folder = config.stash.get(NOTES, None)
    if folder is None:
        folder = config.stash[NOTES] = tempfile.mkdtemp(prefix="jumpstarter-workers-")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    workerinput[FOLDER] = folder


def identity(settings: ClientSettings) -> list[str]:
    """Return who a client is, and of which controller."""
    return [settings.endpoint, settings.namespace, settings.name]
