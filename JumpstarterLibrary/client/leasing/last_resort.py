"""Leases that nobody released are released when the interpreter exits."""

from __future__ import annotations

import atexit
import logging
import threading

from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.leasing.lease import RELEASE_S, Lease

logger = logging.getLogger(__name__)

_held: dict[str, Lease] = {}
_lock = threading.Lock()


def remember(lease: Lease) -> None:
    """Release a lease at exit, unless it is forgotten before."""
    with _lock:
        if not _held:
            atexit.unregister(release_all)
            atexit.register(release_all)
        _held[lease.name] = lease


def forget(lease: Lease) -> None:
    """A lease was released, or is somebody else's to release."""
    with _lock:
        _held.pop(lease.name, None)


def release_all(timeout: float = 2 * RELEASE_S) -> None:
    """Release all leases that are still remembered, within 10 seconds for all of them together."""
    deadline = Deadline(timeout)
    with _lock:
        leases = list(_held.values())
        _held.clear()
    threads = [threading.Thread(target=lease.release, args=(RELEASE_S,), daemon=True) for lease in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(deadline.remaining)
    for lease in leases:
        if lease.trouble:
            # Whoever showed events has gone by now.
            logger.warning("%s", lease.trouble)
