"""What happens to a controller's objects without an RPC, and what looks at RPCs before they are served."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from JumpstarterLibrary.errors import UsageError
from JumpstarterLibrary.lab.model import AVAILABLE, UNSATISFIABLE
from JumpstarterLibrary.lab.refusal import Refusal
from JumpstarterLibrary.lab.selection import Rejection

Failing = Callable[[Callable[[], object]], tuple[str, str]]
Eventually = Callable[[Callable[[], object]], None]


def test_a_status_that_nobody_reported(lab: Any) -> None:
    lab.exporter().come("LEASE_READY")
    lab.controller.report("board1", AVAILABLE, "free again")
    record = lab.controller.exporter("board1")
    assert (record.status, record.status_message) == (AVAILABLE, "free again")


def test_a_lease_that_nobody_asked_for(lab: Any, eventually: Eventually) -> None:
    peer, exporter = lab.client(), lab.exporter().come()
    stream = exporter.status()
    next(stream)
    name = lab.controller.add_lease("alice", "board1", timedelta(minutes=5))
    assert peer.until(name, "Ready", "Ready").client == "namespaces/default/clients/alice"
    assert lab.controller.lease(name).duration == timedelta(minutes=5)
    stream.cancel()
    for client, taken in (("nobody", ""), ("alice", name)):
        text = f"^There is no client '{client}', or there is a lease '{taken}' already\\.$"
        with pytest.raises(UsageError, match=text):
            lab.controller.add_lease(client, "board1", timedelta(minutes=5), name=taken)


def test_a_verdict_for_everybody(lab: Any) -> None:
    peer = lab.client()
    with lab.controller.forced(Rejection(UNSATISFIABLE, "NoAccess", "Not today.")):
        (condition,) = peer.until(peer.create(name="one").name.rpartition("/")[2], UNSATISFIABLE, "NoAccess").conditions
        assert condition.message == "Not today."
    peer.create(name="two")
    assert peer.until("two", UNSATISFIABLE, "NoAccess").conditions[0].message != "Not today."


@pytest.mark.parametrize(
    ("how", "details"),
    [
        ("expired", "oidc: verify token: oidc: token is expired"),
        ("invalid", "oidc: verify token: failed to verify signature"),
    ],
)
def test_tokens_of_the_past(lab: Any, failing: Failing, how: Any, details: str) -> None:
    alice, bob = lab.client("alice"), lab.client("bob")
    with lab.controller.tokens_refused("alice", how):
        assert failing(alice.exporters) == ("UNKNOWN", details)
        bob.exporters()
        old, alice.metadata = alice.metadata, _with_token(alice.metadata, lab.controller.client_token("alice"))
        alice.exporters()
        alice.metadata = old
    alice.exporters()


def test_a_request_that_somebody_looks_at_first(lab: Any, failing: Failing) -> None:
    peer = lab.client()
    seen = []

    def look(request: Any) -> Refusal | None:
        seen.append(request.lease_id)
        return Refusal("not that one") if request.lease_id == "bad" else None

    fault = lab.controller.faults.add("CreateLease", act=look)
    assert failing(lambda: peer.create(name="bad")) == ("UNKNOWN", "not that one")
    peer.create(name="good")
    fault.clear()
    peer.create(name="late")
    assert seen == ["bad", "good"]
    assert [lease.name for lease in lab.controller.leases()] == ["good", "late"]


def _with_token(metadata: Any, token: str) -> Any:
    return (("authorization", f"Bearer {token}"), *metadata[1:])
