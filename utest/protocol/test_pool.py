"""Message classes from our own descriptor pool."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from JumpstarterLibrary.protocol import client_pb2, common_pb2, jumpstarter_pb2, pool, router_pb2, telemetry_pb2
from JumpstarterLibrary.protocol.generated import kubernetes_pb2

ROOT = Path(__file__).parents[2]
MODULES = (client_pb2, common_pb2, jumpstarter_pb2, kubernetes_pb2, router_pb2, telemetry_pb2)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_a_module_has_all_that_its_file_defines(module: ModuleType) -> None:
    file = module.DESCRIPTOR
    assert file.pool is pool.POOL
    for name, descriptor in file.message_types_by_name.items():
        assert getattr(module, name).DESCRIPTOR is descriptor
    for name, enum in file.enum_types_by_name.items():
        assert getattr(module, name).items() == [(value.name, value.number) for value in enum.values]
        assert {value.name: getattr(module, value.name) for value in enum.values} == {
            value.name: value.number for value in enum.values
        }
    assert file.message_types_by_name or file.enum_types_by_name


def test_an_optional_field_knows_whether_it_is_there() -> None:
    report = jumpstarter_pb2.DriverInstanceReport(uuid="u")
    assert not report.HasField("description")
    report.description = ""
    assert report.HasField("description")


def test_unknown_fields_are_ignored() -> None:
    newer = jumpstarter_pb2.GetReportResponse(uuid="u", motd="hello").SerializeToString() + b"\xfa\x7f\x01x"
    assert jumpstarter_pb2.GetReportResponse.FromString(newer).motd == "hello"


def test_a_class_is_always_the_same_one() -> None:
    assert pool.message_class("jumpstarter.v1.StreamRequest") is router_pb2.StreamRequest


def test_a_name_that_nobody_defines() -> None:
    with pytest.raises(KeyError, match=r"jumpstarter\.v1\.Nothing"):
        pool.message_class("jumpstarter.v1.Nothing")


def test_importing_leaves_the_default_pool_alone() -> None:
    script = (
        "import JumpstarterLibrary.protocol; from google.protobuf import descriptor_pool as d\n"
        "for name in ('jumpstarter/v1/router.proto', 'jumpstarter/client/v1/client.proto'):\n"
        "    try: d.Default().FindFileByName(name)\n"
        "    except KeyError: print('absent')\n"
    )
    python = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert python.stdout.split() == ["absent", "absent"]
