"""The same files and environments, as upstream's command line and as our client understand them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from interop.upstream import Upstream
from JumpstarterLibrary.client.settings import ClientArguments, ClientSettings, find_settings
from JumpstarterLibrary.errors import ConfigurationError

PROBE = Path(__file__).parent.parent / "peer" / "print_settings.py"
LIMIT_S = 180

ENVIRONMENT = {"JMP_NAMESPACE": "other", "JMP_NAME": "you", "JMP_ENDPOINT": "elsewhere:2", "JMP_TOKEN": "variable"}
"""A client that needs no file."""

FILE: dict[str, Any] = {
    "apiVersion": "jumpstarter.dev/v1alpha1",
    "kind": "ClientConfig",
    "metadata": {"namespace": "lab", "name": "me"},
    "endpoint": "controller:1",
    "token": "file",
    "drivers": {"allow": [], "unsafe": False},
}

ABSENT = object()
"""Stands for a key that the file lacks."""


@dataclass(frozen=True)
class Case:
    """Files and environment for one look at the configuration.

    Attributes:
        files: Texts by their path below the configuration's folder.
        environ: Variables.
        arguments: Of upstream's command line.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()


def user(current: str | None) -> str:
    """Return the text of ``config.yaml``."""
    return yaml.safe_dump(
        {"apiVersion": "jumpstarter.dev/v1alpha1", "kind": "UserConfig", "config": {"current-client": current}}
    )


def client(**changes: object) -> str:
    """Return the text of a client's file with some keys changed or, if they are ABSENT, taken out."""
    return yaml.safe_dump({key: value for key, value in {**FILE, **changes}.items() if value is not ABSENT})


def current(environ: Mapping[str, str] | None = None, **changes: object) -> Case:
    """Return the case of a current client whose file is changed."""
    return Case({"config.yaml": user("a"), "clients/a.yaml": client(**changes)}, environ or {})


def fileless(environ: Mapping[str, str]) -> Case:
    """Return the case of a client without file."""
    return Case({}, {**ENVIRONMENT, **environ})


TWO = {"config.yaml": user("b"), "clients/a.yaml": client(), "clients/b.yaml": client(endpoint="b:1")}
WRONG_CA = {"ca": "YWJj"}

SAME = {
    # Which client
    "nothing": Case(),
    "no current client": Case({"config.yaml": user(None), "clients/a.yaml": client(), "clients/b.yaml": client()}),
    "the current client": Case(TWO),
    "a current client with a dot": Case({"config.yaml": user("a.b"), "clients/a.b.yaml": client()}),
    "a current client without file": Case({**TWO, "config.yaml": user("c")}),
    "an alias": Case(TWO, {}, ("--client", "a")),
    "an alias that is not there": Case(TWO, {}, ("--client", "c")),
    "an alias against the environment": Case(TWO, ENVIRONMENT, ("--client", "a")),
    "the environment against the current client": Case(TWO, ENVIRONMENT),
    "the environment without files": Case({}, ENVIRONMENT),
    "half an identity": Case(TWO, {"JMP_NAMESPACE": "other"}),
    "half an identity without files": Case({}, {"JMP_NAME": "you"}),
    "an identity as JSON": Case(
        TWO, {"JMP_METADATA": '{"namespace": "w", "name": "q"}', "JMP_TOKEN": "t", "JMP_ENDPOINT": "e:1"}
    ),
    "an identity half as JSON": Case(TWO, {**ENVIRONMENT, "JMP_METADATA": '{"namespace": "w"}'}),
    "config.yaml without kind": Case({**TWO, "config.yaml": "config: {current-client: b}"}),
    "config.yaml of another kind": Case({**TWO, "config.yaml": "kind: ClientConfig\nconfig: {current-client: b}"}),
    "config.yaml with more": Case({**TWO, "config.yaml": "more: 1\nconfig: {current-client: b, more: 2}"}),
    "config.yaml without config": Case({**TWO, "config.yaml": "kind: UserConfig"}),
    "empty config.yaml": Case({**TWO, "config.yaml": ""}),
    # The file and the environment
    "the file beats the environment": current({"JMP_ENDPOINT": "x:1", "JMP_TOKEN": "y", "JMP_NAME": "z"}),
    "no endpoint anywhere": current(endpoint=ABSENT),
    "the endpoint from the environment": current({"JMP_ENDPOINT": "x:1"}, endpoint=ABSENT),
    "null beats the environment": current({"JMP_ENDPOINT": "x:1"}, endpoint=None),
    "an empty endpoint": current({"JMP_ENDPOINT": "x:1"}, endpoint=""),
    "no token anywhere": current(token=ABSENT),
    "the token from the environment": current({"JMP_TOKEN": "y"}, token=ABSENT),
    "null beats the token": current({"JMP_TOKEN": "y"}, token=None),
    "refresh token": current({"JMP_REFRESH_TOKEN": "r"}),
    "refresh token in both": current({"JMP_REFRESH_TOKEN": "r"}, refresh_token="f"),
    "no metadata": current(metadata=ABSENT),
    "no namespace": current(metadata={"name": "x"}),
    "the namespace from the environment": current({"JMP_NAMESPACE": "n"}, metadata={"name": "x"}),
    "the namespace as JSON": current({"JMP_METADATA": '{"namespace": "n"}'}, metadata={"name": "x"}),
    "the name from the environment": current({"JMP_NAME": "n"}, metadata={"namespace": "x"}),
    "JSON beats a variable": fileless({"JMP_METADATA": '{"namespace": "w", "name": "q"}'}),
    "tls from the environment": current({"JMP_TLS": '{"insecure": true}'}),
    "tls in both": current({"JMP_TLS": '{"insecure": true}'}, tls={"insecure": False}),
    "tls from the environment alone": fileless({"JMP_TLS": '{"insecure": true, "ca": "ignored then"}'}),
    "driver patterns in both": current({"JMP_DRIVERS_ALLOW": "z.*"}, drivers={"allow": ["a.*"]}),
    "driver patterns from the environment": current({"JMP_DRIVERS_ALLOW": "z.*, y.*"}, drivers={"unsafe": False}),
    "patterns from the file, unsafe from a variable": current({"JMP_DRIVERS_UNSAFE": "1"}, drivers={"allow": ["a.*"]}),
    "unsafe in both": current({"JMP_DRIVERS_UNSAFE": "1"}, drivers={"unsafe": False}),
    "drivers as JSON": current({"JMP_DRIVERS": '{"allow": "q.*,p.*", "unsafe": "on"}'}, drivers=ABSENT),
    "drivers as JSON and variables": fileless(
        {"JMP_DRIVERS": '{"allow": ["q.*"]}', "JMP_DRIVERS_ALLOW": "z.*", "JMP_DRIVERS_UNSAFE": "true"}
    ),
    "drivers as JSON and in the file": current(
        {"JMP_DRIVERS": '{"allow": ["q"], "unsafe": true}'}, drivers={"allow": ["a"]}
    ),
    "UNSAFE in the file": current(drivers={"allow": ["a", "UNSAFE"], "unsafe": False}),
    "UNSAFE in the environment": fileless({"JMP_DRIVERS_ALLOW": "UNSAFE"}),
    "patterns as a text": current(drivers={"allow": "a.*, b.*"}),
    "leases from the environment": current({"JMP_LEASES": '{"acquisition_timeout": 99}'}),
    "leases in both": current(
        {"JMP_LEASES": '{"acquisition_timeout": 99, "retry_timeout": 7}'}, leases={"retry_timeout": 50}
    ),
    "options from the environment": current({"JMP_GRPCOPTIONS": '{"grpc.x": 5}'}),
    "options in both": current({"JMP_GRPCOPTIONS": '{"x": 5, "y": "6"}'}, grpcOptions={"y": 1, "z": "2"}),
    "a limit that nobody reads": current({"JMP_ACQUISITION_TIMEOUT": "70"}),
    # What a file may hold
    "limits": current(leases={"acquisition_timeout": 5, "dial_timeout": 5, "retry_timeout": 0}),
    "limits as texts": current(leases={"acquisition_timeout": " 10.0 ", "retry_timeout": "1.5"}),
    "a limit without fraction": current(leases={"acquisition_timeout": 10.0}),
    "a limit with a fraction": current(leases={"acquisition_timeout": 10.5}),
    "a limit that is too low": current(leases={"acquisition_timeout": 4}),
    "a limit below nothing": current(leases={"retry_timeout": -1}),
    "a limit that is no number": current(leases={"retry_timeout": "soon"}),
    "a limit that is not there": current(leases={"acquisition_timeout": None}),
    "truth as a word": current(tls={"insecure": "Y"}, drivers={"unsafe": "off"}),
    "truth as a number": current(tls={"insecure": 1}, drivers={"unsafe": 0.0}),
    "truth as two": current(tls={"insecure": 2}),
    "truth as an unknown word": current(tls={"insecure": "perhaps"}),
    "truth as an empty word": current(tls={"insecure": ""}),
    "truth in the environment": current({"JMP_DRIVERS_UNSAFE": "maybe"}, drivers={}),
    "options": current(grpcOptions={"a": 1, "b": "c", "d": True, "e": 2.0}),
    "no options": current(grpcOptions=None),
    "options with a fraction": current(grpcOptions={"a": 1.5}),
    "options without value": current(grpcOptions={"a": None}),
    "options in a list": current(grpcOptions=["a"]),
    "options by number": current(grpcOptions={1: 2}),
    "patterns that are numbers": current(drivers={"allow": [1]}),
    "patterns that are not there": current(drivers={"allow": None}),
    "endpoint by number": current(endpoint=1),
    "token by number": current(token=1),
    "refresh token by number": current(refresh_token=1),
    "name by number": current(metadata={"namespace": "n", "name": 1}),
    "namespace by number": current(metadata={"namespace": 1, "name": "n"}),
    "authority by number": current(tls={"ca": 1}),
    "no authority": current(tls={"ca": None}),
    "no tls": current(tls=None),
    "no drivers": current(drivers=None),
    "no leases": current(leases=None),
    "shell": current(shell={"use_profiles": True}),
    "shell that is wrong": current(shell={"use_profiles": "perhaps"}),
    "shell as JSON": current({"JMP_SHELL": '{"use_profiles": 3}'}),
    "unknown keys of tls and shell": current(tls={"more": 1}, shell={"more": 2}),
    "unknown keys in JSON for tls": current({"JMP_TLS": '{"more": 1}'}),
    "alias and path are ignored": current(alias="x", path="/y"),
    "unknown key": current(more=1),
    "unknown key of metadata": current(metadata={"namespace": "n", "name": "x", "labels": {}}),
    "unknown key of drivers": current(drivers={"alow": []}),
    "unknown key of leases": current(leases={"more": 1}),
    "unknown key in JSON": current({"JMP_LEASES": '{"more": 1}'}),
    "no JSON": current({"JMP_TLS": "{"}),
    "JSON that is no object": current({"JMP_TLS": "3"}),
    "another version": current(apiVersion="jumpstarter.dev/v2"),
    "another kind": current(kind="ExporterConfig"),
    "no version and no kind": current(apiVersion=ABSENT, kind=ABSENT),
    "an empty file": Case({"config.yaml": user("a"), "clients/a.yaml": ""}),
    "a list in a file": Case({"config.yaml": user("a"), "clients/a.yaml": "[1]"}),
    "no YAML": Case({"config.yaml": user("a"), "clients/a.yaml": "a: ["}),
}
"""Cases in which both find the same, or both refuse."""

ONLY_OURS = {
    "the only client": Case({"clients/a.yaml": client()}),
    "JMP_CLIENT_CONFIG": Case(TWO, {"JMP_CLIENT_CONFIG": "a"}),
    "an empty variable with JSON": current({"JMP_TLS": ""}),
}
"""Cases in which upstream's finds nothing, or another client."""

ONLY_UPSTREAMS = {
    "no namespace at all": current(metadata={"name": "x", "namespace": None}),
    "an authority that is none": current(tls=WRONG_CA),
    "a URL as the endpoint": current(endpoint="https://controller:1"),
    "a limit without end": current(leases={"dial_timeout": float("inf")}),
    "a limit below that of later versions": current(leases={"dial_timeout": 4.9}),
    "a limit that is a truth value": current(leases={"retry_timeout": True}),
    "an identity of nothing": Case({}, {"JMP_NAMESPACE": "", "JMP_NAME": "", "JMP_TOKEN": "t", "JMP_ENDPOINT": "e:1"}),
}
"""Cases in which upstream's goes on with what cannot work, or what cannot be waited for."""


@pytest.fixture(scope="module")
def answers(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what upstream's command line makes of each case; one process does all of them."""
    home = tmp_path_factory.mktemp("upstream") / "home"
    environ = upstream.environ(home)
    cases = {**SAME, **ONLY_OURS, **ONLY_UPSTREAMS}
    questions = [{"files": case.files, "environ": case.environ, "arguments": case.arguments} for case in cases.values()]
    done = subprocess.run(
        [upstream.python, str(PROBE)],
        env=environ,
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(cases, json.loads(done.stdout), strict=True))


def found_by_us(case: Case, home: Path) -> ClientSettings | None:
    """Return what our client finds; None if it refuses."""
    for name, text in case.files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    arguments = ClientArguments(client=case.arguments[1]) if case.arguments else ClientArguments()
    try:
        return find_settings(arguments, {"JMP_CLIENT_CONFIG_HOME": str(home), **case.environ})
    except ConfigurationError:
        return None


def ours(found: ClientSettings) -> dict[str, Any]:
    """Return our settings in the form that is compared."""
    return {
        "namespace": found.namespace,
        "name": found.name,
        "endpoint": found.endpoint,
        "token": found.token,
        "insecure": found.insecure,
        "refresh_token": found.refresh_token,
        "options": dict(found.grpc_options),
        "allow": list(found.drivers_allow),
        "unsafe": found.drivers_unsafe,
        "acquisition": found.acquisition_timeout,
        "retry": found.retry_timeout,
        "file": found.path.name if found.path else None,
        "alias": found.alias or "default",
    }


def theirs(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return upstream's settings in the same form; None if they are refused, at the latest when they are first used."""
    if found is None or not found["endpoint"] or not found["token"]:
        return None
    return {
        "namespace": found["metadata"]["namespace"],
        "name": found["metadata"]["name"],
        "endpoint": found["endpoint"],
        "token": found["token"],
        "insecure": found["tls"]["insecure"],
        "refresh_token": found["refresh_token"],
        "options": found["grpcOptions"] or {},
        "allow": found["drivers"]["allow"],
        "unsafe": found["drivers"]["unsafe"],
        "acquisition": found["leases"]["acquisition_timeout"],
        "retry": found["leases"]["retry_timeout"],
        "file": Path(found["path"]).name if found["path"] else None,
        "alias": found["alias"],
    }


@pytest.mark.parametrize("name", SAME)
def test_both_find_the_same(answers: dict[str, Any], tmp_path: Path, name: str) -> None:
    found = found_by_us(SAME[name], tmp_path)
    assert (found and ours(found)) == theirs(answers[name])


def test_the_table_is_not_only_of_refusals(answers: dict[str, Any]) -> None:
    accepted = [name for name in SAME if theirs(answers[name])]
    assert len(accepted) > len(SAME) / 3
    assert len(SAME) - len(accepted) > len(SAME) / 3


@pytest.mark.parametrize("name", ONLY_OURS)
def test_ours_finds_more(answers: dict[str, Any], tmp_path: Path, name: str) -> None:
    found = found_by_us(ONLY_OURS[name], tmp_path)
    assert found is not None
    assert (found.endpoint, found.alias) == ("controller:1", "a")
    assert theirs(answers[name]) != ours(found)


@pytest.mark.parametrize("name", ONLY_UPSTREAMS)
def test_ours_refuses_at_once_what_cannot_work(answers: dict[str, Any], tmp_path: Path, name: str) -> None:
    assert theirs(answers[name]) is not None
    assert found_by_us(ONLY_UPSTREAMS[name], tmp_path) is None
