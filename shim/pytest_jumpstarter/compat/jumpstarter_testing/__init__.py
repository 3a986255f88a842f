"""Upstream's package name, served by robotframework-jumpstarter; see its setting ``jumpstarter_compat``."""

from pytest_jumpstarter.eventually import eventually
from pytest_jumpstarter.testcase import JumpstarterTest

__all__ = ["JumpstarterTest", "eventually"]
