"""The environment variables of clients and exporters, by upstream's names."""

from __future__ import annotations

from JumpstarterLibrary.common import environment

JMP_CLIENT_CONFIG_HOME = environment.CLIENT_CONFIG_HOME
JMP_CLIENT_CONFIG = environment.CLIENT_CONFIG
JMP_NAMESPACE = environment.NAMESPACE
JMP_NAME = environment.NAME
JMP_ENDPOINT = environment.ENDPOINT
JMP_TOKEN = environment.TOKEN
JMP_DRIVERS_ALLOW = environment.DRIVERS_ALLOW
JUMPSTARTER_HOST = environment.HOST
JMP_LEASE = environment.LEASE
JMP_EXPORTER = environment.EXPORTER
JMP_EXPORTER_LABELS = environment.EXPORTER_LABELS
JMP_DISABLE_COMPRESSION = environment.DISABLE_COMPRESSION
JMP_OIDC_CALLBACK_PORT = environment.OIDC_CALLBACK_PORT
JMP_GRPC_INSECURE = environment.PLAINTEXT
JUMPSTARTER_GRPC_INSECURE = environment.PIN
JMP_GRPC_PASSPHRASE = environment.PASSPHRASE
JMP_RETRY_TIMEOUT = environment.RETRY_TIMEOUT

__all__ = [name for name in dir() if name.startswith(("JMP_", "JUMPSTARTER_"))]
