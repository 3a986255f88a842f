"""An exporter that registers with a controller and serves its leases."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing, suppress

import grpc.aio

from JumpstarterLibrary.errors import AuthenticationError, InfrastructureError, LinkError, TlsError
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1
from JumpstarterLibrary.exporter.driver import Driver
from JumpstarterLibrary.exporter.leasing.access import ControllerAccess
from JumpstarterLibrary.exporter.leasing.controller import Controller
from JumpstarterLibrary.exporter.leasing.lease import OFFLINE, ExporterSpec, LeaseServer, start_failure_text
from JumpstarterLibrary.exporter.leasing.recovery import FailureLimit, StartFailed, StartRecovery
from JumpstarterLibrary.exporter.leasing.refusals import ControllerStarting, short
from JumpstarterLibrary.exporter.leasing.reporter import StatusReporter
from JumpstarterLibrary.exporter.leasing.tasks import any_of, ended
from JumpstarterLibrary.exporter.leasing.timing import Backoff, ExporterTiming
from JumpstarterLibrary.exporter.leasing.tunnel import Tunnel
from JumpstarterLibrary.exporter.logs import DRIVER_LOGGER, EXPORTER_LOGGER, LogRing, log_scope
from JumpstarterLibrary.exporter.session import AVAILABLE, Features, Session, close_driver
from JumpstarterLibrary.protocol import jumpstarter_pb2

REGISTERED_TEXT = "Exporter registered and available"
STOPPING_TEXT = "Exporter shutting down"
UNREGISTER_REASON = "Exporter shutdown"

_log = logging.getLogger(__name__)

_tries = logging.getLogger(f"{__name__}.tries")
_tries.setLevel(logging.CRITICAL)  # the same traceback once a minute, for days, tells nothing

_NOWHERE = LogRing(())
"""The log ring for clients outside of leases. It has no loggers, since many exporters may share a process."""


class LeasedExporter:
    """Registers with a controller, and serves one lease after the other until it is stopped.

    It costs little while it has no lease: one stream on a connection that it shares with the exporters of its event
    loop, no drivers, no thread. Unlike upstream's, it outlives a controller that is away for long: it tries again for
    as long as it runs, and sessions and tunnels go on meanwhile. If the controller names another lease without having
    ended the present one, this one is ended first; upstream's exporter ignores the other one.

    Where its drivers cannot start for a lease, that lease is released and the controller told why. The exporter stays
    registered, offline to the controller, until its drivers start again; it tries after 5 s, 10 s and so on up to a
    minute.

    Everything here is to be used on the event loop that ``run`` runs on.

    Args:
        access: Where the controller is, and who this exporter is.
        factory: Builds the driver tree; called once to register, and anew for each lease.
        before_lease: The hook that runs before clients may call.
        after_lease: The hook that runs when they have gone.
        motd: A message for clients.
        labels: Labels for the report and for the controller, which keeps those with the prefix ``jumpstarter.dev/``.
        exit_on_lease_end: Stop after the first lease.
        failure_limit: How many starts of the drivers have to fail for the exporter to give up.
        features: What the exporter can do.
        timing: Pauses.
        loggers: Names of the loggers whose records clients can read.
        secrets: Texts that no line of a hook may show, beside the exporter's token.
        fetch_loopback: Whether clients may let the exporter fetch URLs of its own host; default no.

    Attributes:
        access: As given.
        offer: What it offers in each lease.
        registered: Set while the controller knows the exporter.
        telling: Whether statuses are reported to the controller; turned off, it stays at the last one.
    """

    def __init__(
        self,
        access: ControllerAccess,
        factory: Callable[[], Driver],
        *,
        before_lease: HookInstanceConfigV1Alpha1 | None = None,
        after_lease: HookInstanceConfigV1Alpha1 | None = None,
        motd: str | None = None,
        labels: dict[str, str] | None = None,
        exit_on_lease_end: bool = False,
        failure_limit: FailureLimit | None = None,
        features: Features | None = None,
        timing: ExporterTiming | None = None,
        loggers: tuple[str, ...] = (DRIVER_LOGGER, EXPORTER_LOGGER),
        secrets: tuple[str, ...] = (),
        fetch_loopback: bool = False,
    ) -> None:
        self.access = access
        self.registered = asyncio.Event()
        self.telling = True
        self.offer = ExporterSpec(
            factory=factory,
            before_lease=before_lease,
            after_lease=after_lease,
            motd=motd,
            labels=labels or {},
            features=features or Features(),
            loggers=loggers,
            secrets=secrets,
            fetch_loopback=fetch_loopback,
        )
        self._timing = timing or ExporterTiming()
        self._exit_on_lease_end = exit_on_lease_end
        self._failure_limit = failure_limit or FailureLimit()
        self._farewell = ""
        self._life: asyncio.Task[int] | None = None
        self._over = asyncio.Event()
        self._stopping = asyncio.Event()
        self._stopping_later = False
        self._crashed = False
        self._revived = asyncio.Event()
        self._moving = asyncio.Event()
        self._moving.set()
        self._changed = asyncio.Event()
        self._leased: tuple[str, str] | None = None
        self._done_with: str | None = None
        self._service: LeaseServer | None = None
        self._reporter: StatusReporter | None = None

    @property
    def session(self) -> Session | None:
        """The session of the present lease; None without one."""
        return self._service.session if self._service is not None else None

    @property
    def lease(self) -> str | None:
        """The name of the lease that is served; None without one."""
        return self._service.name if self._service is not None else None

    @property
    def client(self) -> str | None:
        """The name of the client whose lease is served; None without one."""
        return self._service.client if self._service is not None else None

    @property
    def tunnels(self) -> list[Tunnel]:
        """The open tunnels."""
        return self._service.tunnels.open if self._service is not None else []

    @property
    def status(self) -> int:
        """The present status, a number of the protocol's ExporterStatus: the session's, or else the last one told."""
        if self.session is not None:
            return int(self.session.status().status)
        return self._reporter.last[0] if self._reporter is not None and self._reporter.last is not None else OFFLINE

    async def run(self) -> int:
        """Register and serve until told to stop. Cancelling ends everything without a word to the controller.

        Returns:
            The exit status of a process that does nothing else: 0; 1 where a hook failed whose ``onFailure`` is
            ``exit``, and where the drivers failed to start too often.

        Raises:
            LinkError: The controller could not be reached, or did not accept the exporter.
            ConfigurationError: The drivers cannot be made for the registration.
        """
        self._over.clear()
        first = True
        try:
            with log_scope(_NOWHERE):
                while True:
                    code = await self._live(first)
                    if code is not None:
                        return code
                    await any_of(self._revived, self._stopping)
                    if self._stopping.is_set():
                        return 0
                    self._crashed = first = False
                    self._revived.clear()
        finally:
            self._over.set()

    def request_stop(self, *, after_lease: bool = False) -> None:
        """Request the exporter's stop, without waiting for it.

        Clients are cut off at once, a running beforeLease hook is ended, and the afterLease hook runs. With hooks the
        lease is released. Then the controller is told.

        Args:
            after_lease: Wait for the end of the present lease, if there is one.
        """
        if after_lease:
            self._stopping_later = True
        else:
            self._stopping.set()
        self._changed.set()

    async def stop(self) -> None:
        """Stop as ``request_stop`` does, and wait until nothing is left."""
        self.request_stop()
        if self._life is not None:
            await self._over.wait()

    async def crash(self) -> None:
        """Vanish as a killed process does: streams and tunnels break, hooks are killed, the controller hears nothing.

        ``run`` goes on; it waits for ``restart`` or ``stop``.
        """
        if self._life is None or self._crashed:
            return
        self._crashed = True
        self._life.cancel()
        await asyncio.wait({self._life})
        self.registered.clear()

    async def restart(self) -> None:
        """Start again as a new process would, after a crash if there was none; returns when it is registered."""
        await self.crash()
        self.resume()
        self._revived.set()
        registered, over = asyncio.create_task(self.registered.wait()), asyncio.create_task(self._over.wait())
        try:
            await asyncio.wait({registered, over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await ended([registered, over])

    def pause(self) -> None:
        """Freeze as a stopped process does: connections stay, and nothing passes or is answered any more."""
        self._moving.clear()

    def resume(self) -> None:
        """Go on after a pause."""
        self._moving.set()

    def force_status(self, status: int, message: str = "", *, skip: int = 0) -> None:
        """Show a status that the exporter would not show by itself, until its next one.

        Args:
            status: A number of the protocol's ExporterStatus.
            message: A text for users.
            skip: How many versions to leave out before it, as if clients had missed so many statuses.
        """
        if self.session is not None:
            for _ in range(skip):
                self.session.update_status(self.session.status().status, self.session.status().message)
            self.session.update_status(status, message)
        self._tell(status, message)

    async def _live(self, first: bool) -> int | None:
        """Live one life; None where it ended by a crash."""
        life = self._life = asyncio.create_task(self._serve(first))
        try:
            await asyncio.wait({life})
            return None if life.cancelled() and self._crashed else life.result()
        finally:
            self.registered.clear()
            if not life.done():
                await ended([life])

    async def _serve(self, first: bool) -> int:
        controller = Controller(self.access, self._timing)
        self._reporter = reporter = StatusReporter(controller, self._timing)
        self._leased = self._done_with = None
        self._farewell = ""
        tasks: list[asyncio.Task[None]] = []
        try:
            await self._register(controller, first)
            self.registered.set()
            _log.info("Exporter %s is registered with the controller at %s.", self.access.name, self.access.endpoint)
            self._tell(AVAILABLE, REGISTERED_TEXT)
            tasks.append(asyncio.create_task(reporter.run()))
            await controller.ask_service_endpoints()
            tasks.append(asyncio.create_task(self._watch(controller, reporter)))
            return await self._serve_leases(controller)
        finally:
            await ended(tasks)
            task = asyncio.current_task()
            if self.registered.is_set() and task is not None and not task.cancelling():
                await self._say_goodbye(controller)
            await controller.close()

    async def _register(self, controller: Controller, first: bool) -> None:
        backoff = Backoff(self._timing)
        while True:
            try:
                return await controller.register(self._reports(), self.offer.labels)
            except LinkError as error:
                starting = isinstance(error, ControllerStarting)
                if (first and not starting) or isinstance(error, AuthenticationError | TlsError):
                    raise
                # What restarts a process that died does so again and again.
                _log.warning("%s", error)
            await asyncio.sleep(backoff.pause())

    def _reports(self) -> list[jumpstarter_pb2.DriverInstanceReport]:
        root = self.offer.factory()
        try:
            return [entry.driver.report(parent=entry.parent, name=entry.name) for entry in root.enumerate()]
        finally:
            close_driver(root)

    async def _watch(self, controller: Controller, reporter: StatusReporter) -> None:
        async with aclosing(controller.states(reporter.repeat)) as states:
            async for state in states:
                await self._moving.wait()
                self._leased = (state.lease_name, state.client_name) if state.leased and state.lease_name else None
                _log.info("Lease: %s", f"{state.lease_name} of client {state.client_name}" if self._leased else "none")
                self._changed.set()

    async def _serve_leases(self, controller: Controller) -> int:
        recovery = StartRecovery(self._try_start, self._failure_limit, self._timing.pause_clock)
        recovering: asyncio.Task[None] | None = None
        try:
            while True:
                leased = await self._next_lease(recovery)
                if recovering is not None:
                    await ended([recovering])
                if recovery.given_up is not None:
                    return self._give_up(recovery.given_up)
                if leased is None:
                    return 0
                service = LeaseServer(
                    *leased,
                    offer=self.offer,
                    controller=controller,
                    report=self._tell,
                    timing=self._timing,
                    moving=self._moving,
                )
                failure = await self._attend(service)
                self._done_with, exit_reason = service.name, service.exit
                # What is left of the lease, the connection of a tunnel among it, must not stay until the next one.
                del service
                if exit_reason is not None:
                    return self._give_up(exit_reason)
                if failure is not None:
                    recovery.note(failure)
                    recovering = asyncio.create_task(self._recover(recovery, *leased, failure))
                else:
                    recovery.reset()
                if self._exit_on_lease_end:
                    return 0
        finally:
            if recovering is not None:
                await ended([recovering])

    def _give_up(self, reason: str) -> int:
        _log.error("The exporter ends: %s", reason)
        self._farewell = reason
        return 1

    async def _recover(self, recovery: StartRecovery, lease: str, _client: str, failure: StartFailed) -> None:
        """Try to start the drivers until they start, or the exporter gives up."""
        if await recovery.run():
            self._tell(AVAILABLE, f"Available again. {start_failure_text(lease, str(failure))}")
        self._changed.set()

    async def _try_start(self) -> None:
        with log_scope(_NOWHERE):
            async with self.offer.started(log=_tries):
                pass

    async def _next_lease(self, recovery: StartRecovery) -> tuple[str, str] | None:
        """Wait for a lease; None where the exporter is to stop, or has given up."""
        while not (self._stopping.is_set() or self._stopping_later or recovery.given_up):
            if self._leased is None or self._leased[0] != self._done_with:
                self._done_with = None
                if self._leased is not None:
                    return self._leased
            await self._change()
        return None

    async def _attend(self, service: LeaseServer) -> StartFailed | None:
        """Run a lease, and tell it what happens outside. Returns why it could not be started, if so."""
        self._service = service
        running = asyncio.create_task(service.run())
        running.add_done_callback(lambda _: self._changed.set())
        try:
            while not running.done():
                if self._stopping.is_set():
                    service.stop()
                if self._leased is None or self._leased[0] != service.name:
                    service.end()
                else:
                    service.client = self._leased[1]
                await self._change()
            await running
        except StartFailed as failure:
            return failure
        finally:
            self._service = None
            if not running.done():
                await ended([running])
        return None

    async def _change(self) -> None:
        await self._changed.wait()
        self._changed.clear()

    def _tell(self, status: int, message: str) -> None:
        if self._reporter is not None and self.telling:
            self._reporter.report(status, message)

    async def _say_goodbye(self, controller: Controller) -> None:
        try:
            async with asyncio.timeout(self._timing.stop_limit_s):
                with suppress(grpc.aio.AioRpcError):
                    await controller.report_status(OFFLINE, self._farewell or STOPPING_TEXT)
                await controller.unregister(
                    f"{UNREGISTER_REASON}: {self._farewell}" if self._farewell else UNREGISTER_REASON
                )
        except (grpc.aio.AioRpcError, InfrastructureError, TimeoutError) as error:
            _log.warning("The controller was not told that the exporter stops: %s", short(error))
