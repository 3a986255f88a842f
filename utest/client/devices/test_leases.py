"""What both faces say when they make a lease."""

from __future__ import annotations

import datetime
from typing import cast

import pytest

from JumpstarterLibrary.client.devices.leases import lease_context, lease_tags, warn_of_token
from JumpstarterLibrary.client.events import Events, Notice
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.settings import ClientSettings

CI = {"GITLAB_CI": "true", "CI_PROJECT_PATH": "team/board", "CI_JOB_NAME": "night", "HOSTNAME": "runner"}


def test_own_tags_come_first_and_those_of_the_ci_system_fill_up() -> None:
    own = {f"own{number}": "x" for number in range(8)}
    tags = lease_tags({"project": "mine", **own}, CI)
    assert tags["project"] == "mine"
    assert len(tags) <= 10
    assert lease_tags({}, CI)["project"] == "team-board"


def test_own_context_comes_first() -> None:
    context = lease_context({"job": "mine"}, CI)
    assert context["job"] == "mine"
    assert context["host"] == "runner"
    many = {f"own{number}": "x" for number in range(9)}
    assert lease_context(many, CI) == many


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (datetime.timedelta(minutes=20, seconds=30), "20 minutes"),
        (datetime.timedelta(minutes=1, seconds=30), "1 minute"),
        (datetime.timedelta(days=2, minutes=5, seconds=30), "2885 minutes"),
        (datetime.timedelta(days=4), None),
        (datetime.timedelta(minutes=-1), None),
        (None, None),
    ],
)
def test_a_token_that_ends_before_the_lease_may_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, left: datetime.timedelta | None, words: str | None
) -> None:
    expiry = None if left is None else datetime.datetime.now(datetime.UTC) + left
    monkeypatch.setattr(ClientSettings, "token_expiry", lambda _settings: expiry)
    settings = ClientSettings(namespace="n", name="qa", endpoint="e", token="t", source="a file")
    events, heard = Events(), list[Notice]()
    events.subscribe(lambda event: heard.append(cast(Notice, event)))
    warn_of_token(settings, LeaseRequest(selector="a=b", max_duration=datetime.timedelta(days=3)), events)
    end = "before the lease may end. Log in again before long: jmp login."
    expected = [] if words is None else [("WARN", f"The token of client 'qa' (a file) expires in {words}, {end}")]
    assert [(notice.level, notice.text) for notice in heard] == expected
