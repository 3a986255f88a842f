"""Labels, metadata keys and limits of the wire."""

from __future__ import annotations

LABEL_CLIENT = "jumpstarter.dev/client"
"""Report label: the class path by which upstream's client finds its proxy class."""

LABEL_NAME = "jumpstarter.dev/name"
"""Report label: the driver's name under its parent; absent on the root."""

PASSPHRASE_KEY = "x-jumpstarter-passphrase"
"""Metadata key of a standalone exporter's passphrase."""

CLIENT_KEY = "x-jumpstarter-client"
"""Metadata key of a driver's byte stream: a key of the client's choice, a space, and its name for people. Only our
clients send it, and only our exporters look at it."""

CLIENT_SEPARATOR = " "
"""What stands between the key and the name of a client."""

REQUEST_KEY = "request"
"""Metadata key of the JSON text that says which byte stream to open."""

RESOURCE_KEY = "resource"
"""Initial metadata key of the JSON text of a resource stream's handle."""

ACCEPT_ENCODING_KEY = "x_jmp_accept_encoding"
"""Initial metadata key: the content encoding that the exporter will decode, or an empty string."""

CONTENT_ENCODING_FIELD = "x_jmp_content_encoding"
"""Field of stream requests and handles: how the bytes are encoded while on the stream."""

LOG_NUMBER = "number"
"""Field of a log record: how many records its session had written with it. Only our exporters send it."""

LOG_COUNT_KEY = "x-jumpstarter-log-count"
"""Trailing metadata key of GetStatus: how many log records the session has written. Only our exporters send it."""

MESSAGE_LIMIT = 4 * 1024 * 1024
"""Bytes that gRPC receives in one message unless told otherwise; upstream sets no other limit."""
