"""Several devices at once, all or none."""

from __future__ import annotations

import datetime
import random
from collections.abc import Mapping

from robot.api.deco import keyword

from JumpstarterLibrary.client.deadline import Deadline, format_duration
from JumpstarterLibrary.client.interrupts import pause
from JumpstarterLibrary.client.selectors import parse_alternatives
from JumpstarterLibrary.errors import LeaseTimeout, UsageError
from JumpstarterLibrary.keywords.leases import LeaseKeywords
from JumpstarterLibrary.types import LeaseInfo, Scope

SHORT_WAIT = datetime.timedelta(seconds=10)
"""How long one of several devices is waited for, before those that were taken already are given back."""

LONG_WAIT_S = 7200.0
"""How long the first one is waited for."""

LEAST_S = 1.0
"""How long each is waited for in any case: what is free is had, however late it is."""

BACK_OFF_S = 2.0


class LeaseSetKeywords(LeaseKeywords):
    """Several leases at once."""

    @keyword(tags=("Lease",))
    def acquire_devices(
        self,
        *,
        duration: datetime.timedelta = datetime.timedelta(minutes=30),
        max_duration: datetime.timedelta | None = None,
        timeout: datetime.timedelta = datetime.timedelta(hours=2),
        scope: Scope | None = None,
        **selectors: str,
    ) -> list[LeaseInfo]:
        """Leases several devices, all or none.

        Each is given as ``alias=selector``. The one that fewest exporters match is asked for first; if one is not free
        within 10 seconds, those that were taken are given back for a moment. So two runs that want the same boards
        cannot block each other for ever.

        Args:
            duration: How long the leases last. Default: 30 minutes.
            max_duration: Extend them by themselves while the run lasts, up to this length. Default: never.
            timeout: For all of them together. Default: 2 hours.
            scope: How long they are kept: ``run``, ``suite`` or ``test``. Default: the library's.
            selectors: Label expressions by alias.

        Returns:
            The leases, in the order of the arguments.

        Raises:
            LeaseTimeout: They did not become free together in time.
            InfrastructureError: One of them cannot be had at all; see `Acquire Lease`.

        Example:
        | Acquire Devices    phone=os=android    headunit=board=qc    timeout=10 min
        | Power On    device=phone
        """
        if not selectors:
            raise UsageError("There is nothing to acquire. Give devices as alias=selector.")
        for text in selectors.values():
            parse_alternatives(text)
        deadline = Deadline(timeout)
        service = self.leases.service(self.devices.default.mode)
        # Otherwise a selector that fits much could take what another one needs.
        order = sorted(selectors, key=lambda alias: (len(service.exporters(selectors[alias])), selectors[alias]))
        scope = scope or self.devices.default.scope
        while True:
            missing = self._take_all(
                {alias: selectors[alias] for alias in order}, duration, max_duration, deadline, scope
            )
            if missing is None:
                return [self.info(alias) for alias in selectors]
            if deadline.expired:
                alias, error = missing
                raise error.reworded(
                    LeaseTimeout,
                    f"The devices {', '.join(selectors)} did not become free together within "
                    f"{format_duration(timeout.total_seconds())}. The last one missing was '{alias}': {error.facts}",
                )
            pause(deadline.at_most(random.uniform(0.2, BACK_OFF_S)))

    def _take_all(
        self,
        selectors: Mapping[str, str],
        duration: datetime.timedelta,
        max_duration: datetime.timedelta | None,
        deadline: Deadline,
        scope: Scope,
    ) -> tuple[str, LeaseTimeout] | None:
        """Take each device, or none; return which one was not free, and why."""
        taken: list[str] = []
        order = list(selectors)
        try:
            for number, (alias, selector) in enumerate(selectors.items()):
                limit = deadline.within(SHORT_WAIT.total_seconds() if number else LONG_WAIT_S, LEAST_S)
                request = self._request(selector, None, duration, max_duration)
                self._acquire(request, alias, limit, scope)
                taken.append(alias)
        except LeaseTimeout as error:
            self._release_all(taken)
            return order[len(taken)], error
        except BaseException:
            self._release_all(taken)
            raise
        return None

    def _release_all(self, aliases: list[str]) -> None:
        for alias in reversed(aliases):
            self.devices.release(alias)
