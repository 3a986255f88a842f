"""Tokens: what clients and exporters show the controller, and what joins two streams in a router.

Kinds, claims and algorithms are those of upstream's controller, so that its programs accept ours and the other way
round.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from JumpstarterLibrary.lab.clock import Clock

Kind = Literal["client", "exporter"]

ISSUER = "https://localhost:8085"
"""Who says that he minted the tokens of clients and exporters."""

AUDIENCE = "jumpstarter"

USER_PREFIX = "internal:"
"""What the controller puts before the subject of its own tokens to make it a user name."""

ROUTER_ISSUER = "https://jumpstarter.dev/stream"
ROUTER_AUDIENCE = "https://jumpstarter.dev/router"

TOKEN_LIFE = timedelta(days=365)
ROUTER_TOKEN_LIFE = timedelta(minutes=30)

KNOWN_LIMIT = 1024
"""Tokens whose signature is not checked again; callers send theirs with every RPC."""

NO_AUTHENTICATOR = "failed to authenticate token"
"""The refusal of a token whose issuer is unknown, or that is no token at all."""

# PyJWT would compare with real time; lab time may be another.
_OPTIONS: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "require": ["exp", "sub"]}


class TokenRefused(Exception):
    """A token is not accepted.

    Attributes:
        details: Why, in the words that go over the wire.
        ours: Whether the token names the issuer that refuses it; no other one is asked then.
    """

    def __init__(self, details: str, *, ours: bool = True) -> None:
        super().__init__(details)
        self.details = details
        self.ours = ours


@dataclass(frozen=True)
class Claims:
    """The claims of an accepted token.

    Attributes:
        subject: ``client:<namespace>:<name>:<uid>`` or ``exporter:…``; for a foreign issuer its own name of the user.
        user: The user name: the subject with the issuer's prefix.
        expiry: Until when it is valid, in lab time.
        issued: When it was minted, in seconds since 1970; 0 if it does not say.
    """

    subject: str
    user: str
    expiry: datetime
    issued: int = 0


def subject(kind: Kind, namespace: str, name: str, uid: str) -> str:
    """Return the subject of an internal token."""
    return f"{kind}:{namespace}:{name}:{uid}"


class TokenIssuer:
    """Mints and verifies the tokens of clients and exporters, with an ES256 key of its own.

    Args:
        clock: Whose time tokens are minted at. Default: real time.
        issuer: Who it says it is.
        prefix: What goes before a subject to make it a user name.

    Attributes:
        issuer: As given.
        prefix: As given.
    """

    def __init__(self, clock: Clock | None = None, *, issuer: str = ISSUER, prefix: str = USER_PREFIX) -> None:
        self.issuer = issuer
        self.prefix = prefix
        self._clock = clock
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._known: dict[str, Claims] = {}
        self._refused: dict[str, tuple[int, str]] = {}

    def mint(
        self, kind: Kind, namespace: str, name: str, uid: str, *, life: timedelta = TOKEN_LIFE, **overrides: Any
    ) -> str:
        """Return a token.

        Args:
            kind: The kind of its object.
            namespace: Where its object is.
            name: The name of its object.
            uid: The object's uid: a new object of the same name does not accept the token.
            life: How long it is valid; a negative time gives an expired one.
            **overrides: Claims instead of the usual ones, to make wrong tokens; None leaves a claim out.
        """
        now = self._clock.now() if self._clock is not None else datetime.now(UTC)
        claims = {
            "iss": self.issuer,
            "aud": [AUDIENCE],
            "sub": subject(kind, namespace, name, uid),
            **_times(now, life),
            "jti": str(uuid4()),
            **overrides,
        }
        if (refused := self._refused.get(claims["sub"])) is not None:
            # Times are whole seconds, and this token is newer than those that are refused.
            claims["iat"] = max(claims["iat"], refused[0] + 1)
        return jwt.encode(_present(claims), self._key, "ES256")

    def refuse(self, user: str, details: str) -> None:
        """Refuse all tokens of a subject that were minted so far. Later ones are good.

        Args:
            user: The subject.
            details: Why, in the words that go over the wire.
        """
        now = self._clock.now() if self._clock is not None else datetime.now(UTC)
        self._refused[user] = int(now.timestamp()), details

    def accept(self, user: str) -> None:
        """Refuse a subject's tokens no more."""
        self._refused.pop(user, None)

    def verify(self, token: str, now: datetime) -> Claims:
        """Return what a token says.

        Args:
            token: The token.
            now: Lab time.

        Raises:
            TokenRefused: It is not from this issuer, not signed by it, for another audience, or expired.
        """
        claims = self._known.get(token)
        if claims is None:
            claims = self._known[token] = self._checked(token)
            if len(self._known) > KNOWN_LIMIT:
                del self._known[next(iter(self._known))]
        if claims.expiry <= now:
            text = f"{claims.expiry:%Y-%m-%d %H:%M:%S}"
            raise TokenRefused(f"oidc: verify token: oidc: token is expired (Token Expiry: {text})")
        refused = self._refused.get(claims.subject)
        if refused is not None and claims.issued <= refused[0]:
            raise TokenRefused(refused[1])
        return claims

    def _checked(self, token: str) -> Claims:
        if _unverified_issuer(token) != self.issuer:
            raise TokenRefused(NO_AUTHENTICATOR, ours=False)
        try:
            claims = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=["ES256"],
                audience=AUDIENCE,
                issuer=self.issuer,
                options=_OPTIONS,
            )
        except jwt.InvalidSignatureError as error:
            raise TokenRefused("oidc: verify token: failed to verify signature") from error
        except jwt.InvalidTokenError as error:
            raise TokenRefused(f"oidc: verify token: {error}") from error
        expiry = datetime.fromtimestamp(claims["exp"], UTC)
        return Claims(claims["sub"], f"{self.prefix}{claims['sub']}", expiry, int(claims.get("iat", 0)))


class RouterKey:
    """The secret that controller and routers share, and the tokens made with it.

    Args:
        secret: The secret; by default a random one.
    """

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secret if secret is not None else secrets.token_bytes(64)

    def mint(
        self, stream_id: str, now: datetime, life: timedelta = ROUTER_TOKEN_LIFE, *, algorithm: str = "HS256"
    ) -> str:
        """Return the token of one tunnel; both of its ends show the same.

        Args:
            stream_id: The tunnel.
            now: Lab time.
            life: How long streams can be opened with it. Default: 30 minutes.
            algorithm: HS256; routers also accept HS384 and HS512.
        """
        claims = {
            "iss": ROUTER_ISSUER,
            "aud": [ROUTER_AUDIENCE],
            "sub": stream_id,
            **_times(now, life),
            "jti": str(uuid4()),
        }
        return jwt.encode(claims, self._secret, algorithm)

    def verify(self, token: str, now: datetime) -> str:
        """Return the stream id of a token.

        Args:
            token: The token.
            now: Lab time.

        Raises:
            TokenRefused: It is not signed with this key, expired, not valid yet, or for something else.
        """
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=["HS256", "HS384", "HS512"],
                audience=ROUTER_AUDIENCE,
                issuer=ROUTER_ISSUER,
                options=_OPTIONS,
            )
        except jwt.InvalidTokenError as error:
            raise TokenRefused("invalid jwt token") from error
        seconds = now.timestamp()
        if claims["exp"] <= seconds or max(claims.get("nbf", 0), claims.get("iat", 0)) > seconds:
            raise TokenRefused("invalid jwt token")
        return str(claims["sub"])


def _times(now: datetime, life: timedelta) -> dict[str, int]:
    return {"exp": int((now + life).timestamp()), "nbf": int(now.timestamp()), "iat": int(now.timestamp())}


def _present(claims: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if value is not None}


def _unverified_issuer(token: str) -> Any:
    try:
        return jwt.decode(token, options={"verify_signature": False}).get("iss")
    except jwt.InvalidTokenError:
        return None
