"""Upstream's package name, served by robotframework-jumpstarter; see its setting ``jumpstarter_compat``."""

from pytest_jumpstarter.testcase import JumpstarterTest
from pytest_jumpstarter.upstream_api.eventually import eventually

__all__ = ["JumpstarterTest", "eventually"]
