"""Configuration files for clients and exporters of a lab, as ``jmp`` reads them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from JumpstarterLibrary.common.drafts import replace_file

API_VERSION = "jumpstarter.dev/v1alpha1"


def tls_section(ca: bytes, *, insecure: bool) -> dict[str, Any]:
    """Return the section of a configuration with the certificates to trust.

    Args:
        ca: PEM text of the authorities.
        insecure: Trust the first certificate that is shown instead.
    """
    if insecure:
        return {"insecure": True}
    return {"ca": base64.b64encode(ca).decode()}


def client_config(namespace: str, name: str, endpoint: str, tls: Mapping[str, Any], token: str) -> dict[str, Any]:
    """Return a client's configuration, which allows all driver clients."""
    return {
        "apiVersion": API_VERSION,
        "kind": "ClientConfig",
        "metadata": {"namespace": namespace, "name": name},
        "endpoint": endpoint,
        "tls": dict(tls),
        "token": token,
        "drivers": {"allow": [], "unsafe": True},
    }


def exporter_config(namespace: str, name: str, endpoint: str, tls: Mapping[str, Any], token: str) -> dict[str, Any]:
    """Return an exporter's configuration, without any driver."""
    return {
        "apiVersion": API_VERSION,
        "kind": "ExporterConfig",
        "metadata": {"namespace": namespace, "name": name},
        "endpoint": endpoint,
        "tls": dict(tls),
        "token": token,
        "export": {},
    }


def write_client(directory: Path, config: Mapping[str, Any], *, current: bool) -> Path:
    """Write a client's file into a configuration directory, and return its path.

    Args:
        directory: What ``JMP_CLIENT_CONFIG_HOME`` is to name; made if it is not there.
        config: The client's configuration.
        current: Make it the current client.
    """
    name = config["metadata"]["name"]
    path = write_secret(directory / "clients" / f"{name}.yaml", config)
    if current:
        user = {"apiVersion": API_VERSION, "kind": "UserConfig", "config": {"current-client": name}}
        write_secret(directory / "config.yaml", user)
    return path


def write_secret(path: Path, content: Mapping[str, Any]) -> Path:
    """Write a YAML file that only this user may read, in one step, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    replace_file(path, yaml.safe_dump(dict(content), sort_keys=False), mode=0o600)
    return path
