"""Keywords about exporters as the controller lists them, and about faults of the lab."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from robot.api import SkipExecution

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.devices.request import DeviceRequest
from JumpstarterLibrary.errors import (
    ConfigurationError,
    ControllerUnreachable,
    ExporterNotReady,
    LeaseUnsatisfiable,
    NoSuchLease,
)
from JumpstarterLibrary.types import Mode

Code = grpc.StatusCode
Held = Callable[..., None]
SECOND = datetime.timedelta(seconds=1)


def test_exporters_are_listed_with_who_holds_them(run: Any, held: Held) -> None:
    held("b1")
    first, second = run.exporters.get_exporters()
    assert (first.name, first.free, first.client, first.lease) == ("b1", False, "other", "held-b1")
    assert first.until is not None
    assert (second.name, second.free, second.client, second.lease, second.until) == ("b2", True, "", "", None)
    assert (second.labels, second.online, second.enabled, second.status) == (
        {"board": "b", "number": "2"},
        True,
        True,
        "AVAILABLE",
    )
    assert [one.name for one in run.exporters.get_exporters("number=2 | number=7")] == ["b2"]


def test_exporters_are_counted(runs: Any) -> None:
    run = runs(4)
    run.lab.exporters["b1"].stop()
    run.lab.controller.change_exporter("b2", enabled=False)
    assert run.exporters.get_exporter_count() == 2
    run.lease.acquire_lease("number=3")
    assert run.exporters.get_exporter_count("board=b") == 2
    assert run.exporters.get_exporter_count("board=b", free=True) == 1
    assert run.exporters.get_exporter_count("board=x") == 0


def test_a_free_exporter_is_required(run: Any, held: Held) -> None:
    assert run.exporters.exporter_should_be_available("board=b").name == "b1"
    run.exporters.skip_if_no_exporter("board=b")
    held("b1")
    held("b2")
    with pytest.raises(ExporterNotReady) as info:
        run.exporters.exporter_should_be_available("board=b")
    text = str(info.value)
    assert text.startswith("No exporter of selector 'board=b' is free: 'b1' is held by client 'other' until ")
    assert text.endswith(". Try again later.")
    with pytest.raises(SkipExecution) as skipped:
        run.exporters.skip_if_no_exporter("board=b")
    assert str(skipped.value) == text
    with pytest.raises(LeaseUnsatisfiable) as none:
        run.exporters.exporter_should_be_available("board=x")
    assert str(none.value) == ("No exporter matches selector 'board=x'. `Get Exporters` returns what there is.")
    with pytest.raises(SkipExecution):
        run.exporters.skip_if_no_exporter("board=x")


def test_trouble_with_the_controller_is_no_reason_to_skip(run: Any) -> None:
    fault = run.lab.controller.faults.add("ListExporters", code=Code.UNAVAILABLE, details="no leader")
    with pytest.raises(ControllerUnreachable):
        run.exporters.skip_if_no_exporter("board=b")
    fault.clear()
    with pytest.raises(ConfigurationError):
        run.exporters.skip_if_no_exporter("board==b")


def test_a_status_is_waited_for(run: Any, during: Any, eventually: Any) -> None:
    run.lease.acquire_lease("number=1")
    assert run.exporters.wait_for_exporter_status("lease ready") == "LEASE_READY"
    assert run.exporters.wait_for_exporter_status("AVAILABLE | LEASE_READY", exporter="b1") == "LEASE_READY"
    assert run.exporters.wait_for_exporter_status("available", exporter="b2") == "AVAILABLE"
    asked = len(run.lab.journal.entries(method="GetExporter"))
    join = during(lambda: run.exporters.wait_for_exporter_status("offline", exporter="b2"))
    eventually(lambda: len(run.lab.journal.entries(method="GetExporter")) > asked)
    run.lab.exporters["b2"].stop()
    assert join() == "OFFLINE"


def test_a_status_that_does_not_come_is_told(run: Any, frozen_clock: MovableClock) -> None:
    with frozen_clock.skipping_pauses(), pytest.raises(ExporterNotReady) as info:
        run.exporters.wait_for_exporter_status("OFFLINE|lease ready", exporter="b1")
    assert str(info.value) == (
        "Exporter 'b1' did not get the status OFFLINE or LEASE_READY within 30 seconds; it is AVAILABLE."
    )
    with pytest.raises(ConfigurationError) as unknown:
        run.exporters.wait_for_exporter_status("REDY")
    assert str(unknown.value).startswith("'REDY' is no exporter status. There are: UNSPECIFIED, OFFLINE, AVAILABLE, ")
    with pytest.raises(NoSuchLease):
        run.exporters.wait_for_exporter_status("OFFLINE", exporter="b7")


def test_the_setup_is_shown_without_secrets(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from JumpstarterLibrary.keywords import exporters

    written: list[str] = []
    monkeypatch.setattr(exporters.logger, "info", lambda text, html=False: written.append(text))
    run.exporters.log_jumpstarter_setup()
    (text,) = written
    assert run.lab.endpoint in text
    assert "***" in text
    assert run.leases.settings().token not in text


def test_faults_are_for_the_virtual_lab_only(run: Any) -> None:
    with pytest.raises(ConfigurationError) as info:
        run.exporters.inject_fault("router", "drop")
    assert str(info.value) == ("Faults can only be injected into a virtual lab. Import the library with mode=virtual.")
    run.exporters.clear_faults()


def test_faults_of_the_virtual_lab_begin_and_end(runs: Any) -> None:
    run = runs(default=DeviceRequest(Mode.virtual))
    run.exporters.inject_fault("exporter", "offline", name="b1")
    assert run.exporters.wait_for_exporter_status("OFFLINE", exporter="b1") == "OFFLINE"
    run.exporters.clear_faults()
    assert run.exporters.wait_for_exporter_status("AVAILABLE", exporter="b1") == "AVAILABLE"
    run.exporters.clear_faults()
    with pytest.raises(ConfigurationError):
        run.exporters.inject_fault("teapot", "boil")
