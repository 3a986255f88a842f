"""``jmp get`` against our lab."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from unittest.mock import ANY

import pytest
import yaml

from interop.leases.conftest import client_environ
from interop.leases.processes import Done, Jmp, forked_jmp
from interop.upstream import Upstream
from JumpstarterLibrary.lab import VirtualLab

pytestmark = pytest.mark.usefixtures("no_leaks")


def said(done: Done) -> str:
    """Return the output of a command that has to succeed."""
    assert done.code == 0, done.out + done.err
    return done.out


def test_exporters(jmp: Jmp, lab: VirtualLab) -> None:
    names, some, table, full, disabled, hidden = map(
        said,
        jmp.all(
            "get exporters -o name",
            "get exporters -o name -l board=virtual,number!=2",
            "get exporters --with status",
            "get exporters -o yaml --with online,status -l board=virtual",
            "get exporters -o name --allow-disabled -l board",
            "get exporters -o json --show-hidden-labels -l number=1",
        ),
    )
    assert names.split() == ["ours", "upstream", "virtual-1", "virtual-2"]
    assert some.split() == ["virtual-1"]
    assert [line.split() for line in table.splitlines()] == [
        ["NAME", "STATUS", "LABELS"],
        ["ours", ANY, "kind=ours"],  # other tests may have started these two
        ["upstream", ANY, "kind=upstream"],
        ["virtual-1", "AVAILABLE", "board=virtual"],
        ["virtual-2", "AVAILABLE", "board=virtual"],
    ]
    assert [(one["name"], one["online"], one["status"]) for one in yaml.safe_load(full)["exporters"]] == [
        ("virtual-1", True, 2),
        ("virtual-2", True, 2),
    ]
    assert disabled.split() == ["shelf", "virtual-1", "virtual-2"]
    assert json.loads(hidden)["exporters"][0]["labels"] == {"board": "virtual", "number": "1"}
    assert {call.caller for call in lab.journal.entries(method="ListExporters")} == {"tester"}


def test_leases_of_everybody(jmp: Jmp) -> None:
    first, second = (
        said(done).strip()
        for done in jmp.all(
            "create lease --name virtual-1 --duration 10m --tag build=7 --tag night=yes -o name",
            "create lease --client other --selector board=virtual,number=2 --duration 1h -o name",
        )
    )
    own, both, tagged, other, holders = map(
        said,
        jmp.all(
            "get leases -o json",
            "get leases -A -o name",
            "get leases -A -o name --tag-filter build=7,night",
            "get leases --client other -o yaml -l number=2",
            "get exporters --with leases,online -o yaml -l board=virtual",
        ),
    )
    lease = json.loads(own)["leases"][0]
    assert len(json.loads(own)["leases"]) == 1
    assert (lease["name"], lease["client"], lease["exporter"]) == (first, "tester", "virtual-1")
    assert (lease["tags"], lease["duration"]) == ({"build": "7", "night": "yes"}, 600.0)
    assert [(one["type"], one["status"], one["reason"]) for one in lease["conditions"]] == [("Ready", "True", "Ready")]
    assert sorted(both.split()) == sorted([first, second])
    assert tagged.split() == [first]
    assert [(one["name"], one["selector"]) for one in yaml.safe_load(other)["leases"]] == [
        (second, "board=virtual,number=2")
    ]
    assert [(one["name"], one["lease"]["client"]) for one in yaml.safe_load(holders)["exporters"]] == [
        ("virtual-1", "tester"),
        ("virtual-2", "other"),
    ]
    mine, theirs = map(said, jmp.all("delete leases --all -o name", "delete leases --client other -a -o name"))
    assert (mine.split(), theirs.split()) == ([first], [second])


def test_tokens(upstream: Upstream, runtime: Path, lab: VirtualLab, tmp_path: Path) -> None:
    tokens = {
        "expired": lab.controller.client_token("tester", life=timedelta(hours=-1)),
        "another's": lab.controller.client_token("other"),
        "exporter's": lab.controller.exporter_token("virtual-1"),
    }
    files = []
    for name, token in tokens.items():
        files.append(lab.write_client_config(tmp_path, "tester").rename(tmp_path / f"{name}.yaml"))
        files[-1].write_text(yaml.safe_dump({**lab.client_config("tester"), "token": token}))
    with forked_jmp(upstream, client_environ(upstream, runtime, tmp_path)) as jmp:
        expired, *wrong = jmp.all(*(f"get exporters --client-config {file}" for file in files))
    assert (expired.code, "token is expired" in expired.err) == (1, True), expired.err
    for done in wrong:
        assert (done.code, "permission denied for client default/tester" in done.err) == (1, True), done.err
