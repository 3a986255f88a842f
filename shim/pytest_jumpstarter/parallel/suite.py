"""Collect the workers' boards for the properties of the whole run."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from pytest_jumpstarter.evidence.junit import add_properties
from pytest_jumpstarter.state import TOLD


def tell(config: pytest.Config, told: Mapping[str, list[str]] | None) -> None:
    """Report the boards of the run: in the JUnit file, or to the process that writes it."""
    workeroutput = getattr(config, "workeroutput", None)
    if workeroutput is None:
        add_properties(config, {name: ", ".join(values) for name, values in (told or {}).items()})
    else:
        workeroutput["jumpstarter"] = {name: list(values) for name, values in (told or {}).items()}


def take_over(config: pytest.Config, told: Mapping[str, list[str]]) -> None:
    """Take over what a worker tells."""
    known = config.stash.setdefault(TOLD, {})
    for name, values in told.items():
        so_far = known.setdefault(name, [])
        so_far += [value for value in values if value not in so_far]
