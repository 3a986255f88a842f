"""Hints of errors name what a pytest user can set."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_jumpstarter.hints import PYTEST, pytest_hints
from pytest_jumpstarter.options import MARKER, declare

from JumpstarterLibrary.client.config import DirectConnection
from JumpstarterLibrary.client.settings import find_settings
from JumpstarterLibrary.errors import ConfigurationError, LeaseTimeout
from JumpstarterLibrary.hints import Hint

pytest_plugins = "pytester"


def test_no_client(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught, pytest_hints():
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
    with pytest.raises(ConfigurationError) as caught, pytest_hints():
        find_settings(environ={"JMP_CLIENT_CONFIG_HOME": str(tmp_path)})
    assert str(caught.value) == (
        f"There are several clients in '{tmp_path}/clients' and none of them is current: one, two. Choose one with "
        "JMP_CLIENT_CONFIG or `jmp config client use ALIAS`."
    )


def test_no_shell() -> None:
    with pytest.raises(ConfigurationError) as caught, pytest_hints():
        DirectConnection.from_environment({})
    assert str(caught.value).endswith("or choose another one with mode or --jumpstarter-mode.")


def test_what_an_error_says_beside_its_hint_stays() -> None:
    cause = OSError("gone")
    with pytest.raises(ConfigurationError) as caught, pytest_hints():
        raise ConfigurationError("Leave timeout= out.", hint=Hint.LEAVE_LEASE_NAME_OUT) from cause
    assert str(caught.value) == "Leave timeout= out. Leave lease_name out."
    assert caught.value.__cause__ is cause


def test_a_hint_in_a_report(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from JumpstarterLibrary.errors import LeaseTimeout
        from JumpstarterLibrary.hints import Hint

        def test_lease():
            raise LeaseTimeout("There was none.", hint=Hint.WAIT_LONGER)
        """
    )
    result = pytester.runpytest("-W", "error")
    text = f"There was none. {PYTEST[Hint.WAIT_LONGER]}"
    assert "lease_timeout or --jumpstarter-timeout" in text
    result.stdout.fnmatch_lines([f"E       *LeaseTimeout: {text}"])
    assert text not in str(LeaseTimeout("There was none.", hint=Hint.WAIT_LONGER))


def test_the_options_and_words_in_hints_are_there() -> None:
    parser = pytest.Parser(_ispytest=True)
    declare(parser)
    known = {*MARKER.replace("(", " ").replace("=None", "").replace(",", "").split(), *_options(parser)}
    words = (word.strip(".,") for text in PYTEST.values() for word in text.split())
    named = {word.partition("=")[0] for word in words if "--" in word or "lease_" in word}
    assert named
    assert named <= known


def _options(parser: pytest.Parser) -> set[str]:
    return {name for option in parser.getgroup("jumpstarter").options for name in option.names()}
