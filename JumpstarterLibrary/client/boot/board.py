"""Find the console, the power and the prompt of a board in its device's tree."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace

from JumpstarterLibrary.client.boot.board_power import BoardPower
from JumpstarterLibrary.client.boot.screen import Screen
from JumpstarterLibrary.client.console import Console
from JumpstarterLibrary.client.consoles.boot_messages import BOOT_START
from JumpstarterLibrary.client.consoles.prompts import PromptSettings
from JumpstarterLibrary.client.device import Device
from JumpstarterLibrary.client.drivers import DriverProxy, PowerProxy
from JumpstarterLibrary.client.timing import Timing
from JumpstarterLibrary.common.values import listed
from JumpstarterLibrary.errors import AmbiguousDriver, NoSuchDriver
from JumpstarterLibrary.hints import Hint

UBOOT_LABEL = "jumpstarter_driver_uboot.client.UbootConsoleClient"
"""Upstream's driver for a board with U-Boot: it knows the prompt, and has the children ``power`` and ``serial``."""

PROMPT = "=>"
ANSWER_S = 10.0
"""How long the U-Boot driver may take to tell the prompt."""


@dataclass(frozen=True)
class Board:
    """One board of a device.

    Attributes:
        device: The device.
        console: Its console.
        prompt: What the boot loader's prompt begins with.
        screen: What the console shows.
    """

    device: Device
    console: Console
    prompt: str
    _power: str | None
    screen: Screen = field(init=False)

    def __post_init__(self) -> None:
        """Look at the console."""
        supply = self.known_supply
        begin = None if supply is None else lambda: supply.state.begin(self.console)
        object.__setattr__(self, "screen", Screen(self.console, begin))

    @property
    def prompts(self) -> PromptSettings:
        """The prompts that it is known to have."""
        return replace(self.console.prompts, boot_loader=self.prompt)

    @property
    def timing(self) -> Timing:
        """Its time limits and pauses."""
        return self.console.timing

    @property
    def supply(self) -> BoardPower:
        """Its power.

        Raises:
            NoSuchDriver: There is none.
            AmbiguousDriver: There are several, and none was named.
        """
        power = self.device.find(PowerProxy, "power", self._power, several=Hint.NAME_POWER_DRIVER)
        return BoardPower(power, self.timing)

    @property
    def off(self) -> bool:
        """Whether it has no power: it was switched off last, and has not begun to boot since.

        Bytes that were on their way then are no sign of life.
        """
        supply = self.known_supply
        if supply is None or supply.on is not False:
            return False
        return BOOT_START.search(self.console.text(self.screen.begin)) is None

    @property
    def power_actions(self) -> int:
        """How often power was switched, or tried to be, by its own power driver; by any, if that is not known."""
        supply = self.known_supply
        return self.device.powers.actions if supply is None else supply.state.actions

    def require_supply(self) -> None:
        """Raise if it is unknown which of several power drivers is the board's; having none is fine.

        Raises:
            AmbiguousDriver: There are several, and none was named.
        """
        with suppress(NoSuchDriver):
            assert self.supply

    @property
    def known_supply(self) -> BoardPower | None:
        """Its power; None where there is none, or it is unknown which driver it is."""
        try:
            return self.supply
        except (NoSuchDriver, AmbiguousDriver):
            if self._power is not None:
                raise
            return None


def find_board(device: Device, driver: str | None = None, power: str | None = None, prompt: str | None = None) -> Board:
    """Return a board of a device.

    Args:
        device: The device.
        driver: Path of the U-Boot driver, whose children are used, or of the serial driver. Default: the only U-Boot
            driver, otherwise the only console.
        power: Path of the power driver. Default: the U-Boot driver's child, otherwise the one beside the serial driver,
            otherwise the only one.
        prompt: The boot loader's prompt. Default: what the U-Boot driver tells, otherwise ``=>``.

    Raises:
        NoSuchDriver: There is no such driver, or no console at all.
        AmbiguousDriver: There are several that could be meant.
        InfrastructureError: The console could not be opened, or the U-Boot driver does not answer.
    """
    uboot = _uboot_driver(device, driver)
    if uboot is None:
        console = device.console(driver)
        return Board(device, console, _stripped(prompt or PROMPT), power or _power_beside(device, console.driver))
    serial, own_power = (uboot._node.child(name).path for name in ("serial", "power"))
    told = prompt or str(uboot.call("get_prompt", timeout=ANSWER_S))
    return Board(device, device.console(serial), _stripped(told), power or own_power)


def _power_beside(device: Device, driver: DriverProxy) -> str | None:
    """Return the path of the only power driver below the nearest parent that has any; None for the root's."""
    parent = driver._node.parent
    while parent is not None and parent.parent is not None:
        found = {node.uuid: node for node in parent.walk() if isinstance(device.proxy(node), PowerProxy)}
        if found:
            return next(iter(found.values())).path if len(found) == 1 else None
        parent = parent.parent
    return None


def _uboot_driver(device: Device, path: str | None) -> DriverProxy | None:
    """Return the U-Boot driver at a path, or the only one; None if there is none."""
    if path is not None:
        driver = device.driver(path)
        return driver if driver._node.label == UBOOT_LABEL else None
    found = {node.uuid: node for node in device.root.walk() if node.label == UBOOT_LABEL}
    if len(found) > 1:
        paths = listed([node.path for node in found.values()])
        raise AmbiguousDriver(
            f"The exporter '{device.link.name}' has several U-Boot drivers: {paths}.", hint=Hint.NAME_DRIVER
        )
    return next((device.proxy(node) for node in found.values()), None)


def _stripped(prompt: str) -> str:
    return prompt.strip() or PROMPT
