"""Resource handles as classes. On the wire, and in a driver's arguments, it is a mapping."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class ClientStreamResource(BaseModel):
    """Data that a client sends, or a sink that it offers.

    Attributes:
        kind: What it is.
        uuid: The stream.
        x_jmp_content_encoding: How the data is encoded; None as it is.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    kind: Literal["client_stream"] = "client_stream"
    uuid: UUID
    x_jmp_content_encoding: str | None = None


class PresignedRequestResource(BaseModel):
    """A request that the exporter makes in the client's place.

    Attributes:
        kind: What it is.
        headers: Request headers.
        url: The URL.
        method: ``GET``; our exporter refuses ``PUT``.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    kind: Literal["presigned_request"] = "presigned_request"
    headers: dict[str, str]
    url: str
    method: Literal["GET", "PUT"]
