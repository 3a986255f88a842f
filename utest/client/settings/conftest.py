"""A folder with clients' files, and an environment that knows nothing but that folder."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from JumpstarterLibrary.client.settings import ClientArguments, ClientSettings, find_settings
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.lab.certificates import Authority

CLIENT: Mapping[str, Any] = {
    "apiVersion": "jumpstarter.dev/v1alpha1",
    "kind": "ClientConfig",
    "metadata": {"namespace": "lab", "name": "me"},
    "endpoint": "controller:8082",
    "token": "hunter2",
}


class Home:
    """The folder of the configuration.

    Attributes:
        path: Where it is; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environ = {"JMP_CLIENT_CONFIG_HOME": str(path)}

    def file(self, alias: str) -> Path:
        """Return where a client's file is."""
        return self.path / "clients" / f"{alias}.yaml"

    def client(self, alias: str = "a", without: tuple[str, ...] = (), **changes: object) -> Path:
        """Write a client's file, with some keys changed or left out."""
        return self.text(alias, yaml.safe_dump({k: v for k, v in {**CLIENT, **changes}.items() if k not in without}))

    def text(self, alias: str, text: str) -> Path:
        """Write a client's file as a text."""
        path = self.file(alias)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def user(self, text: str) -> Path:
        """Write config.yaml."""
        self.path.mkdir(parents=True, exist_ok=True)
        path = self.path / "config.yaml"
        path.write_text(text)
        return path

    def current(self, alias: str | None) -> Path:
        """Make a client current."""
        return self.user(yaml.safe_dump({"config": {"current-client": alias}}))

    def find(self, environ: Mapping[str, str] | None = None, **arguments: Any) -> ClientSettings:
        """Look for the settings."""
        return find_settings(ClientArguments(**arguments), {**self.environ, **(environ or {})})


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """The folder of the configuration, not made yet."""
    return Home(tmp_path / "home")


@pytest.fixture
def refusal(home: Home) -> Callable[..., str]:
    """Look for the settings in vain, and return the error's text."""

    def look(environ: Mapping[str, str] | None = None, **arguments: Any) -> str:
        with pytest.raises(ConfigurationError) as caught:
            home.find(environ, **arguments)
        assert "hunter2" not in str(caught.value)
        return str(caught.value)

    return look


@pytest.fixture(scope="session")
def pem() -> bytes:
    """An authority's certificate."""
    return Authority().pem


@pytest.fixture(scope="session")
def encoded(pem: bytes) -> str:
    """The same as a client's file has it."""
    return base64.b64encode(pem).decode()
