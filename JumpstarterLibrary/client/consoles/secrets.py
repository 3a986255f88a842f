"""Secrets: what no transcript, log or error may show.

Of two kinds: those that were typed on a console, and the tokens and passphrases of this client.

A device that does not echo passwords says nothing of them. One that does, or a shell that takes a password for a
command, gives them away; so all text that leaves the console is searched for them. The text in which patterns are
searched is not changed: a prompt may well hold a word that is also a password.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

SHORT = 6
"""Characters from which on a secret is hidden wherever it stands as a word. A shorter one may be a word of anything,
and is hidden only as the echo of what was typed."""

LONG = 12
"""Characters from which on a secret with letters and digits is hidden also inside of a word: no word holds it by
chance."""

MASK = "********"

END = 16
"""Bytes at the end of a token that are looked for in little data: to look for hundreds costs a multiple of that. In
much data, long texts are found faster than short ones."""

MUCH = 4096
"""Bytes that are much data."""

_EDGES = r"(?<![0-9A-Za-z_])(?:{})(?![0-9A-Za-z_])"


def mask(text: str, secrets: Iterable[str]) -> str:
    """Return a text with a mask in place of secrets; a short one is hidden only where it is the whole text."""
    for secret in sorted(secrets, key=len, reverse=True):
        if text == secret or len(text) > len(secret) >= SHORT:
            text = text.replace(secret, MASK) if secret else text
    return text


def _is_long(secret: str) -> bool:
    return len(secret) >= LONG and any(map(str.isdigit, secret)) and any(map(str.isalpha, secret))


class Secrets:
    """The secrets of one console, in text and in bytes.

    Args:
        known: Returns the secrets that are hidden although they were not typed here. Default: none.
    """

    def __init__(self, known: Callable[[], Iterable[str]] = lambda: ()) -> None:
        self._given = known
        self._encoded: tuple[tuple[str, ...], tuple[bytes, ...]] = ((), ())
        self._known: set[str] = set()
        self._words: re.Pattern[str] | None = None
        self._word_bytes: re.Pattern[bytes] | None = None
        self._echoes: dict[int, str] = {}
        self._echoed_bytes: dict[int, bytes] = {}
        self._longest = 0

    @property
    def longest(self) -> int:
        """Bytes of the longest one; 0 while there is none."""
        return max(self._longest, *map(len, self._given_bytes()), 0)

    def _given_bytes(self) -> tuple[bytes, ...]:
        given = tuple(self._given())
        if given != self._encoded[0]:
            self._encoded = given, tuple(secret.encode() for secret in given if len(secret) >= SHORT)
        return self._encoded[1]

    def typed(self, secret: str, offset: int, position: int) -> None:
        """Keep a secret that is about to be typed.

        Args:
            secret: What is typed.
            offset: Where its echo would begin in the console's text.
            position: Where its echo would begin in the console's bytes.
        """
        if not secret:
            return
        self._known.add(secret)
        self._echoes[offset] = secret
        self._echoed_bytes[position] = secret.encode()
        self._longest = max(self._longest, len(secret.encode()))
        words = sorted((each for each in self._known if len(each) >= SHORT), key=len, reverse=True)
        if words:
            pattern = "|".join(re.escape(word) if _is_long(word) else _EDGES.format(re.escape(word)) for word in words)
            self._words = re.compile(pattern)
            self._word_bytes = re.compile(pattern.encode())

    def may_end_in(self, data: bytes, before: int) -> bool:
        """Return whether one may end in data, behind the bytes that came before; quickly."""
        if self._longest:
            return True
        if len(data) - before > MUCH:
            return any(secret in data for secret in self._given_bytes())
        data = data[max(0, before - END) :]
        return any(secret[-END:] in data for secret in self._given_bytes())

    def hidden(self, text: str, offset: int | None = None) -> str:
        """Return a text with a mask in place of each secret.

        Args:
            text: The text.
            offset: Where it begins in the console's text, if it is a part of that.
        """
        if offset is not None:
            # From the last one on: a mask may be longer or shorter than what it hides.
            for begin in sorted(self._echoes, reverse=True):
                secret, at = self._echoes[begin], begin - offset
                if at >= 0 and text.startswith(secret, at):
                    text = text[:at] + MASK + text[at + len(secret) :]
        if self._words is not None:
            text = self._words.sub(MASK, text)
        return mask(text, self._given())

    def hidden_bytes(self, data: bytes, position: int) -> bytes:
        """Return bytes with asterisks in place of each secret, as many as there were bytes.

        Args:
            data: The bytes.
            position: Where they begin in the console's bytes.
        """
        if self._word_bytes is not None:
            data = self._word_bytes.sub(lambda match: b"*" * len(match[0]), data)
        for begin, secret in self._echoed_bytes.items():
            at = begin - position
            if at >= 0 and data.startswith(secret, at):
                data = data[:at] + b"*" * len(secret) + data[at + len(secret) :]
        for secret in self._given_bytes():
            data = data.replace(secret, b"*" * len(secret))
        return data
