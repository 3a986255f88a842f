"""Read the payload of a token. The signature is the controller's business; nothing here is trusted."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime

LONGEST = 64 * 1024
"""Characters; a token that does not fit into a request's headers is not looked into."""

_SHOWN = 100


@dataclass(frozen=True)
class TokenFacts:
    """Facts from the payload of a JWT.

    Attributes:
        subject: The identity that it is for; None if it does not say so.
        expires: When it ends, in UTC; None if it does not say so.
    """

    subject: str | None = None
    expires: datetime | None = None

    def __str__(self) -> str:
        subject = f"subject {self.subject}" if self.subject else "no subject"
        if self.expires is None:
            return f"{subject}, no expiry"
        return f"{subject}, expires {self.expires:%Y-%m-%d %H:%M} UTC"


def token_facts(token: str) -> TokenFacts | None:
    """Return what a token says of itself; None if it is no JWT. Never raises."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > LONGEST:
        return None
    try:
        data = base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4), altchars=b"-_", validate=True)
        payload = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(payload, dict):
        return None
    return TokenFacts(_subject(payload.get("sub")), _moment(payload.get("exp")))


def _subject(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    printable = "".join(character if character.isprintable() else "?" for character in value)
    return printable if len(printable) <= _SHOWN else printable[: _SHOWN - 1] + "…"


def _moment(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
