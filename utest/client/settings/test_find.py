"""Values: where each comes from, what beats what, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DEFAULTS = {
    "ca": None,
    "insecure": False,
    "refresh_token": None,
    "grpc_options": {},
    "drivers_allow": (),
    "drivers_unsafe": False,
    "acquisition_timeout": 7200,
    "dial_timeout": 60,
    "retry_timeout": 300,
}


def values(found: Any) -> dict[str, Any]:
    return {name: getattr(found, name) for name in DEFAULTS}


def test_defaults(home: Any) -> None:
    home.client()
    found = home.find()
    assert (found.namespace, found.name, found.endpoint, found.token) == ("lab", "me", "controller:8082", "hunter2")
    assert values(found) == DEFAULTS
    assert set(found.origins.values()) == {"file", "default"}


def test_everything_in_the_file(home: Any, pem: bytes, encoded: str) -> None:
    home.client(
        tls={"ca": encoded, "insecure": False, "more": 1},
        refresh_token="again",
        grpcOptions={"grpc.keepalive_time_ms": 1000, "grpc.lb_policy_name": "pick_first"},
        drivers={"allow": ["a.*"], "unsafe": True},
        shell={"use_profiles": True, "more": 1},
        leases={"acquisition_timeout": 10, "dial_timeout": 5.5, "retry_timeout": 0},
        alias="ignored",
        path="/ignored",
    )
    found = home.find()
    assert values(found) == {
        "ca": pem,
        "insecure": False,
        "refresh_token": "again",
        "grpc_options": {"grpc.keepalive_time_ms": 1000, "grpc.lb_policy_name": "pick_first"},
        "drivers_allow": ("a.*",),
        "drivers_unsafe": True,
        "acquisition_timeout": 10,
        "dial_timeout": 5.5,
        "retry_timeout": 0,
    }
    assert set(found.origins.values()) == {"file"}


ENVIRONMENT = {
    "JMP_NAMESPACE": "n",
    "JMP_NAME": "x",
    "JMP_ENDPOINT": "e:1",
    "JMP_TOKEN": "t",
    "JMP_REFRESH_TOKEN": "r",
    "JMP_TLS": '{"insecure": true}',
    "JMP_GRPCOPTIONS": '{"a": 1}',
    "JMP_DRIVERS_ALLOW": "a.*, b.*",
    "JMP_DRIVERS_UNSAFE": "1",
    "JMP_SHELL": '{"use_profiles": true}',
    "JMP_LEASES": '{"acquisition_timeout": 11, "dial_timeout": 12, "retry_timeout": 13}',
}


def test_everything_in_the_environment(home: Any) -> None:
    found = home.find(ENVIRONMENT)
    assert (found.namespace, found.name, found.endpoint, found.token) == ("n", "x", "e:1", "t")
    assert values(found) == {
        "ca": None,
        "insecure": True,
        "refresh_token": "r",
        "grpc_options": {"a": 1},
        "drivers_allow": ("a.*", " b.*"),
        "drivers_unsafe": True,
        "acquisition_timeout": 11,
        "dial_timeout": 12,
        "retry_timeout": 13,
    }
    assert found.origins["token"] == "environment JMP_TOKEN"
    assert found.origins["tls.insecure"] == "environment JMP_TLS"
    assert found.origins["leases.dial_timeout"] == "environment JMP_LEASES"
    assert found.origins["tls.ca"] == "default"


def test_everything_as_arguments(home: Any, pem: bytes, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(pem)
    found = home.find(namespace="n", name="x", endpoint="e:1", token="t", ca=ca)
    assert (found.namespace, found.name, found.endpoint, found.token, found.ca) == ("n", "x", "e:1", "t", pem)
    assert found.source == "arguments"
    assert {key for key, origin in found.origins.items() if origin == "argument"} == {
        "metadata.namespace",
        "metadata.name",
        "endpoint",
        "token",
        "tls.ca",
        "tls.insecure",
    }
    assert home.find(namespace="n", name="x", endpoint="e:1", token="t", insecure=True).insecure is True


def test_arguments_beat_the_file_and_the_file_beats_the_environment(home: Any) -> None:
    home.client()
    environ = {"JMP_ENDPOINT": "e:1", "JMP_TOKEN": "t", "JMP_NAMESPACE": "n"}
    found = home.find(environ)
    assert (found.endpoint, found.token, found.namespace) == ("controller:8082", "hunter2", "lab")
    found = home.find(environ, endpoint="argument:1", name="x", client="a")
    assert (found.endpoint, found.token, found.name) == ("argument:1", "hunter2", "x")
    assert [found.origins[key] for key in ("endpoint", "metadata.name", "token")] == ["argument", "argument", "file"]


def test_the_environment_fills_what_the_file_lacks(home: Any) -> None:
    home.client(
        without=("endpoint", "token"),
        metadata={"name": "me"},
        drivers={"allow": ["a"]},
        leases={"dial_timeout": 50},
        grpcOptions={"y": 1},
    )
    environ = {
        **{key: value for key, value in ENVIRONMENT.items() if key != "JMP_NAME"},
        "JMP_GRPCOPTIONS": '{"x": "5", "y": 2}',
        "JMP_DRIVERS": '{"unsafe": "no"}',
    }
    found = home.find(environ)
    assert (found.namespace, found.name, found.endpoint, found.token) == ("n", "me", "e:1", "t")
    assert (found.drivers_allow, found.drivers_unsafe) == (("a",), False)
    assert (found.acquisition_timeout, found.dial_timeout) == (11, 50)
    assert found.grpc_options == {"x": "5", "y": 1}
    assert {key: found.origins[key] for key in ("drivers.allow", "drivers.unsafe", "grpcOptions")} == {
        "drivers.allow": "file",
        "drivers.unsafe": "environment JMP_DRIVERS",
        "grpcOptions": "file and environment JMP_GRPCOPTIONS",
    }


@pytest.mark.parametrize("leases", [{"dial_timeout": 50, "retry_timeout": 51}, {}])
def test_two_limits_of_the_environment_beat_the_file(home: Any, leases: dict[str, int]) -> None:
    home.client(leases=leases)
    found = home.find({"JMP_DIAL_TIMEOUT": "7.5", "JMP_RETRY_TIMEOUT": "0", "JMP_ACQUISITION_TIMEOUT": "9"})
    assert (found.dial_timeout, found.retry_timeout, found.acquisition_timeout) == (7.5, 0, 7200)
    assert found.origins["leases.dial_timeout"] == "environment JMP_DIAL_TIMEOUT"


@pytest.mark.parametrize("name", ["JMP_GRPC_INSECURE", "JUMPSTARTER_GRPC_INSECURE"])
def test_insecure_in_the_environment_beats_the_file(home: Any, name: str, encoded: str) -> None:
    home.client(tls={"insecure": False, "ca": encoded})
    found = home.find({name: "1"})
    assert (found.insecure, found.ca, found.origins["tls.insecure"]) == (True, None, f"environment {name}")
    for value in ("0", "true", ""):
        assert home.find({name: value}).insecure is False
    assert home.find({name: "1"}, insecure=False).ca is not None


def test_an_authority_as_argument_means_to_verify(home: Any, tmp_path: Path, pem: bytes) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(pem)
    home.client(tls={"insecure": True, "ca": "unused"})
    assert (home.find().insecure, home.find().ca) == (True, None)
    found = home.find({"JMP_GRPC_INSECURE": "1"}, ca=str(ca))
    assert (found.insecure, found.ca, found.origins["tls.insecure"]) == (False, pem, "argument")


def test_variables_without_prefix_are_not_ours(home: Any) -> None:
    home.client()
    leak = {"DIAL_TIMEOUT": "70", "RETRY_TIMEOUT": "71", "ACQUISITION_TIMEOUT": "72", "ENDPOINT": "x:1"}
    assert values(home.find(leak)) == DEFAULTS


def test_all_drivers(home: Any) -> None:
    home.client(drivers={"allow": ["a", "UNSAFE"], "unsafe": False})
    found = home.find()
    assert (found.drivers_allow, found.drivers_unsafe) == (("a", "UNSAFE"), True)
    home.client()
    found = home.find({"JMP_DRIVERS_ALLOW": "UNSAFE"})
    assert (found.drivers_unsafe, found.origins["drivers.unsafe"]) == (True, "environment JMP_DRIVERS_ALLOW")


def test_json_beats_the_single_variables(home: Any) -> None:
    home.client()
    environ = {"JMP_DRIVERS": '{"allow": "q.*,p.*"}', "JMP_DRIVERS_ALLOW": "z.*", "JMP_DRIVERS_UNSAFE": "on"}
    found = home.find(environ)
    assert (found.drivers_allow, found.drivers_unsafe) == (("q.*", "p.*"), True)


def test_variables_without_content_are_not_set(home: Any) -> None:
    home.client()
    assert values(home.find(dict.fromkeys([*ENVIRONMENT, "JMP_DIAL_TIMEOUT", "JMP_RETRY_TIMEOUT"], ""))) == DEFAULTS


def test_it_is_read_anew_each_time(home: Any) -> None:
    home.client()
    assert home.find().endpoint == "controller:8082"
    home.client(endpoint="other:1")
    assert home.find().endpoint == "other:1"


# Refusals


@pytest.mark.parametrize(
    ("key", "line", "variable", "remedy"),
    [("endpoint", 2, "JMP_ENDPOINT", "Put it there"), ("token", 7, "JMP_TOKEN", "Log in with `jmp login`")],
)
def test_what_is_needed(
    home: Any, refusal: Callable[..., str], key: str, line: int, variable: str, remedy: str
) -> None:
    start = f"There is no {key} in"
    path = home.client(without=(key,))
    current = f"'{path}', the only client"
    assert refusal() == f"{start} {current}. {remedy}, or set {variable}."
    for empty in (None, ""):
        home.client(**{key: empty})
        assert refusal() == f"{start} {current}. {remedy}, or set {variable}."
        assert refusal({variable: "x"}) == (
            f"{start} {current}: '{key}' in '{path}' (line {line}) is empty, which beats {variable}. Take it out, or "
            f"give it a value."
        )
        assert getattr(home.find(**{key: "given"}), key) == "given"
    environ = {name: value for name, value in ENVIRONMENT.items() if name != variable}
    assert refusal(environ) == (f"{start} the environment (JMP_NAMESPACE, JMP_NAME). {remedy}, or set {variable}.")


def test_an_identity_is_needed(home: Any, refusal: Callable[..., str]) -> None:
    path = home.client(without=("metadata",))
    where = f"'{path}', the only client"
    assert refusal() == f"There is no metadata.namespace in {where}. Put it there, or set JMP_NAMESPACE."
    home.client(metadata={"namespace": None, "name": "x"})
    assert refusal() == f"There is no metadata.namespace in {where}. Put it there, or set JMP_NAMESPACE."
    assert refusal({"JMP_NAMESPACE": "n"}) == (
        f"There is no metadata.namespace in {where}: 'metadata.namespace' in '{path}' (line 6) is empty, which "
        f"beats JMP_NAMESPACE. Take it out, or give it a value."
    )
    home.client(metadata={"namespace": "n"})
    assert refusal() == f"There is no metadata.name in {where}. Put it there, or set JMP_NAME."
    assert refusal({"JMP_METADATA": '{"namespace": null, "name": "x"}'}) == (
        "There is no metadata.namespace in the environment (JMP_METADATA). Put it there, or set JMP_NAMESPACE."
    )


EXAMPLES = "'1h30m' or 'PT1H30M'"
ANY = f"a length of time from 0 seconds to 365 days, such as 90 (seconds), '500 ms', {EXAMPLES}"
LONGER = f"a length of time from 5 seconds to 365 days, such as 90 (seconds), {EXAMPLES}"
WHOLE = f"a length of time in whole seconds from 5 seconds to 365 days, such as 90 (seconds), {EXAMPLES}"


@pytest.mark.parametrize(
    ("changes", "key", "line", "reason"),
    [
        ({"kind": "ExporterConfig"}, "kind", 3, "'ClientConfig', not 'ExporterConfig'"),
        ({"apiVersion": 2}, "apiVersion", 1, "'jumpstarter.dev/v1alpha1', not a number"),
        ({"endpoint": 5}, "endpoint", 2, "text, not a number"),
        ({"endpoint": "https://lab:8082"}, "endpoint", 2, "HOST:PORT, not a URL"),
        (
            {"endpoint": "lab:80820"},
            "endpoint",
            2,
            "HOST:PORT with a port up to 65535, not one with port 80820",
        ),
        ({"token": 5}, "token", 7, "text, not a number"),
        ({"token": "hunter2\n"}, "token", 7, "printable ASCII text without blanks and line ends, not text with others"),
        ({"refresh_token": ["hunter2"]}, "refresh_token", 7, "text, not a list"),
        ({"metadata": {"namespace": "n", "name": True}}, "metadata.name", 5, "text, not true or false"),
        ({"tls": {"ca": 5}}, "tls.ca", 8, "text, not a number"),
        ({"tls": {"insecure": "hunter2"}}, "tls.insecure", 8, "true or false, not this text"),
        ({"tls": None}, "tls", 7, "a mapping, not nothing"),
        ({"drivers": []}, "drivers", 2, "a mapping, not a list"),
        ({"drivers": {"allow": 5}}, "drivers.allow", 3, "a list of texts, or one text with commas, not a number"),
        ({"drivers": {"unsafe": 2}}, "drivers.unsafe", 3, "true or false, not a number"),
        ({"shell": {"use_profiles": {}}}, "shell.use_profiles", 8, "true or false, not a mapping"),
        (
            {"leases": {"acquisition_timeout": 4}},
            "leases.acquisition_timeout",
            5,
            f"{WHOLE}, not 4",
        ),
        (
            {"leases": {"acquisition_timeout": 5.5}},
            "leases.acquisition_timeout",
            5,
            f"{WHOLE}, not 5.5",
        ),
        ({"leases": {"dial_timeout": 4.9}}, "leases.dial_timeout", 5, f"{LONGER}, not 4.9"),
        ({"leases": {"retry_timeout": -1}}, "leases.retry_timeout", 5, f"{ANY}, not -1"),
        ({"leases": {"retry_timeout": None}}, "leases.retry_timeout", 5, f"{ANY}, not nothing"),
        (
            {"grpcOptions": {"a": None}},
            "grpcOptions",
            3,
            "a mapping of texts and whole numbers, not one with nothing for 'a'",
        ),
    ],
)
def test_what_a_file_cannot_hold(
    home: Any, refusal: Callable[..., str], changes: dict[str, object], key: str, line: int, reason: str
) -> None:
    path = home.client(**changes)
    assert refusal() == f"'{key}' in '{path}' (line {line}) must be {reason}."


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({"JMP_DIAL_TIMEOUT": "soon"}, f"JMP_DIAL_TIMEOUT must be {LONGER}, not 'soon'."),
        ({"JMP_DIAL_TIMEOUT": "1"}, f"JMP_DIAL_TIMEOUT must be {LONGER}, not '1'."),
        ({"JMP_RETRY_TIMEOUT": "-5"}, f"JMP_RETRY_TIMEOUT must be {ANY}, not '-5'."),
        ({"JMP_DRIVERS_UNSAFE": "maybe"}, "JMP_DRIVERS_UNSAFE must be true or false, not this text."),
        (
            {"JMP_LEASES": '{"dial_timeout": 1}'},
            f"'leases.dial_timeout' in JMP_LEASES must be {LONGER}, not 1.",
        ),
        ({"JMP_TLS": "hunter2"}, 'JMP_TLS must be a JSON object, such as {"key": "value"}; it cannot be parsed.'),
        ({"JMP_TLS": "3"}, "'tls' in JMP_TLS must be a mapping, not a number."),
        ({"JMP_GRPCOPTIONS": "[1]"}, "JMP_GRPCOPTIONS must be a mapping of texts and whole numbers, not a list."),
        (
            {"JMP_SHELL": "[" * 100_000},
            'JMP_SHELL must be a JSON object, such as {"key": "value"}; it cannot be parsed.',
        ),
        (
            {"JMP_REFRESH_TOKEN": "hunter2 "},
            "JMP_REFRESH_TOKEN must be printable ASCII text without blanks and line ends, not text with others.",
        ),
    ],
)
def test_what_the_environment_cannot_hold(
    home: Any, refusal: Callable[..., str], environ: dict[str, str], reason: str
) -> None:
    home.client()
    assert refusal(environ) == reason


def test_arguments_that_cannot_be(home: Any, refusal: Callable[..., str], tmp_path: Path, pem: bytes) -> None:
    home.client()
    assert refusal(endpoint="http://lab") == "endpoint= must be HOST:PORT, not a URL."
    assert refusal(token="hunter2 ") == (
        "token= must be printable ASCII text without blanks and line ends, not text with others."
    )
    ca = tmp_path / "ca.pem"
    ca.write_bytes(pem)
    assert refusal(ca=ca, insecure=True) == "ca= means to verify, insecure= not to. Leave one of the two out."


def test_nothing_is_imported_for_a_client_without_file(home: Any) -> None:
    script = (
        "import sys\n"
        "from JumpstarterLibrary.client.settings import find_settings\n"
        "assert 'yaml' not in sys.modules, 'at import'\n"
        "print(find_settings().endpoint)\n"
        "print('yaml' in sys.modules)\n"
    )

    def run(environ: dict[str, str]) -> str:
        python = [sys.executable, "-c", script]
        return subprocess.run(python, capture_output=True, text=True, check=True, env=environ, timeout=60).stdout

    assert run({**home.environ, **ENVIRONMENT}) == "e:1\nFalse\n"
    home.client()
    assert run(home.environ) == "controller:8082\nTrue\n"


def test_origins_can_be_kept_as_data(home: Any) -> None:
    home.client()
    assert json.loads(json.dumps(dict(home.find().origins)))["endpoint"] == "file"
