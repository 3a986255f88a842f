"""Files of clients: found, read, written whole, and never shown to others."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_jumpstarter.upstream_api.config.client import (
    ClientConfigV1Alpha1,
    ClientConfigV1Alpha1Drivers,
    ClientConfigV1Alpha1Lease,
    ObjectMeta,
    ShellConfigV1Alpha1,
    TLSConfigV1Alpha1,
)
from pytest_jumpstarter.upstream_api.config.exceptions import ConfigurationError, FileNotFoundError
from pytest_jumpstarter.upstream_api.config.user import UserConfigV1Alpha1

Write = Callable[..., Path]

Refused = Callable[[str], AbstractContextManager[None]]


def made(**changes: Any) -> ClientConfigV1Alpha1:
    values: dict[str, Any] = {
        "alias": "anna",
        "metadata": ObjectMeta(namespace="lab", name="anna"),
        "endpoint": "controller.example.com:443",
        "token": "the-token",
        "drivers": ClientConfigV1Alpha1Drivers(allow=["vendor.*"]),
    }
    return ClientConfigV1Alpha1(**{**values, **changes})


# Reading


def test_a_file_is_read(write: Write) -> None:
    path = write(
        refresh_token="the-refresh-token",
        tls={"ca": "Y2E=", "insecure": True},
        grpcOptions={"grpc.max_reconnect_backoff_ms": 1000},
        leases={"acquisition_timeout": 60, "dial_timeout": 7.5},
        shell={"use_profiles": True},
    )
    config = ClientConfigV1Alpha1.load("anna")
    assert (config.alias, config.path) == ("anna", path)
    assert (config.apiVersion, config.kind) == ("jumpstarter.dev/v1alpha1", "ClientConfig")
    assert config.metadata == ObjectMeta(namespace="lab", name="anna")
    assert (config.endpoint, config.token) == ("controller.example.com:443", "the-token")
    assert config.refresh_token == "the-refresh-token"
    assert config.tls == TLSConfigV1Alpha1(ca="Y2E=", insecure=True)
    assert config.grpcOptions == {"grpc.max_reconnect_backoff_ms": 1000}
    assert config.drivers == ClientConfigV1Alpha1Drivers(allow=["vendor.*"])
    assert config.shell == ShellConfigV1Alpha1(use_profiles=True)
    assert config.leases == ClientConfigV1Alpha1Lease(acquisition_timeout=60, dial_timeout=7.5)
    assert isinstance(config.leases.acquisition_timeout, int)
    assert config.leases.retry_timeout == 300.0


def test_any_file_is_read_wherever_it_is(write: Write, tmp_path: Path) -> None:
    path = write().rename(tmp_path / "elsewhere.of.mine.yaml")
    for given in (path, str(path)):
        config = ClientConfigV1Alpha1.from_file(given)
        assert (config.alias, config.path) == ("elsewhere", path)


def test_what_is_not_in_a_file_is_what_it_usually_is(write: Write) -> None:
    write(tls="nothing", token="nothing", grpcOptions="nothing", drivers="nothing", shell="nothing")
    config = ClientConfigV1Alpha1.load("anna")
    assert config.token is None
    assert config.refresh_token is None
    assert (config.tls.ca, config.tls.insecure) == ("", False)
    assert config.grpcOptions == {}
    assert (config.drivers.allow, config.drivers.unsafe) == ([], False)
    assert config.leases == ClientConfigV1Alpha1Lease()


def test_a_file_beats_the_environment_which_fills_in_the_rest(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write(endpoint="nothing", drivers={"allow": ["vendor.*"]})
    monkeypatch.setenv("JMP_ENDPOINT", "elsewhere.example.com:443")
    monkeypatch.setenv("JMP_TOKEN", "another-token")
    monkeypatch.setenv("JMP_NAME", "berta")
    monkeypatch.setenv("JMP_DRIVERS_UNSAFE", "true")
    monkeypatch.setenv("JMP_LEASES", '{"retry_timeout": 0}')
    config = ClientConfigV1Alpha1.load("anna")
    assert (config.endpoint, config.token, config.metadata.name) == ("elsewhere.example.com:443", "the-token", "anna")
    assert (config.drivers.allow, config.drivers.unsafe) == (["vendor.*"], True)
    assert config.leases.retry_timeout == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kind": "ExporterConfig"}, "'kind' in '{path}' (line 8) must be 'ClientConfig', not 'ExporterConfig'."),
        ({"apiVersion": "v2"}, "'apiVersion' in '{path}' (line 1) must be 'jumpstarter.dev/v1alpha1', not 'v2'."),
        ({"metadata": {"name": "anna"}}, None),
        ({"metadata": "anna"}, "'metadata' in '{path}' (line 9) must be a mapping, not this text."),
        ({"drivers": {"allow": 5}}, None),
        (
            {"endpiont": "x"},
            "'endpiont' at the top level of '{path}' (line 6) is not a known key. Did you mean 'endpoint'?",
        ),
        (
            {"leases": {"acquisition_timeout": 1}},
            "'leases.acquisition_timeout' in '{path}' (line 10) must be a length of time in whole seconds from 5 "
            "seconds to 365 days, such as 90 (seconds), '1h30m' or 'PT1H30M', not 1.",
        ),
    ],
)
def test_what_is_wrong_in_a_file_is_one_sentence(
    write: Write, refused: Refused, changes: dict[str, Any], sentence: str | None
) -> None:
    path = write(**changes)
    expected = {
        "metadata": "There is no metadata.namespace. Give namespace=, put it into the file, or set JMP_NAMESPACE.",
        "drivers": (
            f"'drivers.allow' in '{path}' (line 3) must be a list of texts, or one text with commas, not a number."
        ),
    }
    wanted = sentence.format(path=path) if sentence else expected[next(iter(changes))]
    with refused(wanted):
        ClientConfigV1Alpha1.load("anna")


def test_a_file_that_is_no_mapping_is_told_without_what_is_in_it(home: Path, refused: Refused) -> None:
    path = home / "clients" / "anna.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("")
    with refused(f"The file '{path}' must hold a mapping, not nothing."):
        ClientConfigV1Alpha1.load("anna")
    path.write_text("token: [secret")
    with refused(
        f"The file '{path}' is no valid YAML in line 1, column 15, at the key 'token': expected ',' or ']', but got "
        f"'<stream end>'."
    ):
        ClientConfigV1Alpha1.load("anna")


# What is not there


def test_a_client_that_is_not_there(home: Path, write: Write) -> None:
    path = home / "clients" / "anne.yaml"
    with pytest.raises(FileNotFoundError) as info:
        ClientConfigV1Alpha1.load("anne")
    assert str(info.value) == f"There is no client 'anne': no file '{path}'. Log in with `jmp login`."
    write("berta")
    with pytest.raises(FileNotFoundError, match=r" There are: berta\.$"):
        ClientConfigV1Alpha1.load("anne")
    write("anna")
    with pytest.raises(FileNotFoundError, match=r" Did you mean 'anna'\?$"):
        ClientConfigV1Alpha1.delete("anne")
    assert ClientConfigV1Alpha1.exists("anne") is False
    assert ClientConfigV1Alpha1.exists("anna") is True


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "nothing.yaml"
    with pytest.raises(FileNotFoundError) as info:
        ClientConfigV1Alpha1.from_file(path)
    assert str(info.value) == f"There is no client configuration '{path}'. Check the path."


@pytest.mark.parametrize("method", ["load", "exists", "delete"])
def test_an_alias_is_no_path(method: str) -> None:
    with pytest.raises(ConfigurationError) as info:
        getattr(ClientConfigV1Alpha1, method)("../anna")
    assert str(info.value) == "'../anna' is a path, and no alias of a client. Read it with from_file()."


# Writing


def test_what_is_written_is_for_its_owner_only(home: Path, content: dict[str, Any]) -> None:
    config = made()
    before = os.umask(0)
    try:
        path = ClientConfigV1Alpha1.save(config)
    finally:
        os.umask(before)
    assert path == config.path == home / "clients" / "anna.yaml"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(yaml.safe_load(path.read_text())) == list(content)
    assert yaml.safe_load(path.read_text()) == content
    assert [file.name for file in path.parent.iterdir()] == ["anna.yaml"]
    assert ClientConfigV1Alpha1.load("anna") == config


def test_a_file_may_be_written_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "some" / "where.yaml"
    config = made()
    assert ClientConfigV1Alpha1.save(config, str(path)) == path
    assert config.path == path
    read = ClientConfigV1Alpha1.from_file(path)
    assert (read.alias, read.token) == ("where", "the-token")


def test_a_symbolic_link_stays_one(home: Path, tmp_path: Path, write: Write) -> None:
    real = write().rename(tmp_path / "real.yaml")
    link = home / "clients" / "anna.yaml"
    link.symlink_to(real)
    config = ClientConfigV1Alpha1.load("anna")
    config.token = "newer"
    ClientConfigV1Alpha1.save(config)
    assert link.is_symlink()
    assert yaml.safe_load(real.read_text())["token"] == "newer"
    assert real.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_written_stays_as_it_was(
    home: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write()
    config = ClientConfigV1Alpha1.load("anna")
    config.token = "newer"

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        ClientConfigV1Alpha1.save(config)
    assert yaml.safe_load(path.read_text())["token"] == "the-token"
    assert [file.name for file in path.parent.iterdir()] == ["anna.yaml"]


def test_nothing_that_a_file_has_is_lost(write: Write) -> None:
    path = write(
        tls={"ca": "", "insecure": False, "pin": "abc"},
        shell={"use_profiles": True, "prompt": {"colour": "red"}},
        leases={"acquisition_timeout": 7200, "dial_timeout": 60},
        refresh_token=None,
        alias="other",
    )
    before = yaml.safe_load(path.read_text())
    config = ClientConfigV1Alpha1.load("anna")
    ClientConfigV1Alpha1.save(config)
    assert yaml.safe_load(path.read_text()) == {
        **before,
        "leases": {"acquisition_timeout": 7200, "dial_timeout": 60.0, "retry_timeout": 300.0},
    }


def test_what_was_changed_is_written(write: Write) -> None:
    path = write(refresh_token="old", tls={"ca": "x", "pin": "abc"})
    config = ClientConfigV1Alpha1.load("anna")
    config.token, config.refresh_token, config.tls.ca = "newer", None, ""
    ClientConfigV1Alpha1.save(config)
    written = yaml.safe_load(path.read_text())
    assert written["token"] == "newer"
    assert "refresh_token" not in written
    assert written["tls"] == {"ca": "", "insecure": False, "pin": "abc"}


def test_limits_of_leases_are_written_unless_they_are_the_usual_ones(home: Path) -> None:
    path = ClientConfigV1Alpha1.save(made())
    assert "leases" not in yaml.safe_load(path.read_text())
    path = ClientConfigV1Alpha1.save(made(leases=ClientConfigV1Alpha1Lease(acquisition_timeout=60)))
    assert yaml.safe_load(path.read_text())["leases"] == {"acquisition_timeout": 60, "retry_timeout": 300.0}
    path = ClientConfigV1Alpha1.save(made(leases={"dial_timeout": 60}))
    assert yaml.safe_load(path.read_text())["leases"]["dial_timeout"] == 60.0


def test_a_client_without_a_namespace_can_be_read_again() -> None:
    path = ClientConfigV1Alpha1.save(made(metadata={"namespace": None, "name": "anna"}))
    assert ClientConfigV1Alpha1.from_file(path).metadata.namespace is None


def test_a_client_is_removed(write: Write) -> None:
    path = write()
    assert ClientConfigV1Alpha1.delete("anna") == path
    assert not path.exists()


# All of them


def test_the_clients_that_there_are(home: Path, write: Write) -> None:
    assert ClientConfigV1Alpha1.list().items == []
    write("berta")
    write("anna")
    write("notes").rename(home / "clients" / "notes.txt")
    found = ClientConfigV1Alpha1.list()
    assert [one.alias for one in found.items] == ["anna", "berta"]
    assert found.current_config is None
    UserConfigV1Alpha1.load_or_create().use_client("berta")
    assert ClientConfigV1Alpha1.list().current_config == "berta"


def test_a_list_is_shown_without_tokens_for_a_new_login(write: Write) -> None:
    write(refresh_token="never-shown")
    found = ClientConfigV1Alpha1.list()
    shown = yaml.safe_load(found.dump_yaml())
    assert shown == yaml.safe_load(found.dump_json())
    assert (shown["apiVersion"], shown["kind"]) == ("jumpstarter.dev/v1alpha1", "ClientConfigList")
    assert shown["currentConfig"] is None
    assert shown["items"][0]["metadata"] == {"namespace": "lab", "name": "anna"}
    assert "refresh_token" not in shown["items"][0]
    assert found.dump_json().startswith('{\n    "apiVersion"')
    assert "never-shown" not in found.dump_yaml() + found.dump_json() + repr(found)


def test_a_list_is_shown_as_a_table(write: Write) -> None:
    class Table:
        def __init__(self) -> None:
            self.rows: list[tuple[str, ...]] = []
            self.columns: list[str] = []

        def add_column(self, header: str, /, **options: Any) -> None:
            self.columns.append(header)

        def add_row(self, *cells: str) -> None:
            self.rows.append(cells)

    path = write()
    UserConfigV1Alpha1.load_or_create().use_client("anna")
    found, table, names = ClientConfigV1Alpha1.list(), Table(), list[str]()
    found.rich_add_columns(table)
    found.rich_add_rows(table)
    found.rich_add_names(names)
    assert table.columns == ["CURRENT", "ALIAS", "ENDPOINT", "PATH"]
    assert table.rows == [("*", "anna", "controller.example.com:443", str(path))]
    assert names == ["anna"]


# Where they are


def test_the_folder_is_looked_up_when_it_is_needed(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert home / "clients" == ClientConfigV1Alpha1.CLIENT_CONFIGS_PATH
    monkeypatch.delenv("JMP_CLIENT_CONFIG_HOME")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert tmp_path / "xdg" / "jumpstarter" / "clients" == ClientConfigV1Alpha1.CLIENT_CONFIGS_PATH
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    assert tmp_path / "user" / ".config" / "jumpstarter" / "clients" == ClientConfigV1Alpha1.CLIENT_CONFIGS_PATH


def test_a_test_may_put_the_folder_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClientConfigV1Alpha1, "CLIENT_CONFIGS_PATH", tmp_path / "mine")
    ClientConfigV1Alpha1.ensure_exists()
    assert (tmp_path / "mine").is_dir()
    assert ClientConfigV1Alpha1.save(made()) == tmp_path / "mine" / "anna.yaml"
    monkeypatch.undo()
    assert tmp_path / "mine" != ClientConfigV1Alpha1.CLIENT_CONFIGS_PATH


# Secrets


def test_tokens_are_not_shown() -> None:
    config = made(token="secret-token", refresh_token="secret-refresh", tls={"ca": "c2VjcmV0"})
    assert "secret" not in repr(config) + str(config) + repr([config])
    assert "c2VjcmV0" not in repr(config)
    assert "secret-token" in ClientConfigV1Alpha1.dump_yaml(config)
    assert "secret-refresh" not in ClientConfigV1Alpha1.dump_yaml(config)
