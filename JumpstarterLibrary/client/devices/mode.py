"""Decide how a device is connected: direct, in a shell, by a lease, or on a virtual board."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.common.environment import HOST, LEASE
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.hints import Hint, argument
from JumpstarterLibrary.types import Mode


@dataclass(frozen=True)
class ConnectionMode:
    """How a device is connected.

    Attributes:
        mode: Any mode but ``auto``.
        why: Why it is this mode, in words that follow "because".
        lease: The lease that is used, and not released; None for a lease of our own.
        lab: Whether leases come from the run's virtual lab.
    """

    mode: Mode
    why: str
    lease: str | None = None
    lab: bool = False


def resolve_mode(
    mode: Mode = Mode.auto,
    *,
    host: str | None = None,
    request: LeaseRequest | None = None,
    lab: bool = False,
    subject: str = "",
    environ: Mapping[str, str] = os.environ,
) -> ConnectionMode:
    """Decide how a device is connected.

    A mode that was asked for is taken. Otherwise it is the exporter that was given; else the one that
    ``JUMPSTARTER_HOST`` names; else a lease of the virtual lab if the run has one; else the lease that ``JMP_LEASE``
    names; else the lease that was requested.

    Args:
        mode: The mode that was asked for. Default: ``auto``.
        host: Socket path or HOST:PORT of an exporter. Default: none.
        request: What can be leased; with a name alone, a lease that is there. Default: nothing.
        lab: Whether the run has a virtual lab that stands in for the controller. Default: no.
        subject: Who wants the device, for errors: ``test class TestBoot``. Default: not told.
        environ: The environment.

    Raises:
        ConfigurationError: Nothing says which device it is, or ``host`` contradicts the mode.
    """
    asked = f"{argument('mode')}{mode.value}"
    if host is not None and mode not in (Mode.auto, Mode.direct):
        raise ConfigurationError(f"{argument('host')} and {asked} contradict each other. Leave one of the two out.")
    if mode is Mode.virtual:
        return ConnectionMode(Mode.virtual, f"{asked} was asked for", lab=True)
    if host is not None:
        return ConnectionMode(Mode.direct, "an exporter's address was given")
    if mode is Mode.direct:
        raise ConfigurationError(f"{asked} needs {argument('host')}: the socket path or HOST:PORT of an exporter.")
    if _in_shell(mode, environ):
        # Without the variable, connecting says what to do.
        return ConnectionMode(Mode.shell, f"{asked} was asked for" if mode is Mode.shell else f"{HOST} is set")
    leased = _leased(request, lab, environ)
    if leased is not None:
        return leased
    named = f" for {subject}" if subject else ""
    if mode is Mode.lease:
        raise ConfigurationError(f"{asked} needs to know what to lease{named}.", hint=Hint.CHOOSE_LEASE)
    raise ConfigurationError(
        f"There is no device{named}: nothing says which one, and neither {HOST} nor {LEASE} is set.",
        hint=Hint.CHOOSE_DEVICE,
    )


def _leased(request: LeaseRequest | None, lab: bool, environ: Mapping[str, str]) -> ConnectionMode | None:
    """Return which lease connects a device; None if nothing can be leased."""
    if lab:
        return ConnectionMode(Mode.lease, "there is a virtual lab to lease from", lab=True)
    if environ.get(LEASE):
        return ConnectionMode(Mode.lease, f"{LEASE} names lease {environ[LEASE]}", environ[LEASE])
    if request is None or not any(request.target):
        return None
    if request.selector:
        return ConnectionMode(Mode.lease, f"the selector '{request.selector}' was given")
    if request.exporter:
        return ConnectionMode(Mode.lease, f"the exporter '{request.exporter}' was given")
    return ConnectionMode(Mode.lease, f"lease {request.name} was named", request.name)


def lease_mode(mode: Mode, request: LeaseRequest, environ: Mapping[str, str] = os.environ) -> Mode:
    """Return the mode for a caller that asks for a lease: a lease also where devices are connected directly otherwise.

    Args:
        mode: The mode in which devices are connected otherwise.
        request: What is to be leased.
        environ: The environment.

    Raises:
        ConfigurationError: The request has neither selector nor exporter, there is no shell to join, and no lease is
            named that could be used.
    """
    mode = Mode.lease if mode is Mode.direct else mode
    attached = mode in (Mode.auto, Mode.lease) and environ.get(LEASE)
    if not request.selector and not request.exporter and not attached and not _in_shell(mode, environ):
        raise ConfigurationError("A lease needs a selector or the name of an exporter.", hint=Hint.SELECT_EXPORTER)
    return mode


def _in_shell(mode: Mode, environ: Mapping[str, str]) -> bool:
    """Return whether the device is that of the shell in which this process runs."""
    return mode is Mode.shell or (mode is Mode.auto and bool(environ.get(HOST)))
