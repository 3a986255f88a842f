"""ClientService over real sockets: what is checked, refused, stored and answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest

from JumpstarterLibrary.lab.features import ControllerFeatures
from JumpstarterLibrary.lab.lease_request import go_duration
from JumpstarterLibrary.protocol import client_pb2
from JumpstarterLibrary.protocol.wellknown import FieldMask

Failing = Callable[[Callable[[], object]], tuple[str, str]]

START = datetime(2030, 1, 1, tzinfo=UTC)
PARENT = "namespaces/default"
HOUR = timedelta(hours=1)
NEEDED = "duration is required (by itself, with begin_time or end_time, or as both of those)"


# CreateLease


def test_the_answer_knows_nothing_of_what_follows(lab: Any) -> None:
    lab.exporter().come()
    lease = lab.client().create(
        "board=rpi4", name="mine", seconds=60, tags={"ci": "1"}, context={"job": "x"}, client=f"{PARENT}/clients/else"
    )
    assert lease == client_pb2.Lease(
        name=f"{PARENT}/leases/mine",
        selector="board=rpi4",
        duration=lease.duration,
        client=f"{PARENT}/clients/alice",
        tags={"ci": "1"},
        context={"job": "x"},
    )
    assert lease.duration.ToTimedelta() == timedelta(minutes=1)
    assert list(lease.conditions) == []


def test_a_lease_without_a_name_gets_a_uuid_of_version_7(lab: Any) -> None:
    client = lab.client()
    names = [client.create().name.rpartition("/")[2] for _ in range(3)]
    assert {UUID(name).version for name in names} == {7}
    assert len(set(names)) == 3


@pytest.mark.parametrize(
    ("request_fields", "code", "details"),
    [
        ({}, "INVALID_ARGUMENT", "lease is required"),
        ({"lease": {}}, "INVALID_ARGUMENT", "one of selector or exporter_name is required"),
        (
            {"lease": {"selector": "a=b", "tags": {f"t{i}": "" for i in range(11)}}, "parent": "nonsense"},
            "INVALID_ARGUMENT",
            "invalid lease tags: 11 tags, at most 10 are allowed",
        ),
        (
            {"lease": {"selector": "a=b", "tags": {"jumpstarter.dev/x": "y"}}},
            "INVALID_ARGUMENT",
            "invalid lease tags: the prefix of 'jumpstarter.dev/x' is reserved",
        ),
        (
            {"lease": {"selector": "a=b", "tags": {"x/y": "z"}}},
            "INVALID_ARGUMENT",
            "invalid lease tags: the key 'x/y' has a slash",
        ),
        (
            {"lease": {"selector": "a=b", "tags": {"-x": "z"}}},
            "INVALID_ARGUMENT",
            "invalid lease tags: '-x' is no label key",
        ),
        (
            {"lease": {"selector": "a=b", "tags": {"x": "a b"}}},
            "INVALID_ARGUMENT",
            "invalid lease tags: 'a b' is no label value (of 'x')",
        ),
        (
            {"lease": {"selector": "a=b"}, "parent": "namespaces/a/b"},
            "INVALID_ARGUMENT",
            'invalid resource name "namespaces/a/b": it should read namespaces/<namespace>',
        ),
    ],
)
def test_what_is_refused_before_it_is_known_who_asks(
    lab: Any, failing: Failing, request_fields: dict[str, Any], code: str, details: str
) -> None:
    peer = lab.client()
    fields = {"parent": PARENT, **request_fields}
    lease = fields.pop("lease", None)
    request = client_pb2.CreateLeaseRequest(**fields, lease=client_pb2.Lease(**lease) if lease is not None else None)
    assert failing(lambda: peer.client_stub.create_lease(request, timeout=5)) == (code, details)


@pytest.mark.parametrize(
    ("fields", "details"),
    [
        (
            {"selector": "a=b c", "seconds": None},
            "failed to parse label selector: couldn't parse the selector string 'a=b c': "
            "found 'c' where ',' was expected",
        ),
        ({"selector": "a=b,a=c"}, "conflicting values for label 'a' in selector: 'b' and 'c'"),
        ({"selector": "a==b"}, "unsupported label selector operator: =="),
        ({"seconds": None}, NEEDED),
        ({"seconds": None, "begin": START}, NEEDED),
        ({"seconds": None, "end": START}, NEEDED),
        ({"seconds": 0}, "duration must be positive, got 0s"),
        ({"seconds": -5400}, "duration must be positive, got -1h30m0s"),
        ({"seconds": None, "begin": START, "end": START}, "duration must be positive, got 0s"),
        (
            {"seconds": 60, "begin": START, "end": START + HOUR},
            "duration conflicts with begin_time and end_time: 1m0s is not 1h0m0s",
        ),
        (
            {"name": "Mine"},
            'Lease.jumpstarter.dev "Mine" is invalid: metadata.name: Invalid value: "Mine": '
            "not a lowercase RFC 1123 subdomain",
        ),
        (
            {"selector": " ", "name": "n"},
            'Lease.jumpstarter.dev "n" is invalid: spec: Invalid value: one of selector or exporterRef.name '
            "is required",
        ),
        (
            {"name": "n", "context": {str(i): "" for i in range(9)}},
            'Lease.jumpstarter.dev "n" is invalid: spec.context: Too many: 9: must have at most 8 items',
        ),
        (
            {"name": "n", "context": {"k" * 33: ""}},
            f'Lease.jumpstarter.dev "n" is invalid: spec.context: Invalid value: "{"k" * 33}": '
            "keys have at most 32 characters, values 64",
        ),
        (
            {"name": "n", "context": {"k": "v" * 65}},
            'Lease.jumpstarter.dev "n" is invalid: spec.context: Invalid value: "k": '
            "keys have at most 32 characters, values 64",
        ),
    ],
)
def test_what_is_refused_without_a_code_of_its_own(
    lab: Any, failing: Failing, fields: dict[str, Any], details: str
) -> None:
    peer = lab.client()
    assert failing(lambda: peer.create(**fields)) == ("UNKNOWN", details)
    assert lab.controller.leases() == []


def test_names_are_burnt_for_ever(lab: Any, failing: Failing) -> None:
    peer = lab.client()
    peer.create(name="mine")
    taken = ("UNKNOWN", 'leases.jumpstarter.dev "mine" already exists')
    assert failing(lambda: peer.create(name="mine")) == taken
    peer.until("mine", "Unsatisfiable", "NoAccess")
    assert failing(lambda: peer.create(name="mine")) == taken


@pytest.mark.parametrize(
    ("times", "begin", "end", "length"),
    [
        ({"seconds": 60.25}, None, None, timedelta(seconds=60.25)),
        ({"seconds": 60, "begin": START + HOUR}, START + HOUR, None, timedelta(seconds=60)),
        ({"seconds": None, "begin": START + HOUR, "end": START + 3 * HOUR}, START + HOUR, START + 3 * HOUR, 2 * HOUR),
        ({"seconds": 3600, "end": START + 3 * HOUR}, START + 2 * HOUR, START + 3 * HOUR, HOUR),
        ({"seconds": 3600, "begin": START, "end": START + HOUR}, START, START + HOUR, HOUR),
        (
            {"seconds": 60, "begin": START + timedelta(seconds=1.9)},
            START + timedelta(seconds=1),
            None,
            timedelta(seconds=60),
        ),
    ],
)
def test_times_that_were_not_given_are_computed(
    lab: Any, times: dict[str, Any], begin: datetime | None, end: datetime | None, length: timedelta
) -> None:
    lease = lab.client().create(**times)
    assert lease.duration.ToTimedelta() == length
    assert (lease.begin_time.ToDatetime(UTC) if lease.HasField("begin_time") else None) == begin
    assert (lease.end_time.ToDatetime(UTC) if lease.HasField("end_time") else None) == end


def test_selectors_come_back_rendered(lab: Any) -> None:
    peer = lab.client()
    assert peer.create("z=1,a!=3, a!=2 ,b in (y,x),!c,d").selector == "a notin (2,3),b in (x,y),!c,d,z=1"
    named = peer.create("", exporter_name="board1")
    assert (named.selector, named.exporter_name) == ("<none>", "board1")
    assert not peer.create("a").HasField("exporter_name")


def test_deprecated_labels_of_a_selector_are_told(serve: Any) -> None:
    lab = serve(features=ControllerFeatures(deprecated_labels={"board": "use model"}))
    peer = lab.client()
    assert dict(peer.create("board=x,site").deprecated_labels) == {"board": "use model"}
    assert dict(peer.create("site").deprecated_labels) == {}


def test_the_limit_of_tags_can_be_lower(serve: Any, failing: Failing) -> None:
    peer = serve(features=ControllerFeatures(max_tags=1)).client()
    peer.create(tags={"a": ""})
    assert failing(lambda: peer.create(tags={"a": "", "b": ""})) == (
        "INVALID_ARGUMENT",
        "invalid lease tags: 2 tags, at most 1 are allowed",
    )


# GetLease, ListLeases


def test_all_clients_see_all_leases(lab: Any, failing: Failing) -> None:
    alice, bob = lab.client("alice"), lab.client("bob")
    alice.create(name="mine")
    assert bob.get("mine").client == f"{PARENT}/clients/alice"
    assert bob.leases(only_active=False) == ["mine"]
    assert failing(lambda: bob.get("other")) == ("UNKNOWN", 'leases.jumpstarter.dev "other" not found')
    bad = client_pb2.GetLeaseRequest(name=f"{PARENT}/exporters/x")
    assert failing(lambda: bob.call(bob.client_stub.get_lease, bad)) == (
        "INVALID_ARGUMENT",
        f'invalid resource name "{PARENT}/exporters/x": it should read namespaces/<namespace>/leases/<name>',
    )


def test_lists_show_active_leases_by_name(lab: Any, eventually: Any) -> None:
    lab.exporter().come()
    peer = lab.client()
    for name in ("b", "c", "a"):
        peer.create(name=name)
    assert peer.leases() == ["a", "b", "c"]
    peer.delete("b")
    eventually(lambda: peer.leases() == ["a", "c"])
    assert peer.leases(only_active=True) == ["a", "c"]
    assert peer.leases(only_active=False) == ["a", "b", "c"]
    ended = peer.leases(only_active=False, filter="jumpstarter.dev/lease-ended=true")
    assert ended == ["b"]


def test_lists_find_what_was_asked_for_by_equality(lab: Any, failing: Failing) -> None:
    peer = lab.client()
    peer.create("a=1,b!=2", name="one", tags={"ci": "7"})
    peer.create("a in (1)", name="two", tags={"ci": "8", "x": ""})
    everything = {"only_active": False}
    assert peer.leases(filter="a=1", **everything) == ["one"]
    assert peer.leases(filter="!a", **everything) == ["two"]
    assert peer.leases(filter="b", **everything) == []
    assert peer.leases(filter="a==1", **everything) == ["one"]
    assert peer.leases(tag_filter="ci=7", **everything) == ["one"]
    assert peer.leases(tag_filter="ci,!x", **everything) == ["one"]
    assert peer.leases(tag_filter="ci>7", **everything) == ["two"]
    assert peer.leases(filter="metadata.jumpstarter.dev/ci=8", **everything) == ["two"]
    assert failing(lambda: peer.leases(filter="a b")) == (
        "UNKNOWN",
        "couldn't parse the selector string 'a b': found 'b' where an operator was expected",
    )
    assert failing(lambda: peer.leases(tag_filter="a b")) == (
        "INVALID_ARGUMENT",
        "invalid tag filter: couldn't parse the selector string 'a b': found 'b' where an operator was expected",
    )


def test_pages(lab: Any, failing: Failing) -> None:
    peer = lab.client()
    for name in "edcba":
        lab.exporter(name)

    def page(size: int, token: str = "") -> tuple[list[str], str]:
        answer = peer.exporters(page_size=size, page_token=token)
        return [one.name.rpartition("/")[2] for one in answer.exporters], answer.next_page_token

    assert page(0) == (list("abcde"), "")
    assert page(5) == (list("abcde"), "")
    first, token = page(2)
    assert (first, bool(token)) == (["a", "b"], True)
    second, after = page(2, token)
    assert second == ["c", "d"]
    assert page(2, after) == (["e"], "")
    assert page(2, token)[0] == ["c", "d"]
    assert failing(lambda: page(2, "nonsense!")) == ("UNKNOWN", "continue key is not valid")
    old = ("UNKNOWN", "The provided continue parameter is too old to display a consistent list result.")
    lab.controller.expire_page_tokens()
    assert failing(lambda: page(2, token)) == old
    token = page(2)[1]
    lab.clock.advance(299)
    page(2, token)
    lab.clock.advance(1)
    assert failing(lambda: page(2, token)) == old


def test_pages_of_leases(lab: Any) -> None:
    peer = lab.client()
    lab.exporter().come()
    for name in "cba":
        peer.create(name=name)
    request = client_pb2.ListLeasesRequest(parent=PARENT, page_size=2)
    answer = peer.call(peer.client_stub.list_leases, request)
    assert [lease.name for lease in answer.leases] == [f"{PARENT}/leases/{name}" for name in "ab"]
    assert peer.leases(page_size=2, page_token=answer.next_page_token) == ["c"]


# UpdateLease


def test_a_new_duration(lab: Any) -> None:
    lab.exporter().come()
    peer = lab.client()
    peer.create(name="mine", seconds=60)
    peer.until("mine", "Ready", "Ready")
    lab.clock.advance(50)
    changed = peer.update("mine", peer.wish(120))
    assert changed.duration.ToTimedelta() == timedelta(minutes=2)
    lab.clock.advance(69)
    assert peer.get("mine").effective_duration.ToTimedelta() == timedelta(seconds=119)
    assert not peer.get("mine").HasField("effective_end_time")
    lab.clock.advance(1)
    ended = peer.until("mine", "Ready", "Expired")
    assert ended.effective_end_time.ToDatetime(UTC) == START + timedelta(minutes=2)


def test_a_duration_that_is_over_already(lab: Any) -> None:
    lab.exporter().come()
    peer = lab.client()
    peer.create(name="mine")
    peer.until("mine", "Ready", "Ready")
    lab.clock.advance(100)
    peer.update("mine", peer.wish(60))
    assert peer.until("mine", "Ready", "Expired").effective_duration.ToTimedelta() == timedelta(seconds=100)
    # An update of what has ended is accepted, and changes nothing.
    peer.update("mine", peer.wish(7200))
    assert peer.get("mine").conditions[0].reason == "Expired"


def test_the_update_mask_does_not_matter(lab: Any) -> None:
    peer = lab.client()
    lab.exporter()
    peer.create(name="mine", tags={"a": "b"})
    lease = peer.wish(60)
    lease.name = f"{PARENT}/leases/mine"
    lease.selector = "other"
    lease.tags["c"] = "d"
    request = client_pb2.UpdateLeaseRequest(lease=lease, update_mask=FieldMask(paths=["selector", "tags"]))
    changed = peer.call(peer.client_stub.update_lease, request)
    assert (changed.selector, dict(changed.tags)) == ("board=rpi4", {"a": "b"})
    assert changed.duration.ToTimedelta() == timedelta(minutes=1)


def test_times_have_to_be_complete_by_themselves(lab: Any, failing: Failing) -> None:
    peer = lab.client()
    lab.exporter()
    peer.create(name="mine", begin=START + HOUR)
    for wish in (peer.wish(begin=START + 2 * HOUR), peer.wish(end=START + 2 * HOUR)):
        assert failing(lambda wish=wish: peer.update("mine", wish)) == ("UNKNOWN", NEEDED)
    moved = peer.update("mine", peer.wish(3600, begin=START + 2 * HOUR))
    assert moved.begin_time.ToDatetime(UTC) == START + 2 * HOUR
    assert failing(lambda: peer.update("mine", peer.wish(0))) == ("UNKNOWN", "duration must be positive, got 0s")


def test_a_duration_alone_does_not_fit_begin_and_end(lab: Any, failing: Failing) -> None:
    peer = lab.client()
    lab.exporter()
    peer.create(name="mine", seconds=None, begin=START + HOUR, end=START + 2 * HOUR)
    assert failing(lambda: peer.update("mine", peer.wish(60))) == (
        "UNKNOWN",
        "duration conflicts with begin_time and end_time: 1m0s is not 1h0m0s",
    )
    longer = peer.update("mine", peer.wish(2 * 3600, end=START + 3 * HOUR))
    assert longer.duration.ToTimedelta() == 2 * HOUR


def test_the_begin_stays_once_there_is_an_exporter(lab: Any, failing: Failing) -> None:
    lab.exporter().come()
    peer = lab.client()
    peer.create(name="mine", begin=START)
    peer.until("mine", "Ready", "Ready")
    assert failing(lambda: peer.update("mine", peer.wish(60, begin=START + HOUR))) == (
        "UNKNOWN",
        "cannot update BeginTime: lease has already started",
    )
    assert peer.update("mine", peer.wish(60, begin=START)).duration.ToTimedelta() == timedelta(minutes=1)


def test_only_the_owner_changes_a_lease(lab: Any, failing: Failing) -> None:
    lab.client("alice").create(name="mine")
    bob = lab.client("bob")
    # Even a request that could never be granted hears of that first.
    assert failing(lambda: bob.update("mine", bob.wish(-1))) == ("UNKNOWN", "UpdateLease permission denied")
    assert failing(lambda: bob.delete("mine")) == ("UNKNOWN", "DeleteLease permission denied")
    assert failing(lambda: bob.update("other", bob.wish(60))) == (
        "UNKNOWN",
        'leases.jumpstarter.dev "other" not found',
    )


def test_transfer(lab: Any, failing: Failing) -> None:
    exporter = lab.exporter().come()
    alice, bob = lab.client("alice"), lab.client("bob")
    watching = exporter.status()
    assert next(watching).leased is False

    def to(name: str, namespace: str = "default") -> Callable[[], object]:
        path = f"namespaces/{namespace}/clients/{name}"
        return lambda: alice.update("mine", client_pb2.Lease(client=path))

    alice.create(name="mine", begin=START + HOUR)
    assert failing(to("bob")) == ("UNKNOWN", "cannot transfer lease: it has no exporter yet")
    lab.clock.advance(3600)
    alice.until("mine", "Ready", "Ready")
    assert next(watching).client_name == "alice"
    assert failing(to("bob", "other")) == (
        "UNKNOWN",
        "cannot transfer lease: client bob is in another namespace, other",
    )
    assert failing(to("carol")) == (
        "UNKNOWN",
        'target client not found: clients.jumpstarter.dev "carol" not found',
    )
    assert failing(lambda: alice.update("mine", client_pb2.Lease(client="bob"))) == (
        "INVALID_ARGUMENT",
        'invalid resource name "bob": it should read namespaces/<namespace>/clients/<name>',
    )
    to("bob")()
    assert bob.get("mine").client == f"{PARENT}/clients/bob"
    news = next(watching)
    assert (news.leased, news.lease_name, news.client_name) == (True, "mine", "bob")
    exporter.report("LEASE_READY")
    assert failing(lambda: alice.dial("mine")) == ("UNKNOWN", "permission denied")
    assert failing(lambda: alice.delete("mine")) == ("UNKNOWN", "DeleteLease permission denied")
    bob.delete("mine")
    bob.until("mine", "Ready", "Released")
    wish = client_pb2.Lease(client=f"{PARENT}/clients/alice")
    assert failing(lambda: bob.update("mine", wish)) == ("UNKNOWN", "cannot transfer lease: it has ended")
    watching.cancel()


def test_an_update_is_made_wholly_or_not_at_all(lab: Any, failing: Failing) -> None:
    peer = lab.client()
    lab.exporter()
    peer.create(name="mine", seconds=3600)
    wish = peer.wish(60)
    wish.client = f"{PARENT}/clients/alice"
    assert failing(lambda: peer.update("mine", wish))[0] == "UNKNOWN"
    assert peer.get("mine").duration.ToTimedelta() == HOUR


# DeleteLease


def test_the_end_follows_the_request(lab: Any, failing: Failing) -> None:
    lab.exporter().come()
    peer = lab.client()
    peer.create(name="mine")
    peer.until("mine", "Ready", "Ready")
    lab.clock.advance(5)
    peer.delete("mine")
    lease = peer.until("mine", "Ready", "Released")
    assert lease.exporter == f"{PARENT}/exporters/board1"
    assert lease.effective_end_time.ToDatetime(UTC) == START + timedelta(seconds=5)
    assert failing(lambda: peer.delete("mine")) == (
        "FAILED_PRECONDITION",
        "lease mine has already been released",
    )
    assert failing(lambda: peer.delete("other")) == ("UNKNOWN", 'leases.jumpstarter.dev "other" not found')


def test_what_expired_can_be_deleted_once(lab: Any, failing: Failing) -> None:
    lab.exporter().come()
    peer = lab.client()
    peer.create(name="mine", seconds=10)
    peer.until("mine", "Ready", "Ready")
    lab.clock.advance(10)
    peer.until("mine", "Ready", "Expired")
    peer.delete("mine")
    assert failing(lambda: peer.delete("mine"))[0] == "FAILED_PRECONDITION"
    assert peer.get("mine").conditions[0].reason == "Expired"


@pytest.mark.parametrize("begin", [None, START + HOUR])
def test_leases_that_wait_or_are_scheduled_can_be_deleted(lab: Any, begin: datetime | None) -> None:
    lab.exporter()
    peer = lab.client()
    peer.create(name="mine", begin=begin)
    peer.delete("mine")
    lease = peer.until("mine", "Ready", "Released")
    assert not lease.HasField("effective_end_time")
    assert not lease.HasField("effective_duration")


# Exporters and tokens


def test_exporters(lab: Any, failing: Failing) -> None:
    peer = lab.client()
    board = lab.exporter("board1", {"board": "rpi4"})
    lab.exporter("board2", {"board": "rpi5"}, enabled=False)
    fresh = peer.exporter("board1")
    assert (fresh.name, fresh.online, fresh.status, fresh.enabled) == (f"{PARENT}/exporters/board1", False, 0, True)
    board.come()
    board.report("LEASE_READY", "Ready for commands")
    known = peer.exporter("board1")
    assert (known.online, known.status, known.status_message) == (True, 3 + 1, "Ready for commands")
    assert dict(known.labels) == {"board": "rpi4", "jumpstarter.dev/name": "board1"}
    disabled = peer.exporter("board2")
    assert disabled.HasField("enabled")
    assert disabled.enabled is False
    assert [one.name for one in peer.exporters(filter="board=rpi5").exporters] == [f"{PARENT}/exporters/board2"]
    assert [one.name for one in peer.exporters(filter="board!=rpi5").exporters] == [f"{PARENT}/exporters/board1"]
    assert failing(lambda: peer.exporters(filter="=")) == (
        "UNKNOWN",
        "couldn't parse the selector string '=': found '=' where a label key was expected",
    )
    assert failing(lambda: peer.exporter("other")) == ("UNKNOWN", 'exporters.jumpstarter.dev "other" not found')


def test_hidden_and_deprecated_labels(serve: Any) -> None:
    features = ControllerFeatures(hidden_labels=frozenset({"secret"}), deprecated_labels={"old": "use new"})
    lab = serve(features=features)
    peer = lab.client()
    labels = {"board": "x", "secret": "s", "old": "o"}
    lab.exporter("board1", labels)
    assert dict(peer.exporter("board1").labels) == {"board": "x"}
    shown = peer.exporter("board1", show_hidden_labels=True)
    assert dict(shown.labels) == labels
    assert dict(shown.deprecated_labels) == {"old": "use new"}
    assert dict(peer.exporters(filter="secret").exporters[0].labels) == {"board": "x"}
    assert dict(peer.exporters(show_hidden_labels=True).exporters[0].labels) == labels


def test_tokens_can_be_rotated_and_earlier_ones_stay_valid(lab: Any) -> None:
    peer = lab.client()
    answer = peer.call(peer.client_stub.rotate_token, client_pb2.RotateTokenRequest(parent=PARENT))
    assert answer.token != peer.token
    assert answer.expiry.ToDatetime(UTC) == START + timedelta(days=365)
    claims = jwt.decode(answer.token, options={"verify_signature": False})
    assert claims["exp"] == int((START + timedelta(days=365)).timestamp())
    request = client_pb2.ListExportersRequest(parent=PARENT)
    peer.call(peer.client_stub.list_exporters, request, authorization=f"Bearer {answer.token}")
    peer.exporters()


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(), "0s"),
        (timedelta(milliseconds=1.5), "1.5ms"),
        (timedelta(seconds=1.5), "1.5s"),
        (timedelta(seconds=61), "1m1s"),
        (-timedelta(hours=26), "-26h0m0s"),
    ],
)
def test_durations_in_gos_way(length: timedelta, text: str) -> None:
    assert go_duration(length) == text
