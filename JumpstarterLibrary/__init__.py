"""Robot Framework keywords for boards behind Jumpstarter exporters.

``Library    JumpstarterLibrary`` finds the library class here. It is imported only when somebody asks for it, so that
``import JumpstarterLibrary.client`` loads no Robot Framework.

PYTEST_DONT_REWRITE: no test assertions are in here, and whoever imports this before pytest starts gets no warning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from JumpstarterLibrary.version import __version__

if TYPE_CHECKING:
    from JumpstarterLibrary.library import JumpstarterLibrary

__all__ = ["JumpstarterLibrary", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "JumpstarterLibrary":
        from JumpstarterLibrary.library import JumpstarterLibrary

        return JumpstarterLibrary
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
