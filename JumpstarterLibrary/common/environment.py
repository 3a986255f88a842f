"""The names of the environment variables that clients, exporters, shells and both faces read or set, and the folder of
configurations that some of them name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

# A shell, and the lease and exporter that it is for.

HOST = "JUMPSTARTER_HOST"
"""Unix socket path or ``HOST:PORT`` of an exporter that is ready for driver calls."""

LEASE = "JMP_LEASE"
"""A lease to use, and never to release."""

EXPORTER = "JMP_EXPORTER"
"""The name of the shell's exporter."""

EXPORTER_LABELS = "JMP_EXPORTER_LABELS"
"""The labels of the shell's exporter, ``KEY=VALUE`` divided by commas."""

PASSPHRASE = "JMP_GRPC_PASSPHRASE"
"""The passphrase of the shell's exporter, and of a standalone exporter on TCP."""

TLS_CERTIFICATE = "JUMPSTARTER_TLS_CERT"
"""The certificate chain of a standalone exporter on TCP, as PEM text."""

TLS_KEY = "JUMPSTARTER_TLS_KEY"
"""The private key of a standalone exporter on TCP, as PEM text."""

MOTD_FILE = "JMP_MOTD_FILE"
"""A file whose text a shell shows at its start; an exporter's hook writes it."""

# Client and exporter: their names, their controller, and its security.

CLIENT_CONFIG = "JMP_CLIENT_CONFIG"
"""The client to use: an alias or a file."""

CLIENT_CONFIG_HOME = "JMP_CLIENT_CONFIG_HOME"
"""The folder of ``config.yaml``, ``clients/`` and ``exporters/``."""

NAMESPACE = "JMP_NAMESPACE"
NAME = "JMP_NAME"
ENDPOINT = "JMP_ENDPOINT"
TOKEN = "JMP_TOKEN"
REFRESH_TOKEN = "JMP_REFRESH_TOKEN"

PLAINTEXT = "JMP_GRPC_INSECURE"
"""``1``: certificates are not verified; to the exporter of a shell, there is no TLS at all."""

PIN = "JUMPSTARTER_GRPC_INSECURE"
"""``1``: certificates are not verified."""

INSECURE = (PLAINTEXT, PIN)
"""Either one stands for ``tls.insecure``."""

# What a client may do, and for how long.

DRIVERS_ALLOW = "JMP_DRIVERS_ALLOW"
"""Patterns of client classes that may be imported, with commas between them, or ``UNSAFE``."""

DRIVERS_UNSAFE = "JMP_DRIVERS_UNSAFE"
"""Whether all client classes may be imported."""

DIAL_TIMEOUT = "JMP_DIAL_TIMEOUT"
"""Seconds in which a lease's exporter has to be reached."""

RETRY_TIMEOUT = "JMP_RETRY_TIMEOUT"
"""Seconds in which a lease may be replaced whose exporter cannot be reached."""

DISABLE_COMPRESSION = "JMP_DISABLE_COMPRESSION"
"""``1``: an exporter says that it accepts no compressed streams."""

FETCH_LOOPBACK = "JUMPSTARTER_FETCH_LOOPBACK"
"""``1``: an exporter fetches URLs of its own host for clients of other hosts, too."""

OIDC_CALLBACK_PORT = "JMP_OIDC_CALLBACK_PORT"
"""The port on which a login expects the browser."""


def config_home(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of ``config.yaml``, ``clients/`` and ``exporters/``.

    ``JMP_CLIENT_CONFIG_HOME`` if it is set, else ``jumpstarter`` in ``XDG_CONFIG_HOME`` if that is an absolute path,
    else ``~/.config/jumpstarter``.
    """
    own = environ.get(CLIENT_CONFIG_HOME)
    if own:
        return Path(own)
    shared = environ.get("XDG_CONFIG_HOME", "")
    if Path(shared).is_absolute():
        return Path(shared) / "jumpstarter"
    user = environ.get("HOME")
    return (Path(user) if user else Path.home()) / ".config" / "jumpstarter"
