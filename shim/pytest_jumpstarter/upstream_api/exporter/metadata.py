"""The common metadata of drivers, sessions and exporters."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID, uuid4

NAME_LABEL = "jumpstarter.dev/name"


@dataclass(kw_only=True)
class Metadata:
    """An identity and labels.

    Attributes:
        uuid: The identity; random unless given.
        labels: Labels by key.
    """

    uuid: UUID = field(default_factory=uuid4)
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The label ``jumpstarter.dev/name``, or ``unknown``."""
        return self.labels.get(NAME_LABEL, "unknown")
