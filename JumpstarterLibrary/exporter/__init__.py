"""The exporter side: drivers, and the session that serves them. Everything else is reached through this door."""

from __future__ import annotations

from JumpstarterLibrary.exporter.config import ExporterConfigV1Alpha1, ExporterConfigV1Alpha1DriverInstance
from JumpstarterLibrary.exporter.driver import Driver, export, exportstream
from JumpstarterLibrary.exporter.hosting import HostedExporter, serve
from JumpstarterLibrary.exporter.session import Features, Session
from JumpstarterLibrary.exporter.streams import BrokenStream, ByteStream, ClosedStream, EndOfStream

__all__ = [
    "BrokenStream",
    "ByteStream",
    "ClosedStream",
    "Driver",
    "EndOfStream",
    "ExporterConfigV1Alpha1",
    "ExporterConfigV1Alpha1DriverInstance",
    "Features",
    "HostedExporter",
    "Session",
    "export",
    "exportstream",
    "serve",
]
