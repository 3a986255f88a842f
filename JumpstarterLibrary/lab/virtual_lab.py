"""VirtualLab: a controller, a router and exporters in this process, ready for clients.

Everything is real except the distance: gRPC over TLS on loopback, tokens that are verified, a process for each hook.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Literal, Self

from JumpstarterLibrary.common.environment import CLIENT_CONFIG_HOME
from JumpstarterLibrary.errors import ConfigurationError, UsageError
from JumpstarterLibrary.exporter.hosting import LoopThread
from JumpstarterLibrary.exporter.leasing import ControllerAccess, ExporterTiming
from JumpstarterLibrary.lab import configurations
from JumpstarterLibrary.lab.certificates import Authority, Certificate, self_signed
from JumpstarterLibrary.lab.clock import Clock
from JumpstarterLibrary.lab.components import LabComponents
from JumpstarterLibrary.lab.controller import MockController
from JumpstarterLibrary.lab.exporters import ExporterHandle, ExporterRunner, LabExporter, virtual_boards
from JumpstarterLibrary.lab.faults import InjectedFault, find, read_options
from JumpstarterLibrary.lab.features import ControllerFeatures, RouterEntry
from JumpstarterLibrary.lab.journal import Journal
from JumpstarterLibrary.lab.model import AVAILABLE, NO_STATUS, LeaseRecord
from JumpstarterLibrary.lab.policies import ExporterAccessPolicy
from JumpstarterLibrary.lab.reconcile import LEASES
from JumpstarterLibrary.lab.router import WAITING, MockRouter
from JumpstarterLibrary.lab.tokens import TokenIssuer
from JumpstarterLibrary.lab.tunnel import HALF_OPEN, TUNNELS

TlsMode = Literal["authority", "self-signed"]

CLIENT = "tester"
"""The client that there is unless others are asked for."""

START_LIMIT_S = 60.0
"""Real seconds in which all exporters have to be available."""

STOP_LIMIT_S = 20.0
"""Real seconds in which everything has to be closed."""

LOOK_S = 0.002
"""Real seconds between two looks at whether all exporters are available."""

SETTLE_S = 3.0
"""Real seconds that what belongs to a lease gets to end after it: a session's grace is one of them."""

SESSIONS = "sessions"
LISTENS = "listens"

LEAKABLE = (LEASES, LISTENS, TUNNELS, HALF_OPEN, WAITING, SESSIONS)
"""What is open for leases only."""


class VirtualLab:
    """A whole lab in this process, from ``with`` to the end of its block. It may be used from any thread.

    Args:
        exporters: How many virtual boards, called ``virtual-1`` and so on, with the labels ``board=virtual`` and
            ``number=1``; or what exporters there are to be. Default: 4 boards.
        clients: The labels of each client, by its name. Default: one client, ``tester``, without labels.
        policies: The access policies. Default: every client may lease every exporter.
        namespace: The namespace of everything.
        clock: Lab time. Default: real time. Its scale at the beginning also makes the exporters' pauses shorter.
        tls: ``authority``: controller and router show certificates by one authority, whose certificate is in the
            clients' configuration. ``self-signed``: each shows one that vouches for itself, and clients are told to
            trust what they are shown first.
        host: The address to listen on, and the name in the certificates.
        port: The controller's port; 0 takes a free one.
        router_port: The router's port; likewise.
        assignment_delay: Lab seconds from the request of a lease to the first look for an exporter. Default: none.
        features: What the controller can do.
        issuers: Whose tokens also count, for clients and exporters with a ``username``.

    Attributes:
        namespace: As given.
        clock: Lab time.
        journal: The RPCs of controller and router, and what is open.
        controller: The controller.
        router: The router.
        ca: PEM text of the certificates that clients have to trust.
        exporters: The exporters, by name.

    Raises:
        ConfigurationError: Two exporters have one name, or something else does not fit together.
    """

    def __init__(
        self,
        exporters: int | Sequence[LabExporter] = 4,
        *,
        clients: Mapping[str, Mapping[str, str]] | None = None,
        policies: Sequence[ExporterAccessPolicy] = (),
        namespace: str = "default",
        clock: Clock | None = None,
        tls: TlsMode = "authority",
        host: str = "127.0.0.1",
        port: int = 0,
        router_port: int = 0,
        assignment_delay: float = 0.0,
        features: ControllerFeatures | None = None,
        issuers: Sequence[TokenIssuer] = (),
    ) -> None:
        self.namespace = namespace
        self.clock = clock or Clock()
        self.journal = Journal(clock=self.clock)
        identities = _identities(tls, host)
        self.ca = identities.ca
        self.controller = MockController(
            host=host,
            port=port,
            namespace=namespace,
            certificate=identities.controller,
            clock=self.clock,
            assignment_delay=assignment_delay,
            features=features,
            external_issuers=issuers,
            journal=self.journal,
        )
        self.router = MockRouter(
            host=host,
            port=router_port,
            certificate=identities.router,
            key=self.controller.router_key,
            clock=self.clock,
            journal=self.journal,
        )
        self._insecure = tls == "self-signed"
        self._wishes = virtual_boards(exporters) if isinstance(exporters, int) else list(exporters)
        self._parts = LabComponents(
            host=host,
            controller=self.controller,
            router=self.router,
            clock=self.clock,
            authority=identities.authority,
        )
        self._handles: dict[str, ExporterHandle] = {}
        self._injected: list[InjectedFault] = []
        self.exporters: Mapping[str, ExporterHandle] = MappingProxyType(self._handles)
        self._thread: LoopThread | None = None
        self._stack = ExitStack()
        for name, labels in ({CLIENT: {}} if clients is None else clients).items():
            self.controller.add_client(name, labels)
        for policy in policies:
            self.controller.add_policy(policy)
        for wish in self._wishes:
            self.controller.add_exporter(wish.name, wish.labels, enabled=wish.enabled)

    # From begin to end

    def __enter__(self) -> Self:
        """Start everything; return when all exporters are available.

        Raises:
            ConfigurationError: A port cannot be bound, or an exporter's drivers cannot be made.
            LinkError: An exporter could not register.
            OperationTimeout: It takes too long.
        """
        with ExitStack() as stack:
            thread = LoopThread("virtual-lab")
            stack.callback(thread.stop)
            self._thread = thread
            stack.callback(lambda: thread.run(self._stop(), STOP_LIMIT_S))
            thread.run(self._start(thread), START_LIMIT_S)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End everything, without a word to clients."""
        self._stack.close()

    async def _start(self, thread: LoopThread) -> None:
        await self.router.start_serving()
        self.controller.routers.append(RouterEntry(self.router.endpoint))
        await self.controller.start_serving()
        timing = ExporterTiming(scale=self.clock.scale or 1.0, clock=self.clock)
        for wish in self._wishes:
            token = self.controller.exporter_token(wish.name)
            access = ControllerAccess(self.controller.endpoint, self.namespace, wish.name, token, ca=self.ca)
            life = ExporterRunner(wish, access, timing)
            self._parts.lives[wish.name] = life
            self._handles[wish.name] = ExporterHandle(life, token, thread)
            if wish.register:
                life.start()
        while not all(map(self._available, self._parts.lives.values())):
            await asyncio.sleep(LOOK_S)

    def _available(self, life: ExporterRunner) -> bool:
        if not life.wish.register:
            return True
        if life.running is not None and life.running.done():
            life.running.result()
            raise UsageError(f"Exporter {life.name} ended before it was available.")
        record = self.controller.state.exporters[life.name]
        return record.registered and record.online and record.status in (AVAILABLE, NO_STATUS)

    async def _stop(self) -> None:
        await asyncio.gather(*(fault.abandon() for fault in self._injected))
        # The exporters need not tell the controller: it stops, too.
        await asyncio.gather(*(life.crash() for life in self._parts.lives.values()))
        await self.router.stop_serving()
        await self.controller.stop_serving()

    # For clients

    @property
    def endpoint(self) -> str:
        """The controller as clients are told of it, ``host:port``."""
        return self._parts.endpoint or self.controller.endpoint

    def client_config(self, name: str = CLIENT) -> dict[str, Any]:
        """Return a client's configuration, with a token of its own: exactly what ``jmp`` reads from a client's file.

        Args:
            name: The client.

        Raises:
            UsageError: There is no such client.
        """
        token = self.controller.client_token(name)
        return configurations.client_config(self.namespace, name, self.endpoint, self._tls(), token)

    def write_client_config(self, directory: str | Path, name: str = CLIENT, *, current: bool = True) -> Path:
        """Write a client's configuration into a directory that ``JMP_CLIENT_CONFIG_HOME`` can name.

        Args:
            directory: The directory; made if it is not there.
            name: The client.
            current: Make it the current client of that directory.

        Returns:
            The client's file, ``clients/<name>.yaml``.
        """
        return configurations.write_client(Path(directory), self.client_config(name), current=current)

    def environment(self, directory: str | Path, name: str = CLIENT) -> dict[str, str]:
        """Write a client's configuration, and return what a process needs in its environment to find it.

        Args:
            directory: Where to write it.
            name: The client.
        """
        self.write_client_config(directory, name)
        return {CLIENT_CONFIG_HOME: str(directory)}

    def exporter_config(self, name: str) -> dict[str, Any]:
        """Return the configuration by which an exporter from elsewhere takes a place, still without drivers.

        Args:
            name: The exporter.

        Raises:
            UsageError: There is no such exporter.
        """
        token = self.controller.exporter_token(name)
        return configurations.exporter_config(self.namespace, name, self.endpoint, self._tls(), token)

    def write_exporter_config(self, path: str | Path, name: str, export: Mapping[str, Any] | None = None) -> Path:
        """Write such a configuration, and return its path.

        Args:
            path: The file.
            name: The exporter.
            export: The drivers, as in any exporter's configuration.
        """
        content = {**self.exporter_config(name), "export": dict(export or {})}
        return configurations.write_secret(Path(path), content)

    def _tls(self) -> dict[str, Any]:
        return configurations.tls_section(self.ca, insecure=self._insecure)

    # For tests

    def leases(self) -> list[LeaseRecord]:
        """Return copies of all leases' records, oldest first, those that have ended included."""
        return self.controller.leases()

    def open(self) -> dict[str, int]:
        """Return how much is open, by what it is; what is not open at all is left out."""
        sessions = sum(life.session is not None for life in self._parts.lives.values())
        return {**self.journal.open, **({SESSIONS: sessions} if sessions else {})}

    def inject(self, target: str, fault: str, **options: Any) -> InjectedFault:
        """Let something go wrong; see ``describe_faults`` for what there is.

        Args:
            target: What it happens to, for example ``router``.
            fault: What happens, for example ``drop``.
            options: Among others ``after``, the time until it begins, and for those that last ``for_``, the time until
                it is undone. Times are lab seconds, as a number, a ``timedelta`` or text such as ``2 s``.

        Returns:
            The fault, which has begun, unless it is to begin later. It can be cleared, and used in a ``with``.

        Raises:
            ConfigurationError: There is no such fault, or it takes no such option.
            UsageError: It cannot happen now, for example to an exporter that is not there.
        """
        if self._thread is None:
            raise UsageError("The lab does not run. Enter it with 'with' first.")
        found = find(target, fault)
        injected = InjectedFault(found, read_options(found.options, options, str(found)), self._parts, self._thread)
        self._injected = [one for one in self._injected if not one.over] + [injected]
        injected.wait_begun()
        return injected

    def leaks(self, settle: float = SETTLE_S) -> list[str]:
        """Return what is open that belongs to leases. When there is none any more, there should be nothing.

        Args:
            settle: Real seconds in which it may still end. Default: 3.

        Returns:
            For example ``2 tunnels``; as soon as there is nothing, an empty list.
        """
        end = time.monotonic() + settle
        pause = threading.Event()
        while (found := self._leaking()) and time.monotonic() < end:
            pause.wait(LOOK_S)
        return found

    def _leaking(self) -> list[str]:
        gauges = self.open()
        return [f"{gauges[name]} {name}" for name in LEAKABLE if gauges.get(name)]


@dataclass(frozen=True)
class _Identities:
    """The servers' certificates, and those that clients trust."""

    controller: Certificate
    router: Certificate
    ca: bytes
    authority: Authority


def _identities(mode: str, host: str) -> _Identities:
    names = list(dict.fromkeys((host, "127.0.0.1", "localhost")))
    authority = Authority()
    if mode == "authority":
        certificate = authority.issue(*names)
        return _Identities(certificate, certificate, authority.pem, authority)
    if mode == "self-signed":
        controller, router = self_signed(*names), self_signed(*names)
        return _Identities(controller, router, controller.certificate + router.certificate, authority)
    raise ConfigurationError(f"tls: {mode!r} is none of authority, self-signed.")
