"""Unknown keys: where they are, and which was perhaps meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from JumpstarterLibrary.client.settings.layers import Given, Layers
from JumpstarterLibrary.client.settings.values import text

NOT = "is not a known key."
TOP = "apiVersion, kind, endpoint, token, refresh_token, grpcOptions, metadata, tls, drivers, shell, leases"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"endpont": "x"}, f"'endpont' at the top level of '{{}}' (line 3) {NOT} Did you mean 'endpoint'?"),
        ({"grpc_options": {}}, f"'grpc_options' at the top level of '{{}}' (line 3) {NOT} Did you mean 'grpcOptions'?"),
        ({"allow": []}, f"'allow' at the top level of '{{}}' (line 1) {NOT} It belongs under 'drivers'."),
        ({"zzz": 1}, f"'zzz' at the top level of '{{}}' (line 8) {NOT} There can be: {TOP}."),
        ({7: 1}, f"'7' at the top level of '{{}}' (line 8) {NOT} There can be: {TOP}."),
        ({"metadata": {"nam": 1}}, f"'nam' under 'metadata' in '{{}}' (line 5) {NOT} Did you mean 'name'?"),
        (
            {"metadata": {"labels": {}}},
            f"'labels' under 'metadata' in '{{}}' (line 5) {NOT} There can be: namespace, name.",
        ),
        ({"drivers": {"alow": []}}, f"'alow' under 'drivers' in '{{}}' (line 3) {NOT} Did you mean 'allow'?"),
        ({"leases": {"timeout": 1}}, f"'timeout' under 'leases' in '{{}}' (line 5) {NOT} Did you mean 'dial_timeout'?"),
        (
            {"leases": {"endpoint": 1}},
            f"'endpoint' under 'leases' in '{{}}' (line 5) {NOT} It belongs at the top level.",
        ),
    ],
)
def test_unknown_keys(home: Any, refusal: Callable[..., str], changes: dict[Any, object], sentence: str) -> None:
    path = home.client()
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))
    assert refusal() == sentence.format(path)


def test_unknown_keys_in_a_variable(home: Any, refusal: Callable[..., str]) -> None:
    home.client()
    assert refusal({"JMP_LEASES": '{"dialtimeout": 1}'}) == (
        f"'dialtimeout' under 'leases' in JMP_LEASES {NOT} Did you mean 'dial_timeout'?"
    )
    assert home.find({"JMP_TLS": '{"more": 1}', "JMP_SHELL": '{"more": 1}'}).insecure is False


def test_values_are_not_shown() -> None:
    given = Given("hunter2", "file", "'token'")
    assert "hunter2" not in repr(given)
    layers = Layers([{"token": given}])
    assert layers.pick("token", text, None) == "hunter2"
    assert "hunter2" not in repr(layers)
