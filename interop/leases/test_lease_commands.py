"""``jmp create``, ``update`` and ``delete`` against our lab."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from interop.leases.processes import Jmp
from JumpstarterLibrary.lab import VirtualLab

pytestmark = pytest.mark.usefixtures("no_leaks")


def test_life_of_a_lease(jmp: Jmp, lab: VirtualLab) -> None:
    created = yaml.safe_load(
        jmp.ok("create lease --selector board=virtual,number!=2 --duration 30m --tag ci=1 -o yaml")
    )
    name = created["name"]
    # The controller has not looked for an exporter yet, and says the selector in its own words.
    assert (created["exporter"], created["conditions"]) == ("", [])
    assert created["selector"] == "board=virtual,number notin (2)"
    updated = json.loads(jmp.ok(f"update lease {name} --duration 2h -o json"))
    assert (updated["duration"], updated["exporter"]) == (7200.0, "virtual-1")
    transferred = yaml.safe_load(jmp.ok(f"update lease {name} --to-client other -o yaml"))
    assert transferred["client"] == "other"
    ours, theirs, updating, deleting, unknown = jmp.all(
        "get leases -o name",
        "get leases -o name --client other",
        f"update lease {name} --duration 3h",
        f"delete leases {name}",
        "delete leases never-was",
    )
    assert (ours.out.split(), theirs.out.split()) == ([], [name])
    assert (updating.code, "UpdateLease permission denied" in updating.err) == (1, True)
    assert (deleting.code, "DeleteLease permission denied" in deleting.err) == (1, True)
    assert (unknown.code, '"never-was" not found' in unknown.err) == (1, True)
    assert jmp.ok(f"delete leases {name} --client other -o name") == name
    again = jmp(f"delete leases {name} --client other")
    assert (again.code, f"lease {name} has already been released" in again.err) == (1, True)
    record = lab.controller.lease(name)
    assert (record.client, record.release, record.exporter) == ("other", True, "virtual-1")


def test_lease_of_later(jmp: Jmp, lab: VirtualLab) -> None:
    begin = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    create = "create lease --name virtual-2 --duration 1h --lease-id next-week"
    lease = json.loads(jmp.ok(f"{create} -o json --begin-time {begin.isoformat()}"))
    assert (lease["name"], lease["exporter_name"], lease["selector"]) == ("next-week", "virtual-2", "<none>")
    assert (datetime.fromisoformat(lease["begin_time"]), lease["exporter"]) == (begin, "")
    twice, name = jmp.all(create, "get leases -o name")
    assert (twice.code, '"next-week" already exists' in twice.err) == (1, True)
    assert name.out.split() == ["next-week"]
    assert jmp.ok("delete leases next-week -o name") == "next-week"
    record = lab.controller.lease("next-week")
    assert (record.exporter, record.effective_begin, record.ended) == (None, None, True)


def test_refusals(jmp: Jmp, lab: VirtualLab) -> None:
    operator, tag, disabled, nobody = jmp.all(
        "create lease --selector board==virtual --duration 5m",
        "create lease --selector board=virtual --duration 5m --tag jumpstarter.dev/mine=1",
        "create lease --name shelf --duration 5m -o name",
        "create lease --selector board=none --duration 5m -o name",
    )
    assert (operator.code, "unsupported label selector operator: ==" in operator.err) == (1, True)
    assert (tag.code, "invalid lease tags:" in tag.err) == (1, True)
    for done, reason in ((disabled, "ExporterDisabled"), (nobody, "NoAccess")):
        # Creating it succeeds; that nothing will come of it is a condition.
        conditions = lab.controller.lease(done.out.strip()).conditions
        assert [(one.type, one.status, one.reason) for one in conditions] == [("Unsatisfiable", True, reason)]
    allowed = jmp.ok("create lease --name shelf --duration 5m --allow-disabled -o name")
    assert lab.controller.lease(allowed).exporter == "shelf"
    assert jmp.ok(f"delete leases {allowed} -o name") == allowed
