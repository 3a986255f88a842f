"""Sentences of the client core that name Robot's arguments name the plugin's words here."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_jumpstarter.words import in_our_words, translated

from JumpstarterLibrary.client.config import DirectConnection
from JumpstarterLibrary.client.settings import find_settings
from JumpstarterLibrary.errors import ConfigurationError


def test_no_client(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught, in_our_words():
        find_settings(environ={"JMP_CLIENT_CONFIG_HOME": str(tmp_path)})
    assert str(caught.value) == (
        "No client is configured: JMP_NAMESPACE and JMP_NAME are not both set, JMP_CLIENT_CONFIG is not set, and there "
        f"is no client in '{tmp_path}/clients'. Log in with `jmp login`, or set JMP_NAMESPACE, JMP_NAME, JMP_ENDPOINT "
        "and JMP_TOKEN."
    )


def test_several_clients(tmp_path: Path) -> None:
    (tmp_path / "clients").mkdir()
    for name in ("one", "two"):
        (tmp_path / "clients" / f"{name}.yaml").touch()
    with pytest.raises(ConfigurationError) as caught, in_our_words():
        find_settings(environ={"JMP_CLIENT_CONFIG_HOME": str(tmp_path)})
    assert str(caught.value) == (
        f"There are several clients in '{tmp_path}/clients' and none of them is current: one, two. Choose one with "
        "JMP_CLIENT_CONFIG or `jmp config client use ALIAS`."
    )


def test_no_shell() -> None:
    with pytest.raises(ConfigurationError) as caught, in_our_words():
        DirectConnection.from_environment({})
    assert str(caught.value).endswith("or choose another one with mode or --jumpstarter-mode.")


def test_other_sentences_and_causes_stay() -> None:
    assert translated("The cable is out.") == "The cable is out."
    cause = OSError("gone")
    with pytest.raises(ConfigurationError, match="lease_name out") as caught, in_our_words():
        raise ConfigurationError("Leave name= out.") from cause
    assert caught.value.__cause__ is cause
