"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.hosts import get_ip_address, get_minikube_ip

__all__ = ["get_ip_address", "get_minikube_ip"]
