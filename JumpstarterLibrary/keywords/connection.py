"""Connecting devices and looking at them."""

from __future__ import annotations

import datetime
from pathlib import Path

from robot.api import logger
from robot.api.deco import keyword

from JumpstarterLibrary.client.devices.request import DeviceRequest
from JumpstarterLibrary.client.timing import TimingSource
from JumpstarterLibrary.client.tree import ROOT
from JumpstarterLibrary.keywords.base import Keywords
from JumpstarterLibrary.keywords.secret import Secret, reveal
from JumpstarterLibrary.reporting.html import device_tree
from JumpstarterLibrary.types import Mode, Tls


class ConnectionKeywords(Keywords):
    """Devices: connect, disconnect, switch, list."""

    @keyword(tags=("Connection",))
    def connect_to_exporter(
        self,
        host: str | None = None,
        *,
        alias: str | None = None,
        mode: Mode | None = None,
        tls: Tls | None = None,
        ca: Path | None = None,
        passphrase: Secret | str | None = None,
        timeout: datetime.timedelta | None = None,
        timing: TimingSource = None,
    ) -> str:
        """Connects to an exporter and makes it the current device.

        Without arguments the device is found as the library import says. Consoles are opened at once, so that nothing
        that the board says from now on is lost.

        Args:
            host: Socket path or ``HOST:PORT`` of the exporter. Default: the library's ``host``.
            alias: Name by which keywords find the device. Default: ``device``, then ``device2`` and so on.
            mode: How the device is found. Default: ``direct`` with ``host``, otherwise the library's ``mode``.
            tls: How TCP is secured. Default: the library's, or what the environment says.
            ca: PEM file of the authorities to trust. Default: the library's, or the system's.
            passphrase: The exporter's passphrase. Default: the library's, or ``JMP_GRPC_PASSPHRASE``.
            timeout: For the exporter's first answer. Default: ``connect_timeout`` of `Timing`.
            timing: Time limits and pauses of the device that differ from the library's; see `Timing`. Default: none.

        Returns:
            The alias.

        Raises:
            ConfigurationError: There is nothing to connect to, the settings contradict each other, or ``timing`` has a
                field or a value that cannot be.
            LinkError: The exporter cannot be reached, or refuses the passphrase.

        Example:
        | Connect To Exporter    lab.example.com:19090    alias=board    ca=lab-ca.pem    passphrase=${PASSPHRASE}
        | Connect To Exporter    mode=virtual
        | Connect To Exporter    lab.example.com:19091    timing=boot_timeout=10 min, echo_timeout=2 s
        """
        default = self.devices.default
        mode = mode or (Mode.direct if host is not None else default.mode)
        wants_host = mode in (Mode.auto, Mode.direct)
        wanted = DeviceRequest(
            mode=mode,
            host=host if host is not None else (default.host if wants_host else None),
            tls=tls or default.tls,
            ca=ca or default.ca,
            passphrase=reveal(passphrase) or default.passphrase,
            timeout=timeout,
            request=default.request if mode in (Mode.auto, Mode.lease) and host is None else None,
            timing=self.devices.timing(timing),
        )
        return self.devices.connect(wanted, alias)

    @keyword(tags=("Connection",))
    def disconnect(self, *, device: str | None = None) -> None:
        """Closes the connection to a device; its consoles and transcripts are closed, and a lease of it is released.

        One that is disconnected already is fine, so that a teardown never fails for it. What is still connected at the
        end of the suite that connected it is closed then.

        Args:
            device: Alias. Default: the current device.

        Raises:
            NoSuchDevice: There never was a device of that alias.

        Example:
        | Disconnect    device=board
        """
        self.devices.disconnect(device)

    @keyword(tags=("Connection",))
    def switch_device(self, device: str) -> str | None:
        """Makes a device the current one: the one that keywords without ``device`` use.

        Args:
            device: Alias of a connected device.

        Returns:
            The alias of the device that was current before.

        Raises:
            NoSuchDevice: No device has that alias.

        Example:
        | ${previous} =    Switch Device    board
        | Power On
        | Switch Device    ${previous}
        """
        return self.devices.switch(device)

    @keyword(tags=("Connection", "Getter"))
    def list_drivers(self, *, device: str | None = None) -> list[str]:
        """Returns the paths of all drivers of a device, parents before their children.

        An exporter that has only one driver, without a name, gives ``(root)``.

        Args:
            device: Alias. Default: the current device.

        Example:
        | ${drivers} =    List Drivers
        | List Should Contain Value    ${drivers}    power
        """
        root = self.device(device).root
        return [node.path for node in root.walk() if node.path] or [ROOT]

    @keyword(tags=("Connection", "Reporting"))
    def log_device_tree(self, *, device: str | None = None) -> None:
        """Writes the drivers of a device into the log: path, kind and description.

        Args:
            device: Alias. Default: the current device.

        Example:
        | Log Device Tree
        """
        alias = self.devices.alias(device)
        target = self.device(device)
        logger.info(device_tree(alias, target.link.name, [node.info for node in target.root.walk()]), html=True)
