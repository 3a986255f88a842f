"""A device: one connected exporter, its drivers and its consoles."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from JumpstarterLibrary.client.config import DirectConnection
from JumpstarterLibrary.client.console import Console
from JumpstarterLibrary.client.deadline import Deadline, Seconds, format_duration, search_limit
from JumpstarterLibrary.client.drivers import DriverProxy, GenericProxy, NetworkProxy, SerialProxy, proxy_class
from JumpstarterLibrary.client.events import Events, LinkChanged, MarkSet, Notice
from JumpstarterLibrary.client.filenames import driver_file_name
from JumpstarterLibrary.client.link import PROBE_S, STATUS_S, ExporterState, Link
from JumpstarterLibrary.client.logs import LogFollower
from JumpstarterLibrary.client.power_tracker import PowerTracker
from JumpstarterLibrary.client.profile import ChosenProfile
from JumpstarterLibrary.client.resource import ResourceHandles
from JumpstarterLibrary.client.timing import Timing
from JumpstarterLibrary.client.tree import Node, build_tree
from JumpstarterLibrary.common.values import listed
from JumpstarterLibrary.errors import AmbiguousDriver, InfrastructureError, NoSuchDriver
from JumpstarterLibrary.hints import Hint

logger = logging.getLogger(__name__)

CONSOLE_NAMES = ("console", "serial")
"""Names of network drivers whose byte stream is taken for a console."""

Proxy = TypeVar("Proxy", bound=DriverProxy)


def registered(device: Device, node: Node) -> DriverProxy:
    """Return a new proxy of the class that the registry has for a node's label."""
    return proxy_class(node.label)(device, node)


class Device:
    """A connected exporter. Use it as a context manager, or ``close`` it.

    Args:
        link: The link; the device owns and closes it.
        root: The root of the exporter's tree.
        motd: The exporter's message of the day.
        timing: The time limits and pauses of its boards. Default: the defaults.
    """

    def __init__(self, link: Link, root: Node, motd: str = "", *, timing: Timing | None = None) -> None:
        self.link = link
        self.root = root
        self.motd = motd
        self.timing = timing or Timing()
        """The time limits and pauses of its boards, unless a states file gives a board others."""
        self.transcripts: Path | None = None
        """Directory in which consoles keep their transcripts; None for none."""
        self.tick: Callable[[], None] = lambda: None
        """Called in the waiting thread during waits on a console."""
        self.proxies: Callable[[Device, Node], DriverProxy] = registered
        """Makes the proxy of a node. Code that changes it does so before the first driver is asked for."""
        self.before_close: list[Callable[[], None]] = []
        """Called once, last first, before anything is closed: for code that uses the drivers until then."""
        self.name_suffix: Callable[[], str] = lambda: ""
        """Returns what messages add to the names of its drivers and consoles: which device it is, of several."""
        self.secrets: Callable[[], Iterable[str]] = self.own_secrets
        """Returns the tokens and passphrases that neither transcripts nor messages may show."""
        self.resource_handles = ResourceHandles()
        """The handles that calls may get among their arguments."""
        self.exporter = link.name
        """The name of its exporter, as far as it is known."""
        self.labels: dict[str, str] = {}
        """The labels of its exporter."""
        self.profile: ChosenProfile | None = None
        """The profile that was chosen for it from a file; None without such a file."""
        self._proxies: dict[Node, DriverProxy] = {}
        self._timings: list[tuple[Node, Timing]] = []
        self._consoles: dict[str, Console] = {}
        self._logs: LogFollower | None = None
        self._lease_name = ""
        self.powers = PowerTracker(root, self._power_changes, link.events.emit)
        """What is known of the power of its boards."""
        self._lock = threading.RLock()

    @classmethod
    def connect(
        cls,
        connection: DirectConnection,
        timeout: Seconds = None,
        *,
        events: Events | None = None,
        timing: Timing | None = None,
    ) -> Device:
        """Connect to an exporter and read its tree.

        Args:
            connection: Where the exporter is.
            timeout: Seconds or timedelta for its first answer. Default: the timing's ``connect_timeout``.
            events: The subscribers to what happens. Default: none yet.
            timing: The time limits and pauses of its boards. Default: the defaults.

        Raises:
            LinkError: The exporter cannot be reached, or refused the passphrase.
            OperationTimeout: It did not answer in time.
        """
        timing = timing or Timing()
        deadline = Deadline.of(timeout, timing.connect_timeout)
        link = Link(connection, deadline, events=events)
        try:
            report = link.get_report(deadline)
            device = cls(link, build_tree(report.reports), report.motd, timing=timing)
            facts = connection.shell
            device.exporter = facts.exporter or link.name
            device.labels = dict(facts.labels or report.labels)
            device._lease_name = facts.lease
            device._link_changed("connected")
            link.watch(lambda: device.timing.exporter_silence, device._silent)
            return device
        except BaseException:
            link.close()
            raise

    def exporter_labels(self) -> dict[str, str]:
        """Return the labels of its exporter, as far as they are known."""
        return self.labels

    def own_secrets(self) -> list[str]:
        """Return the secrets by which it was connected."""
        return [value for _, value in self.link.metadata]

    def ready(self, deadline: Deadline | None = None) -> Link:
        """Return the link, for a call that begins now; if it was given up, connect anew.

        Args:
            deadline: Until when that may take. Default: its own limit, 1.5 seconds.

        Raises:
            LinkError: The exporter was silent for too long, and still is.
        """
        if self.link.given_up:
            deadline = search_limit(deadline)
            with self._lock:
                self._revive(PROBE_S if deadline is None else deadline.at_most(PROBE_S))
        return self.link

    def _revive(self, limit_s: float) -> None:
        """Connect the link anew, and read on what was read on it."""
        if not self.link.revive(limit_s):
            return
        self._link_changed("reconnected")
        text = f"Exporter '{self.link.name}' answers again; the link to it was given up when it was silent."
        self.link.events.emit(Notice(text, "WARN"))
        if self.follows_logs:
            self._stop_logs()
            self.follow_logs()
        self._resume_consoles()

    def _silent(self) -> None:
        """Tell that the exporter was lost."""
        silent = format_duration(self.link.silent_s or 0)
        self._link_changed("lost", f"the exporter answered nothing for {silent} (exporter_silence)")

    def _link_changed(self, change: str, reason: str = "") -> None:
        self.link.events.emit(LinkChanged(change, self.exporter, self._lease_name, self.labels, reason))

    @property
    def present(self) -> Link:
        """The link as it is, for what belongs to the present connection."""
        return self.link

    # Drivers

    @property
    def client(self) -> DriverProxy:
        """The proxy of the root driver, with its children as attributes."""
        return self.proxy(self.root)

    def proxy(self, node: Node) -> DriverProxy:
        """Return the proxy for a node; always the same one."""
        proxy = self._proxies.get(node)
        if proxy is None:
            proxy = self._proxies[node] = self.proxies(self, node)
        return proxy

    def driver(self, path: str) -> DriverProxy:
        """Return the driver at a path; an empty path is the root.

        Raises:
            NoSuchDriver: There is none; the message lists the neighbours.
        """
        return self.proxy(self.root.find(path))

    def find(self, kind: type[Proxy], what: str, path: str | None = None, *, several: Hint = Hint.NAME_DRIVER) -> Proxy:
        """Return the device's driver of a kind: the only one, or the one at a path.

        Args:
            kind: The proxy class that can do what is wanted.
            what: The capability in one word, for messages: ``power``.
            path: The driver path. Default: the only driver of that kind.
            several: What to try where several could be meant. Default: the argument ``driver``.

        Raises:
            NoSuchDriver: There is none, or the one at the path is of another kind.
            AmbiguousDriver: There are several.
        """
        if path is not None:
            return self._of_kind(kind, what, path)
        found = self.distinct(kind)
        if not found:
            raise NoSuchDriver(f"The exporter '{self.link.name}' has no {what} driver. It has: {self.leaves()}.")
        if len(found) > 1:
            paths = listed([proxy.path for proxy in found])
            raise AmbiguousDriver(f"The exporter '{self.link.name}' has several {what} drivers: {paths}.", hint=several)
        return found[0]

    def leaves(self) -> str:
        """Return the paths of all drivers without children, for messages."""
        return listed([node.path or "(root)" for node in self.root.walk() if not node.children])

    def _of_kind(self, kind: type[Proxy], what: str, path: str) -> Proxy:
        proxy = self.driver(path)
        if isinstance(proxy, kind):
            return proxy
        if isinstance(proxy, GenericProxy):
            # A label that we do not know; the caller knows better what the driver can do.
            return kind(self, proxy._node)
        raise NoSuchDriver(f"Driver '{path}' is no {what} driver; its exporter calls it '{proxy._node.label}'.")

    def distinct(self, kind: type[Proxy]) -> list[Proxy]:
        """Return the drivers of a kind, each once: a proxy entry on the exporter is another name of the same driver."""
        found: dict[str, Proxy] = {}
        for node in self.root.walk():
            proxy = self.proxy(node)
            if isinstance(proxy, kind):
                found.setdefault(node.uuid, proxy)
        return list(found.values())

    # Timing

    def timing_of(self, driver: DriverProxy) -> Timing:
        """Return the timing of a driver's board: its own one if it has one, otherwise that of the device."""
        # By the driver's id, which entries of the tree share that are other names of it.
        own = (timing for node, timing in self._timings if node.uuid == driver.uuid)
        return next(own, self.timing)

    def set_timing(self, timing: Timing, *drivers: DriverProxy) -> None:
        """Give a board a timing of its own.

        Args:
            timing: The timing.
            drivers: The drivers of the board, such as its console and its power.
        """
        others = [entry for entry in self._timings if all(entry[0].uuid != driver.uuid for driver in drivers)]
        self._timings = [*others, *((driver._node, timing) for driver in drivers)]

    # Consoles

    def console(self, path: str | None = None) -> Console:
        """Return the console of the only serial port, or of the driver at a path; opened now if it is not yet.

        One whose stream was ended by the exporter is read on, with a mark of the gap: some serial ports go with the
        power of their board, and come back.

        Raises:
            NoSuchDriver: There is no such driver, or no serial port at all.
            AmbiguousDriver: There are several serial ports.
            InfrastructureError: Its stream could not be opened.
        """
        self.ready()
        driver = self._console_driver(path)
        with self._lock:
            console = self._consoles.get(driver.uuid)
            if console is None:
                transcript = None
                if self.transcripts is not None:
                    transcript = self.transcripts / f"{driver_file_name(driver._node.names or ('console',))}.log"
                console = self._consoles[driver.uuid] = Console(driver, transcript, lambda: self.tick())
            elif console.gone:
                console.resume()
            return console

    def open_consoles(self) -> None:
        """Open the consoles of all serial ports, so that nothing is lost from now on.

        One that cannot be opened is only logged: a caller that needs it will try again and get the error.
        """
        for driver in self.distinct(SerialProxy):
            try:
                self.console(driver.path)
            except InfrastructureError as error:
                logger.warning("Console '%s'%s could not be opened: %s", driver.path, self.name_suffix(), error)

    def consoles(self) -> list[str]:
        """Return the names of the open consoles."""
        return [console.name for console in self.opened_consoles()]

    def opened_consoles(self) -> list[Console]:
        """Return the open consoles."""
        return list(self._consoles.values())

    def mark(self, name: str) -> None:
        """Mark the present end of all open consoles under a name."""
        for console in self._consoles.values():
            console.mark(name)
        self.link.events.emit(MarkSet(name))

    def power_changes(self) -> None:
        """Tell all consoles that power is switched: on in a moment, or off just now."""
        for console in self._consoles.values():
            console.power_changes()

    def _power_changes(self) -> dict[Hashable, int]:
        """Tell all consoles that power is switched, and return the end of each."""
        self.power_changes()
        return {console: console.end for console in self._consoles.values()}

    def _console_driver(self, path: str | None) -> DriverProxy:
        if path is not None:
            return self.driver(path)
        if not self.distinct(SerialProxy):
            for proxy in self.distinct(NetworkProxy):
                if proxy.name in CONSOLE_NAMES:
                    return proxy
        return self.find(SerialProxy, "console")

    # The exporter

    def status(self, timeout: Seconds = STATUS_S) -> ExporterState:
        """Return the exporter's status; see ``Link.get_status``."""
        self.link.revive()
        return self.link.get_status(timeout)

    @property
    def follows_logs(self) -> bool:
        """Whether the exporter's log is emitted as events now."""
        return self._logs is not None

    def follow_logs(self) -> None:
        """Emit the exporter's log as events from now on."""
        if self._logs is None:
            self._logs = LogFollower(self.link)

    @contextlib.contextmanager
    def following_logs(self) -> Iterator[None]:
        """Emit the exporter's log as events while the block runs, and afterwards only if that was so before."""
        before = self.follows_logs
        self.follow_logs()
        try:
            yield
        finally:
            if not before:
                self._stop_logs()

    def close(self) -> None:
        """Close consoles, log and link. Closing twice is fine."""
        with contextlib.ExitStack() as stack:
            stack.callback(self._close)
            with self._lock:
                callbacks, self.before_close = self.before_close, []
            for callback in callbacks:
                stack.callback(callback)

    def _close(self) -> None:
        with self._lock:
            consoles, self._consoles = list(self._consoles.values()), {}
        for console in consoles:
            console.close()
        self._stop_logs()
        self.link.close()

    def read_logs(self, state: ExporterState | None = None) -> None:
        """Read the rest of the exporter's log, if it is followed; see ``LogFollower.read_rest``."""
        if self._logs is not None:
            self._logs.read_rest(state)

    def _stop_logs(self) -> None:
        if self._logs is not None:
            self._logs.read_rest()
            self._logs.close()
            self._logs = None

    def _resume_consoles(self) -> None:
        """Read the consoles on, whose streams ended with the connection; the gap is marked in their histories."""
        with self._lock:
            consoles = list(self._consoles.values())
            # The drivers have other ids now.
            self._consoles = {console.driver.uuid: console for console in consoles}
        for console in consoles:
            try:
                console.resume()
            except InfrastructureError as error:
                logger.warning("Console %s could not be opened again: %s", console.title, error)

    def __enter__(self) -> Device:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
