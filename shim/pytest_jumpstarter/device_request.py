"""Read which board a test class or a test requests."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from JumpstarterLibrary.client.devices.leases import check_lease_time, read_tags
from JumpstarterLibrary.client.devices.request import DeviceRequest
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.errors import ConfigurationError, UsageError
from JumpstarterLibrary.types import Mode, Scope
from pytest_jumpstarter.attributes import DeviceAttributes
from pytest_jumpstarter.durations import duration as read_duration
from pytest_jumpstarter.options import Options

SCOPES = {"class": Scope.suite, "session": Scope.run}
"""What ``lease_scope`` may be: whether the lease is kept while the class runs, or for others until the run ends."""

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


def device_request_for(
    node: pytest.Item | pytest.Collector, holder: DeviceAttributes | None, options: Options
) -> DeviceRequest:
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
    return _device_request(subject, lambda word: given.get(word, getattr(holder, word, None)), options)


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


def _device_request(subject: str, get: Callable[[str], Any], options: Options) -> DeviceRequest:
    duration = _duration(get("lease_duration"), "lease_duration") or LeaseRequest.duration
    max_duration = _duration(get("lease_max_duration"), "lease_max_duration")
    try:
        check_lease_time(duration, max_duration, ("lease_duration", "lease_max_duration"))
    except UsageError as error:
        raise ConfigurationError(str(error)) from None
    request = LeaseRequest(
        selector=_selector(get("selector")),
        exporter=_text(get("exporter_name"), "exporter_name", "'rpi4-12'"),
        name=_text(get("lease_name"), "lease_name", "'nightly-4711'"),
        duration=duration,
        max_duration=max_duration,
        tags=_tags(get("lease_tags")),
    )
    return DeviceRequest(
        Mode(options.mode(get("mode"))),
        request=request,
        lease_timeout=options.timeout(get("lease_timeout")),
        progress=options.progress(get("lease_progress")),
        timing=options.timing,
        scope=_scope(get("lease_scope")),
        subject=subject,
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
        return None if value is None else read_duration(value, what)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None


def _scope(value: object) -> Scope:
    scope = str(value or "class")
    if scope not in SCOPES:
        raise ConfigurationError(f"lease_scope: '{scope}' is none of its choices: {', '.join(SCOPES)}.")
    return SCOPES[scope]


def _tags(value: Mapping[str, object] | None) -> dict[str, str]:
    """Return tags as texts, if they may be tags."""
    if value is not None and not isinstance(value, Mapping):
        raise ConfigurationError(f"lease_tags: {value!r} is no mapping. Give one such as {{'suite': 'nightly'}}.")
    try:
        return read_tags(value or {})
    except UsageError as error:
        raise ConfigurationError(f"lease_tags: {error}") from None
