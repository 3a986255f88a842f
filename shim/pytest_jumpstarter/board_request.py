"""Read which board a test class or a test requests."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from JumpstarterLibrary.client.devices.leases import read_tags
from JumpstarterLibrary.client.devices.mode import ConnectionMode, resolve_mode
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.errors import ConfigurationError, UsageError
from JumpstarterLibrary.types import Mode
from pytest_jumpstarter.durations import duration
from pytest_jumpstarter.options import Options
from pytest_jumpstarter.testcase import JumpstarterTest

DURATION = datetime.timedelta(minutes=30)

SCOPES = ("class", "session")

MARKER = "jumpstarter"

WORDS = (
    "selector",
    "exporter_name",
    "lease_name",
    "lease_duration",
    "lease_max_duration",
    "lease_timeout",
    "lease_progress",
    "lease_scope",
    "lease_tags",
    "mode",
)
"""The attributes of `JumpstarterTest`, which are the words of the marker as well."""


@dataclass(frozen=True, kw_only=True)
class BoardRequest:
    """The board that a test class or a test requests; see `JumpstarterTest` for the words.

    Attributes:
        subject: Who wants it, for messages: ``test class TestBoot``.
        selector: Label expression of the exporter.
        exporter: Its name.
        name: The lease's name.
        duration: How long the lease lasts.
        max_duration: Up to which length it is extended by itself; None for never.
        timeout: How long it may take, with the connection; None for what the client configuration says.
        progress: Time between two lines about the wait.
        shared: Whether the lease is kept for others until the run ends.
        tags: Tags of the lease.
        mode: How the board is found: ``auto``, ``shell``, ``lease`` or ``virtual``.
    """

    subject: str
    selector: str | None = None
    exporter: str | None = None
    name: str | None = None
    duration: datetime.timedelta = DURATION
    max_duration: datetime.timedelta | None = None
    timeout: datetime.timedelta | None = None
    progress: datetime.timedelta = datetime.timedelta(seconds=15)
    shared: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    mode: str = "auto"

    @property
    def request(self) -> tuple[str | None, str | None, str | None]:
        """What others have to ask for as well to share the lease."""
        return self.selector, self.exporter, self.name

    def resolve_mode(self, *, lab: bool) -> ConnectionMode:
        """Decide how the board is connected.

        Args:
            lab: Whether the run has a virtual lab.

        Raises:
            ConfigurationError: Nothing says which board it is.
        """
        known = LeaseRequest(selector=self.selector, exporter=self.exporter, name=self.name)
        request = known if any(self.request) else None
        return resolve_mode(Mode(self.mode), request=request, lab=lab, subject=self.subject)


def board_request_for(
    node: pytest.Item | pytest.Collector, holder: JumpstarterTest | None, options: Options
) -> BoardRequest:
    """Return what a test class, or a test, wants: by its marker ``jumpstarter`` first, then by the class's attributes.

    Args:
        node: Its node.
        holder: An instance of the class, so that properties count as well; None if it is no `JumpstarterTest`.
        options: The settings of the run.

    Raises:
        ConfigurationError: Something about it cannot be.
    """
    subject = f"{'test class' if isinstance(node, pytest.Class) else 'test'} {node.name}"
    given = _given(subject, node.get_closest_marker(MARKER))
    return _wish(subject, lambda word: given.get(word, getattr(holder, word, None)), options)


def _given(subject: str, mark: pytest.Mark | None) -> dict[str, Any]:
    """Return the words of a marker."""
    given: dict[str, Any] = dict(mark.kwargs) if mark else {}
    if mark and mark.args:
        given.setdefault("selector", mark.args[0])
    unknown = [word for word in given if word not in WORDS]
    if unknown or (mark and len(mark.args) > 1):
        what = f"no {unknown[0]}=" if unknown else "one argument without a name, the selector"
        raise ConfigurationError(f"The marker {MARKER} of {subject} takes {what}. It takes: {', '.join(WORDS)}.")
    return given


def _wish(subject: str, get: Callable[[str], Any], options: Options) -> BoardRequest:
    lasts = _duration(get("lease_duration"), "lease_duration") or DURATION
    longest = _duration(get("lease_max_duration"), "lease_max_duration")
    if longest is not None and longest < lasts:
        raise ConfigurationError(
            f"lease_max_duration ({longest}) is shorter than lease_duration ({lasts}). Give a longer one, or leave it "
            f"out."
        )
    return BoardRequest(
        subject=subject,
        selector=_selector(get("selector")),
        exporter=_text(get("exporter_name"), "exporter_name", "'rpi4-12'"),
        name=_text(get("lease_name"), "lease_name", "'nightly-4711'"),
        duration=lasts,
        max_duration=longest,
        timeout=options.timeout(get("lease_timeout")),
        progress=options.progress(get("lease_progress")),
        shared=_scope(get("lease_scope")) == "session",
        tags=_tags(get("lease_tags")),
        mode=options.mode(get("mode")),
    )


def _selector(value: object) -> str | None:
    """Return a label expression; labels may be given as a mapping as well, all of which have to be there then."""
    example = "'board=rpi4', or labels such as {'board': 'rpi4'}"
    if not isinstance(value, Mapping):
        return _text(value, "selector", example)
    texts = {key: _text(text, f"selector: the label {key!r}", example) for key, text in value.items()}
    missing = next((key for key, text in texts.items() if text is None), None)
    if missing is not None:
        raise ConfigurationError(f"selector: the label {missing!r} has no value. Give one, or text such as {example}.")
    return ",".join(f"{key}={text}" for key, text in texts.items()) or None


def _text(value: object, what: str, example: str) -> str | None:
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        raise ConfigurationError(f"{what}: {value!r} is no text. Give one such as {example}.")
    return str(value).strip() or None if value is not None else None


def _duration(value: object, what: str) -> datetime.timedelta | None:
    try:
        return None if value is None else duration(value, what)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None


def _scope(value: object) -> str:
    scope = str(value or "class")
    if scope not in SCOPES:
        raise ConfigurationError(f"lease_scope: '{scope}' is none of its choices: {', '.join(SCOPES)}.")
    return scope


def _tags(value: Mapping[str, object] | None) -> dict[str, str]:
    """Return tags as texts, if they may be tags."""
    if value is not None and not isinstance(value, Mapping):
        raise ConfigurationError(f"lease_tags: {value!r} is no mapping. Give one such as {{'suite': 'nightly'}}.")
    try:
        return read_tags(value or {})
    except UsageError as error:
        raise ConfigurationError(f"lease_tags: {error}") from None
