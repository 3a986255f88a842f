"""Upstream's module name, served by robotframework-jumpstarter."""

from JumpstarterLibrary.exporter.drivers.composite import Composite, CompositeInterface, Proxy

__all__ = ["Composite", "CompositeInterface", "Proxy"]
