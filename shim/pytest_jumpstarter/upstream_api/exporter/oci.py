"""Credentials of container registries: given, from the environment, or from the files of Podman and Docker."""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SCHEME = "oci://"

DOCKER_HUB = "docker.io"

_HUB_NAMES = {DOCKER_HUB, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class Secret:
    """A text that is not shown."""

    value: str

    def get_secret_value(self) -> str:
        """Return the text."""
        return self.value

    def __repr__(self) -> str:
        return "Secret('**********')"

    __str__ = __repr__


@dataclass(frozen=True)
class OciCredentials:
    """A registry's user name and password, both or neither; empty ones are none.

    Attributes:
        username: The name.
        password: The password, hidden; ``plain_password`` shows it.

    Raises:
        ValueError: There is only one of them.
    """

    username: str | None = None
    password: Any = None

    def __post_init__(self) -> None:
        password = getattr(self.password, "get_secret_value", lambda: self.password)()
        username, password = ((text or "").strip() or None for text in (self.username, password))
        if (username is None) != (password is None):
            raise ValueError("OCI authentication requires both username and password. Give both, or neither.")
        object.__setattr__(self, "username", username)
        object.__setattr__(self, "password", None if password is None else Secret(password))

    @property
    def plain_password(self) -> str | None:
        """The password; None if there is none."""
        return None if self.password is None else str(self.password.get_secret_value())

    @property
    def is_authenticated(self) -> bool:
        """Whether there is a name, and so a password."""
        return self.username is not None


def resolve_oci_credentials(oci_url: str, username: str | None = None, password: str | None = None) -> OciCredentials:
    """Return the credentials for an image: those given, or ``OCI_USERNAME`` and ``OCI_PASSWORD``, or a file's.

    Args:
        oci_url: The image, ``oci://registry/name:tag``.
        username: The name, if given.
        password: The password, if given.

    Raises:
        ValueError: Only one of the two was given.
    """
    given = OciCredentials(username, password)
    if given.is_authenticated:
        return given
    try:
        given = OciCredentials(os.environ.get("OCI_USERNAME"), os.environ.get("OCI_PASSWORD"))
    except ValueError:
        _log.warning("of OCI_USERNAME and OCI_PASSWORD only one is set; neither is used")
    return given if given.is_authenticated else read_auth_file_credentials(oci_url)


def read_auth_file_credentials(oci_url: str) -> OciCredentials:
    """Return what the files of Podman and Docker have for an image's registry; empty if they have nothing."""
    for registry in registries_of(oci_url):
        for path in _auth_files():
            found = _in_file(path, _plain_name(registry))
            if found.is_authenticated:
                return found
    return OciCredentials()


def parse_oci_registry(oci_url: str) -> str:
    """Return an image's registry, with its port if it has one; the first usual one if the image names none."""
    return registries_of(oci_url)[0]


def registries_of(oci_url: str) -> tuple[str, ...]:
    """Return the registry that an image names, or else those where images without one are looked for."""
    image = re.sub("@sha[0-9]+:[0-9a-fA-F]+$", "", oci_url.removeprefix(SCHEME))
    first, slash, _ = image.partition("/")
    host, _, port = first.partition(":")
    named = slash and (host == "localhost" or port.isdecimal() or "." in host)
    return (first,) if named else _usual_registries()


def _usual_registries() -> tuple[str, ...]:
    folders = (Path.home() / ".config/containers", Path("/etc/containers"), Path("/usr/share/containers"))
    for folder in folders:
        try:
            content = tomllib.loads((folder / "registries.conf").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        found = content.get("unqualified-search-registries")
        if isinstance(found, list) and (names := [name for name in found if isinstance(name, str) and name.strip()]):
            return tuple(names)
    return (DOCKER_HUB,)


def _auth_files() -> Iterator[Path]:
    environ = os.environ
    if environ.get("REGISTRY_AUTH_FILE"):
        yield Path(environ["REGISTRY_AUTH_FILE"])
    if environ.get("XDG_RUNTIME_DIR"):
        yield Path(environ["XDG_RUNTIME_DIR"], "containers", "auth.json")
    yield Path.home() / ".config/containers/auth.json"
    if environ.get("DOCKER_CONFIG"):
        yield Path(environ["DOCKER_CONFIG"], "config.json")
    yield Path.home() / ".docker/config.json"


def _in_file(path: Path, registry: str) -> OciCredentials:
    try:
        entries = json.loads(path.read_text(encoding="utf-8")).get("auths") or {}
    except (OSError, ValueError, AttributeError):
        return OciCredentials()
    for name, entry in entries.items():
        if isinstance(entry, dict) and _plain_name(name) == registry:
            for username, password in _pairs(entry):
                if username.strip() and password.strip():
                    return OciCredentials(username, password)
    return OciCredentials()


def _pairs(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    try:
        username, _, password = base64.b64decode(entry.get("auth") or "", validate=True).decode().partition(":")
        yield username, password
    except (ValueError, TypeError):
        _log.warning("an entry of a registry's credentials cannot be read")
    yield str(entry.get("username") or ""), str(entry.get("password") or "")


def _plain_name(registry: str) -> str:
    name = (urlsplit(registry).netloc if "://" in registry else registry).rstrip("/")
    return DOCKER_HUB if name.partition(":")[0] in _HUB_NAMES else name
