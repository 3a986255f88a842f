"""The fixed registry: one proxy for each known label, the generic one for all others."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.client import drivers
from JumpstarterLibrary.client.drivers import REGISTRY, DriverProxy, GenericProxy, proxy_class


def test_no_label_is_claimed_twice() -> None:
    claimed = [label for proxy in set(REGISTRY.values()) for label in proxy.LABELS]
    assert sorted(claimed) == sorted(REGISTRY)
    assert all("LABELS" in vars(proxy) for proxy in REGISTRY.values()), "labels must not be inherited"


def test_every_proxy_with_labels_is_registered() -> None:
    def below(kind: type[DriverProxy]) -> set[type[DriverProxy]]:
        found = set(kind.__subclasses__())
        return found.union(*(below(child) for child in found))

    ours = {kind for kind in below(DriverProxy) if kind.__module__.startswith(drivers.__name__)}
    assert {kind for kind in ours if kind.LABELS} == set(REGISTRY.values())


@pytest.mark.parametrize("label", ["", "acme.client.Widget", "jumpstarter_driver_power.client.powerclient"])
def test_everything_else_is_generic(label: str) -> None:
    assert proxy_class(label) is GenericProxy


def test_known_labels() -> None:
    assert {label: proxy.__name__ for label, proxy in REGISTRY.items() if label.endswith(".FlasherClient")} == {
        "jumpstarter_driver_opendal.client.FlasherClient": "FlasherProxy",
        "jumpstarter.client.flasher.FlasherClient": "FlasherProxy",
    }
    assert proxy_class("jumpstarter_driver_power.client.PowerClient").__name__ == "PowerProxy"
