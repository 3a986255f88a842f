"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.exporting.hosts import get_ip_address, get_minikube_ip

__all__ = ["get_ip_address", "get_minikube_ip"]
