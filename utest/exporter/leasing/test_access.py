"""How an exporter's file says where its controller is."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter import ExporterConfigV1Alpha1
from JumpstarterLibrary.exporter.leasing import ControllerAccess

CONFIG = ExporterConfigV1Alpha1(name="e1", namespace="lab", endpoint="ctl.example:8082", token="secret")
ACCESS = ControllerAccess("ctl.example:8082", "lab", "e1", "secret")


def test_what_a_configuration_says() -> None:
    config = replace(CONFIG, tls_ca=base64.b64encode(b"PEM").decode(), grpc_options={"grpc.keepalive_time_ms": 5000})
    access = ControllerAccess.from_config(config, {})
    assert access == replace(ACCESS, ca=b"PEM", options={"grpc.keepalive_time_ms": 5000})
    assert "secret" not in repr(access)


@pytest.mark.parametrize("name", ["JMP_GRPC_INSECURE", "JUMPSTARTER_GRPC_INSECURE"])
def test_insecure_by_environment(name: str) -> None:
    assert ControllerAccess.from_config(CONFIG, {name: "1"}).insecure
    assert not ControllerAccess.from_config(CONFIG, {name: "0"}).insecure
    assert ControllerAccess.from_config(replace(CONFIG, tls_insecure=True), {}).insecure


@pytest.mark.parametrize(
    ("field", "key"),
    [("endpoint", "endpoint"), ("token", "token"), ("name", "metadata.name"), ("namespace", "metadata.namespace")],
)
def test_what_is_missing(field: str, key: str) -> None:
    message = (
        rf"^The configuration has no {key}, which an exporter needs that registers with a controller\. "
        r"Add it, or serve without a controller by --unix or --tcp\.$"
    )
    with pytest.raises(ConfigurationError, match=message):
        ControllerAccess.from_config(replace(CONFIG, **{field: None}), {})


def test_a_port_beyond_the_last_one() -> None:
    with pytest.raises(ConfigurationError) as caught:
        ControllerAccess.from_config(replace(CONFIG, endpoint="ctl.example:80820"), {})
    assert str(caught.value) == (
        "The configuration: endpoint: it must be HOST:PORT with a port up to 65535, not one with port 80820."
    )


def test_an_authority_that_is_no_base64() -> None:
    with pytest.raises(
        ConfigurationError, match=r"^The configuration: tls\.ca is no base64 text of PEM certificates: .*\.$"
    ):
        ControllerAccess.from_config(replace(CONFIG, tls_ca="abc"), {})


def test_who_the_exporter_is() -> None:
    assert ACCESS.metadata() == (
        ("authorization", "Bearer secret"),
        ("jumpstarter-kind", "Exporter"),
        ("jumpstarter-namespace", "lab"),
        ("jumpstarter-name", "e1"),
    )


def test_channel_options() -> None:
    options = dict(replace(ACCESS, options={"grpc.keepalive_time_ms": 5000, "x": 1}).channel_options())
    assert options["grpc.lb_policy_name"] == "round_robin"
    assert options["grpc.keepalive_timeout_ms"] == 180_000
    assert options["grpc.http2.max_pings_without_data"] == 0
    assert options["grpc.keepalive_permit_without_calls"] == 1
    assert (options["grpc.keepalive_time_ms"], options["x"]) == (5000, 1)
    assert dict(ACCESS.channel_options())["grpc.keepalive_time_ms"] == 20_000
