"""Release the leases of a worker that was killed or has crashed, from xdist's controller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client.events import Events
from JumpstarterLibrary.client.leasing.lease import Lease
from JumpstarterLibrary.client.leasing.service import LeaseService
from JumpstarterLibrary.client.settings import find_settings
from JumpstarterLibrary.errors import JumpstarterError
from pytest_jumpstarter.parallel.worker_leases import NOTES, WorkerLeaseRegistry, identity


def release(config: pytest.Config, worker: str) -> None:
    """Release the leases of a worker that has died, and say so on the terminal.

    It takes at most 5 seconds for each of them. Only what this process could have leased as well is released; for
    everything else the command is told that does it.
    """
    folder = config.stash.get(NOTES, None)
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    for lease, client in WorkerLeaseRegistry(Path(folder), worker).take() if folder is not None else ():
        trouble = _released(lease, client)
        text = trouble or f"Lease '{lease}' was released."
        if reporter is not None:
            reporter.write_line(f"\nWorker {worker} has died. {text}")


def _released(name: str, client: list[str]) -> str:
    """Release a lease; return why that did not work, or nothing."""
    try:
        settings = find_settings()
        if identity(settings) != client:
            return (
                f"Its lease '{name}' is another client's than this process is. Free it with: jmp delete leases {name}"
            )
        service = LeaseService(lambda: settings)
        try:
            lease = Lease(service.controller, name, Events(), ours=True)
            lease.confirmed = True
            lease.release()
        finally:
            service.close()
    except JumpstarterError as error:
        return f"Its lease '{name}' could not be released: {error} Free it with: jmp delete leases {name}"
    return lease.trouble
