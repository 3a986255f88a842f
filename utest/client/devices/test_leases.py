"""What both faces say when they make a lease."""

from __future__ import annotations

import datetime
from typing import cast

import jwt
import pytest

from JumpstarterLibrary.client.devices.leases import (
    add_ci_metadata,
    check_lease_time,
    lease_context,
    lease_tags,
    read_tags,
    warn_of_token,
)
from JumpstarterLibrary.client.events import Events, Notice
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.settings import ClientSettings
from JumpstarterLibrary.errors import UsageError

CI = {"GITLAB_CI": "true", "CI_PROJECT_PATH": "team/board", "CI_JOB_NAME": "night", "HOSTNAME": "runner"}


def test_own_tags_come_first_and_those_of_the_ci_system_fill_up() -> None:
    own = {f"own{number}": "x" for number in range(8)}
    tags = lease_tags({"project": "mine", **own}, CI)
    assert tags["project"] == "mine"
    assert len(tags) <= 10
    assert lease_tags({}, CI)["project"] == "team-board"


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({f"k{number}": "x" for number in range(11)}, "A lease can have 10 tags, not 11."),
        (
            {"suite": "night ly"},
            "The tag suite=night ly is not possible: a value has up to 63 letters, digits, '-', '_' and '.', with a "
            "letter or digit at both ends. Try 'night-ly'.",
        ),
    ],
)
def test_tags_that_cannot_be(tags: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_tags(tags)
    assert str(caught.value) == message


def test_tags_are_texts() -> None:
    assert read_tags({"build": 17}) == {"build": "17"}


def test_own_context_comes_first() -> None:
    context = lease_context({"job": "mine"}, CI)
    assert context["job"] == "mine"
    assert context["host"] == "runner"
    many = {f"own{number}": "x" for number in range(9)}
    assert lease_context(many, CI) == many


def test_a_request_gets_the_tags_and_the_context_of_the_ci_system() -> None:
    request = add_ci_metadata(LeaseRequest(selector="board=b", tags={"project": "mine"}), CI)
    assert (request.selector, (request.tags or {})["project"]) == ("board=b", "mine")
    assert (request.context or {})["host"] == "runner"


def test_how_long_a_lease_may_last() -> None:
    check_lease_time(datetime.timedelta(days=365), None)
    check_lease_time(datetime.timedelta(minutes=1), datetime.timedelta(minutes=1))


@pytest.mark.parametrize(
    ("minutes", "longest", "message"),
    [
        (0, None, "duration= has to be longer than nothing and at most 365 days, not 0 milliseconds."),
        (366 * 24 * 60, None, "duration= has to be longer than nothing and at most 365 days, not 366 days."),
        (
            30,
            10,
            "max_duration= (10 minutes) is shorter than duration= (30 minutes). Give a longer one, or leave it out.",
        ),
    ],
)
def test_how_long_a_lease_cannot_last(minutes: int, longest: int | None, message: str) -> None:
    limit = None if longest is None else datetime.timedelta(minutes=longest)
    with pytest.raises(UsageError) as caught:
        check_lease_time(datetime.timedelta(minutes=minutes), limit)
    assert str(caught.value) == message


def test_a_face_has_its_own_names_for_the_length_of_a_lease() -> None:
    with pytest.raises(UsageError) as caught:
        check_lease_time(datetime.timedelta(0), None, ("lease_duration", "lease_max_duration"))
    assert str(caught.value).startswith("lease_duration has to be longer than nothing")


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
    left: datetime.timedelta | None, words: str | None
) -> None:
    claims = {} if left is None else {"exp": datetime.datetime.now(datetime.UTC) + left}
    token = jwt.encode({"sub": "qa", **claims}, "a key of more than 32 bytes, for HMAC")
    settings = ClientSettings(namespace="n", name="qa", endpoint="e", token=token, source="a file")
    events, heard = Events(), list[Notice]()
    events.subscribe(lambda event: heard.append(cast(Notice, event)))
    warn_of_token(settings, LeaseRequest(selector="a=b", max_duration=datetime.timedelta(days=3)), events)
    end = "before the lease may end. Log in again before long: jmp login."
    expected = [] if words is None else [("WARN", f"The token of client 'qa' (a file) expires in {words}, {end}")]
    assert [(notice.level, notice.text) for notice in heard] == expected
