"""Release the leases that are left when the interpreter exits."""

from __future__ import annotations

import atexit
import logging
import threading

from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.leasing.controller import Controller
from JumpstarterLibrary.client.leasing.lease import RELEASE_S, Lease
from JumpstarterLibrary.client.leasing.termination import Termination
from JumpstarterLibrary.client.leasing.uninterruptible import shielded

logger = logging.getLogger(__name__)

_held: dict[str, Lease] = {}
_lock = threading.Lock()


def register(lease: Lease) -> None:
    """Release a lease at exit, unless it is unregistered before."""
    with _lock:
        if not _held:
            atexit.unregister(release_all)
            atexit.register(release_all)
        _held[lease.name] = lease


def unregister(lease: Lease) -> None:
    """Remove a lease that was released, or that another owner has to release."""
    with _lock:
        # Not for another object that is only attached to the lease, in this same process.
        if _held.get(lease.name) is lease:
            del _held[lease.name]


def registered() -> list[Lease]:
    """Return the leases that are released at exit."""
    with _lock:
        return list(_held.values())


def release_through(controller: Controller) -> None:
    """Release the leases that are still remembered of one connection, which is about to be closed.

    It takes at most 5 seconds for each of them.
    """
    for lease in [lease for lease in registered() if lease.controller is controller]:
        # Where an interruption ends this wait, the exit of the interpreter waits for the same release.
        lease.release()
        # Without the connection nothing more can be tried.
        unregister(lease)


def release_all(timeout: float = 2 * RELEASE_S) -> None:
    """Release all leases that are still remembered, within 10 seconds for all of them together."""
    deadline = Deadline(timeout)
    with _lock:
        leases = list(_held.values())
        _held.clear()
    with Termination():
        shielded(lambda: _release(leases, deadline), deadline)
    for lease in leases:
        if lease.trouble:
            # The subscribers that showed events have gone by now.
            logger.warning("%s", lease.trouble)


def _release(leases: list[Lease], deadline: Deadline) -> None:
    threads = []
    for lease in leases:
        thread = threading.Thread(target=lease.release, args=(RELEASE_S,), daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # Some releases of Python start no threads any more when the interpreter exits.
            lease.release(RELEASE_S)
        else:
            threads.append(thread)
    for thread in threads:
        thread.join(deadline.remaining)
