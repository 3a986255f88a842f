"""An exporter that serves leases, or a TCP port, under upstream's interface."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from JumpstarterLibrary.exporter import ExporterConfigV1Alpha1 as CoreConfig
from JumpstarterLibrary.exporter.leasing import ControllerAccess, FailureLimit, LeasedExporter
from pytest_jumpstarter.upstream_api.exporter.metadata import Metadata
from pytest_jumpstarter.upstream_api.exporter.session import Session
from pytest_jumpstarter.upstream_api.exporter.statuses import ExporterStatus


class Exporter(Metadata):
    """An exporter; made by ``ExporterConfigV1Alpha1.create_exporter``.

    Upstream's takes factories of gRPC channels in place of a configuration, which ours has no use for.

    Args:
        config: The configuration, as our exporter takes it.
        standalone: Whether it does without a controller.

    Raises:
        ConfigurationError: What the configuration says of the controller does not do.
    """

    def __init__(self, config: CoreConfig, *, standalone: bool = False) -> None:
        super().__init__()
        self._config = config
        self._stopping = asyncio.Event()
        self._exit_code: int | None = None
        self._leased = None if standalone else self._leased_exporter()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        if self._leased is not None:
            await self._leased.stop()

    @property
    def exit_code(self) -> int | None:
        """The exit status of a process that does nothing else; None if there is no reason for one."""
        return self._exit_code

    async def serve(self) -> None:
        """Register with the controller, and serve leases until stopped.

        Raises:
            ConfigurationError: The exporter was made to do without a controller.
            LinkError: The controller cannot be reached, or does not take the exporter.
        """
        exporter = self._leased = self._leased or self._leased_exporter()
        self._exit_code = await exporter.run() or self._exit_code

    async def serve_standalone_tcp(
        self, host: str, port: int, *, tls_credentials: Any = None, interceptors: Sequence[Any] | None = None
    ) -> None:
        """Serve a TCP port without a controller until stopped. Hooks do not run.

        Args:
            host: The address to bind.
            port: The port.
            tls_credentials: gRPC's server credentials; without them the port speaks plain text.
            interceptors: gRPC's server interceptors, such as ``PassphraseInterceptor``.

        Raises:
            ConfigurationError: The port cannot be bound, or the drivers cannot be made.
        """
        with Session(root_device=self._config.instantiate(), uuid=self.uuid, labels=self.labels) as session:
            serving = session.serve_tcp_async(host, port, tls_credentials=tls_credentials, interceptors=interceptors)
            async with serving:
                session.update_status(ExporterStatus.LEASE_READY, "Ready for commands")
                await self._stopping.wait()

    def stop(
        self,
        wait_for_lease_exit: bool = False,
        should_unregister: bool = False,  # noqa: ARG002
        exit_code: int | None = None,
    ) -> None:
        """Request the exporter's stop, without waiting for it.

        Args:
            wait_for_lease_exit: Let the present lease come to its end.
            should_unregister: Tell the controller; ours always does.
            exit_code: What ``exit_code`` is to be.
        """
        self._exit_code = exit_code if exit_code is not None else self._exit_code
        self._stopping.set()
        if self._leased is not None:
            self._leased.request_stop(after_lease=wait_for_lease_exit)

    def _leased_exporter(self) -> LeasedExporter:
        config = self._config
        return LeasedExporter(
            ControllerAccess.from_config(config),
            config.instantiate,
            before_lease=config.before_lease,
            after_lease=config.after_lease,
            motd=config.motd,
            labels=self.labels,
            exit_on_lease_end=config.exit_on_lease_end,
            failure_limit=FailureLimit(failures=config.max_rapid_failures, window_s=config.rapid_failure_window),
            secrets=config.secrets(),
        )
