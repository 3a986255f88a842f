"""Configurations that programs make: of keywords, of mappings and of the environment, and what is wrong with them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import grpc
import pydantic
import pytest
from pytest_jumpstarter.upstream_api.config.channel import call_credentials
from pytest_jumpstarter.upstream_api.config.client import (
    ClientConfigV1Alpha1,
    ClientConfigV1Alpha1Drivers,
    ClientConfigV1Alpha1Lease,
    ObjectMeta,
    ShellConfigV1Alpha1,
    TLSConfigV1Alpha1,
)
from pytest_jumpstarter.upstream_api.config.exceptions import ConfigurationError

from JumpstarterLibrary.lab import VirtualLab
from JumpstarterLibrary.protocol import ClientStub, client_pb2

Refused = Callable[[str], AbstractContextManager[None]]

WHO = {"namespace": "lab", "name": "anna"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "JMP_NAMESPACE": "lab",
        "JMP_NAME": "anna",
        "JMP_ENDPOINT": "controller.example.com:443",
        "JMP_TOKEN": "the-token",
        "JMP_DRIVERS_ALLOW": "vendor.*,other.*",
    }.items():
        monkeypatch.setenv(name, value)


# Of the environment


@pytest.mark.usefixtures("environment")
def test_the_environment_is_enough() -> None:
    config = ClientConfigV1Alpha1.from_env()
    assert (config.alias, config.path) == ("default", None)
    assert config.metadata == ObjectMeta(namespace="lab", name="anna")
    assert (config.endpoint, config.token) == ("controller.example.com:443", "the-token")
    assert (config.drivers.allow, config.drivers.unsafe) == (["vendor.*", "other.*"], False)
    assert ClientConfigV1Alpha1.try_from_env() == config


@pytest.mark.usefixtures("environment")
def test_unsafe_is_a_pattern_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JMP_DRIVERS_ALLOW", "UNSAFE")
    assert ClientConfigV1Alpha1.from_env().drivers.unsafe is True
    assert ClientConfigV1Alpha1Drivers().unsafe is True
    assert ClientConfigV1Alpha1Drivers(allow=["vendor.*"]).unsafe is False


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("name", ["JMP_NAMESPACE", "JMP_NAME"])
def test_who_the_client_is_has_to_be_known(name: str, monkeypatch: pytest.MonkeyPatch, refused: Refused) -> None:
    monkeypatch.delenv(name)
    key = name.removeprefix("JMP_").lower()
    with refused(f"There is no metadata.{key}. Give {key}=, put it into the file, or set {name}."):
        ClientConfigV1Alpha1.from_env()
    assert ClientConfigV1Alpha1.try_from_env() is None


def test_variables_may_hold_json(monkeypatch: pytest.MonkeyPatch, refused: Refused) -> None:
    monkeypatch.setenv("JMP_METADATA", json.dumps(WHO))
    monkeypatch.setenv("JMP_TLS", '{"insecure": true}')
    monkeypatch.setenv("JMP_GRPCOPTIONS", '{"grpc.keepalive_time_ms": 5000}')
    config = ClientConfigV1Alpha1()
    assert config.metadata.name == "anna"
    assert config.tls.insecure is True
    assert config.grpcOptions == {"grpc.keepalive_time_ms": 5000}
    # A section that is made alone is only what it is given.
    assert TLSConfigV1Alpha1(ca="x").insecure is False
    monkeypatch.setenv("JMP_TLS", "secret")
    assert TLSConfigV1Alpha1(ca="x").ca == "x"
    with refused('JMP_TLS must be a JSON object, such as {"key": "value"}; it cannot be parsed.'):
        ClientConfigV1Alpha1()


def test_variables_of_other_programs_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DIAL_TIMEOUT", "RETRY_TIMEOUT", "ACQUISITION_TIMEOUT"):
        monkeypatch.setenv(name, "6")
    leases = ClientConfigV1Alpha1Lease()
    assert (leases.acquisition_timeout, leases.dial_timeout, leases.retry_timeout) == (7200, 30.0, 300.0)


# Of keywords


@pytest.mark.usefixtures("environment")
def test_keywords_beat_the_environment() -> None:
    config = ClientConfigV1Alpha1(
        alias="mine",
        metadata=ObjectMeta(namespace="other", name="berta"),
        endpoint=None,
        drivers=ClientConfigV1Alpha1Drivers(allow=[], unsafe=False),
    )
    assert (config.alias, config.metadata.name, config.endpoint) == ("mine", "berta", None)
    assert (config.token, config.drivers.allow) == ("the-token", [])


def test_sections_may_be_mappings() -> None:
    config = ClientConfigV1Alpha1(
        metadata=WHO, tls={"insecure": "yes"}, drivers={"allow": "a.*, b.*"}, shell={"use_profiles": 1}, leases={}
    )
    assert config.metadata == ObjectMeta(**WHO)
    assert config.tls.insecure is True
    assert config.drivers.allow == ["a.*", " b.*"]
    assert config.shell == ShellConfigV1Alpha1(use_profiles=True)
    assert config.leases == ClientConfigV1Alpha1Lease()


def test_sections_are_not_shared_by_mistake() -> None:
    first, second = ClientConfigV1Alpha1(metadata=WHO), ClientConfigV1Alpha1(metadata=WHO)
    first.drivers.allow.append("a.*")
    first.grpcOptions["x"] = 1
    assert (second.drivers.allow, second.grpcOptions) == ([], {})
    drivers = ClientConfigV1Alpha1Drivers(allow=["a.*"])
    assert ClientConfigV1Alpha1(metadata=WHO, drivers=drivers).drivers is drivers


def test_what_keywords_cannot_be(refused: Refused) -> None:
    for make, sentence in (
        (
            lambda: ClientConfigV1Alpha1(metadata=WHO, endpoint=5),  # type: ignore[arg-type]
            "endpoint= must be text, not a number.",
        ),
        (
            lambda: ClientConfigV1Alpha1(metadata=WHO, tls=ObjectMeta(**WHO)),  # type: ignore[arg-type]
            "'tls' in ClientConfigV1Alpha1() must be a mapping, not a ObjectMeta.",
        ),
        (
            lambda: ClientConfigV1Alpha1(metadata={"nmae": "x"}),
            "'nmae' under 'metadata' in ClientConfigV1Alpha1() is not a known key. Did you mean 'name'?",
        ),
        (
            lambda: ClientConfigV1Alpha1Lease(acquisition_timeout=0),
            "'leases.acquisition_timeout' in ClientConfigV1Alpha1Lease() must be a length of time in whole seconds "
            "from 5 seconds to 365 days, such as 90 (seconds), '1h30m' or 'PT1H30M', not 0.",
        ),
        (
            lambda: ObjectMeta(namespace="lab", name=None),  # type: ignore[arg-type]
            "'metadata.name' in ObjectMeta() must be text, not nothing.",
        ),
        (
            lambda: ClientConfigV1Alpha1(metadata=WHO, tokne="secret"),
            "'tokne' at the top level of ClientConfigV1Alpha1() is not a known key. Did you mean 'token'?",
        ),
    ):
        with refused(sentence):
            make()


def test_what_mappings_cannot_be() -> None:
    with pytest.raises(pydantic.ValidationError) as info:
        ClientConfigV1Alpha1.model_validate({"metadata": WHO, "token": ["secret"]})
    assert str(info.value) == (
        "1 validation error for ClientConfigV1Alpha1\n"
        "  token= must be text, not a list. [type=jumpstarter_configuration]"
    )
    with pytest.raises(pydantic.ValidationError) as info:
        TLSConfigV1Alpha1.model_validate("secret")
    assert "Input should be a valid dictionary or instance of TLSConfigV1Alpha1" in str(info.value)
    assert "secret" not in str(info.value)


# As pydantic's models


def test_users_of_pydantic_get_its_error() -> None:
    with pytest.raises(pydantic.ValidationError) as info:
        ClientConfigV1Alpha1(metadata=WHO, token=5)  # type: ignore[arg-type]
    assert isinstance(info.value, ValueError)
    assert isinstance(info.value.__cause__, ConfigurationError)
    (error,) = info.value.errors()
    assert error["msg"] == "token= must be text, not a number."
    assert str(info.value).splitlines()[0] == "1 validation error for ClientConfigV1Alpha1"
    with pytest.raises(pydantic.ValidationError, match=r"There is no metadata\.namespace\."):
        ObjectMeta()
    assert ClientConfigV1Alpha1.try_from_env() is None


def test_a_configuration_as_a_mapping() -> None:
    config = ClientConfigV1Alpha1(metadata=WHO, token="t", tls={"ca": "x"})
    dumped = config.model_dump()
    assert list(dumped) == [
        "alias",
        "path",
        "apiVersion",
        "kind",
        "metadata",
        "endpoint",
        "tls",
        "token",
        "refresh_token",
        "grpcOptions",
        "drivers",
        "shell",
        "leases",
    ]
    assert dumped["metadata"] == WHO
    assert dumped["leases"] == {"acquisition_timeout": 7200, "retry_timeout": 300.0}
    assert ClientConfigV1Alpha1.model_validate(dumped) == config
    assert ClientConfigV1Alpha1.model_validate(config) is config
    assert json.loads(config.model_dump_json()) == config.model_dump(mode="json")
    assert ClientConfigV1Alpha1.model_validate_json(config.model_dump_json()) == config
    shown = config.model_dump(include={"metadata", "token", "tls"}, exclude={"token": True, "tls": {"insecure"}})
    assert shown == {"metadata": WHO, "tls": {"ca": "x"}}
    assert "endpoint" not in config.model_dump(exclude_none=True)


def test_a_section_as_a_mapping() -> None:
    drivers = ClientConfigV1Alpha1Drivers.model_validate({"allow": "a.*,UNSAFE"})
    assert drivers.model_dump() == {"allow": ["a.*", "UNSAFE"], "unsafe": True}
    assert ClientConfigV1Alpha1Drivers.model_validate(drivers) is drivers


def test_copies() -> None:
    config = ClientConfigV1Alpha1(metadata=WHO, drivers={"allow": ["a.*"]})
    shallow, deep = config.model_copy(update={"alias": "other"}), config.model_copy(deep=True)
    config.drivers.allow.append("b.*")
    assert (shallow.alias, config.alias) == ("other", "default")
    assert (shallow.drivers.allow, deep.drivers.allow) == (["a.*", "b.*"], ["a.*"])


def test_credentials_for_channels_of_ones_own(config: ClientConfigV1Alpha1, lab: VirtualLab) -> None:
    told = call_credentials("Client", config.metadata, str(config.token))
    both = grpc.composite_channel_credentials(grpc.ssl_channel_credentials(lab.ca), told)
    with grpc.secure_channel(lab.endpoint, both) as channel:
        answer = ClientStub(channel).list_exporters(client_pb2.ListExportersRequest(parent="namespaces/default"))
    assert len(answer.exporters) == 3


def test_names_of_upstream(monkeypatch: pytest.MonkeyPatch) -> None:
    from pytest_jumpstarter.compat_modules import COMPAT, install_hook

    install_hook()
    monkeypatch.syspath_prepend(COMPAT)
    found: dict[str, Any] = {}
    exec(
        "from jumpstarter.config.client import ClientConfigV1Alpha1 as first\n"
        "from jumpstarter.config import ClientConfigV1Alpha1 as second, UserConfigV1Alpha1\n"
        "from jumpstarter.config.common import CONFIG_PATH, ObjectMeta\n"
        "from jumpstarter.config import env, grpc, shell, tls, user\n",
        found,
    )
    assert found["first"] is found["second"] is ClientConfigV1Alpha1
    assert found["CONFIG_PATH"] == ClientConfigV1Alpha1.CLIENT_CONFIGS_PATH.parent
    assert found["ObjectMeta"] is ObjectMeta
    assert found["tls"].TLSConfigV1Alpha1 is TLSConfigV1Alpha1
    assert {name: getattr(found["env"], name) for name in found["env"].__all__} == {
        name: name for name in found["env"].__all__
    }
    assert found["grpc"].call_credentials is call_credentials


def test_nothing_is_needed_that_the_plugin_does_not_bring() -> None:
    code = (
        "import importlib, pkgutil, sys\n"
        "optional = ('anyio', 'click', 'rich', 'robot')\n"
        "sys.modules.update(dict.fromkeys(optional))\n"
        "import pytest_jumpstarter.upstream_api.config as package\n"
        "for module in pkgutil.iter_modules(package.__path__):\n"
        "    importlib.import_module(f'{package.__name__}.{module.name}')\n"
        "config = package.client.ClientConfigV1Alpha1(metadata={'namespace': 'lab', 'name': 'anna'})\n"
        "assert config.save(config).exists()\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=30)
