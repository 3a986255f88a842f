"""Route to a leased device: reach its exporter, and explain a lost link."""

from __future__ import annotations

import logging
from collections.abc import Callable

import grpc

from JumpstarterLibrary.client.address import Address
from JumpstarterLibrary.client.config import DirectConnection
from JumpstarterLibrary.client.deadline import Deadline, format_duration
from JumpstarterLibrary.client.leasing.dial import Dialer, RouterEndpoint
from JumpstarterLibrary.client.leasing.lease import Lease
from JumpstarterLibrary.client.leasing.refusals import status_of
from JumpstarterLibrary.client.leasing.tunnel import Tunnel
from JumpstarterLibrary.client.link import Link
from JumpstarterLibrary.client.liveness import Liveness
from JumpstarterLibrary.errors import ControllerUnreachable, InfrastructureError, JumpstarterError, LinkError
from JumpstarterLibrary.types import Tls

logger = logging.getLogger(__name__)

SUSPECT_SHARE = 2 / 3
"""Part of the time that an exporter may be silent after which the controller is asked about it. Routers do not tell
that the other side has gone, but the controller knows whether it still listens."""

EXPLAIN_S = 1.5
"""How long the controller is asked for the reason of a lost link."""


class RouteGeneration:
    """One generation of a route's connection. Calls on it are lost with it, also where the next one is there at once.

    Args:
        route: The route.
    """

    def __init__(self, route: LeaseRoute) -> None:
        self.generation = route.generation
        self._route = route

    @property
    def lost(self) -> bool:
        """Whether the connection is gone."""
        return self._route.lost or self._route.generation != self.generation

    @property
    def over(self) -> bool:
        """Whether the lease has ended; see ``LeaseRoute``."""
        return self._route.over

    def check(self) -> None:
        """Raise why the lease can be used no more, if that is known."""
        self._route.check()

    def explain(self, asked: str) -> JumpstarterError:
        """Return why the connection was lost; see ``LeaseRoute``."""
        return self._route.explain(asked)


class LeaseRoute:
    """A lease and the tunnel to its exporter.

    Args:
        lease: The lease; its end closes the tunnel.
        dialer: Where ways to the exporter come from.
        dial_timeout: Seconds that a later connection may take.

    Attributes:
        closing: Whether this side has begun to close it.
        searching: Whether a lost exporter is looked for: then it may be silent, for example while its hook runs.
    """

    def __init__(self, lease: Lease, dialer: Dialer, dial_timeout: float) -> None:
        self.lease = lease
        self.tunnel = Tunnel(lease, dialer, dial_timeout)
        self.dial_timeout = dial_timeout
        self._suspected = 0.0
        self.closing = False
        self.searching = False
        self._liveness: Liveness | None = None

    @property
    def connection(self) -> DirectConnection:
        """The tunnel's near end, as that of any exporter on a socket."""
        name = self.lease.exporter or "?"
        return DirectConnection(
            Address(path=self.tunnel.path), Tls.plaintext, source=f"lease '{self.lease.name}'", label=name
        )

    @property
    def generation(self) -> int:
        """Which connection through the tunnel is the present one."""
        return self.tunnel.generation

    @property
    def lost(self) -> bool:
        """Whether the connection that was made last is gone."""
        return not self.tunnel.up

    @property
    def over(self) -> bool:
        """Whether the lease has ended, by the controller's word if it can be asked."""
        if self.lease.ended is None:
            try:
                self.lease.state(EXPLAIN_S)
            except InfrastructureError as error:
                logger.debug("the controller does not tell how the lease is: %s", error)
        return self.lease.ended is not None

    def answers(self, seconds: float) -> bool:
        """Whether the controller answers within so many seconds."""
        try:
            self.lease.state(seconds)
        except ControllerUnreachable:
            return False
        except InfrastructureError as error:
            logger.debug("the controller answers, if only with an error: %s", error)
        return True

    def watch(self, link: Link, limit_s: Callable[[], float]) -> None:
        """Check on a link from now on whether the exporter is alive.

        Args:
            link: The link.
            limit_s: Returns how many seconds it may be silent.
        """
        self._liveness = Liveness(lambda: self.tunnel.heard, lambda limit: link.ping(limit), limit_s)

    def check(self) -> None:
        """Raise why the lease can be used no more, if that is known."""
        self.lease.check()

    def explain(self, asked: str) -> JumpstarterError:
        """Return why the link is lost, after asking the controller.

        Args:
            asked: What was being done, in words.
        """
        ended = self.lease.ended if self.over else None
        if ended is not None:
            return ended.reworded(type(ended), f"{ended.facts} This ended {asked}.")
        if self.closing:
            return LinkError(
                f"The link to exporter '{self.lease.exporter}' was closed during {asked}. It is not known whether the "
                f"exporter carried it out."
            )
        refused = self.tunnel.error
        if refused is not None:
            return refused
        return LinkError(
            f"The tunnel to exporter '{self.lease.exporter}' (lease '{self.lease.name}') broke during {asked}: "
            f"{self.tunnel.broke}. It is not known whether the exporter carried it out. The lease lasts on, and the "
            f"next call connects again."
        )

    def check_liveness(self) -> None:
        """Ask a silent exporter for a sign of life; cut the tunnel to one that is dead or gone."""
        liveness = self._liveness
        if liveness is None or self.lost or self.searching:
            return
        limit_s = liveness.limit_s
        if liveness.look():
            self.tunnel.cut(f"the exporter answered nothing for {format_duration(limit_s)} (exporter_silence)")
        elif liveness.silent_s >= SUSPECT_SHARE * limit_s and self._suspected != self.tunnel.heard and self._gone():
            silent = format_duration(round(liveness.silent_s))
            self.tunnel.cut(f"the exporter was not heard for {silent}, and has gone")

    def _gone(self) -> bool:
        """Whether the exporter of a silent tunnel listens no more, by the controller's word."""
        try:
            if not self.lease.controller.exporter(self.lease.exporter, EXPLAIN_S).online:
                return True
            answer = self.lease.controller.dial(self.lease.name, EXPLAIN_S)
        except grpc.RpcError as error:
            code, details = status_of(error)
            logger.debug("a silent exporter was dialled: %s: %s", code, details)
            return code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.FAILED_PRECONDITION) and "exporter" in details
        except InfrastructureError as error:
            logger.debug("the controller does not tell how a silent exporter is: %s", error)
            return False
        # It listens, and may only be busy. The way is good for the next connection; once for each silence is enough.
        self._suspected = self.tunnel.heard
        self.tunnel.spare(RouterEndpoint(answer.router_endpoint, answer.router_token))
        return False

    def close(self) -> None:
        """Close the tunnel."""
        self.tunnel.close()


def open_route(lease: Lease, deadline: Deadline, dialer: Dialer, dial_timeout: float) -> LeaseRoute:
    """Return a route whose first way is known.

    Raises:
        InfrastructureError: See ``Dialer.dial``.
    """
    route = LeaseRoute(lease, dialer, dial_timeout)
    try:
        route.tunnel.prepare(deadline.within(dial_timeout))
    except BaseException:
        route.close()
        raise
    return route
