"""Robot Framework keywords for boards behind Jumpstarter exporters.

``Library    JumpstarterLibrary`` finds the library class here. It is imported only when it is asked for, so that
``import JumpstarterLibrary.client`` loads no Robot Framework.

PYTEST_DONT_REWRITE: no test assertions are in here, and importing this before pytest starts gives no warning.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from JumpstarterLibrary.version import __version__

# gRPC reads these when it is imported, so they are set before any module of this package can import it.
# Its C++ core writes its own log lines to stderr, between those of the program that uses it.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
os.environ.setdefault("GLOG_minloglevel", "2")
# Its core's fork handlers start threads again in a forked child. Where pexpect or pty then closes the file descriptors
# before it executes a program, the child crashes: one of three on grpcio 1.85. Without them such a child is safe.
# A child that calls gRPC itself has to be a new process (multiprocessing: "spawn").
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

if TYPE_CHECKING:
    from JumpstarterLibrary.library import JumpstarterLibrary

__all__ = ["JumpstarterLibrary", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "JumpstarterLibrary":
        from JumpstarterLibrary.library import JumpstarterLibrary

        return JumpstarterLibrary
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
