"""Drivers from YAML under upstream's interface."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_jumpstarter.upstream_api.clients.power import PowerReading
from pytest_jumpstarter.upstream_api.exporter.instances import (
    ExporterConfigV1Alpha1DriverInstance,
    ExporterConfigV1Alpha1DriverInstanceBase,
    ExporterConfigV1Alpha1DriverInstanceComposite,
    ExporterConfigV1Alpha1DriverInstanceProxy,
    run,
)

from JumpstarterLibrary.errors import ConfigurationError, DriverInvalidArgument
from JumpstarterLibrary.exporter.drivers.composite import Composite, Proxy
from JumpstarterLibrary.exporter.drivers.network import TcpNetwork
from JumpstarterLibrary.exporter.drivers.power import MockPower

Instance = ExporterConfigV1Alpha1DriverInstance

BOARD = """
children:
  power:
    type: jumpstarter_driver_power.driver.MockPower
    description: the main supply
    methods_description: {on: turns it on}
  net:
    type: jumpstarter_driver_network.driver.TcpNetwork
    config: {host: 127.0.0.1, port: 22, enable_address: false}
  supply: {ref: power}
"""


def test_a_tree_is_served_for_a_test() -> None:
    with run(BOARD) as client:
        client.supply.on()
        assert list(client.power.read()) == [
            PowerReading(voltage=0.0, current=0.0),
            PowerReading(voltage=5.0, current=2.0),
        ]
        assert (client.power.description, client.power.methods_description) == (
            "the main supply",
            {"on": "turns it on"},
        )
        with pytest.raises(DriverInvalidArgument, match="its enable_address mode is not true"):
            client.net.address()


def test_one_driver_is_served_for_a_test() -> None:
    with run("type: jumpstarter_driver_network.driver.EchoNetwork") as echo, echo.stream() as stream:
        stream.send(b"hello")
        assert stream.receive() == b"hello"


def test_the_three_forms() -> None:
    tree = Instance.from_str(BOARD)
    assert isinstance(tree.root, ExporterConfigV1Alpha1DriverInstanceComposite)
    power, net, supply = tree.root.children.values()
    assert isinstance(power.root, ExporterConfigV1Alpha1DriverInstanceBase)
    assert (power.root.type, power.root.config) == ("jumpstarter_driver_power.driver.MockPower", {})
    assert net.root == ExporterConfigV1Alpha1DriverInstanceBase(
        type="jumpstarter_driver_network.driver.TcpNetwork",
        config={"host": "127.0.0.1", "port": 22, "enable_address": False},
    )
    assert supply.root == ExporterConfigV1Alpha1DriverInstanceProxy(ref="power")
    driver = tree.instantiate()
    assert isinstance(driver, Composite)
    assert [type(child) for child in driver.children.values()] == [MockPower, TcpNetwork, Proxy]
    assert Instance(ref="power").root == supply.root


def test_keywords_mappings_and_files_make_the_same(tmp_path: Path) -> None:
    (tmp_path / "board.yaml").write_text(BOARD)
    read = Instance.from_path(tmp_path / "board.yaml")
    assert read == Instance.from_str(BOARD) == Instance.model_validate(read.model_dump()) == Instance(read.root)
    assert read == Instance(children={"power": read.root.children["power"], **read.model_dump()["children"]})
    assert read != Instance(children={})
    assert read != BOARD
    assert "MockPower" in repr(read)


def test_a_configuration_is_not_shown() -> None:
    shown = repr(Instance(type="a.B", config={"password": "hush"}))
    assert "a.B" in shown
    assert "hush" not in shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("type: a.B\nref: c", "The YAML text: a driver has a type or a ref, not both. Remove one of them."),
        ("type: 5", "The YAML text, line 1: type: text is needed, not a number."),
        ("[power]", "The YAML text must hold a mapping, not a list."),
        ("children: {power: 7}", "The YAML text, line 1: children.power: a mapping is needed, not a number."),
        ("children: {power: {type: 7}}", "The YAML text, line 1: children.power.type: text is needed, not a number."),
    ],
)
def test_what_is_no_driver_is_said_at_once(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Instance.from_str(text)
    assert str(caught.value) == message


def test_what_cannot_be_built_is_said_with_its_place() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Instance(children={"net": {"type": "jumpstarter_driver_network.driver.TcpNetwork"}}).instantiate()
    assert str(caught.value) == "children.net.config: TcpNetwork needs 'host'. Add it."
    with pytest.raises(ConfigurationError, match=r"^type: there is no module 'nowhere'\. "):
        Instance(type="nowhere.Driver").instantiate()
