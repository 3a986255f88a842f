"""Which exporters could be leased, and who holds the others."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.leasing.availability import SHOWN, availability, holders, unfit
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.leasing.lease import local_time
from JumpstarterLibrary.client.leasing.state import LeaseState
from JumpstarterLibrary.errors import ConfigurationError, ControllerUnreachable
from JumpstarterLibrary.lab.features import ControllerFeatures
from JumpstarterLibrary.protocol import client_pb2, common_pb2

Code = grpc.StatusCode
Eventually = Callable[[Callable[[], object]], None]


def words(rig: Any, selector: str = "") -> list[str]:
    return [str(one) for one in availability(rig.controller_of(rig.settings), selector, 5)]


def free(rig: Any) -> list[bool]:
    return [one.free for one in availability(rig.controller_of(rig.settings), "", 5)]


def test_each_exporter_is_told_with_what_keeps_it(rigs: Any, eventually: Eventually) -> None:
    rig = rigs(5)
    holder = rig.only_lease(client="other", selector="number=1", duration=datetime.timedelta(days=400))
    rig.lab.exporters["b2"].stop()
    rig.lab.controller.change_exporter("b3", enabled=False)
    rig.lab.controller.state.exporters["b4"].status = common_pb2.EXPORTER_STATUS_AFTER_LEASE_HOOK
    end = holder.state().planned_end
    assert end is not None
    assert words(rig) == [
        f"'b1' is held by client 'other' until {local_time(end)}",
        "'b2' is offline",
        "'b3' is disabled",
        "'b4' is not ready (AFTER_LEASE_HOOK)",
        "'b5' is free",
    ]
    assert free(rig) == [False, False, False, False, True]
    rig.lab.controller.state.exporters["b4"].status = common_pb2.EXPORTER_STATUS_AVAILABLE


def test_an_exporter_that_is_too_old_for_a_status_is_free(rigs: Any) -> None:
    assert free(rigs(features=ControllerFeatures(report_status=False))) == [True]


def test_selectors_are_judged_here_with_all_of_their_grammar(rigs: Any) -> None:
    rig = rigs(3)
    assert words(rig, "number in (1,3), board, !os") == ["'b1' is free", "'b3' is free"]
    assert words(rig, "number notin (1), number!=2") == ["'b3' is free"]
    with pytest.raises(ConfigurationError):
        words(rig, "board==b")


def test_hidden_labels_count(rigs: Any) -> None:
    rig = rigs(features=ControllerFeatures(hidden_labels=frozenset({"number"})))
    assert words(rig, "number=1") == ["'b1' is free"]


def test_a_lease_that_has_just_ended_holds_nothing(rig: Any, eventually: Eventually) -> None:
    holder = rig.only_lease(client="other")
    holder.release()
    eventually(lambda: words(rig) == ["'b1' is free"])


def test_the_holders_of_many_are_told_in_brief(rigs: Any) -> None:
    rig = rigs(SHOWN + 3)
    rig.lab.exporters["b1"].stop()
    text = holders(rig.controller_of(rig.settings), LeaseRequest(selector="board=b"), 5)
    shown = ", ".join(["'b1' is offline", *(f"'b{number}' is free" for number in range(2, SHOWN + 1))])
    assert text == f" ({SHOWN + 3} exporters match, {SHOWN + 2} online; {shown}, and 3 more)"


def test_nothing_is_told_where_nothing_is_known(rig: Any) -> None:
    request = LeaseRequest(selector="board=x")
    assert holders(rig.controller_of(rig.settings), request, 5) == ""
    fault = rig.fault("ListExporters", code=Code.UNAVAILABLE, details="no leader")
    assert holders(rig.controller_of(rig.settings), LeaseRequest(selector="board=b"), 5) == ""
    fault.clear()


def test_why_nothing_fits_is_told_by_the_controller_where_labels_are_not_known(rig: Any) -> None:
    answer = client_pb2.Lease(name="namespaces/default/leases/x")
    answer.conditions.add(type="Unsatisfiable", status="True", reason="NoAccess", message="Nothing for you.")
    fault = rig.fault("ListExporters", code=Code.UNAVAILABLE, details="no leader")
    request = LeaseRequest(selector="board=b")
    assert unfit(rig.controller_of(rig.settings), request, LeaseState.of(answer), 5) == (
        "Nothing for you. Check the selector with `jmp get exporters`.",
        None,
    )
    fault.clear()


def test_a_reason_that_nobody_knows_is_told_with_the_controllers_words(rig: Any) -> None:
    answer = client_pb2.Lease(name="namespaces/default/leases/x")
    answer.conditions.add(type="Unsatisfiable", status="True", reason="FullMoon", message="")
    text, _ = unfit(rig.controller_of(rig.settings), LeaseRequest(selector="board=b"), LeaseState.of(answer), 5)
    assert "FullMoon" in text


def test_trouble_with_the_controller_is_no_empty_list(rig: Any) -> None:
    fault = rig.fault("ListLeases", code=Code.UNAVAILABLE, details="no leader")
    with pytest.raises(ControllerUnreachable, match=r" failed when it was asked for the leases: no leader\.$"):
        words(rig)
    fault.clear()
