"""Lists in pages, with tokens that clients cannot read and that grow old."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from typing import TypeVar

from JumpstarterLibrary.lab.clock import Clock
from JumpstarterLibrary.lab.features import ControllerFeatures
from JumpstarterLibrary.lab.refusal import Refusal

Item = TypeVar("Item")


class Pages:
    """Cuts lists into pages, in the order of names.

    Args:
        clock: Lab time.
        features: How long tokens live.
    """

    def __init__(self, clock: Clock, features: ControllerFeatures) -> None:
        self._clock = clock
        self._features = features
        self._epoch = 0

    def expire(self) -> None:
        """Make all tokens that were handed out too old."""
        self._epoch += 1

    def cut(self, items: Mapping[str, Item], names: Iterable[str], size: int, token: str) -> tuple[list[Item], str]:
        """Return one page and the token of the next, which is empty on the last.

        Args:
            items: What is listed, by name.
            names: Those names that are wanted.
            size: Items on a page; 0 for all.
            token: Of the page before; empty for the first.

        Raises:
            Refusal: UNKNOWN; the token is none of ours, or too old.
        """
        behind = self._opened(token) if token else ""
        rest = sorted(name for name in names if name > behind)
        page = rest[:size] if size > 0 else rest
        following = self._token(page[-1]) if len(page) < len(rest) else ""
        return [items[name] for name in page], following

    def _token(self, behind: str) -> str:
        text = json.dumps({"epoch": self._epoch, "made": self._clock.seconds(), "behind": behind})
        return base64.urlsafe_b64encode(text.encode()).decode()

    def _opened(self, token: str) -> str:
        try:
            content = json.loads(base64.urlsafe_b64decode(token.encode()))
            epoch, made, behind = content["epoch"], float(content["made"]), str(content["behind"])
        except (binascii.Error, ValueError, KeyError, TypeError) as error:
            raise Refusal("continue key is not valid") from error
        if epoch != self._epoch or made + self._features.page_token_life_s <= self._clock.seconds():
            raise Refusal("The provided continue parameter is too old to display a consistent list result.")
        return behind
