"""Faults of exporters: they go, stand still, do not listen, or their hooks fail."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import grpc

from JumpstarterLibrary.errors import UsageError
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1
from JumpstarterLibrary.exporter.session import Features
from JumpstarterLibrary.lab.components import LabComponents
from JumpstarterLibrary.lab.exporters import ExporterRunner, LabExporter
from JumpstarterLibrary.lab.faults.options import Option, count, names, seconds, text
from JumpstarterLibrary.lab.faults.table import lasting, once
from JumpstarterLibrary.lab.model import AVAILABLE, LeaseRecord
from JumpstarterLibrary.lab.refusal import Refusal

NAME = Option("name", names, "which exporters; default: all", "")
TIMES = Option("times", count, "how often; default: until it is cleared")
HOOK = Option("hook", text, "which hook", "before", ("before", "after"))

HOOK_LIMIT_S = 120.0


@lasting("exporter", "offline", "It says goodbye to the controller and is gone; it comes back in the end.", NAME)
async def offline(parts: LabComponents, *, name: str) -> AsyncIterator[None]:
    """Stop exporters in good order."""
    lives = _running(parts, name)
    await asyncio.gather(*(life.stop() for life in lives))
    yield
    _start(lives)


@lasting(
    "exporter",
    "crash",
    "It vanishes without a word: tunnels stay half-open, and the controller notices after a minute; it comes back in "
    "the end.",
    NAME,
)
async def crash(parts: LabComponents, *, name: str) -> AsyncIterator[None]:
    """Crash exporters."""
    lives = _running(parts, name)
    await asyncio.gather(*(life.crash() for life in lives))
    yield
    _start(lives)


@once(
    "exporter",
    "restart",
    "It vanishes and starts again, with new drivers; a lease that it had goes on with them.",
    NAME,
    Option("down", seconds, "how long it is gone", 0.0),
)
async def restart(parts: LabComponents, *, name: str, down: float) -> None:
    """Crash exporters and start them again."""
    lives = _running(parts, name)
    await asyncio.gather(*(life.crash() for life in lives))
    try:
        await parts.clock.sleep(down)
    finally:
        _start(lives)


@lasting("exporter", "pause", "It stands still: its connections stay, and nothing is answered.", NAME)
async def pause(parts: LabComponents, *, name: str) -> AsyncIterator[None]:
    """Freeze exporters."""
    lives = _running(parts, name)
    for life in lives:
        life.pause()
    yield
    for life in lives:
        life.resume()


@lasting("exporter", "not-listening", "No client can connect: it does not listen for tunnels.", NAME, TIMES)
async def not_listening(parts: LabComponents, *, name: str, times: int | None) -> AsyncIterator[None]:
    """Refuse Dial calls for exporters as if they did not listen."""
    with _dial_refused(parts, name, times, grpc.StatusCode.UNAVAILABLE, "exporter is not listening on lease {}"):
        yield


@lasting("exporter", "buffer-full", "No client connects: it does not take the tunnels that wait.", NAME, TIMES)
async def buffer_full(parts: LabComponents, *, name: str, times: int | None) -> AsyncIterator[None]:
    """Refuse Dial calls for exporters as if they were slow to take tunnels."""
    with _dial_refused(parts, name, times, grpc.StatusCode.RESOURCE_EXHAUSTED, "listener buffer full on lease {}"):
        yield


@lasting("exporter", "stuck-available", "Its lease never becomes ready: it goes on reporting that it is free.", NAME)
async def stuck_available(parts: LabComponents, *, name: str) -> AsyncIterator[None]:
    """Let exporters report nothing but that they are free."""
    lives = _running(parts, name)
    for life in lives:
        life.tell(False)
        parts.controller.report(life.name, AVAILABLE, "")
    yield
    for life in lives:
        life.tell(True)


@lasting("exporter", "disabled", "An administrator takes it out of use; a lease that it has goes on.", NAME)
async def disabled(parts: LabComponents, *, name: str) -> AsyncIterator[None]:
    """Disable exporters."""
    lives = parts.exporters(name)
    for life in lives:
        parts.controller.change_exporter(life.name, enabled=False)
    yield
    for life in lives:
        parts.controller.change_exporter(life.name, enabled=life.wish.enabled)


@lasting(
    "exporter",
    "hook-fails",
    "A hook of its fails, after it has printed something.",
    NAME,
    HOOK,
    Option("on_failure", text, "what follows", "warn", ("warn", "endLease", "exit")),
    Option("output", text, "what it prints", "the hook failed on request"),
)
async def hook_fails(
    parts: LabComponents, *, name: str, hook: str, on_failure: Any, output: str
) -> AsyncIterator[None]:
    """Give exporters a hook that fails; one that ended by it starts again in the end."""
    script = f"echo {shlex.quote(output)}; exit 1"
    lives = parts.exporters(name)
    with _hooked(lives, hook, HookInstanceConfigV1Alpha1(script=script, on_failure=on_failure)):
        yield
    _start(life for life in lives if life.wish.register)


@lasting(
    "exporter",
    "hook-slow",
    "A hook of its takes long.",
    NAME,
    HOOK,
    Option("delay", seconds, "how long", 1.0),
)
async def hook_slow(parts: LabComponents, *, name: str, hook: str, delay: float) -> AsyncIterator[None]:
    """Give exporters a hook that takes long."""
    # A process knows no lab time.
    real = parts.clock.real(delay)
    script = f"echo waiting for {real:g} seconds; sleep {real:g}"
    with _hooked(parts.exporters(name), hook, HookInstanceConfigV1Alpha1(script=script, timeout=real + HOOK_LIMIT_S)):
        yield


@lasting(
    "exporter",
    "old",
    "From its next lease on it knows neither GetStatus nor EndSession nor LogStream, as older ones.",
    NAME,
)
async def old(parts: LabComponents, *, name: str) -> AsyncIterator[None]:
    """Let exporters be old."""
    lives = parts.exporters(name)
    before = [life.wish for life in lives]
    for life in lives:
        life.change(replace(life.wish, features=Features(get_status=False, end_session=False, log_stream=False)))
    yield
    for life, wish in zip(lives, before, strict=True):
        life.change(replace(life.wish, features=wish.features))


@once(
    "status",
    "gap",
    "The session's status counts on without a change, as if the client had missed some.",
    NAME,
    Option("versions", count, "how many are missed", 3),
)
async def gap(parts: LabComponents, *, name: str, versions: int) -> None:
    """Let statuses be missed."""
    for life in parts.exporters(name):
        if life.session is not None:
            status = life.session.status()
            for _ in range(versions + 1):
                life.session.update_status(status.status, status.message)


def _running(parts: LabComponents, name: str) -> list[ExporterRunner]:
    """Return the exporters that run here."""
    lives = [life for life in parts.exporters(name) if life.wish.register]
    if not lives:
        raise UsageError("None of these exporters runs in this lab's process, so that it could be made to fail.")
    return lives


def _start(lives: Iterable[ExporterRunner]) -> None:
    for life in lives:
        life.start()


@contextmanager
def _dial_refused(
    parts: LabComponents, name: str, times: int | None, code: grpc.StatusCode, details: str
) -> Iterator[None]:
    meant = {life.name for life in parts.exporters(name)}
    left = times

    def refuse(request: Any) -> Refusal | None:
        nonlocal left
        lease: LeaseRecord | None = parts.controller.state.leases.get(request.lease_name)
        if lease is None or lease.exporter not in meant or left == 0:
            return None
        left = None if left is None else left - 1
        return Refusal(details.format(lease.name), code)

    fault = parts.controller.faults.add("Dial", act=refuse)
    try:
        yield
    finally:
        fault.clear()


@contextmanager
def _hooked(lives: list[ExporterRunner], hook: str, script: HookInstanceConfigV1Alpha1) -> Iterator[None]:
    before = [_hook(life.wish, hook) for life in lives]
    for life in lives:
        life.change(_with_hook(life.wish, hook, script))
    try:
        yield
    finally:
        for life, own in zip(lives, before, strict=True):
            life.change(_with_hook(life.wish, hook, own))


def _hook(wish: LabExporter, hook: str) -> HookInstanceConfigV1Alpha1 | None:
    return wish.before_lease if hook == "before" else wish.after_lease


def _with_hook(wish: LabExporter, hook: str, script: HookInstanceConfigV1Alpha1 | None) -> LabExporter:
    return replace(wish, before_lease=script) if hook == "before" else replace(wish, after_lease=script)
