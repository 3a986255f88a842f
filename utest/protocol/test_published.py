"""Our descriptors against those of the published jumpstarter-protocol 0.9.0, in one process with them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TARGET = ROOT / ".interop" / "protocol-0.9.0"
# The second holds the annotations of HTTP paths in the published files.
PACKAGES = ("jumpstarter-protocol==0.9.0", "googleapis-common-protos")

COMPARE = """
import json, sys

ORDER = sys.argv[1]
if ORDER == "theirs-first":
    import jumpstarter_protocol
from JumpstarterLibrary.protocol.pool import POOL
if ORDER == "ours-first":
    import jumpstarter_protocol
from google.protobuf import descriptor_pool

FILES = ["jumpstarter/v1/%s.proto" % name for name in ("common", "kubernetes", "router", "jumpstarter", "telemetry")]
FILES.append("jumpstarter/client/v1/client.proto")


def field(descriptor):
    kind = descriptor.message_type or descriptor.enum_type
    return {
        "number": descriptor.number,
        "type": descriptor.type,
        "of": kind.full_name if kind else None,
        "repeated": descriptor.is_repeated,
        "presence": descriptor.has_presence,
        "oneof": descriptor.containing_oneof.name if descriptor.containing_oneof else None,
        "json": descriptor.json_name,
    }


def messages(descriptors):
    for descriptor in descriptors:
        for one in descriptor.fields:
            yield f"{descriptor.full_name}.{one.name}", field(one)
        if not descriptor.fields:
            yield descriptor.full_name, {}
        yield from messages(descriptor.nested_types)
        yield from enums(descriptor.enum_types)


def enums(descriptors):
    for descriptor in descriptors:
        for value in descriptor.values:
            yield f"{descriptor.full_name}.{value.name}", value.number


def services(descriptors):
    for descriptor in descriptors:
        for method in descriptor.methods:
            streaming = [method.client_streaming, method.server_streaming]
            yield f"{descriptor.full_name}/{method.name}", [
                method.input_type.full_name, method.output_type.full_name, *streaming
            ]


def describe(pool):
    found = {}
    for name in FILES:
        try:
            file = pool.FindFileByName(name)
        except KeyError:
            continue
        found.update(messages(file.message_types_by_name.values()))
        found.update(enums(file.enum_types_by_name.values()))
        found.update(services(file.services_by_name.values()))
    return found


# Both sets of classes work, and neither takes the other's.
from JumpstarterLibrary.protocol import router_pb2 as ours
from jumpstarter_protocol import router_pb2 as theirs
data = ours.StreamRequest(payload=b"x", frame_type=ours.FRAME_TYPE_GOAWAY).SerializeToString()
same = theirs.StreamRequest.FromString(data)
assert (same.payload, same.frame_type) == (b"x", theirs.FRAME_TYPE_GOAWAY)
assert ours.StreamRequest is not theirs.StreamRequest
json.dump({"ours": describe(POOL), "theirs": describe(descriptor_pool.Default())}, sys.stdout)
"""

NEW = {
    "jumpstarter.client.v1.Lease.context",
    "jumpstarter.v1.StatusResponse.context",
    "jumpstarter.v1.GetReportResponse.motd",
    "jumpstarter.v1.LogStreamResponse.timestamp",
    "jumpstarter.v1.LogStreamResponse.operation",
    "jumpstarter.v1.LogStreamResponse.driver_type",
    "jumpstarter.v1.LogStreamResponse.structured_fields",
    "jumpstarter.v1.ControllerService/GetServiceEndpoints",
}
"""What the service has got since 0.9.0; whole new messages and services come on top."""

NEW_NUMBERS = {
    "jumpstarter.client.v1.Lease.context": 15,
    "jumpstarter.v1.StatusResponse.context": 4,
    "jumpstarter.v1.GetReportResponse.motd": 5,
    "jumpstarter.v1.LogStreamResponse.driver_type": 5,
    "jumpstarter.v1.LogStreamResponse.operation": 6,
    "jumpstarter.v1.LogStreamResponse.timestamp": 7,
    "jumpstarter.v1.LogStreamResponse.structured_fields": 8,
}

NEW_MESSAGES = (
    "jumpstarter.v1.GetServiceEndpoints",
    "jumpstarter.v1.LogEntry",
    "jumpstarter.v1.PushLogs",
    "jumpstarter.v1.Telemetry",
    "jumpstarter.v1.LogStreamResponse.StructuredFieldsEntry",
    "jumpstarter.client.v1.Lease.ContextEntry",
    "jumpstarter.v1.StatusResponse.ContextEntry",
)

REMOVED = ("jumpstarter.v1.ControllerService/AuditStream", "jumpstarter.v1.AuditStreamRequest")


@pytest.fixture(scope="module")
def published() -> Path:
    """The folder of the published package, installed at the first run."""
    if not TARGET.exists():
        TARGET.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=TARGET.parent) as name:
            pip = subprocess.run(
                [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", name, *PACKAGES],
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            if pip.returncode:
                report = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
                report(f"pip could not install {' '.join(PACKAGES)}: {pip.stderr}")
            # Complete or not there, also when two runs install at once.
            shutil.copytree(name, TARGET, dirs_exist_ok=True)
    return TARGET


@pytest.fixture(scope="module", params=["theirs-first", "ours-first"])
def descriptors(request: pytest.FixtureRequest, published: Path) -> dict[str, dict[str, Any]]:
    """Both sides' descriptors, from a process that has imported both packages in one order."""
    python = subprocess.run(
        [sys.executable, "-c", COMPARE, request.param],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(published)},
    )
    assert python.returncode == 0, python.stderr
    return json.loads(python.stdout)


def test_what_both_have_is_equal(descriptors: dict[str, dict[str, Any]]) -> None:
    ours, theirs = descriptors["ours"], descriptors["theirs"]
    both = ours.keys() & theirs.keys()
    assert len(both) > 190
    assert {name: ours[name] for name in both} == {name: theirs[name] for name in both}


def test_what_we_have_more_is_what_came_after_0_9_0(descriptors: dict[str, dict[str, Any]]) -> None:
    ours = descriptors["ours"]
    more = ours.keys() - descriptors["theirs"].keys()
    assert {name for name in more if not name.startswith(NEW_MESSAGES)} == NEW
    assert {name: ours[name]["number"] for name in NEW_NUMBERS} == NEW_NUMBERS


def test_what_we_have_less_was_removed_after_0_9_0(descriptors: dict[str, dict[str, Any]]) -> None:
    less = descriptors["theirs"].keys() - descriptors["ours"].keys()
    assert less
    assert {name for name in less if not name.startswith(REMOVED)} == set()
