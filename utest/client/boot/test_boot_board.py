"""Console, power and prompt, found in a device's tree; and what is known of the power."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.boot.board import find_board
from JumpstarterLibrary.client.boot.board_power import BoardPower
from JumpstarterLibrary.client.boot.states import states_of
from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.errors import AmbiguousDriver, DriverError, NoSuchDriver
from JumpstarterLibrary.exporter import Driver, export
from JumpstarterLibrary.exporter.drivers.composite import Composite, Proxy
from JumpstarterLibrary.exporter.drivers.power import MockPower
from utest.client.serial_port import Port

Devices = Callable[..., Device]


class UBootDriver(Driver):
    """Upstream's driver, as far as its report and its method go."""

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_uboot.client.UbootConsoleClient"

    @export
    def get_prompt(self) -> str:
        return "\nboard> "


LIMIT = Deadline(600)


class StuckPower(Driver):
    """Power that cannot be switched."""

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_power.client.PowerClient"

    @export
    def on(self) -> None:
        raise RuntimeError("stuck")

    @export
    def off(self) -> None:
        raise RuntimeError("stuck")


def test_the_only_console_and_the_only_power(device: Device) -> None:
    board = find_board(device)
    assert (board.console.name, board.supply.proxy.path, board.prompt) == ("console", "power", "=>")
    assert find_board(device, prompt=" U-Boot> ").prompt == "U-Boot>"


def test_upstreams_driver_tells_all(device_with: Devices) -> None:
    uboot = UBootDriver()
    uboot.children = {"power": Proxy(ref="mains"), "serial": Proxy(ref="left")}
    device = device_with({"left": Port(), "right": Port(), "mains": MockPower(), "spare": MockPower(), "uboot": uboot})
    board = find_board(device)
    assert (board.prompt, board.supply.proxy.path) == ("board>", "uboot.power")
    assert board.console is device.console("left")
    assert find_board(device, "uboot").console is board.console
    assert find_board(device, prompt="other").prompt == "other"
    # By its serial port, it is a board of unknown power.
    other = find_board(device, "right")
    assert (other.prompt, other.known_supply) == ("=>", None)
    with pytest.raises(AmbiguousDriver, match=r"has several power drivers: mains, spare\. Say which with power=\.$"):
        other.require_supply()
    assert find_board(device, "right", "spare").supply.proxy.path == "spare"


def test_a_board_without_power(device_with: Devices) -> None:
    device = device_with({"console": Port()})
    board = find_board(device)
    assert board.known_supply is None
    board.require_supply()
    with pytest.raises(NoSuchDriver, match=r"has no power driver\. It has: console\.$"):
        assert board.supply
    with pytest.raises(NoSuchDriver, match=r"^No driver 'mains'\. It has: console\.$"):
        assert find_board(device, power="mains")


def test_whoever_switches_power_is_noticed(device: Device) -> None:
    power: Any = device.client.power
    state = device.powers.of(power.uuid)
    assert (state.on, state.cycles) == (None, 0)
    power.on()
    assert (state.on, state.cycles) == (True, 0)
    power.call("off")
    assert (state.on, state.cycles) == (False, 0)
    power.off()
    power.on()
    assert (state.on, state.cycles) == (True, 1)
    power.cycle(0)
    assert (state.on, state.cycles) == (True, 2)
    power.begin("off").result()
    assert state.on is False
    device.driver("power").on()
    assert (state.on, state.cycles) == (True, 3)
    assert find_board(device).supply.state is state
    # Consoles are still told.
    assert device.console().powered


def test_power_that_could_not_be_switched_off_is_not_off(device_with: Devices) -> None:
    device = device_with({"console": Port(), "power": StuckPower()})
    supply = find_board(device).supply
    supply.state.set_state(True)
    with pytest.raises(DriverError):
        supply.switch_off(LIMIT)
    assert supply.on is None
    with pytest.raises(DriverError):
        supply.switch_on(LIMIT)
    assert (supply.on, supply.state.cycles) == (None, 0)


def test_a_relay_of_a_kind_that_nobody_knows(device_with: Devices) -> None:
    class Relay(MockPower):
        @classmethod
        def client(cls) -> str:
            return "somebodys.own.Relay"

    device = device_with({"console": Port(), "relay": Relay()})
    supply = find_board(device, power="relay").supply
    device.client.relay.off()
    assert supply.on is False
    device.driver("relay").call("on")
    assert (supply.on, supply.state.cycles) == (True, 1)


def test_power_by_another_name_of_its_driver(device_with: Devices) -> None:
    uboot = UBootDriver()
    uboot.children = {"power": Proxy(ref="mains"), "serial": Proxy(ref="console")}
    device = device_with({"console": Port(), "mains": MockPower(), "uboot": uboot})
    supply = find_board(device).supply
    assert supply.proxy.path == "uboot.power"
    device.client.mains.off()
    assert supply.on is False
    device.client.uboot.power.on()
    assert find_board(device, "console", "mains").supply.state.cycles == 1


def test_power_that_is_switched_under_another_alias(serving: Callable[[Driver], Any], connecting: Any) -> None:
    host = serving(Composite(children={"console": Port(), "power": MockPower()})).host
    device, other = connecting(host), connecting(host)
    supply = find_board(device).supply
    with other:
        device.console().wait_for_output(0)
        other.client.power.off()
        assert supply.on is False
        assert device.console().powered
        device.client.power.on()
        assert find_board(other).supply.state.cycles == 1


def test_a_reset_button_begins_a_chapter(device_with: Devices, eventually: Any) -> None:
    class Button(Composite):
        @classmethod
        def client(cls) -> str:
            return "jumpstarter_driver_qemu.client.QemuClient"

        @export
        def press_reset(self) -> None:
            pass

    port = Port()
    device = device_with({"board": Button(children={"console": port, "power": MockPower()})})
    console = device.console()
    console.wait_for_output(0)
    device.client.board.press_reset()
    assert console.powered
    board = find_board(device)
    assert (board.power_actions, board.supply.on) == (0, None)
    device.client.board.power.on()
    port.say(b"hello")
    eventually(lambda: board.screen.spoke)
    device.driver("board").call("press_reset")
    assert (board.screen.spoke, board.power_actions, board.supply.on) == (False, 2, True)
    device.client.board.power.off()
    device.client.board.press_reset()  # does nothing to a board that is off
    assert (board.power_actions, board.supply.on) == (3, False)


def test_a_board_is_off_whatever_is_still_on_its_way(device: Device, port: Port, eventually: Any) -> None:
    board = find_board(device)
    board.supply.switch_off(LIMIT)
    assert board.off
    port.say(b"the end of a line\r\n")
    eventually(lambda: board.screen.spoke)
    assert board.off
    port.say(b"U-Boot SPL 2026.01\r\n")
    eventually(lambda: not board.off)


def test_the_pause_of_a_power_cycle_is_what_is_left_of_it(skipping: MovableClock, device: Device) -> None:
    supply = BoardPower(device.client.power, device.timing)
    supply.rest(2)
    assert skipping.seconds() == 0.0
    supply.switch_off(LIMIT)
    skipping.advance(0.5)
    supply.rest(2)
    assert skipping.seconds() == 2.0
    supply.rest(0)
    supply.switch_on(LIMIT)
    supply.rest(2)
    assert skipping.seconds() == 2.0


def test_a_simulated_board_needs_no_pause(device: Device, device_with: Devices) -> None:
    class Simulator(Composite):
        @classmethod
        def client(cls) -> str:
            return "jumpstarter_driver_qemu.client.QemuClient"

    assert find_board(device).supply.off_time == 2
    other = device_with({"board": Simulator(children={"console": Port(), "power": MockPower()})})
    assert find_board(other).supply.off_time == 0


def test_a_board_has_one_memory_for_as_long_as_it_is_connected(device: Device) -> None:
    states = states_of(device)
    assert states_of(device) is states
    assert states_of(device, "console") is states
    memory = weakref.ref(states)
    del states
    gc.collect()
    assert memory() is not None
    device.close()
    gc.collect()
    assert memory() is None


def test_power_of_another_board_is_none_of_ours(device_with: Devices, eventually: Any) -> None:
    ports = {"left": Port(), "right": Port()}
    device = device_with(
        {name: Composite(children={"console": port, "power": MockPower()}) for name, port in ports.items()}
    )
    board = find_board(device, "left.console", "left.power")
    board.supply.switch_on(LIMIT)
    ports["left"].say(b"hello")
    eventually(lambda: board.screen.spoke)
    device.client.right.power.on()
    assert board.screen.spoke
    device.client.left.power.off()
    assert not board.screen.spoke


def test_reading_the_tree_from_several_threads(device: Device) -> None:
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(states_of(device)), daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(found) == 4


def test_the_power_beside_the_console_is_its_own(device_with: Devices) -> None:
    def relay_board() -> Driver:
        return Composite(children={"console": Port(), "relays": Composite(children={"main": MockPower()})})

    crowded = Composite(children={"console": Port(), "main": MockPower(), "usb": MockPower()})
    device = device_with({"left": relay_board(), "right": relay_board(), "third": crowded})
    assert find_board(device, "left.console").supply.proxy.path == "left.relays.main"
    assert find_board(device, "right.console").supply.proxy.path == "right.relays.main"
    assert find_board(device, "right.console", "third.usb").supply.proxy.path == "third.usb"
    assert find_board(device, "third.console").known_supply is None
