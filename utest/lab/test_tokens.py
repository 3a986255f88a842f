"""Tokens, and what is wrong with wrong ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import jwt
import pytest

from JumpstarterLibrary.lab.clock import Clock
from JumpstarterLibrary.lab.tokens import RouterKey, TokenIssuer, TokenRefused

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def issuer() -> TokenIssuer:
    return TokenIssuer(Clock(scale=0, start=NOW))


def refusal(issuer: TokenIssuer, token: str, now: datetime = NOW) -> tuple[str, bool]:
    with pytest.raises(TokenRefused) as info:
        issuer.verify(token, now)
    return info.value.details, info.value.ours


def test_the_claims_are_upstreams(issuer: TokenIssuer) -> None:
    token = issuer.mint("client", "default", "alice", "u-1")
    claims = jwt.decode(token, options={"verify_signature": False})
    del claims["jti"]
    assert claims == {
        "iss": "https://localhost:8085",
        "aud": ["jumpstarter"],
        "sub": "client:default:alice:u-1",
        "exp": int((NOW + timedelta(days=365)).timestamp()),
        "nbf": int(NOW.timestamp()),
        "iat": int(NOW.timestamp()),
    }
    assert jwt.get_unverified_header(token)["alg"] == "ES256"


def test_a_token_is_verified(issuer: TokenIssuer) -> None:
    claims = issuer.verify(issuer.mint("exporter", "lab", "board", "u-2", life=timedelta(hours=1)), NOW)
    assert claims.subject == "exporter:lab:board:u-2"
    assert claims.user == "internal:exporter:lab:board:u-2"
    assert claims.expiry == NOW + timedelta(hours=1)


def test_tokens_differ(issuer: TokenIssuer) -> None:
    assert issuer.mint("client", "n", "a", "u") != issuer.mint("client", "n", "a", "u")


def test_without_a_clock_the_time_is_real() -> None:
    issuer = TokenIssuer()
    issuer.verify(issuer.mint("client", "n", "a", "u"), datetime.now(UTC))


def test_expired(issuer: TokenIssuer) -> None:
    token = issuer.mint("client", "n", "a", "u", life=timedelta(seconds=-1))
    assert refusal(issuer, token) == (
        "oidc: verify token: oidc: token is expired (Token Expiry: 2030-01-01 11:59:59)",
        True,
    )
    good = issuer.mint("client", "n", "a", "u", life=timedelta(seconds=10))
    assert "token is expired" in refusal(issuer, good, NOW + timedelta(seconds=10))[0]


def test_another_signature(issuer: TokenIssuer) -> None:
    token = TokenIssuer().mint("client", "n", "a", "u")
    assert refusal(issuer, token) == ("oidc: verify token: failed to verify signature", True)


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", jwt.encode({"iss": "https://elsewhere"}, "x" * 32)])
def test_nobodys_token(issuer: TokenIssuer, token: str) -> None:
    assert refusal(issuer, token) == ("failed to authenticate token", False)


def test_claims_can_be_wrong_on_request(issuer: TokenIssuer) -> None:
    assert refusal(issuer, issuer.mint("client", "n", "a", "u", aud=["else"]))[0].startswith("oidc: verify token: ")
    assert refusal(issuer, issuer.mint("client", "n", "a", "u", exp=None))[0].startswith("oidc: verify token: ")
    assert issuer.verify(issuer.mint("client", "n", "a", "u", sub="x"), NOW).user == "internal:x"


def test_another_issuer_has_its_own_prefix() -> None:
    foreign = TokenIssuer(issuer="https://sso.example", prefix="sso:")
    claims = foreign.verify(foreign.mint("client", "n", "a", "u", sub="Ann"), datetime.now(UTC))
    assert claims.user == "sso:Ann"


def test_router_tokens_carry_upstreams_claims() -> None:
    key = RouterKey(b"k" * 32)
    token = key.mint("stream-1", NOW)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims.pop("jti")
    assert claims == {
        "iss": "https://jumpstarter.dev/stream",
        "aud": ["https://jumpstarter.dev/router"],
        "sub": "stream-1",
        "exp": int(NOW.timestamp()) + 1800,
        "nbf": int(NOW.timestamp()),
        "iat": int(NOW.timestamp()),
    }
    assert jwt.get_unverified_header(token)["alg"] == "HS256"
    assert key.verify(token, NOW) == "stream-1"
    assert RouterKey(b"k" * 32).verify(token, NOW + timedelta(minutes=29)) == "stream-1"


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_routers_accept_longer_hashes(algorithm: str) -> None:
    key = RouterKey()
    assert key.verify(key.mint("s", NOW, algorithm=algorithm), NOW) == "s"


@pytest.mark.parametrize("late", [timedelta(minutes=30), timedelta(seconds=-1)])
def test_router_tokens_out_of_their_time(late: timedelta) -> None:
    key = RouterKey()
    with pytest.raises(TokenRefused, match=r"^invalid jwt token$"):
        key.verify(key.mint("s", NOW), NOW + late)


def test_router_tokens_of_another_key() -> None:
    with pytest.raises(TokenRefused, match=r"^invalid jwt token$"):
        RouterKey().verify(RouterKey().mint("s", NOW), NOW)
    with pytest.raises(TokenRefused, match=r"^invalid jwt token$"):
        RouterKey().verify("nonsense", NOW)
