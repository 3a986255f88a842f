"""Upstream's package name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.adapters import PexpectAdapter, TcpPortforwardAdapter, UnixPortforwardAdapter

__all__ = ["PexpectAdapter", "TcpPortforwardAdapter", "UnixPortforwardAdapter"]
