"""Choose the profile of a board from those of a file, by the labels or the name of its exporter."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from JumpstarterLibrary.client.selectors import Selector
from JumpstarterLibrary.common.values import InvalidSetting

KEY = "profiles"


@dataclass(frozen=True)
class ProfileRule:
    """A rule that tells for which boards a profile is.

    Attributes:
        name: The profile's name.
        match: What the labels of the exporter have to meet; None for anything.
        exporter: What the exporter is called, perhaps with ``*`` and ``?``; None for anything.
    """

    name: str
    match: Selector | None = None
    exporter: str | None = None

    @property
    def is_default(self) -> bool:
        """Whether it is for all boards for which no other is."""
        return self.match is None and self.exporter is None

    def fits(self, labels: Mapping[str, str], exporter: str) -> bool:
        """Whether it names a board with such an exporter."""
        if self.is_default or (self.match is not None and not self.match.matches(labels)):
            return False
        return self.exporter is None or fnmatch.fnmatchcase(exporter, self.exporter)

    def __str__(self) -> str:
        parts = [] if self.match is None else [f"labels that match '{self.match}'"]
        parts += [] if self.exporter is None else [f"a name that matches '{self.exporter}'"]
        return " and ".join(parts) or "no labels or name of its own"


@dataclass(frozen=True)
class ChosenProfile:
    """The profile of a board, and why it was chosen.

    Attributes:
        name: Its name in the file.
        why: Why it was chosen, as the end of a sentence about the exporter.
    """

    name: str
    why: str


def choose_profile(rules: Iterable[ProfileRule], labels: Mapping[str, str], exporter: str) -> ChosenProfile:
    """Return the profile that is for a board.

    Args:
        rules: All that there are.
        labels: The labels of its exporter.
        exporter: The name of its exporter.

    Raises:
        InvalidSetting: Several are, or none is.
    """
    known = list(rules)
    fitting = [rule for rule in known if rule.fits(labels, exporter)]
    if len(fitting) == 1:
        return ChosenProfile(fitting[0].name, f"has {fitting[0]}")
    has = ", ".join(f"{key}={value}" for key, value in sorted(labels.items())) or "none"
    if fitting:
        names = " and ".join(f"'{rule.name}' ({rule})" for rule in fitting)
        raise InvalidSetting(KEY, f"several are for exporter '{exporter}' with the labels {has}: {names}.")
    for rule in known:
        if rule.is_default:
            return ChosenProfile(rule.name, "fits no other profile")
    names = ", ".join(f"'{rule.name}' ({rule})" for rule in known)
    raise InvalidSetting(
        KEY,
        f"none is for exporter '{exporter}' with the labels {has}. There are: {names}. One without match and exporter "
        f"would be for all others.",
    )
