"""Shell mode: join the exporter that the environment names, and leave it again."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.client.config import ShellFacts
from JumpstarterLibrary.common.environment import HOST
from JumpstarterLibrary.errors import ConfigurationError, JumpstarterError
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.factory import Allow, build_clients
from pytest_jumpstarter.upstream_api.config.exceptions import EnvironmentVariableNotSetError
from pytest_jumpstarter.upstream_api.config.threads import entered

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExporterMetadata:
    """The metadata of the shell's exporter.

    Attributes:
        name: Its name; empty if the shell does not tell.
        labels: Its labels.
        lease: The name of the lease; None without one.
    """

    name: str
    labels: dict[str, str] = field(default_factory=dict)
    lease: str | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> ExporterMetadata:
        """Return what ``JMP_EXPORTER``, ``JMP_EXPORTER_LABELS`` and ``JMP_LEASE`` say.

        Args:
            environ: Where the variables are looked up. Default: the process's environment.
        """
        facts = ShellFacts.from_environment(os.environ if environ is None else environ)
        return cls(facts.exporter, dict(facts.labels), facts.lease or None)


@contextmanager
def connected(
    connection: DirectConnection, allow: Allow | None = None, *, portal: Any = None
) -> Iterator[DriverClient]:
    """Connect to an exporter and yield the client of its root driver.

    Trouble with closing goes to the log, not to the test.

    Args:
        connection: Where the exporter is.
        allow: Which client classes may be imported. Default: as the environment says.
        portal: anyio's portal for the clients. Default: one that starts on first use.

    Raises:
        LinkError: The exporter cannot be reached.
        OperationTimeout: It did not answer in time.
    """
    device = Device.connect(connection)
    logger.info("Shell mode: connected to exporter %s (from %s).", connection.name, connection.source)
    try:
        yield build_clients(device, allow, portal=portal)
    finally:
        try:
            device.close()
        except (JumpstarterError, OSError) as error:
            logger.warning("The connection to exporter %s was not closed cleanly: %s", connection.name, error)


@contextmanager
def env() -> Iterator[DriverClient]:
    """Connect to the exporter that ``JUMPSTARTER_HOST`` names and yield the client of its root driver.

    Raises:
        EnvironmentVariableNotSetError: ``JUMPSTARTER_HOST`` is not set; a `ConfigurationError`.
        LinkError: The exporter cannot be reached.
    """
    with connected(_connection()) as client:
        yield client


def _connection() -> DirectConnection:
    try:
        return DirectConnection.from_environment()
    except ConfigurationError as error:
        if os.environ.get(HOST):
            raise
        raise error.reworded(EnvironmentVariableNotSetError, error.facts) from None


@asynccontextmanager
async def env_async(portal: Any = None, stack: Any = None) -> AsyncIterator[DriverClient]:  # noqa: ARG001 - upstream's
    """Connect to the shell's exporter as ``env`` does, from a coroutine.

    Args:
        portal: anyio's portal for the clients. Default: one that starts on first use.
        stack: Not needed; what clients open is closed with the connection.
    """
    async with entered(lambda _tick: connected(_connection(), portal=portal)) as client:
        yield client


@asynccontextmanager
async def env_with_metadata_async(
    portal: Any = None, stack: Any = None
) -> AsyncIterator[tuple[DriverClient, ExporterMetadata]]:
    """Connect as ``env_async`` does, and yield the exporter's metadata as well."""
    async with env_async(portal, stack) as client:
        yield client, ExporterMetadata.from_env()


@contextmanager
def env_with_metadata() -> Iterator[tuple[DriverClient, ExporterMetadata]]:
    """Connect as ``env`` does, and yield the exporter's metadata as well."""
    with env() as client:
        yield client, ExporterMetadata.from_env()
