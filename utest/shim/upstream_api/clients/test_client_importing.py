"""Importing classes by their paths."""

from __future__ import annotations

import pytest
from pytest_jumpstarter.upstream_api.clients.importing import MissingDriverError, import_class

from JumpstarterLibrary.errors import ConfigurationError


def test_what_is_allowed_is_imported() -> None:
    import os

    assert import_class("os.open", [], True) is os.open
    assert import_class("os.open", ["sys.*", "os.*"], False) is os.open


@pytest.mark.parametrize("allow", [[], ["sys.*"], ["OS.*"]])
def test_what_is_not_allowed_is_not_imported(allow: list[str]) -> None:
    with pytest.raises(MissingDriverError) as failure:
        import_class("os.open", allow, False)
    assert isinstance(failure.value, ConfigurationError)
    assert failure.value.class_path == "os.open"
    assert str(failure.value) == (
        "The client class 'os.open' was not imported: no pattern of drivers that are allowed admits it. Add one to "
        "JMP_DRIVERS_ALLOW, or to drivers.allow of the client configuration."
    )


@pytest.mark.parametrize("path", ["os.nothing", "no_such_package.client.Client"])
def test_what_is_not_there(path: str) -> None:
    with pytest.raises(MissingDriverError, match=f"The client class '{path}' is not installed here"):
        import_class(path, [], True)


def test_what_is_no_path() -> None:
    with pytest.raises(ImportError) as failure:
        import_class("os", [], True)
    assert str(failure.value) == "'os' is no path of a class. Expected 'package.module.Class'."
