"""JUnit XML: tests in which the lab was to blame are errors there, too; the boards are properties of the suite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from _pytest.junitxml import xml_key

from pytest_jumpstarter.state import TROUBLE


def add_properties(config: pytest.Config, properties: Mapping[str, str]) -> None:
    """Add properties to the suite, if there is to be a file."""
    xml = config.stash.get(xml_key, None)
    if xml is not None:
        for name, value in properties.items():
            xml.add_global_property(name, value)


class JUnitErrors:
    """A plugin for runs that write JUnit XML.

    Args:
        config: The run.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Let what will be written as a failure be an error."""
        xml = self._config.stash.get(xml_key, None)
        if xml is None or not report.failed or not getattr(report, TROUBLE, False):
            return
        case: Any = xml.node_reporter(report)

        def append_error(node: Any) -> None:
            del case.append  # what comes next is judged by itself
            node.tag = "error"
            case.append(node)

        case.append = append_error
