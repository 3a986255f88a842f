"""Settings as users are shown them."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

from JumpstarterLibrary.client.settings import ClientSettings, SettingLine

TOKEN = (
    "eyJhbGciOiJFUzI1NiJ9."
    + base64.urlsafe_b64encode(json.dumps({"sub": "client:lab:me:7", "exp": 1788220800}).encode()).decode().rstrip("=")
    + ".hunter2"
)

MINIMAL = ClientSettings(namespace="lab", name="me", endpoint="e:1", token="hunter2")


def test_every_setting_is_shown_with_its_origin(home: Any, encoded: str) -> None:
    home.client(token=TOKEN, refresh_token="hunter2", tls={"ca": encoded}, grpcOptions={"a": 1, "b": "c"})
    found = home.find({"JMP_DRIVERS_ALLOW": "x.*,UNSAFE", "JMP_DIAL_TIMEOUT": "7.5"}, endpoint="e:1")
    lines = found.described()
    assert [str(line) for line in lines] == [
        "metadata.namespace: lab (file)",
        "metadata.name: me (file)",
        "endpoint: e:1 (argument)",
        "token: *** (subject client:lab:me:7, expires 2026-09-01 00:00 UTC) (file)",
        "refresh_token: *** (file)",
        "tls.ca: 1 certificate (file)",
        "tls.insecure: false (default)",
        "grpcOptions: a=1, b=c (file)",
        "drivers.allow: x.*, UNSAFE (environment JMP_DRIVERS_ALLOW)",
        "drivers.unsafe: true (environment JMP_DRIVERS_ALLOW)",
        "leases.acquisition_timeout: 7200 s (default)",
        "leases.dial_timeout: 7.5 s (environment JMP_DIAL_TIMEOUT)",
        "leases.retry_timeout: 300 s (default)",
    ]
    assert lines[0] == SettingLine("metadata.namespace", "lab", "file")


def test_what_is_not_set(home: Any) -> None:
    home.client(token="hunter2")
    shown = {line.key: line.value for line in home.find({"JMP_GRPC_INSECURE": "1"}).described()}
    assert shown["token"] == "***"
    assert shown["refresh_token"] == shown["grpcOptions"] == shown["drivers.allow"] == "none"
    assert (shown["tls.ca"], shown["tls.insecure"]) == ("not used", "true")
    assert {line.key: line.value for line in home.find().described()}["tls.ca"] == "the system's authorities"


def test_every_value_that_was_looked_up_is_shown(home: Any) -> None:
    home.client()
    found = home.find()
    assert {line.key for line in found.described()} == found.origins.keys() - {
        "apiVersion",
        "kind",
        "shell.use_profiles",
    }


def test_secrets_are_never_shown(home: Any, encoded: str) -> None:
    home.client(token=TOKEN, refresh_token="hunter2", tls={"ca": encoded})
    found = home.find()
    for text in (repr(found), str(found), str(found.described()), repr(MINIMAL), str(MINIMAL.described())):
        assert "hunter2" not in text
        assert "BEGIN" not in text


def test_when_the_token_ends(home: Any) -> None:
    home.client(token=TOKEN)
    assert home.find().token_expiry() == datetime(2026, 9, 1, tzinfo=UTC)
    assert MINIMAL.token_expiry() is None


def test_settings_made_by_hand() -> None:
    assert {line.origin for line in MINIMAL.described()} == {"default"}
    assert (MINIMAL.acquisition_timeout, MINIMAL.dial_timeout, MINIMAL.retry_timeout) == (7200, 60, 300)
