"""Resource handles as classes. On the wire, and in a driver's arguments, it is a mapping."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self
from uuid import UUID


class _Model:
    """A mapping with fields, and upstream's methods to turn it into one."""

    def model_dump(self, *, mode: str = "python", **options: Any) -> dict[str, Any]:  # noqa: ARG002
        """Return the mapping.

        Args:
            mode: ``json`` for texts in place of richer types.
            options: Others of pydantic's, which change nothing here.
        """
        found: dict[str, Any] = {**self._fixed(), **vars(self)}
        return {
            key: str(value) if mode == "json" and isinstance(value, UUID) else value for key, value in found.items()
        }

    def model_dump_json(self, **options: Any) -> str:
        """Return the mapping as JSON text."""
        return json.dumps(self.model_dump(**{**options, "mode": "json"}))

    @classmethod
    def model_validate(cls, obj: Any) -> Self:
        """Return the resource that a mapping stands for.

        Raises:
            ValueError: It is none of this kind.
        """
        if isinstance(obj, cls):
            return obj
        fixed = cls._fixed()
        try:
            given = dict(obj)
            if any(given.pop(key, value) != value for key, value in fixed.items()):
                raise ValueError(f"it is of kind {obj['kind']!r}")
            return cls(**given)
        except (TypeError, ValueError) as error:
            raise ValueError(f"This is no {cls.__name__}: {error}.") from error

    @classmethod
    def _fixed(cls) -> dict[str, str]:
        return {"kind": getattr(cls, "kind")}  # noqa: B009


@dataclass(kw_only=True)
class ClientStreamResource(_Model):
    """Data that a client sends, or a sink that it offers.

    Attributes:
        uuid: The stream.
        x_jmp_content_encoding: How the data is encoded; None as it is.
    """

    kind: ClassVar[Literal["client_stream"]] = "client_stream"
    uuid: UUID
    x_jmp_content_encoding: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.uuid, UUID):
            self.uuid = UUID(self.uuid)


@dataclass(kw_only=True)
class PresignedRequestResource(_Model):
    """A request that the exporter makes in the client's place.

    Attributes:
        headers: Request headers.
        url: The URL.
        method: ``GET``; our exporter refuses ``PUT``.
    """

    kind: ClassVar[Literal["presigned_request"]] = "presigned_request"
    headers: dict[str, str]
    url: str
    method: Literal["GET", "PUT"]

    def __post_init__(self) -> None:
        if self.method not in ("GET", "PUT"):
            raise ValueError(f"the method is GET or PUT, not {self.method!r}")
