"""Small things that drivers for upstream import: addresses, tools, credentials, records."""

from __future__ import annotations

import asyncio
import base64
import http.server
import json
import logging
import socket
import stat
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pytest_jumpstarter.upstream_api.exporter.conditions import (
    condition_false,
    condition_message,
    condition_present_and_equal,
    condition_true,
)
from pytest_jumpstarter.upstream_api.exporter.fls import download_fls, get_fls_binary, get_fls_github_url
from pytest_jumpstarter.upstream_api.exporter.hosts import (
    format_address,
    get_ip_address,
    get_minikube_ip,
    resolve_hostname,
)
from pytest_jumpstarter.upstream_api.exporter.metadata import Metadata
from pytest_jumpstarter.upstream_api.exporter.oci import (
    OciCredentials,
    parse_oci_registry,
    read_auth_file_credentials,
    registries_of,
    resolve_oci_credentials,
)
from pytest_jumpstarter.upstream_api.exporter.resources import ClientStreamResource, PresignedRequestResource
from pytest_jumpstarter.upstream_api.exporter.values import decode_value, encode_value


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without any credentials."""
    for name in ("OCI_USERNAME", "OCI_PASSWORD", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


# Addresses


def test_addresses_are_written_with_their_port() -> None:
    assert format_address("127.0.0.1", 80) == "127.0.0.1:80"
    assert format_address("2001:db8::1", 443) == "[2001:db8::1]:443"
    assert format_address("localhost", 8) in ("127.0.0.1:8", "[::1]:8")
    assert format_address("no host", 8) == "no host:8"
    assert resolve_hostname("no host") == "no host"


def test_this_machines_address(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(socket, "gethostbyname", lambda name: "192.0.2.7")
    assert get_ip_address() == "192.0.2.7"
    monkeypatch.setattr(socket, "gethostbyname", lambda name: "127.0.1.1")
    assert get_ip_address().count(".") == 3

    def refuse(*_arguments: Any) -> Any:
        raise OSError("no network")

    monkeypatch.setattr(socket, "socket", refuse)
    assert get_ip_address(logging.getLogger("test")) == "0.0.0.0"
    assert caplog.messages == ["this machine has no address that others could reach: no network"]


def test_minikubes_address(tmp_path: Path) -> None:
    program = tmp_path / "minikube"
    program.write_text('#!/bin/sh\nif [ "$3" = bad ]; then echo "no such cluster" >&2; exit 1; fi\necho "192.0.2.$#"\n')
    program.chmod(0o755)
    assert asyncio.run(get_minikube_ip(minikube=str(program))) == "192.0.2.1"
    assert asyncio.run(get_minikube_ip("lab", str(program))) == "192.0.2.3"
    with pytest.raises(RuntimeError) as caught:
        asyncio.run(get_minikube_ip("bad", str(program)))
    assert str(caught.value) == f"{program} did not tell its address: no such cluster"


# The tool fls


@pytest.fixture
def site() -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/fls" else 404)
            self.end_headers()
            self.wfile.write(b"#!tool")

        def log_message(self, *_: object) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(10)


def test_the_tool_is_downloaded_where_that_is_allowed(site: str) -> None:
    path = Path(get_fls_binary(fls_binary_url=f"{site}/fls", allow_custom_binaries=True))
    assert path.read_bytes() == b"#!tool"
    assert stat.S_IMODE(path.stat().st_mode) == 0o755
    path.unlink()
    with pytest.raises(RuntimeError) as caught:
        get_fls_binary(fls_binary_url=f"{site}/fls")
    assert str(caught.value) == (
        "Custom FLS binary URLs are disabled for security. Set allow_custom_binaries in the driver's config."
    )


def test_a_download_that_fails_leaves_nothing(site: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(RuntimeError) as caught:
        download_fls(f"{site}/none")
    assert str(caught.value) == (
        f"Failed to download FLS from {site}/none: HTTP Error 404: Not Found. Check the address and the network."
    )
    assert list(tmp_path.glob("fls-*")) == []


def test_the_tools_releases(monkeypatch: pytest.MonkeyPatch) -> None:
    releases = "https://github.com/jumpstarter-dev/fls/releases/download"
    assert get_fls_github_url("0.2", "AMD64") == f"{releases}/0.2/fls-x86_64-linux"
    assert get_fls_github_url("0.2", "arm64") == f"{releases}/0.2/fls-aarch64-linux-musl"
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert get_fls_github_url("0.2") == f"{releases}/0.2/fls-x86_64-linux"
    assert get_fls_binary() == "fls"
    monkeypatch.setattr("pytest_jumpstarter.upstream_api.exporter.fls.download_fls", lambda url: f"got {url}")
    assert get_fls_binary("0.3") == f"got {releases}/0.3/fls-x86_64-linux"


# Registries


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("oci://quay.io/org/image:1", "quay.io"),
        ("registry.lab:5000/image", "registry.lab:5000"),
        ("localhost/image", "localhost"),
        ("oci://quay.io:443/a@sha256:abc123", "quay.io:443"),
        ("oci://ubuntu:22.04", "docker.io"),
        ("ubuntu", "docker.io"),
        ("library/ubuntu@sha256:abc", "docker.io"),
    ],
)
def test_an_image_names_its_registry(image: str, registry: str) -> None:
    assert parse_oci_registry(image) == registry


def test_the_usual_registries_are_configured(home: Path) -> None:
    folder = home / ".config" / "containers"
    folder.mkdir(parents=True)
    (folder / "registries.conf").write_text('unqualified-search-registries = ["registry.lab", "docker.io", ""]\n')
    assert registries_of("tool:1") == ("registry.lab", "docker.io")
    (folder / "registries.conf").write_text("nonsense")
    assert registries_of("tool:1") == ("docker.io",)


def entry(username: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}


def store(path: Path, **auths: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"auths": {name.replace("_", "."): value for name, value in auths.items()}}))


def test_credentials_come_from_the_first_file_that_has_them(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(home / ".docker/config.json", quay_io=entry("docker", "d"), ghcr_io={"username": "u", "password": "p:q"})
    assert read_auth_file_credentials("oci://quay.io/a").username == "docker"
    assert read_auth_file_credentials("oci://ghcr.io/a").plain_password == "p:q"
    store(home / ".config/containers/auth.json", quay_io=entry("podman", "x:y"))
    found = read_auth_file_credentials("oci://quay.io/a")
    assert (found.username, found.plain_password) == ("podman", "x:y")
    (home / "broken.json").write_text("{")
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(home / "broken.json"))
    assert read_auth_file_credentials("oci://quay.io/a").username == "podman"
    assert read_auth_file_credentials("oci://elsewhere.io/a") == OciCredentials()


def test_docker_hub_has_many_names(home: Path) -> None:
    path = home / ".docker/config.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"auths": {"https://index.docker.io/v1/": entry("me", "secret")}}))
    assert resolve_oci_credentials("ubuntu").username == "me"


def test_what_is_given_wins_over_the_environment_and_files(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(home / ".docker/config.json", quay_io=entry("file", "f"))
    assert resolve_oci_credentials("oci://quay.io/a", "me", "mine").username == "me"
    monkeypatch.setenv("OCI_USERNAME", "env")
    assert resolve_oci_credentials("oci://quay.io/a").username == "file", "half of a pair is none"
    monkeypatch.setenv("OCI_PASSWORD", "e")
    assert resolve_oci_credentials("oci://quay.io/a", " ", "").username == "env"
    both = r"^OCI authentication requires both username and password\. Give both, or neither\.$"
    with pytest.raises(ValueError, match=both):
        resolve_oci_credentials("oci://quay.io/a", "me")


def test_a_password_is_not_shown() -> None:
    credentials = OciCredentials(username="me", password="hush")
    assert credentials.is_authenticated
    assert credentials.plain_password == credentials.password.get_secret_value() == "hush"
    assert "hush" not in f"{credentials!r} {credentials.password}"
    assert OciCredentials("me", credentials.password) == credentials


def test_an_entry_that_cannot_be_read(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    store(home / ".docker/config.json", quay_io={"auth": "!!!", "username": "me", "password": "p"})
    assert read_auth_file_credentials("oci://quay.io/a").username == "me"
    assert caplog.messages == ["an entry of a registry's credentials cannot be read"]


# Records


def test_metadata() -> None:
    assert isinstance(Metadata().uuid, uuid.UUID)
    assert (Metadata().name, Metadata(labels={"jumpstarter.dev/name": "x"}).name) == ("unknown", "x")


def test_values_on_the_wire() -> None:
    value = {"a": [1, 2.5, None, True], "b": {"c": "text"}}
    assert decode_value(encode_value(value)) == value


def test_resource_handles() -> None:
    identity = uuid.uuid4()
    stream = ClientStreamResource(uuid=identity)
    handle = {"kind": "client_stream", "uuid": str(identity), "x_jmp_content_encoding": None}
    assert stream.model_dump(mode="json") == json.loads(stream.model_dump_json()) == handle
    assert stream.model_dump()["uuid"] is identity
    assert ClientStreamResource.model_validate(handle) == stream
    request = PresignedRequestResource(headers={}, url="http://h/x", method="GET")
    assert PresignedRequestResource.model_validate(request.model_dump()) == request
    with pytest.raises(ValidationError, match="Input should be 'client_stream'"):
        ClientStreamResource.model_validate(request.model_dump())
    with pytest.raises(ValidationError, match="Input should be 'GET' or 'PUT'"):
        PresignedRequestResource(headers={}, url="http://h/x", method="POST")  # type: ignore[arg-type]


@dataclass
class Condition:
    type: str
    status: str
    reason: str = ""
    message: str = ""


def test_conditions() -> None:
    conditions = [Condition("Ready", "True", "Leased", "yours"), Condition("Pending", "False")]
    assert condition_true(conditions, "Ready")
    assert condition_false(conditions, "Pending")
    assert not condition_false(conditions, "Ready")
    assert not condition_true(conditions, "Other")
    assert condition_present_and_equal(conditions, "Ready", "True", "Leased")
    assert not condition_present_and_equal(conditions, "Ready", "True", "Free")
    assert condition_message(conditions, "Ready") == "yours"
    assert condition_message(conditions, "Other") is None
