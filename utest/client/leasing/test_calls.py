"""The client service call by call: whole answers, and errors that name what was asked for."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.leasing.calls import ControllerCalls
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.errors import (
    AuthenticationError,
    ControllerUnreachable,
    LeaseError,
    LeaseInvalid,
    NoSuchLease,
    UsageError,
)
from JumpstarterLibrary.lab.features import ControllerFeatures

Code = grpc.StatusCode
Eventually = Callable[[Callable[[], object]], None]
HOUR = datetime.timedelta(hours=1)


def calls(rig: Any, client: str = "tester", namespace: str | None = None) -> ControllerCalls:
    return ControllerCalls(rig.controller_of(rig.settings_of(client)), namespace)


def test_exporters_in_pages(rigs: Callable[..., Any]) -> None:
    rig = rigs(2, features=ControllerFeatures(hidden_labels=frozenset({"number"})))
    ask = calls(rig)
    first = ask.exporters(page_size=1)
    assert [one.name for one in first.exporters] == ["namespaces/default/exporters/b1"]
    second = ask.exporters(page_size=1, page_token=first.next_page_token)
    assert [one.name for one in second.exporters] == ["namespaces/default/exporters/b2"]
    assert second.next_page_token == ""
    (found,) = ask.exporters(selector="number=2", hidden=True).exporters
    assert dict(found.labels) == {"board": "b", "number": "2"}
    assert dict(ask.exporter("b2").labels) == {"board": "b"}
    assert dict(ask.exporter("b2", hidden=True).labels)["number"] == "2"


def test_a_lease_from_begin_to_end(rig: Any, eventually: Eventually) -> None:
    ask = calls(rig)
    made = ask.create_lease(LeaseRequest(selector="board=b", duration=HOUR, tags={"build": "7"}))
    name = made.name.rpartition("/")[2]
    eventually(lambda: ask.lease(name).exporter == "namespaces/default/exporters/b1")
    assert [one.name for one in ask.leases(selector="board=b").leases] == [made.name]
    assert [one.name for one in ask.leases(tag_filter="build=7").leases] == [made.name]
    assert list(ask.leases(tag_filter="build=8").leases) == []
    assert ask.update_lease(name, duration=2 * HOUR).duration.ToTimedelta() == 2 * HOUR
    ask.delete_lease(name)
    eventually(lambda: not ask.leases().leases)
    assert [one.name for one in ask.leases(only_active=False, page_size=1).leases] == [made.name]


def test_a_lease_of_a_name_of_ones_own(rig: Any) -> None:
    ask = calls(rig)
    assert ask.create_lease(LeaseRequest(exporter="b1", name="mine")).name == "namespaces/default/leases/mine"
    with pytest.raises(LeaseError, match="already exists"):
        ask.create_lease(LeaseRequest(exporter="b1", name="mine"))
    ask.delete_lease("mine")


def test_a_lease_whose_answer_was_lost_is_found(rig: Any) -> None:
    rig.lab.controller.faults.add("CreateLease", caller="tester", when="after", times=1)
    ask = calls(rig)
    made = ask.create_lease(LeaseRequest(selector="board=b"))
    assert rig.active() == [made.name.rpartition("/")[2]]
    ask.delete_lease(rig.active()[0])


def test_a_lease_that_was_not_made_is_not_found(rig: Any) -> None:
    rig.lab.controller.faults.add("CreateLease", caller="tester", code=Code.UNAVAILABLE, details="away", times=1)
    with pytest.raises(ControllerUnreachable) as info:
        calls(rig).create_lease(LeaseRequest(selector="board=b"))
    assert str(info.value) == (
        f"The controller {rig.lab.endpoint} failed when it was asked for a lease of selector 'board=b': away."
    )
    assert rig.active() == []


def test_what_is_refused(rig: Any) -> None:
    ask = calls(rig)
    with pytest.raises(LeaseInvalid, match="did not accept the request for a lease of any exporter: "):
        ask.create_lease(LeaseRequest())
    for change in (lambda: ask.delete_lease("x"), lambda: ask.update_lease("x", duration=HOUR), lambda: ask.lease("x")):
        with pytest.raises(NoSuchLease) as info:
            change()
        assert str(info.value) == (
            f"The controller {rig.lab.endpoint} knows nothing of lease 'x'. Check its name; `jmp get leases` and "
            f"`jmp get exporters` list what is there."
        )
    with pytest.raises(UsageError) as usage:
        ask.update_lease("x")
    assert str(usage.value) == "Nothing of lease 'x' is to be changed. Give duration=, begin_time= or client=."


def test_another_namespace(rig: Any) -> None:
    with pytest.raises(AuthenticationError, match="it asked for another namespace than its own"):
        calls(rig, namespace="elsewhere").leases()


def test_a_new_token(rig: Any) -> None:
    token = calls(rig).rotate_token()
    assert token != rig.settings.token
    settings = rig.settings_of("tester", token=token)
    assert len(ControllerCalls(rig.controller_of(settings)).exporters().exporters) == 1
