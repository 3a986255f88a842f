"""The user's configuration: which client is the current one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_jumpstarter.upstream_api.config.client import ClientConfigV1Alpha1
from pytest_jumpstarter.upstream_api.config.exceptions import FileNotFoundError
from pytest_jumpstarter.upstream_api.config.user import UserConfigV1Alpha1, UserConfigV1Alpha1Config

from JumpstarterLibrary.client.settings import find_settings

Write = Callable[..., Path]

Refused = Callable[[str], AbstractContextManager[None]]


def kept(home: Path, **content: Any) -> Path:
    path = home / "config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({"apiVersion": "jumpstarter.dev/v1alpha1", "kind": "UserConfig", **content}))
    return path


def test_without_a_file_one_is_made(home: Path) -> None:
    assert UserConfigV1Alpha1.exists() is False
    user = UserConfigV1Alpha1.load_or_create()
    assert user.config.current_client is None
    assert user == UserConfigV1Alpha1(config=UserConfigV1Alpha1Config(current_client=None))
    assert (home / "config.yaml").read_text() == (
        "apiVersion: jumpstarter.dev/v1alpha1\nkind: UserConfig\nconfig:\n  current-client: null\n"
    )
    assert UserConfigV1Alpha1.load_or_create() == user


def test_the_current_client_is_chosen(home: Path, write: Write) -> None:
    path = write("anna")
    user = UserConfigV1Alpha1.load_or_create()
    assert user.use_client("anna") == path
    assert user.config.current_client == ClientConfigV1Alpha1.load("anna")
    again = UserConfigV1Alpha1.load()
    assert again.config.current_client is not None
    assert again.config.current_client.alias == "anna"
    # So does everything else that looks for a client.
    assert find_settings().alias == "anna"
    assert again.use_client(None) is None
    assert UserConfigV1Alpha1.load().config.current_client is None


def test_a_client_that_is_not_there_is_not_chosen(home: Path, write: Write) -> None:
    write("anna")
    user = UserConfigV1Alpha1.load_or_create()
    user.use_client("anna")
    with pytest.raises(FileNotFoundError, match=r"^There is no client 'anne': "):
        user.use_client("anne")
    current = UserConfigV1Alpha1.load().config.current_client
    assert current is not None
    assert current.alias == "anna"


def test_a_current_client_without_a_file_counts_as_none(home: Path) -> None:
    kept(home, config={"current-client": "gone"})
    assert UserConfigV1Alpha1.load().config.current_client is None


def test_nothing_that_the_file_has_is_lost(home: Path, write: Write) -> None:
    write("anna")
    path = kept(home, config={"current-client": None, "theme": "dark"}, history=["a", "b"])
    UserConfigV1Alpha1.load().use_client("anna")
    written = yaml.safe_load(path.read_text())
    assert written["config"] == {"current-client": "anna", "theme": "dark"}
    assert written["history"] == ["a", "b"]


def test_it_may_be_written_elsewhere(tmp_path: Path) -> None:
    user = UserConfigV1Alpha1(config={"current-client": None})
    path = tmp_path / "some" / "where.yaml"
    assert UserConfigV1Alpha1.save(user, str(path)) == path
    assert yaml.safe_load(path.read_text())["kind"] == "UserConfig"


def test_there_is_none(home: Path) -> None:
    with pytest.raises(FileNotFoundError) as info:
        UserConfigV1Alpha1.load()
    assert str(info.value) == (
        f"There is no user configuration '{home / 'config.yaml'}'. `jmp config client use` makes one."
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"kind": "ClientConfig"}, "'kind' in '{path}' (line 2) must be 'UserConfig', not 'ClientConfig'."),
        ({"apiVersion": "v2"}, "'apiVersion' in '{path}' (line 1) must be 'jumpstarter.dev/v1alpha1', not 'v2'."),
        ({}, "'config' in '{path}' must be a mapping, not nothing."),
        ({"config": []}, "'config' in '{path}' (line 2) must be a mapping, not a list."),
        (
            {"config": {"current-client": 5}},
            "'config.current-client' in '{path}' (line 3) must be the alias of a client, not a number.",
        ),
    ],
)
def test_what_is_wrong_in_the_file_is_one_sentence(
    home: Path, refused: Refused, content: dict[str, Any], sentence: str
) -> None:
    path = kept(home, **content)
    with refused(sentence.format(path=path)):
        UserConfigV1Alpha1.load()


def test_it_as_a_mapping(write: Write) -> None:
    write("anna")
    user = UserConfigV1Alpha1(config=UserConfigV1Alpha1Config(current_client=ClientConfigV1Alpha1.load("anna")))
    assert user.model_dump(by_alias=True)["config"] == {"current-client": "anna"}
    assert user.model_dump()["config"] == {"current_client": "anna"}
    assert UserConfigV1Alpha1.model_validate(user.model_dump(by_alias=True)) == user
    assert UserConfigV1Alpha1.model_validate({"config": {"current_client": "anna"}}) == user
