"""The exporters of a virtual lab: what they are to be, and the handles by which tests get at them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from JumpstarterLibrary.errors import LinkError
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1
from JumpstarterLibrary.exporter.driver import Driver
from JumpstarterLibrary.exporter.drivers.virtual import VirtualBoard
from JumpstarterLibrary.exporter.hosting import LoopThread
from JumpstarterLibrary.exporter.leasing import ControllerAccess, ExporterTiming, LeasedExporter
from JumpstarterLibrary.exporter.leasing.timing import Backoff
from JumpstarterLibrary.exporter.session import Features, Session
from JumpstarterLibrary.lab.driver_faults import DriverFaults
from JumpstarterLibrary.lab.model import AVAILABLE

VIRTUAL = "virtual"
"""Name of the virtual boards, and value of their label ``board``."""

END_LIMIT_S = 10.0
"""Real seconds in which an exporter ends; one with a hook that takes longer ends later."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class LabExporter:
    """One exporter of a virtual lab.

    Attributes:
        name: Its name, a lower-case DNS name.
        labels: What selectors look at.
        driver: Builds its driver tree; called anew for each lease. Default: a virtual board.
        before_lease: The hook that runs before clients may call.
        after_lease: The hook that runs when they have gone.
        motd: A message for clients.
        enabled: False: it is leased only to those who allow it.
        features: What it can do, and where it differs from upstream's.
        register: False: only the place and its token are there; an exporter from elsewhere takes it, for example
            upstream's, with the file that ``VirtualLab.write_exporter_config`` writes.
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    driver: Callable[[], Driver] = VirtualBoard
    before_lease: HookInstanceConfigV1Alpha1 | None = None
    after_lease: HookInstanceConfigV1Alpha1 | None = None
    motd: str | None = None
    enabled: bool = True
    features: Features = field(default_factory=Features)
    register: bool = True


def virtual_boards(count: int) -> list[LabExporter]:
    """Return so many virtual boards: ``virtual-1`` with the labels ``board=virtual`` and ``number=1``, and so on."""
    return [
        LabExporter(name=f"{VIRTUAL}-{number}", labels={"board": VIRTUAL, "number": str(number)})
        for number in range(1, count + 1)
    ]


class ExporterRunner:
    """Run one exporter, stop it and start it again. To be used on the lab's loop only.

    Args:
        wish: What it is to be.
        access: How it reaches the controller.
        timing: How fast its pauses pass.

    Attributes:
        faults: The faults of its drivers.
    """

    def __init__(self, wish: LabExporter, access: ControllerAccess, timing: ExporterTiming) -> None:
        self.faults = DriverFaults()
        self._wish = wish
        self._access = access
        self._timing = timing
        self._exporter: LeasedExporter | None = None
        self._running: asyncio.Task[int] | None = None
        self._between_lives = False

    @property
    def wish(self) -> LabExporter:
        """What it is to be."""
        return self._wish

    @property
    def name(self) -> str:
        """Its name."""
        return self._wish.name

    @property
    def running(self) -> asyncio.Task[int] | None:
        """Its present life, or the last one; ends with its exit status."""
        return self._running

    @property
    def alive(self) -> bool:
        """Whether it runs, registered or not."""
        return self._running is not None and not self._running.done()

    @property
    def session(self) -> Session | None:
        """The session of its lease; None while it has none."""
        return self._exporter.session if self._exporter is not None else None

    def start(self) -> None:
        """Begin a life, unless it lives. Only in the first one it is an error if it cannot register."""
        if self.alive:
            return
        first = self._running is None
        wish = self._wish
        self._exporter = LeasedExporter(
            self._access,
            lambda: self.faults.watched(wish.driver()),
            before_lease=wish.before_lease,
            after_lease=wish.after_lease,
            motd=wish.motd,
            labels=dict(wish.labels),
            features=wish.features,
            timing=self._timing,
            # All clients of the lab are on its host.
            fetch_loopback=True,
        )
        self._running = asyncio.create_task(self._live(self._exporter, first), name=f"exporter {wish.name}")
        self._running.add_done_callback(_report)

    async def stop(self) -> None:
        """Stop the exporter in good order: it unregisters from the controller."""
        if self._between_lives:
            await self.crash()
        elif self._exporter is not None and self.alive:
            self._exporter.request_stop()
            await self._over()

    async def crash(self) -> None:
        """Stop the exporter without notice, as a process that was killed."""
        if self._running is not None:
            self._running.cancel()
            await self._over()

    def pause(self) -> None:
        """Suspend the exporter."""
        if self._exporter is not None:
            self._exporter.pause()

    def resume(self) -> None:
        """Resume the exporter."""
        if self._exporter is not None:
            self._exporter.resume()

    def tell(self, telling: bool) -> None:
        """Switch the exporter's status reports to the controller on, beginning with the present one, or off."""
        exporter = self._exporter
        if exporter is None or not self.alive:
            return
        exporter.telling = telling
        if telling and exporter.session is not None:
            exporter.force_status(exporter.status, exporter.session.status().message)
        elif telling:
            # What it told last may be about a lease that has ended since.
            exporter.force_status(AVAILABLE)

    def change(self, wish: LabExporter) -> None:
        """Change the exporter. Hooks count at once, features from the next lease on, the rest when it restarts."""
        self._wish = wish
        if self._exporter is not None:
            offer = self._exporter.offer
            offer.before_lease, offer.after_lease = wish.before_lease, wish.after_lease
            offer.features = wish.features

    async def _live(self, exporter: LeasedExporter, first: bool) -> int:
        backoff = Backoff(self._timing)
        while True:
            try:
                return await exporter.run()
            except LinkError as error:
                if first:
                    raise
                # As what restarts an exporter's process again and again.
                _log.info("%s", error)
            self._between_lives = True
            try:
                await asyncio.sleep(backoff.pause())
            finally:
                self._between_lives = False

    async def _over(self) -> None:
        if self._running is not None:
            await asyncio.wait({self._running}, timeout=END_LIMIT_S)


def _report(life: asyncio.Task[int]) -> None:
    if not life.cancelled() and (error := life.exception()) is not None:
        _log.error("The %s ended: %s", life.get_name(), error, exc_info=error)


class ExporterHandle:
    """An exporter of a virtual lab, for the thread of a test.

    Args:
        life: The exporter.
        thread: The lab's loop.

    Attributes:
        name: Its name.
        token: Its token.
    """

    def __init__(self, life: ExporterRunner, token: str, thread: LoopThread) -> None:
        self.name = life.name
        self.token = token
        self._life = life
        self._thread = thread

    def __repr__(self) -> str:
        return f"<exporter {self.name}>"

    @property
    def alive(self) -> bool:
        """Whether it runs in this process."""
        return self._life.alive

    @property
    def session(self) -> Session | None:
        """The session of its lease, None while it has none. It belongs to the lab's thread: only look at it."""
        return self._life.session

    @property
    def driver(self) -> Driver | None:
        """The root of its lease's driver tree, None without a lease. It belongs to the lab's thread: only read it."""
        session = self.session
        return session.root_driver if session is not None else None

    def start(self) -> None:
        """Start it, if it does not run; returns before it has registered."""

        async def start() -> None:
            self._life.start()

        self._thread.run(start())

    def stop(self) -> None:
        """Stop it in good order: it says goodbye to the controller."""
        self._thread.run(self._life.stop())

    def crash(self) -> None:
        """Stop the exporter without notice, as a process that was killed."""
        self._thread.run(self._life.crash())

    def restart(self) -> None:
        """Crash the exporter and start it again; returns before it has registered."""
        self.crash()
        self.start()

    def pause(self) -> None:
        """Suspend the exporter: calls and data wait."""
        self._thread.call(self._life.pause)

    def resume(self) -> None:
        """Resume the exporter after ``pause``."""
        self._thread.call(self._life.resume)
