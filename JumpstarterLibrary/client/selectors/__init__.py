"""Selectors: label expressions that pick an exporter, understood as the controller understands them."""

from __future__ import annotations

from JumpstarterLibrary.client.selectors.grammar import parse_alternatives, parse_selector, parse_terms
from JumpstarterLibrary.client.selectors.hints import nearest
from JumpstarterLibrary.client.selectors.model import Operator, Requirement, Selector

__all__ = ["Operator", "Requirement", "Selector", "nearest", "parse_alternatives", "parse_selector", "parse_terms"]
