"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.testcase import JumpstarterTest

__all__ = ["JumpstarterTest"]
