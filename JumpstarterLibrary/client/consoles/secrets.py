"""Secrets that were typed on a console: what no transcript, log or error may show.

A device that does not echo passwords says nothing of them. One that does, or a shell that takes a password for a
command, gives them away; so all text that leaves the console is searched for them. The text in which patterns are
searched is not changed: a prompt may well hold a word that is also a password.
"""

from __future__ import annotations

import re

SHORT = 6
"""Characters from which on a secret is hidden wherever it stands as a word. A shorter one may be a word of anything,
and is hidden only as the echo of what was typed."""

MASK = "********"

_EDGES = r"(?<![0-9A-Za-z_])(?:{})(?![0-9A-Za-z_])"


class Secrets:
    """The secrets of one console, in text and in bytes."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._words: re.Pattern[str] | None = None
        self._word_bytes: re.Pattern[bytes] | None = None
        self._echoes: dict[int, str] = {}
        self._echoed_bytes: dict[int, bytes] = {}
        self.longest = 0
        """Bytes of the longest one; 0 while there is none."""

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
        self.longest = max(self.longest, len(secret.encode()))
        words = sorted((each for each in self._known if len(each) >= SHORT), key=len, reverse=True)
        if words:
            self._words = re.compile(_EDGES.format("|".join(map(re.escape, words))))
            encoded = b"|".join(re.escape(word.encode()) for word in words)
            self._word_bytes = re.compile(_EDGES.encode().replace(b"{}", encoded))

    def hidden(self, text: str, offset: int | None = None) -> str:
        """Return a text with a mask in place of each secret.

        Args:
            text: The text.
            offset: Where it begins in the console's text, if it is a part of that.
        """
        if not self._known:
            return text
        if offset is not None:
            # From the last one on: a mask may be longer or shorter than what it hides.
            for begin in sorted(self._echoes, reverse=True):
                secret, at = self._echoes[begin], begin - offset
                if at >= 0 and text.startswith(secret, at):
                    text = text[:at] + MASK + text[at + len(secret) :]
        return self._words.sub(MASK, text) if self._words is not None else text

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
        return data
