"""Faults of the controller: it is gone, silent, slow or old, or single RPCs fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from JumpstarterLibrary.lab.components import LabComponents
from JumpstarterLibrary.lab.faults.options import Option, count, seconds, text
from JumpstarterLibrary.lab.faults.ports import kept
from JumpstarterLibrary.lab.faults.routers import CODES
from JumpstarterLibrary.lab.faults.table import lasting, once
from JumpstarterLibrary.lab.model import NO_STATUS

NOWHERE = "no-such-host.invalid:8082"
"""A name that never resolves."""

_NOT_INITIALIZED = {"code": grpc.StatusCode.UNKNOWN, "details": "oidc: authenticator not initialized"}
"""The answer of a real controller in the first seconds after its start."""

RPC = Option("rpc", text, "which RPC, such as CreateLease; default: all", "*")
CALLER = Option("caller", text, "only those of this client or exporter; default: of everybody")


@once(
    "controller",
    "restart",
    "It is gone and comes back, with all leases; tunnels stay.",
    Option("down", seconds, "how long it is gone", 0.0),
    Option("starting", seconds, "how long it accepts no client and no exporter then; a real one takes 11 s", 0.0),
)
async def restart(parts: LabComponents, *, down: float, starting: float) -> None:
    """Stop the controller and start it."""
    await parts.controller.stop_serving()
    with _fault(parts, "*", **_NOT_INITIALIZED):
        with kept(parts.controller.endpoint):
            await parts.clock.sleep(down)
        await parts.controller.start_serving()
        await parts.clock.sleep(starting)


@lasting("controller", "starting", "It has just started, and accepts no client and no exporter yet.")
async def start(parts: LabComponents) -> AsyncIterator[None]:
    """Refuse RPCs as a controller does whose authenticator has not fetched the keys of token issuers yet."""
    with _fault(parts, "*", **_NOT_INITIALIZED):
        yield


@lasting("controller", "down", "It is gone: connections are refused; it comes back in the end, with all leases.")
async def down(parts: LabComponents) -> AsyncIterator[None]:
    """Stop the controller."""
    await parts.controller.stop_serving()
    with kept(parts.controller.endpoint):
        yield
    await parts.controller.start_serving()


@lasting("controller", "silent", "It takes connections, and says nothing.")
async def silent(parts: LabComponents) -> AsyncIterator[None]:
    """Replace the controller by a listener that never answers."""
    await parts.controller.stop_serving()
    host, _, port = parts.controller.endpoint.rpartition(":")
    open_ones: set[asyncio.StreamWriter] = set()

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.add(writer)
        while await reader.read(65536):
            pass

    server = await asyncio.start_server(swallow, host.strip("[]"), int(port))
    try:
        yield
    finally:
        server.close()
        for writer in open_ones:
            writer.transport.abort()
    await server.wait_closed()
    await parts.controller.start_serving()


@lasting("controller", "unknown-host", "Client configurations that are handed out name a host that does not exist.")
async def unknown_host(parts: LabComponents) -> AsyncIterator[None]:
    """Hand out another endpoint."""
    parts.endpoint = NOWHERE
    yield
    parts.endpoint = None


@lasting(
    "controller",
    "slow",
    "Its answers take their time.",
    RPC,
    Option("delay", seconds, "how long", 1.0),
    CALLER,
)
async def slow(parts: LabComponents, *, rpc: str, delay: float, caller: str | None) -> AsyncIterator[None]:
    """Hold answers back."""
    with _fault(parts, rpc, delay=delay, caller=caller):
        yield


@lasting(
    "controller",
    "fail",
    "RPCs end with an error, and nothing is done.",
    RPC,
    Option("code", text, "with which gRPC code", "UNAVAILABLE", CODES),
    Option("details", text, "with which text", "the lab refuses on request"),
    Option("times", count, "how often; default: until it is cleared"),
    CALLER,
)
async def fail(
    parts: LabComponents, *, rpc: str, code: str, details: str, times: int | None, caller: str | None
) -> AsyncIterator[None]:
    """Refuse RPCs."""
    with _fault(parts, rpc, code=grpc.StatusCode[code], details=details, times=times, caller=caller):
        yield


@lasting(
    "controller",
    "lose-reply",
    "RPCs are done, and their answers lost.",
    Option("rpc", text, "which RPC", "CreateLease"),
    Option("times", count, "how often; default: once", 1),
    CALLER,
)
async def lose_reply(parts: LabComponents, *, rpc: str, times: int, caller: str | None) -> AsyncIterator[None]:
    """Lose answers."""
    with _fault(parts, rpc, times=times, caller=caller, when="after"):
        yield


@lasting(
    "controller",
    "old",
    "It restarts as an older one: without ReportStatus and GetServiceEndpoints, and with leases that are Unsatisfiable "
    "where exporters are offline.",
)
async def old(parts: LabComponents) -> AsyncIterator[None]:
    """Let the controller be old."""
    await _become(parts, new=False)
    yield
    await _become(parts, new=True)


async def _become(parts: LabComponents, *, new: bool) -> None:
    await parts.controller.stop_serving()
    features = parts.controller.features
    features.report_status = features.service_endpoints = new
    features.no_exporter_reason = not new
    if not new:
        # One that takes no statuses knows none.
        for exporter in parts.controller.state.exporters.values():
            exporter.status, exporter.status_message = NO_STATUS, ""
    await parts.controller.start_serving()


@contextmanager
def _fault(parts: LabComponents, rpc: str, **what: Any) -> Iterator[None]:
    fault = parts.controller.faults.add(rpc, **what)
    try:
        yield
    finally:
        fault.clear()
