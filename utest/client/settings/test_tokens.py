"""What a token says of itself, whatever it looks like."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest

from JumpstarterLibrary.client.settings.tokens import TokenFacts, token_facts


def jwt(payload: object) -> str:
    text = payload if isinstance(payload, str) else json.dumps(payload)
    return f"eyJhbGciOiJFUzI1NiJ9.{base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')}.c2lnbmF0dXJl"


def test_a_token() -> None:
    facts = token_facts(jwt({"sub": "client:lab:me:7", "exp": 1788220800, "ü": "ÿþý"}))
    assert facts == TokenFacts("client:lab:me:7", datetime(2026, 9, 1, tzinfo=UTC))
    assert str(facts) == "subject client:lab:me:7, expires 2026-09-01 00:00 UTC"


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        ({}, "no subject, no expiry"),
        ({"exp": 0.5}, "no subject, expires 1970-01-01 00:00 UTC"),
        ({"sub": "me"}, "subject me, no expiry"),
        ({"sub": 7, "exp": "tomorrow"}, "no subject, no expiry"),
        ({"sub": "", "exp": True}, "no subject, no expiry"),
        ({"exp": 1e300}, "no subject, no expiry"),
        ({"exp": -1e12}, "no subject, no expiry"),
        ({"exp": 10**400}, "no subject, no expiry"),
        ('{"exp": NaN}', "no subject, no expiry"),
        ('{"exp": Infinity}', "no subject, no expiry"),
        ({"sub": "a\x1b[31m\nb"}, "subject a?[31m?b, no expiry"),
        ({"sub": "x" * 100}, f"subject {'x' * 100}, no expiry"),
        ({"sub": "x" * 101}, f"subject {'x' * 99}…, no expiry"),
    ],
)
def test_odd_payloads(payload: object, shown: str) -> None:
    assert str(token_facts(jwt(payload))) == shown


@pytest.mark.parametrize(
    "token",
    [
        "",
        "opaque",
        "a.b",
        "a.b.c.d",
        "..",
        "a.!!!.c",
        "ä.ö.ü",
        "a.YWJj.c",
        jwt("[]"),
        jwt("3"),
        jwt("{"),
        jwt("[" * 40_000),
        jwt('{"sub": "' + "x" * 100_000 + '"}'),
        f"a.{base64.urlsafe_b64encode(bytes(range(128, 256))).decode()}.c",
    ],
)
def test_what_is_no_token(token: str) -> None:
    assert token_facts(token) is None
