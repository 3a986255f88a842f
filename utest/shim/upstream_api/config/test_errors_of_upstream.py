"""Who catches what: upstream's `except` clauses, and everything that this library raises."""

from __future__ import annotations

import builtins
import inspect
import pickle
import sys
from typing import Any

import pytest
from pytest_jumpstarter.upstream_api.config import exceptions
from pytest_jumpstarter.upstream_api.config.error_mapping import (
    controller_calls,
    map_connect_errors,
    map_validation_errors,
)
from pytest_jumpstarter.upstream_api.config.exceptions import (
    ArgumentError,
    ConfigurationError,
    ConnectionError,
    EnvironmentVariableNotSetError,
    ExporterOfflineError,
    ExporterUnreachableError,
    FileNotFoundError,
    JumpstarterException,
    LeaseError,
    MissingDriverError,
    ReauthenticationFailed,
)

from JumpstarterLibrary import errors

OURS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.JumpstarterError)]

LINKS = {"LinkError", "ControllerUnreachable", "AuthenticationError", "TokenExpired", "TlsError"}
LEASES = {
    "LeaseError",
    "LeaseTimeout",
    "LeaseUnsatisfiable",
    "LeaseInvalid",
    "LeaseExpired",
    "LeaseReleased",
    "LeaseTransferred",
    "LeaseNotOwned",
    "NoSuchLease",
}
REFUSALS = {"LeaseError", "LeaseInvalid", "LeaseNotOwned", "NoSuchLease"}


def descendants(kind: type[JumpstarterException]) -> set[type[JumpstarterException]]:
    """Return the subclasses of a class, and theirs."""
    return {each for child in kind.__subclasses__() for each in {child, *descendants(child)}}


def test_each_class_has_a_code_of_its_own() -> None:
    own = [
        kind
        for kind in descendants(JumpstarterException)
        if kind.__module__.startswith("pytest_jumpstarter")
        # Private ones have the code of their base.
        and not kind.__name__.startswith("_")
        and getattr(sys.modules[kind.__module__], kind.__name__, None) is kind
    ]
    assert {ArgumentError, FileNotFoundError, MissingDriverError} <= {*own}
    codes = [vars(kind).get("code") for kind in own]
    assert None not in codes
    assert len({*codes, *errors.CODES.values()}) == len(codes) + len(errors.CODES)


@pytest.mark.parametrize("kind", OURS)
def test_who_catches_what_the_core_raises(kind: type[Exception]) -> None:
    error = kind("the sentence")
    assert isinstance(error, JumpstarterException)
    assert isinstance(error, ConnectionError) == (kind.__name__ in LINKS)
    assert isinstance(error, LeaseError) == (kind.__name__ in LEASES)
    assert isinstance(error, ConfigurationError) == (kind.__name__ == "ConfigurationError")


@pytest.mark.parametrize(
    ("kind", "caught"),
    [
        (ArgumentError, {ValueError}),
        (EnvironmentVariableNotSetError, {ConfigurationError, RuntimeError, ValueError}),
        (ExporterOfflineError, {ConnectionError}),
        (ExporterUnreachableError, {errors.InfrastructureError}),
        (FileNotFoundError, {ConfigurationError, ValueError, OSError, builtins.FileNotFoundError}),
        (ReauthenticationFailed, set()),
    ],
)
def test_who_catches_upstreams_own(kind: type[Exception], caught: set[type[BaseException]]) -> None:
    made = kind("the sentence")
    error: Any
    for error in (made, pickle.loads(pickle.dumps(made))):
        assert type(error) is kind
        assert (str(error), error.message, error.args) == ("the sentence", "the sentence", ("the sentence",))
        assert isinstance(error, JumpstarterException)
        for other in caught:
            assert isinstance(error, other)
        assert not isinstance(error, LeaseError)


def test_a_missing_driver_tells_its_class() -> None:
    error = MissingDriverError("the sentence", class_path="vendor.Client")
    assert isinstance(error, JumpstarterException)
    for each in (error, pickle.loads(pickle.dumps(error))):
        assert (each.class_path, each.message) == ("vendor.Client", "the sentence")


def test_every_name_is_in_the_table() -> None:
    assert exceptions.__doc__ is not None
    rows = {line.split()[0] for line in exceptions.__doc__.splitlines() if line and line[0].isupper()}
    assert set(exceptions.__all__) <= rows


# What handlers of upstream ask of an error


def test_an_error_keeps_the_configuration_in_use() -> None:
    error = JumpstarterException("the sentence")
    assert error.get_config() is None
    error.set_config("configuration")
    assert error.get_config() == "configuration"


def test_an_error_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    JumpstarterException("the sentence").print()
    JumpstarterException("the sentence").print("another one")
    assert capsys.readouterr().err == "\033[91mthe sentence\033[0m\n\033[91manother one\033[0m\n"


def test_users_derive_their_own() -> None:
    class BoardError(JumpstarterException):
        pass

    with pytest.raises(JumpstarterException, match="no board"):
        raise BoardError("no board")


# At the borders


@pytest.mark.parametrize("kind", [kind for kind in OURS if issubclass(kind, errors.InfrastructureError)])
def test_what_a_controller_refuses_is_a_connection_error_too(kind: type[Exception]) -> None:
    cause = RuntimeError("cause")
    with pytest.raises(kind) as info, controller_calls("configuration"):
        raise kind("the sentence") from cause
    outcome = issubclass(kind, errors.LeaseError) and kind.__name__ not in REFUSALS
    assert isinstance(info.value, ConnectionError) != outcome
    assert str(info.value) == "the sentence"
    named = "LinkError" if kind is errors.InfrastructureError else kind.__name__
    assert type(info.value).__name__ == named
    assert info.value.code == getattr(errors, named).code  # type: ignore[attr-defined]
    assert info.value.__cause__ is cause


def test_an_expired_token_has_its_configuration() -> None:
    with pytest.raises(errors.TokenExpired) as info, controller_calls("configuration"):
        raise errors.TokenExpired("the sentence")
    assert info.value.get_config() == "configuration"


def test_what_is_no_trouble_of_the_lab_stays_what_it_is() -> None:
    for kind in (errors.UsageError, errors.ConfigurationError, ValueError, KeyboardInterrupt):
        with pytest.raises(kind) as info, controller_calls(None), map_connect_errors():
            raise kind("the sentence")
        assert type(info.value) is kind


@pytest.mark.parametrize(
    ("kind", "unreachable", "offline"),
    [
        (errors.ExporterOffline, True, True),
        (errors.ExporterNotReady, True, False),
        (errors.HookFailed, True, False),
        (errors.OperationTimeout, True, False),
        (errors.LinkError, True, False),
        (errors.ControllerUnreachable, True, False),
        (errors.AuthenticationError, False, False),
        (errors.TlsError, False, False),
        (errors.LeaseExpired, False, False),
    ],
)
def test_what_keeps_a_client_from_its_exporter(kind: type[Exception], unreachable: bool, offline: bool) -> None:
    with pytest.raises(kind) as info, map_connect_errors():
        raise kind("the sentence")
    assert isinstance(info.value, ExporterUnreachableError) == unreachable
    assert isinstance(info.value, ExporterOfflineError) == offline
    assert isinstance(info.value, ConnectionError) == (offline or kind.__name__ in LINKS)
    assert (str(info.value), type(info.value).__name__) == ("the sentence", kind.__name__)


def test_a_file_that_is_not_there_is_never_a_matter_of_validation() -> None:
    import pydantic

    with pytest.raises(FileNotFoundError), map_validation_errors("X"):
        raise FileNotFoundError("the sentence")
    with pytest.raises(pydantic.ValidationError), map_validation_errors("X"):
        raise ConfigurationError("the sentence {with} braces")


def test_names_of_upstream(monkeypatch: pytest.MonkeyPatch) -> None:
    from pytest_jumpstarter.compat_modules import COMPAT, install_hook

    install_hook()
    monkeypatch.syspath_prepend(COMPAT)
    found: dict[str, Any] = {}
    exec("from jumpstarter.common import exceptions as common\nfrom jumpstarter.client import exceptions", found)
    names = {*exceptions.__all__} - {"LeaseError"}
    assert set(found["common"].__all__) == names
    for name in names:
        assert getattr(found["common"], name) is getattr(exceptions, name)
    assert found["exceptions"].LeaseError is LeaseError is errors.LeaseError
