"""Which client it is, in which order, and what is said where there is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client.settings import ClientArguments, config_home, find_settings

IDENTITY = {"JMP_NAMESPACE": "other", "JMP_NAME": "you", "JMP_ENDPOINT": "elsewhere:1", "JMP_TOKEN": "t"}
JSON = '{"namespace": "n", "name": "j"}'


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"JMP_CLIENT_CONFIG_HOME": "/j", "XDG_CONFIG_HOME": "/x", "HOME": "/h"}, "/j"),
        ({"JMP_CLIENT_CONFIG_HOME": "j"}, "j"),
        ({"JMP_CLIENT_CONFIG_HOME": "", "XDG_CONFIG_HOME": "/x", "HOME": "/h"}, "/x/jumpstarter"),
        ({"XDG_CONFIG_HOME": "x", "HOME": "/h"}, "/h/.config/jumpstarter"),
        ({"XDG_CONFIG_HOME": "", "HOME": "/h"}, "/h/.config/jumpstarter"),
        ({"HOME": "/h"}, "/h/.config/jumpstarter"),
    ],
)
def test_the_folder(environ: dict[str, str], expected: str) -> None:
    assert config_home(environ) == Path(expected)


def test_the_folder_of_a_user_without_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    assert config_home({}) == Path("/somewhere/.config/jumpstarter")


def test_the_order(home: Any) -> None:
    """Take the strongest away, one after the other."""
    for alias in ("argued", "named", "current", "other"):
        home.client(alias)
    home.current("current")
    environ = {**IDENTITY, "JMP_CLIENT_CONFIG": "named"}
    found = home.find(environ, client="argued")
    assert (found.source, found.alias) == (f"'{home.file('argued')}', which client= names", "argued")
    found = home.find(environ, namespace="n", name="x")
    assert (found.source, found.alias, found.path, found.name) == ("arguments", None, None, "x")
    found = home.find(environ, name="x")
    assert (found.source, found.namespace, found.name) == (
        "arguments and the environment (JMP_NAMESPACE)",
        "other",
        "x",
    )
    found = home.find(environ)
    assert (found.source, found.name) == ("the environment (JMP_NAMESPACE, JMP_NAME)", "you")
    del environ["JMP_NAME"]
    found = home.find(environ)
    assert (found.source, found.alias) == (f"'{home.file('named')}', which JMP_CLIENT_CONFIG names", "named")
    del environ["JMP_CLIENT_CONFIG"]
    found = home.find(environ)
    assert (found.source, found.path) == (
        f"'{home.file('current')}', the current client",
        home.file("current"),
    )
    (home.path / "config.yaml").unlink()
    for alias in ("argued", "named", "current"):
        home.file(alias).unlink()
    assert home.find(environ).source == f"'{home.file('other')}', the only client"


def test_the_order_without_arguments_comes_from_the_process(home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    home.client()
    for name in ("JMP_NAMESPACE", "JMP_NAME", "JMP_CLIENT_CONFIG", "JMP_METADATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JMP_CLIENT_CONFIG_HOME", str(home.path))
    assert find_settings().alias == "a"
    monkeypatch.setenv("JMP_CLIENT_CONFIG", "missing")
    with pytest.raises(ValueError, match="There is no client 'missing'"):
        find_settings()


def test_a_file_as_argument(home: Any, tmp_path: Path) -> None:
    path = home.client().rename(tmp_path / "some.thing.yaml")
    for config in (path, str(path)):
        found = home.find(IDENTITY, config=config)
        assert (found.source, found.alias, found.name) == (f"'{path}', which config= names", "some", "me")


@pytest.mark.parametrize("value", ["{home}/clients/a.yaml", "a", "clients/a.yaml", "a.yml"])
def test_the_variable_takes_a_path_or_an_alias(home: Any, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home.client()
    (home.path / "a.yml").write_text(path.read_text())
    monkeypatch.chdir(home.path)
    found = home.find({"JMP_CLIENT_CONFIG": value.format(home=home.path)})
    assert found.path is not None
    assert found.path.read_text() == path.read_text()
    assert found.source == f"'{found.path}', which JMP_CLIENT_CONFIG names"


def test_paths_at_home(home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    home.client()
    monkeypatch.setenv("HOME", str(home.path))
    assert home.find({"JMP_CLIENT_CONFIG": "~/clients/a.yaml"}).path == home.file("a")
    assert home.find(config="~/clients/a.yaml").path == home.file("a")


@pytest.mark.parametrize(
    ("environ", "source", "name"),
    [
        ({"JMP_METADATA": JSON}, "the environment (JMP_METADATA)", "j"),
        ({"JMP_METADATA": JSON, "JMP_NAME": "v"}, "the environment (JMP_METADATA)", "j"),
        ({"JMP_METADATA": '{"namespace": "n"}', "JMP_NAME": "v"}, "the environment (JMP_METADATA, JMP_NAME)", "v"),
    ],
)
def test_an_identity_as_json(home: Any, environ: dict[str, str], source: str, name: str) -> None:
    home.client()
    found = home.find({**environ, "JMP_ENDPOINT": "e:1", "JMP_TOKEN": "t"})
    assert (found.source, found.name, found.namespace) == (source, name, "n")


def test_an_identity_without_content_is_none(home: Any) -> None:
    home.client()
    assert home.find({"JMP_NAMESPACE": "", "JMP_NAME": "", "JMP_CLIENT_CONFIG": ""}).alias == "a"


def test_a_current_client_without_file_is_none(home: Any) -> None:
    home.client("a")
    home.current("gone")
    assert home.find().source == f"'{home.file('a')}', the only client"


def test_what_is_no_client_is_not_counted(home: Any) -> None:
    home.client("a")
    for name in (".hidden.yaml", "b.yaml~", "notes.txt"):
        (home.path / "clients" / name).write_text("{}")
    (home.path / "clients" / "folder.yaml").mkdir()
    assert home.find().alias == "a"


# Refusals


def nothing(home: Any, lost: str = "") -> str:
    return (
        f"No client is configured{lost}: JMP_NAMESPACE and JMP_NAME are not both set, JMP_CLIENT_CONFIG is not set, "
        f"and there is no client in '{home.path}/clients'. Log in with `jmp login`, name one with client= or config=, "
        f"or set JMP_NAMESPACE, JMP_NAME, JMP_ENDPOINT and JMP_TOKEN."
    )


def test_nothing_at_all(home: Any, refusal: Callable[..., str]) -> None:
    assert refusal() == nothing(home)
    home.current(None)
    assert refusal({"JMP_NAME": "half"}, endpoint="e:1", token="hunter2") == nothing(home)
    home.current("gone")
    assert refusal() == nothing(home, " (the current one, 'gone', has no file)")


def test_several_and_none_of_them_current(home: Any, refusal: Callable[..., str]) -> None:
    for alias in ("b", "a"):
        home.client(alias)
    start = f"There are several clients in '{home.path}/clients' and none of them is current"
    end = "Choose one with client=, JMP_CLIENT_CONFIG or `jmp config client use ALIAS`."
    assert refusal() == f"{start}: a, b. {end}"
    home.current("gone")
    assert refusal() == f"{start} (the current one, 'gone', has no file): a, b. {end}"
    for number in range(10, 20):
        home.client(f"c{number}")
    assert ": a, b, c10, c11, c12, c13, c14, c15, c16, c17 and 2 more. " in refusal()


def test_two_arguments_for_one_thing(home: Any, refusal: Callable[..., str]) -> None:
    assert refusal(client="a", config="b.yaml") == "client= and config= both name a client. Leave one of the two out."


def test_an_alias_that_is_not_there(home: Any, refusal: Callable[..., str]) -> None:
    place = f"in '{home.path}/clients'."
    assert refusal(client="lab") == (
        f"There is no client 'lab', which client= names, {place} There is none at all; log in with `jmp login`."
    )
    home.client("lab-1")
    home.client("xyz")
    assert refusal(client="lab-2") == (
        f"There is no client 'lab-2', which client= names, {place} Did you mean 'lab-1'?"
    )
    assert refusal({"JMP_CLIENT_CONFIG": "foo"}) == (
        f"There is no client 'foo', which JMP_CLIENT_CONFIG names, {place} There are: lab-1, xyz."
    )


def test_a_path_as_alias(home: Any, refusal: Callable[..., str]) -> None:
    path = home.client()
    assert refusal(client=f"{home.path}/clients/a") == (
        f"client= takes an alias, not the path '{home.path}/clients/a'. Give a path with config=."
    )
    assert path.exists()


def test_a_path_that_is_not_there(home: Any, refusal: Callable[..., str]) -> None:
    assert refusal(config="/none/a.yaml") == (
        "There is no client file '/none/a.yaml', which config= names. Check the path."
    )
    assert refusal({"JMP_CLIENT_CONFIG": "/none/a.yaml"}) == (
        "There is no client file '/none/a.yaml', which JMP_CLIENT_CONFIG names. Check the path."
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "The file '{}' must hold a mapping, not nothing."),
        ("config", "The file '{}' must hold a mapping, not this text."),
        (
            "config: [",
            "The file '{}' is no valid YAML in line 1, column 10, at the key 'config': expected the node content, but "
            "found '<stream end>'.",
        ),
        ("kind: UserConfig", "'config' in '{}' must be a mapping, not nothing."),
        ("config: {current-client: 7}", "'config.current-client' in '{}' (line 1) must be text, not a number."),
        ("kind: ClientConfig\nconfig: {}", "'kind' in '{}' (line 1) must be 'UserConfig', not 'ClientConfig'."),
        ("apiVersion: v2\nconfig: {}", "'apiVersion' in '{}' (line 1) must be 'jumpstarter.dev/v1alpha1', not 'v2'."),
    ],
)
def test_a_user_file_that_is_wrong(home: Any, refusal: Callable[..., str], text: str, reason: str) -> None:
    path = home.user(text)
    home.client()
    assert refusal() == reason.format(path)
    assert home.find(client="a").alias == "a", "who names a client does not need it"


def test_what_upstreams_client_does_not_mind(home: Any) -> None:
    home.client("a")
    home.client("b")
    home.user("kind: UserConfig\nmore: 1\nconfig: {current-client: b, more: 2}")
    assert home.find().alias == "b"


def test_files_that_cannot_be_reached(home: Any, refusal: Callable[..., str]) -> None:
    home.client()
    name = "x" * 300
    path = home.file(name)
    assert refusal(client=name) == f"The file '{path}' cannot be read: File name too long."
    assert refusal(client="a\0b").startswith("There is no client 'a\\x00b', which client= names, in ")


def test_a_folder_that_cannot_be_read(home: Any, refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert refusal() == f"The folder '{home.path}/clients' cannot be read: Permission denied."


def test_arguments_do_not_show_the_token() -> None:
    assert "hunter2" not in repr(ClientArguments(token="hunter2"))
