"""Robot Framework's ``Secret`` where it exists (7.4 and newer), and a plain stand-in where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:

    class Secret:
        """A value that logs never show."""

        value: str

        def __init__(self, value: str) -> None: ...
else:
    try:
        from robot.api.types import Secret
    except ImportError:

        class Secret:
            """A value that logs never show."""

            def __init__(self, value: str) -> None:
                self.value = value

            def __str__(self) -> str:
                return "<secret>"


def reveal(value: Secret | str | None) -> str | None:
    """Return the text of a secret, or the text itself."""
    return value.value if isinstance(value, Secret) else value
