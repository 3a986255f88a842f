"""Requests for byte streams, and resource handles."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from JumpstarterLibrary.protocol.names import CONTENT_ENCODING_FIELD


def driver_stream_request(uuid: str, method: str) -> str:
    """Return the request text that opens a driver's byte stream."""
    return json.dumps({"kind": "driver", "uuid": uuid, "method": method})


def resource_stream_request(uuid: str, content_encoding: str | None = None) -> str:
    """Return the request text that offers a client's data (or sink) to a driver."""
    return json.dumps({"kind": "resource", "uuid": uuid, CONTENT_ENCODING_FIELD: content_encoding})


def presigned_handle(url: str, method: str = "GET", headers: dict[str, str] | None = None) -> dict[str, Any]:
    """Return a handle with which the exporter fetches a URL by itself."""
    return {"kind": "presigned_request", "headers": headers or {}, "url": url, "method": method}


@dataclass(frozen=True)
class StreamTarget:
    """A parsed stream request, as the exporter reads it.

    Attributes:
        kind: ``driver`` or ``resource``.
        uuid: The driver instance.
        method: The stream method; driver streams only.
        content_encoding: How the client's bytes are encoded; resource streams only.
    """

    kind: str
    uuid: str
    method: str | None = None
    content_encoding: str | None = None


def parse_stream_request(text: str) -> StreamTarget:
    """Parse the text under the ``request`` metadata key.

    Raises:
        ValueError: It is not JSON, or a field is missing or unknown.
    """
    data = json.loads(text)
    if not isinstance(data, dict) or not isinstance(data.get("uuid"), str):
        raise ValueError(f"a stream request is an object with a uuid, not {text!r}")
    match data.get("kind"):
        case "driver":
            if not isinstance(data.get("method"), str):
                raise ValueError("a driver stream request needs a method")
            return StreamTarget("driver", data["uuid"], method=data["method"])
        case "resource":
            encoding = data.get(CONTENT_ENCODING_FIELD)
            if encoding is not None and not isinstance(encoding, str):
                raise ValueError(f"{CONTENT_ENCODING_FIELD} is a string or null, not {encoding!r}")
            return StreamTarget("resource", data["uuid"], content_encoding=encoding)
        case kind:
            raise ValueError(f"a stream request's kind is 'driver' or 'resource', not {kind!r}")
