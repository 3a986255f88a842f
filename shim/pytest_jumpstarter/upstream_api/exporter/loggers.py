"""Loggers whose lines clients can read."""

from __future__ import annotations

import logging
from typing import Any, Protocol

from pytest_jumpstarter.upstream_api.exporter.statuses import LogSource


class LoggerRegistration(Protocol):
    """Something that knows which logger stands for which source: a session."""

    def add_logger_source(self, logger_name: str, source: LogSource) -> Any:
        """Note the source of a logger's lines."""


def get_logger(
    name: str, source: LogSource = LogSource.SYSTEM, session: LoggerRegistration | None = None
) -> logging.Logger:
    """Return a logger of Python's.

    Args:
        name: Its name. Lines of loggers below ``driver`` reach clients as a driver's.
        source: What a session is to say of its lines.
        session: The session to tell that; otherwise the name alone decides.
    """
    if session is not None:
        session.add_logger_source(name, source)
    return logging.getLogger(name)
