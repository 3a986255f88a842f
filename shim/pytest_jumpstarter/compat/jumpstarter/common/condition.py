"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.conditions import (
    condition_false,
    condition_message,
    condition_present_and_equal,
    condition_true,
)

__all__ = ["condition_false", "condition_message", "condition_present_and_equal", "condition_true"]
