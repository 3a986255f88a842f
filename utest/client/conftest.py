"""Every test of the client core has to clean up."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _clean(nothing_left: None) -> None:
    """Check it last, after all other fixtures have ended."""
