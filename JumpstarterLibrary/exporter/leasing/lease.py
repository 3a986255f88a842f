"""One lease of an exporter: fresh drivers, a session, tunnels to it, and the hooks around it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from JumpstarterLibrary.common.values import one_line
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1
from JumpstarterLibrary.exporter.dispatch import CallFailed, map_driver_errors
from JumpstarterLibrary.exporter.driver import Driver
from JumpstarterLibrary.exporter.leasing.controller import Controller
from JumpstarterLibrary.exporter.leasing.hooks import WARNING_PREFIX, HookCall, HookError, HookName, run_hook
from JumpstarterLibrary.exporter.leasing.motd import MotdFile
from JumpstarterLibrary.exporter.leasing.recovery import StartFailed
from JumpstarterLibrary.exporter.leasing.tasks import any_of, ended
from JumpstarterLibrary.exporter.leasing.timing import ExporterTiming
from JumpstarterLibrary.exporter.leasing.tunnels import Tunnels
from JumpstarterLibrary.exporter.logs import DRIVER_LOGGER, EXPORTER_LOGGER, log_scope
from JumpstarterLibrary.exporter.on_release import run_on_release
from JumpstarterLibrary.exporter.serving import serve_unix
from JumpstarterLibrary.exporter.session import (
    AFTER_LEASE_HOOK,
    AVAILABLE,
    BEFORE_LEASE_HOOK,
    LEASE_READY,
    Features,
    Session,
    close_driver,
)
from JumpstarterLibrary.protocol import common_pb2

OFFLINE = common_pb2.EXPORTER_STATUS_OFFLINE
BEFORE_LEASE_HOOK_FAILED = common_pb2.EXPORTER_STATUS_BEFORE_LEASE_HOOK_FAILED
AFTER_LEASE_HOOK_FAILED = common_pb2.EXPORTER_STATUS_AFTER_LEASE_HOOK_FAILED

READY_TEXT = "Ready for commands"
AVAILABLE_TEXT = "Available for new lease"
RELEASED_TEXT = "Exporter available after lease release"

DRAIN_LIMIT_S = 5.0
"""Real seconds that a client gets to read the log before its session ends."""

SENTENCE = 1000
"""Characters of a driver's sentence that clients are shown."""


def start_failure_text(lease: str, reason: str) -> str:
    """Return the status text of an exporter that could not start a lease. Clients look for it.

    Args:
        lease: The lease.
        reason: The driver's sentence.
    """
    return f"Lease '{lease}' could not be started: {reason}"


_log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class ExporterSpec:
    """The service of an exporter in each lease. A change counts for leases and hooks that have not begun yet.

    Attributes:
        factory: Builds the driver tree; called anew for each lease.
        before_lease: The hook that runs before clients may call.
        after_lease: The hook that runs when they have gone.
        motd: A message for clients.
        labels: The exporter's labels.
        features: What the exporter can do.
        loggers: Names of the loggers whose records clients can read.
        secrets: Texts that no line of a hook may show, beside the exporter's token.
        fetch_loopback: Whether clients may let the exporter fetch URLs of its own host.
    """

    factory: Callable[[], Driver]
    before_lease: HookInstanceConfigV1Alpha1 | None = None
    after_lease: HookInstanceConfigV1Alpha1 | None = None
    motd: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    features: Features = field(default_factory=Features)
    loggers: tuple[str, ...] = (DRIVER_LOGGER, EXPORTER_LOGGER)
    secrets: tuple[str, ...] = ()
    fetch_loopback: bool = False

    @property
    def hooked(self) -> bool:
        """Whether there is any hook. An exporter with hooks gives leases back by itself."""
        return self.before_lease is not None or self.after_lease is not None

    @asynccontextmanager
    async def started(
        self, on_end_session: Callable[[], None] = lambda: None, grace_s: float = 0, *, log: logging.Logger = _log
    ) -> AsyncIterator[StartedSession]:
        """Start a session with fresh drivers that have been reset, on sockets; end it with the block.

        What is logged in the block goes to the session's log.

        Args:
            on_end_session: Called when a client ends the session.
            grace_s: Real seconds that running calls get at its end.
            log: Where failures are told in detail.

        Raises:
            StartFailed: The drivers cannot be made or reset, or the sockets cannot be bound.
        """
        async with AsyncExitStack() as stack:
            try:
                with map_driver_errors(log, "preparing the drivers"):
                    session = self._new_session(on_end_session, grace_s)
                    stack.enter_context(log_scope(session.logs))
                    await stack.enter_async_context(session)
                main = await stack.enter_async_context(serve_unix(session))
                # Clients of a tunnel cannot get in the way of hooks, nor hooks in theirs.
                hooks = await stack.enter_async_context(serve_unix(session)) if self.hooked else ""
            except CallFailed as failure:
                raise StartFailed(one_line(failure.details, SENTENCE)) from failure
            except (ConfigurationError, OSError) as error:
                raise StartFailed(one_line(str(error), SENTENCE)) from error
            yield StartedSession(session, main, hooks)

    def _new_session(self, on_end_session: Callable[[], None], grace_s: float) -> Session:
        root = self.factory()
        try:
            return Session(
                root,
                labels=self.labels,
                motd=self.motd,
                features=self.features,
                on_end_session=on_end_session,
                grace=grace_s,
                loggers=self.loggers,
                fetch_loopback=self.fetch_loopback,
            )
        except BaseException:
            close_driver(root)
            raise


@dataclass(frozen=True)
class StartedSession:
    """A session that is served on sockets.

    Attributes:
        session: The session.
        main: The socket for clients.
        hooks: The socket for hooks; empty without hooks.
    """

    session: Session
    main: str
    hooks: str


class LeaseServer:
    """Serves one lease, from the moment the exporter hears of it until nothing is left of it.

    Statuses follow upstream's exporter, version by version, with two exceptions. Where the lease ends while the
    beforeLease hook runs, the afterLease hook waits for it. And where an afterLease hook with ``endLease`` fails after
    the controller ended the lease, the exporter becomes available again, instead of being lost until a restart.

    Args:
        name: The lease.
        client: Who holds it.
        offer: What is offered.
        controller: Who hands out router tokens, and takes the lease back.
        report: Tells the controller a status.
        timing: Pauses.
        moving: Nothing passes through tunnels while this is not set.

    Attributes:
        name: As given.
        client: As given; changes when the lease is transferred.
        session: The session, once there is one.
        tunnels: The lease's tunnels.
        exit: Why the exporter has to end, as a sentence: a hook failed whose ``onFailure`` is ``exit``; None otherwise.
    """

    def __init__(
        self,
        name: str,
        client: str,
        *,
        offer: ExporterSpec,
        controller: Controller,
        report: Callable[[int, str], None],
        timing: ExporterTiming,
        moving: asyncio.Event,
    ) -> None:
        self.name = name
        self.client = client
        self.session: Session | None = None
        self.tunnels = Tunnels(controller, name, moving, timing)
        self.exit: str | None = None
        self._offer = offer
        self._controller = controller
        self._report = report
        self._timing = timing
        self._ended = asyncio.Event()
        self._stopping = asyncio.Event()
        self._end_requested = asyncio.Event()

    def end(self) -> None:
        """Note that the controller has ended the lease."""
        self._ended.set()

    def stop(self) -> None:
        """Note that the exporter stops now: the controller gets no more statuses, and clients are cut off."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve the lease to its end. Cancelling ends it without notice to the controller or clients.

        A lease that cannot be started is released, after the controller was told why.

        Raises:
            StartFailed: The drivers cannot be made or reset, or the sockets cannot be bound.
        """
        try:
            grace_s = self._timing.real(self._timing.grace_s)
            async with self._offer.started(self._end_requested.set, grace_s) as started:
                self.session = started.session
                self._status(AVAILABLE, AVAILABLE_TEXT, report=False)
                async with self.tunnels.listening(started.main):
                    await self._phases(started.session, started.hooks)
                    self.tunnels.expect_end()
        except StartFailed as failure:
            self._status(OFFLINE, start_failure_text(self.name, str(failure)))
            await self._give_back(then_available=False)
            raise
        finally:
            self.session = None
            await self.tunnels.wind_up()

    async def _phases(self, session: Session, hook_host: str) -> None:
        heeding = asyncio.create_task(self._heed_the_end())
        try:
            failure = await self._before(session, hook_host)
            self.tunnels.serve()
            if failure is None:
                await self._until_over()
                await self._after(session, hook_host)
            else:
                await self._rest(session)
                await self._give_back(then_available=not failure.exit)
        except asyncio.CancelledError:
            # Before the session is left, since it gives running calls time.
            await self.tunnels.cut()
            raise
        finally:
            await ended([heeding])

    async def _heed_the_end(self) -> None:
        """Let no more clients in when the lease has ended, and cut off all of them when the exporter stops."""
        await any_of(self._ended, self._stopping)
        self.tunnels.refuse()
        await self._stopping.wait()
        await self.tunnels.cut()

    async def _before(self, session: Session, host: str) -> HookError | None:
        """Run the beforeLease hook, and let clients in if it worked. Returns why not, if they stay out."""
        hook = self._offer.before_lease
        if hook is None:
            self._ready(READY_TEXT)
            return None
        self._status(BEFORE_LEASE_HOOK, "Running the beforeLease hook")
        text = READY_TEXT
        with MotdFile() as motd:
            call = HookCall(self.name, self.client, host, str(motd.path) if motd.path is not None else None)
            try:
                await self._unless_stopped(self._run_hook("beforeLease", hook, call, session))
            except HookError as failure:
                if not failure.warn:
                    text = f"{failure} (onFailure: {hook.on_failure}).{failure.last_lines}"
                    self._fail(BEFORE_LEASE_HOOK_FAILED, failure, text)
                    return failure
                text = f"{WARNING_PREFIX}{failure}.{failure.last_lines}"
            session.motd = motd.appended_to(session.motd)
        self._ready(text)
        return None

    def _ready(self, text: str) -> None:
        if self._ended.is_set() or self._stopping.is_set():
            _log.info("Lease %s ended before it was ready.", self.name)
            return
        self._status(LEASE_READY, text)

    async def _until_over(self) -> None:
        await any_of(self._ended, self._stopping, self._end_requested)
        if self._offer.hooked or self._ended.is_set() or self._stopping.is_set():
            return
        # Without hooks, a client's EndSession changes the status and nothing else: lease and session go on.
        self._status(AVAILABLE, AVAILABLE_TEXT)
        await any_of(self._ended, self._stopping)

    async def _after(self, session: Session, host: str) -> None:
        if not self._offer.hooked:
            failed = await self._rest(session)
            if failed or not self._end_requested.is_set():
                self._status(AVAILABLE, f"{AVAILABLE_TEXT}{failed}")
            return
        failure = await self._after_hook(session, host)
        await self._give_back(then_available=failure is None or not failure.exit)

    async def _after_hook(self, session: Session, host: str) -> HookError | None:
        hook = self._offer.after_lease
        text = AVAILABLE_TEXT
        if hook is not None:
            self._status(AFTER_LEASE_HOOK, "Running the afterLease hook")
            call = HookCall(self.name, self.client, host)
            try:
                await self._run_hook("afterLease", hook, call, session)
            except HookError as failure:
                if not failure.warn:
                    text = f"{failure} (onFailure: {hook.on_failure}).{failure.last_lines}"
                    await self._rest(session)
                    self._fail(AFTER_LEASE_HOOK_FAILED, failure, text)
                    return failure
                text = f"{WARNING_PREFIX}{failure}.{failure.last_lines}"
        failed = await self._rest(session)
        self._status(AVAILABLE, text.rstrip(".") + failed if failed else text)
        return None

    async def _rest(self, session: Session) -> str:
        """Bring the board into the state in which it is left alone; return what failed, as the end of a status."""
        return "".join(f". {failure}" for failure in await run_on_release(session))

    async def _run_hook(
        self, name: HookName, hook: HookInstanceConfigV1Alpha1, call: HookCall, session: Session
    ) -> None:
        secrets = (self._controller.access.token, *self._offer.secrets)
        await run_hook(name, hook, call, session.logs, self._timing, secrets)

    def _fail(self, status: int, failure: HookError, text: str) -> None:
        self._status(status, text)
        if failure.exit:
            self.exit = text
            self._status(OFFLINE, f"The exporter stops. {text}")

    async def _give_back(self, *, then_available: bool = True) -> None:
        """Leave clients time to see the status, and release the lease unless it has ended.

        Args:
            then_available: Whether the exporter takes other leases from then on.
        """
        await self._pause()
        released = not self._ended.is_set()
        if released:
            await self._release()
            self.tunnels.refuse()
        if not then_available:
            return
        if released:
            self._status(AVAILABLE, RELEASED_TEXT)
        elif self.session is not None and self.session.status().status != AVAILABLE:
            self._status(AVAILABLE, AVAILABLE_TEXT)

    async def _release(self) -> None:
        """Release the lease, however long the controller is away, unless the exporter stops meanwhile."""
        releasing = asyncio.create_task(self._controller.release_lease(self.name))
        over = asyncio.create_task(self._ended.wait())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({releasing, over, stopping}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait(
                {releasing, over}, timeout=self._timing.stop_limit_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            await ended([releasing, over, stopping])

    async def _pause(self) -> None:
        """Leave clients time to see the status, and to read what the hook has printed."""
        await asyncio.sleep(self._timing.real(self._timing.release_pause_s))
        if self.session is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_LIMIT_S):
                    await self._unless_stopped(self.session.logs.until_read())

    async def _unless_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        """Do some work, but end it when the exporter stops."""
        task = asyncio.create_task(work)
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                await task
        finally:
            with suppress(HookError):
                await ended([task, stopped])

    def _status(self, status: int, text: str, *, report: bool = True) -> None:
        if self.session is not None:
            self.session.update_status(status, text)
        if report:
            _log.info("Status %s: %s", common_pb2.ExporterStatus.Name(status).removeprefix("EXPORTER_STATUS_"), text)
            if not self._stopping.is_set():
                self._report(status, text)
