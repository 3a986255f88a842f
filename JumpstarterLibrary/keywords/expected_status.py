"""Convert the exit status that a command must have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from JumpstarterLibrary.common.values import InvalidValue, shown

_NUMBERS = re.compile(r"(?P<not>!?)\s*(?P<numbers>-?\d+(?:\s*[,|]\s*-?\d+)*)")


@dataclass(frozen=True)
class ExpectedStatus:
    """The exit status that a command must have.

    | =value= | =the command ends with= |
    | ``0`` | that status |
    | ``0, 2``, ``0|2`` or a list | one of these |
    | ``!0`` or ``!0, 2`` | any but these |
    | ``any`` or ``None`` | any status |
    | ``restart`` | a restart of the board, and perhaps with no status |

    Attributes:
        statuses: The numbers.
        negated: Whether the status must be none of them.
        restart: Whether the command restarts the board.
    """

    statuses: tuple[int, ...] = (0,)
    negated: bool = False
    restart: bool = False

    @classmethod
    def of(cls, value: ExpectedStatus | int | str | Sequence[object] | None) -> ExpectedStatus:
        """Return the status for what a test gives.

        Raises:
            InvalidValue: It is none of the values.
        """
        match value:
            case ExpectedStatus():
                return value
            case None:
                return cls((), negated=True)
            case bool():
                pass
            case int():
                return cls((value,))
            case str():
                return cls._read(value)
            case Sequence() if value:
                return cls(tuple(number for item in value for number in cls._number(item)))
        raise _invalid(value)

    @classmethod
    def _read(cls, text: str) -> ExpectedStatus:
        word = text.strip().lower()
        if word in ("any", "none"):
            return cls((), negated=True)
        if word == "restart":
            return cls((), negated=True, restart=True)
        found = _NUMBERS.fullmatch(word)
        if found is None:
            raise _invalid(text)
        return cls(tuple(int(number) for number in re.split("[,|]", found["numbers"])), negated=bool(found["not"]))

    @classmethod
    def _number(cls, item: object) -> tuple[int, ...]:
        status = cls.of(item) if isinstance(item, int | str) else None
        if status is None or status.negated:
            raise _invalid(item)
        return status.statuses

    def meets(self, status: int | None) -> bool:
        """Whether a command that ended with a status has done what it must."""
        return (status in self.statuses) is not self.negated

    @property
    def unmet(self) -> str:
        """The end of a sentence about a command that ended with another status."""
        numbers = ", ".join(map(str, self.statuses))
        if self.negated:
            return "which it should not"
        return f"not {numbers}" if len(self.statuses) == 1 else f"which is none of {numbers}"

    def __str__(self) -> str:
        if self.restart:
            return "restart"
        return f"{'!' * self.negated}{', '.join(map(str, self.statuses))}" if self.statuses else "any"


SUCCESS = ExpectedStatus()
"""Status 0."""


def convert_status(value: int | str | list | tuple | None) -> ExpectedStatus:  # type: ignore[type-arg]
    """Convert ``0``, ``0, 2``, a list, ``!0``, ``any``, ``None`` or ``restart``."""
    return ExpectedStatus.of(value)


def _invalid(value: object) -> InvalidValue:
    return InvalidValue("a status such as 0, several such as 0, 2, any but one such as !0, or any", shown(value))
