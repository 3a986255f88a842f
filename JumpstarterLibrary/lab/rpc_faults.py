"""Faults of single RPCs: slow, refused, or done with the answer lost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import grpc
import grpc.aio

from JumpstarterLibrary.lab.clock import Clock
from JumpstarterLibrary.lab.journal import wrapped
from JumpstarterLibrary.lab.refusal import Refusal

if TYPE_CHECKING:
    _Interceptor = grpc.aio.ServerInterceptor[Any, Any]
else:
    _Interceptor = grpc.aio.ServerInterceptor

ANY = "*"
"""Stands for every RPC."""

LOST = "the answer was lost"
"""The text that goes with an answer that was withheld, unless told otherwise."""

RequestAct = Callable[[Any], Refusal | None]
"""Looks at a request before it is served, and may refuse it. Called on the server's loop."""


@dataclass(eq=False)
class RpcFault:
    """A fault of some RPCs.

    Attributes:
        method: The RPC, for example ``CreateLease``; ``ClientService/GetLease`` where two services have one of the same
            name; ``*`` for all.
        caller: Only of the caller that sends this as ``jumpstarter-name``; None for all callers.
        delay: Lab seconds that they take longer.
        code: How they end; None leaves the answer as it is.
        details: The text that goes with the code.
        times: How often it happens still; None for always.
        when: ``before``: nothing is done. ``after``: all is done, only the answer is lost.
        act: What looks at their requests first; for RPCs with one request.
        hits: How often it happened.
    """

    method: str
    caller: str | None = None
    delay: float = 0.0
    code: grpc.StatusCode | None = None
    details: str = ""
    times: int | None = None
    when: Literal["before", "after"] = "before"
    act: RequestAct | None = None
    hits: int = 0
    _cleared: bool = False
    _held: set[Callable[[], object]] = field(default_factory=set)

    def clear(self) -> None:
        """End the fault. RPCs that it delays at present go on."""
        self._cleared = True
        for release in list(self._held):
            release()

    async def hold(self, clock: Clock) -> None:
        """Wait for the delay, or until the fault is cleared."""
        loop, woken = asyncio.get_running_loop(), asyncio.Event()

        def release() -> None:
            loop.call_soon_threadsafe(woken.set)

        self._held.add(release)
        timer = clock.at(clock.seconds() + self.delay, woken.set)
        try:
            if not self._cleared:
                await woken.wait()
        finally:
            timer.cancel()
            self._held.discard(release)

    @property
    def over(self) -> bool:
        """Whether it does not happen any more."""
        return self._cleared or self.times == 0

    def fits(self, path: str, caller: str) -> bool:
        """Whether it is about an RPC."""
        if self.caller is not None and self.caller != caller:
            return False
        service, _, method = path.lstrip("/").rpartition("/")
        return self.method in (ANY, method, f"{service.rpartition('.')[2]}/{method}")


class RpcFaults:
    """The faults of a server. All its methods may be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[RpcFault] = []

    def add(
        self,
        method: str,
        *,
        caller: str | None = None,
        delay: float = 0.0,
        code: grpc.StatusCode | None = None,
        details: str = "",
        times: int | None = None,
        when: Literal["before", "after"] = "before",
        act: RequestAct | None = None,
    ) -> RpcFault:
        """Add a fault of RPCs, which lasts until it has happened often enough or is cleared.

        Args:
            method: The RPC, for example ``CreateLease``; ``ClientService/GetLease`` where two services have one of the
                same name; ``*`` for all.
            caller: Only of the caller that sends this as ``jumpstarter-name``. Default: of all callers.
            delay: Lab seconds that they take longer. Default: 0.
            code: How they end. Default: as ever; with ``after`` UNAVAILABLE.
            details: The text that goes with the code.
            times: How often. Default: always.
            when: ``before``: nothing is done. ``after``: all is done, and only the answer is lost.
            act: What looks at their requests first, and may refuse them; for RPCs with one request.
        """
        if when == "after" and code is None:
            code, details = grpc.StatusCode.UNAVAILABLE, details or LOST
        fault = RpcFault(method, caller, delay, code, details, times, when, act)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            for fault in self._faults:
                fault.clear()
            self._faults.clear()

    def meet(self, path: str, caller: str) -> Iterator[RpcFault]:
        """Yield the faults that an RPC meets, oldest first, and count each as it comes up.

        A caller that refuses the RPC takes no further fault, which is then left for the next RPC.
        """
        met: list[RpcFault] = []
        while (fault := self._next(path, caller, met)) is not None:
            met.append(fault)
            yield fault

    def any(self, path: str, caller: str) -> bool:
        """Whether an RPC meets any fault."""
        with self._lock:
            return any(fault.fits(path, caller) for fault in self._faults if not fault.over)

    def _next(self, path: str, caller: str, met: list[RpcFault]) -> RpcFault | None:
        with self._lock:
            self._faults = [fault for fault in self._faults if not fault.over]
            found = (fault for fault in self._faults if fault not in met and fault.fits(path, caller))
            fault = next(found, None)
            if fault is not None:
                fault.hits += 1
                if fault.times is not None:
                    fault.times -= 1
        return fault


class FaultInterceptor(_Interceptor):
    """Lets faults happen on a ``grpc.aio`` server whose methods are coroutines.

    Args:
        faults: The faults.
        clock: Whose seconds delays are.
    """

    def __init__(self, faults: RpcFaults, clock: Clock) -> None:
        self._faults = faults
        self._clock = clock

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Let an RPC pass, or put a fault in its way."""
        details: Any = handler_call_details
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        caller = next((value for key, value in details.invocation_metadata if key == "jumpstarter-name"), "")
        if not self._faults.any(details.method, caller):
            return handler
        return wrapped(handler, lambda function: self._failing(details.method, caller, function))

    def _failing(self, path: str, caller: str, function: Any) -> Any:
        # The controller's streaming methods write to the context, so that every one is a plain coroutine.
        async def answer(request: Any, context: Any) -> Any:
            later = []
            for fault in self._faults.meet(path, caller):
                if fault.when == "before":
                    await self._happen(fault, request, context)
                else:
                    later.append(fault)
            answer = await function(request, context)
            for fault in later:
                await self._happen(fault, request, context)
            return answer

        return answer

    async def _happen(self, fault: RpcFault, request: Any, context: Any) -> None:
        if fault.delay:
            await fault.hold(self._clock)
        refusal = fault.act(request) if fault.act is not None else None
        if refusal is not None:
            await context.abort(refusal.code, refusal.details)
        if fault.code is not None:
            await context.abort(fault.code, fault.details)
