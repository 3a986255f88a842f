"""The names of the environment variables that configure clients and exporters."""

from __future__ import annotations

JMP_CLIENT_CONFIG_HOME = "JMP_CLIENT_CONFIG_HOME"
"""The folder of ``config.yaml``, ``clients/`` and ``exporters/``."""

JMP_CLIENT_CONFIG = "JMP_CLIENT_CONFIG"
"""The client to use: an alias or a file."""

# Who the client or exporter is, and its controller.
JMP_NAMESPACE = "JMP_NAMESPACE"
JMP_NAME = "JMP_NAME"
JMP_ENDPOINT = "JMP_ENDPOINT"
JMP_TOKEN = "JMP_TOKEN"

JMP_DRIVERS_ALLOW = "JMP_DRIVERS_ALLOW"
"""Patterns of client classes that may be imported, with commas between them, or ``UNSAFE``."""

JUMPSTARTER_HOST = "JUMPSTARTER_HOST"
"""The exporter of a shell: a socket path, or host:port."""

JMP_LEASE = "JMP_LEASE"
"""A lease to use, and never to release; inside of a shell that of the shell."""

# What a shell tells of its exporter.
JMP_EXPORTER = "JMP_EXPORTER"
JMP_EXPORTER_LABELS = "JMP_EXPORTER_LABELS"

JMP_DISABLE_COMPRESSION = "JMP_DISABLE_COMPRESSION"
"""``1``: an exporter takes and makes no compressed streams."""

JMP_OIDC_CALLBACK_PORT = "JMP_OIDC_CALLBACK_PORT"
"""The port on which a login expects the browser."""

# 1: do not verify TLS certificates. For the exporter of a shell the first one means no TLS at all.
JMP_GRPC_INSECURE = "JMP_GRPC_INSECURE"
JUMPSTARTER_GRPC_INSECURE = "JUMPSTARTER_GRPC_INSECURE"

JMP_GRPC_PASSPHRASE = "JMP_GRPC_PASSPHRASE"
"""The passphrase of the exporter of a shell."""

JMP_RETRY_TIMEOUT = "JMP_RETRY_TIMEOUT"
"""Seconds in which a lease may be replaced whose exporter cannot be reached."""

__all__ = [name for name in dir() if name.startswith(("JMP_", "JUMPSTARTER_"))]
