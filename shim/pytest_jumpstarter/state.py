"""Stash keys for the plugin's state of a pytest configuration or a report, as far as it needs no module of its own.

The key of the run is in ``run.py``.
"""

from __future__ import annotations

import pytest

ITEM: pytest.StashKey[pytest.Item] = pytest.StashKey()
"""The test that runs."""

TOLD: pytest.StashKey[dict[str, list[str]]] = pytest.StashKey()
"""What xdist's workers have told of their boards."""

TROUBLE = "jumpstarter_trouble"
"""The attribute of reports of tests in which the lab was to blame; it travels from xdist's workers, too."""
