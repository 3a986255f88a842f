"""The connection to a controller that a client configuration leads to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Self

from JumpstarterLibrary.client.leasing import Controller
from JumpstarterLibrary.client.leasing.connection import call_credentials as credentials_of
from JumpstarterLibrary.client.leasing.exit_cleanup import release_through
from JumpstarterLibrary.client.settings import ClientSettings, find
from JumpstarterLibrary.client.settings.choice import ClientChoice
from JumpstarterLibrary.client.settings.environment import env_overrides
from JumpstarterLibrary.client.settings.layers import Given, Layers
from JumpstarterLibrary.errors import UsageError
from pytest_jumpstarter.upstream_api.config.configuration import ClientConfiguration
from pytest_jumpstarter.upstream_api.config.sections import ObjectMeta
from pytest_jumpstarter.upstream_api.config.sync_or_async import run_blocking
from pytest_jumpstarter.upstream_api.config.threads import opening


class ControllerChannel:
    """A connection to a controller, open until ``close``. It is what `ClientService` and `Lease` take as their channel.

    Args:
        settings: Endpoint, identity and token.

    Raises:
        LinkError: The settings are insecure, and the controller cannot be reached.
    """

    def __init__(self, settings: ClientSettings) -> None:
        self.controller = Controller(settings)

    def hang_up(self) -> None:
        """Close it; what was leased through it and is not released yet, is released first. Closing twice is fine."""
        try:
            release_through(self.controller)
        finally:
            self.controller.close()

    async def close(self, grace: float | None = None) -> None:  # noqa: ARG002 - gRPC's channels have it
        """Close it, from a coroutine."""
        await run_blocking(self.hang_up)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def open_channel(settings: ClientSettings) -> ControllerChannel:
    """Return a new connection to a controller, from a coroutine. One that is cancelled leaves none open.

    Raises:
        LinkError: The settings are insecure, and the controller cannot be reached.
    """
    return await opening(lambda: ControllerChannel(settings), ControllerChannel.hang_up, run_blocking)


def controller_of(channel: Any) -> Controller:
    """Return the connection behind a channel.

    Raises:
        UsageError: It is none of ours.
    """
    if isinstance(channel, ControllerChannel):
        return channel.controller
    raise UsageError(
        f"The channel, of type '{type(channel).__name__}', is no connection to a controller. Take that of a client "
        f"configuration: `await config.channel()`."
    )


def settings_of(config: ClientConfiguration) -> ClientSettings:
    """Return the settings that a client configuration and the environment give.

    Raises:
        ConfigurationError: Something is missing, or cannot be.
    """
    path = Path(config.path) if config.path else None
    place = f"'{path}'" if path else "the client configuration"
    found = {
        "metadata.namespace": config.metadata.namespace,
        "metadata.name": config.metadata.name,
        "endpoint": config.endpoint,
        "token": config.token,
        "refresh_token": config.refresh_token,
        "tls.ca": config.tls.ca,
        "tls.insecure": config.tls.insecure,
        "grpcOptions": config.grpcOptions,
        "drivers.allow": config.drivers.allow,
        "drivers.unsafe": config.drivers.unsafe,
        "leases.acquisition_timeout": config.leases.acquisition_timeout,
        "leases.dial_timeout": config.leases.dial_timeout,
        "leases.retry_timeout": config.leases.retry_timeout,
    }
    given = {key: Given(value, "argument", f"'{key}' of {place}") for key, value in found.items()}
    layers = Layers([env_overrides(os.environ), given])
    return find.settings_of(layers, ClientChoice(place, path), least_s=0, when=" before it is made")


def call_credentials(kind: str, metadata: ObjectMeta, token: str) -> Any:
    """Return the credentials by which gRPC tells a controller who calls, for channels of one's own.

    Args:
        kind: ``Client`` or ``Exporter``.
        metadata: Who it is.
        token: Its token.
    """
    return credentials_of(kind, metadata.namespace, metadata.name, token)
