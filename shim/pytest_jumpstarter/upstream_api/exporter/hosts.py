"""Addresses: this machine's, and those of services, in the forms that drivers tell."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress

from JumpstarterLibrary.exporter.drivers.addresses import joined, resolved

_ELSEWHERE = ("192.0.2.1", 9)
"""An address of no host. Nothing is sent there: only the route is looked up."""


def get_ip_address(logger: logging.Logger | None = None) -> str:
    """Return the IPv4 address by which others reach this machine; ``0.0.0.0`` if it has none.

    Args:
        logger: Is told that it has none.
    """
    with suppress(OSError):
        address = socket.gethostbyname(socket.gethostname())
        if not address.startswith("127."):
            return address
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(_ELSEWHERE)
            return str(probe.getsockname()[0])
    except OSError as error:
        if logger is not None:
            logger.warning("this machine has no address that others could reach: %s", error)
        return "0.0.0.0"


async def get_minikube_ip(profile: str | None = None, minikube: str = "minikube") -> str:
    """Return the address of a minikube cluster.

    Args:
        profile: The cluster. Default: minikube's own.
        minikube: The program.

    Raises:
        RuntimeError: The program said that it cannot tell.
        OSError: There is no such program.
    """
    which = () if profile is None else ("-p", profile)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(minikube, "ip", *which, stdout=pipe, stderr=pipe)
    answer, complaint = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{minikube} did not tell its address: {complaint.decode(errors='replace').strip()}")
    return answer.decode().strip()


def resolve_hostname(host: str) -> str:
    """Return a host's first IP address, or the host as it is if its name cannot be resolved."""
    try:
        return resolved(host)
    except ConnectionError:
        return host


def format_address(host: str, port: int) -> str:
    """Return ``ip:port``, with brackets around an IPv6 address; a name that cannot be resolved stays."""
    return joined(resolve_hostname(host), port)
