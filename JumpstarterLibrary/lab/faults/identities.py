"""Faults of tokens and certificates."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any

import grpc

from JumpstarterLibrary.lab.certificates import Authority, Certificate
from JumpstarterLibrary.lab.components import LabComponents
from JumpstarterLibrary.lab.faults.options import Option, names, text
from JumpstarterLibrary.lab.faults.table import lasting

OTHER_NAME = "elsewhere.example"
"""The host name in a certificate for another host."""

NAME = Option("name", names, "of which clients; default: all", "")
SERVER = Option("server", text, "whose", "controller", ("controller", "router", "both"))


@lasting("token", "expire", "Those that clients have by now have expired; new ones are good.", NAME)
async def expire(parts: LabComponents, *, name: str) -> AsyncIterator[None]:
    """Let tokens be too old."""
    with _refused(parts, name, "expired"):
        yield


@lasting("token", "invalid", "Those that clients have by now are not the controller's; new ones are good.", NAME)
async def invalid(parts: LabComponents, *, name: str) -> AsyncIterator[None]:
    """Let tokens be none of the controller's."""
    with _refused(parts, name, "invalid"):
        yield


@lasting("token", "wrong-kind", "Clients are taken for callers of another kind.", NAME)
async def wrong_kind(parts: LabComponents, *, name: str) -> AsyncIterator[None]:
    """Refuse clients for their kind."""
    with _calls_fail(parts, name, grpc.StatusCode.INVALID_ARGUMENT, "object kind mismatch"):
        yield


@lasting("token", "wrong-namespace", "Clients are taken for those of another namespace.", NAME)
async def wrong_namespace(parts: LabComponents, *, name: str) -> AsyncIterator[None]:
    """Refuse clients for their namespace."""
    with _calls_fail(parts, name, grpc.StatusCode.PERMISSION_DENIED, "namespace mismatch"):
        yield


@lasting("tls", "unknown-ca", "The certificate is by an authority that no client trusts.", SERVER)
async def unknown_ca(parts: LabComponents, *, server: str) -> AsyncIterator[None]:
    """Show a certificate of an unknown authority."""
    async with _showing(parts, server, Authority("strangers").issue(*_names(parts))):
        yield


@lasting("tls", "wrong-name", "The certificate is for another host.", SERVER)
async def wrong_name(parts: LabComponents, *, server: str) -> AsyncIterator[None]:
    """Show a certificate for another host."""
    async with _showing(parts, server, parts.authority.issue(OTHER_NAME)):
        yield


@lasting("tls", "expired", "The certificate has expired.", SERVER)
async def expired(parts: LabComponents, *, server: str) -> AsyncIterator[None]:
    """Show a certificate that is too old."""
    async with _showing(parts, server, parts.authority.issue(*_names(parts), life=timedelta(minutes=-1))):
        yield


@lasting("tls", "plaintext", "The server speaks no TLS.", SERVER)
async def plaintext(parts: LabComponents, *, server: str) -> AsyncIterator[None]:
    """Show no certificate."""
    async with _showing(parts, server, None):
        yield


def _names(parts: LabComponents) -> tuple[str, ...]:
    return tuple(dict.fromkeys((parts.host, "127.0.0.1", "localhost")))


@contextmanager
def _refused(parts: LabComponents, name: str, how: Any) -> Iterator[None]:
    with ExitStack() as stack:
        for client in parts.clients(name):
            stack.enter_context(parts.controller.tokens_refused(client, how))
        yield


@contextmanager
def _calls_fail(parts: LabComponents, name: str, code: grpc.StatusCode, details: str) -> Iterator[None]:
    with ExitStack() as stack:
        for client in parts.clients(name):
            stack.callback(parts.controller.faults.add("*", caller=client, code=code, details=details).clear)
        yield


@asynccontextmanager
async def _showing(parts: LabComponents, server: str, certificate: Certificate | None) -> AsyncIterator[None]:
    """Let servers restart with another certificate, and at the end with their own."""
    servers: list[Any] = [] if server == "router" else [parts.controller]
    servers += [] if server == "controller" else [parts.router]
    own = [one.certificate for one in servers]
    for one in servers:
        await one.show(certificate)
    yield
    for one, before in zip(servers, own, strict=True):
        await one.show(before)
