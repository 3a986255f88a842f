"""Drivers whose client class is not here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytest_jumpstarter.upstream_api.clients.stub import StubDriverClient

from JumpstarterLibrary.errors import DriverInvalidArgument, DriverMethodNotImplemented
from JumpstarterLibrary.exporter import Driver

Served = Callable[[Driver], Any]
MakeRelay = Callable[[str], Driver]

OFFICIAL = (
    "The client class 'jumpstarter_driver_relay.client.RelayClient' is not installed here. For a driver of Jumpstarter "
    "itself that mostly means a version mismatch between client and exporter: bring both to the same release, or "
    "install 'jumpstarter-driver-relay'."
)


@pytest.fixture
def relay(served: Served, make_relay: MakeRelay) -> Any:
    return served(make_relay("jumpstarter_driver_relay.client.RelayClient"))


def test_everything_that_the_driver_has_can_be_used(relay: Any) -> None:
    assert type(relay) is StubDriverClient
    assert relay.switch(3) == "switched 3"
    assert relay.call("switch", 4) == "switched 4"
    assert list(relay.streamingcall("positions", 2)) == [0, 1]
    with relay.stream() as stream:
        stream.send(b"hello")
        assert stream.receive() == b"hello"
    with relay.log_stream():
        relay.switch(5)
    with pytest.raises(DriverInvalidArgument, match="it is stuck"):
        relay.refuse()


def test_what_only_its_class_would_have_says_what_to_install(relay: Any) -> None:
    for attempt in (
        lambda: relay.pulse(),
        lambda: relay.call("pulse"),
        lambda: list(relay.streamingcall("pulse")),
        lambda: relay.stream("pulse").__enter__(),
    ):
        with pytest.raises(ImportError) as failure:
            attempt()
        assert isinstance(failure.value, DriverMethodNotImplemented)
        assert str(failure.value).endswith(OFFICIAL)
        assert "method 'pulse'" in str(failure.value)


def test_third_parties_have_packages_of_their_own(served: Served, make_relay: MakeRelay) -> None:
    client = served(make_relay("acme_relays.client.RelayClient"))
    with pytest.raises(
        ImportError, match=r"is not installed here\. Install the package of your own that has 'acme_relays'\.$"
    ):
        client.pulse()


def test_children_are_found_before_methods(served: Served, make_relay: MakeRelay) -> None:
    outer = make_relay("acme_relays.client.RelayClient")
    outer.children["inner"] = make_relay("acme_relays.client.RelayClient")
    assert served(outer).inner.switch(1) == "switched 1"


def test_one_that_belongs_to_nothing_fails_by_its_class() -> None:
    stub = StubDriverClient(stub=None, labels={"jumpstarter.dev/client": "jumpstarter_driver_relay.client.RelayClient"})
    for attempt in (
        lambda: stub.call("on"),
        lambda: stub.on(),
        lambda: list(stub.streamingcall("read")),
        lambda: stub.stream().__enter__(),
        lambda: stub.log_stream().__enter__(),
    ):
        with pytest.raises(ImportError) as failure:
            attempt()
        assert str(failure.value) == OFFICIAL


def test_private_names_are_no_methods(relay: Any) -> None:
    with pytest.raises(AttributeError, match="_repr_html_"):
        _ = relay._repr_html_
