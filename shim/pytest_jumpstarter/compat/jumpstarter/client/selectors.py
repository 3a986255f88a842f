"""Upstream's name for: helpers that take label selectors apart."""

from pytest_jumpstarter.upstream_api.config.selectors import (
    extract_match_labels_filter,
    parse_label_selector,
    selector_contains,
)

__all__ = ["extract_match_labels_filter", "parse_label_selector", "selector_contains"]
