"""Power."""

from __future__ import annotations

import datetime

from robot.api import logger
from robot.api.deco import keyword

from JumpstarterLibrary.client.drivers import PowerProxy
from JumpstarterLibrary.keywords.base import Keywords
from JumpstarterLibrary.reporting.html import readings_table
from JumpstarterLibrary.types import PowerReading


class PowerKeywords(Keywords):
    """Switching and measuring power."""

    @keyword(tags=("Power", "Setter"))
    def power_on(
        self,
        *,
        timeout: datetime.timedelta | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> None:
        """Switches a device on. One that is on stays on.

        The console's cursor moves to where the console is now: what it said before is no answer to what is waited for
        after it.

        Args:
            timeout: Until it must be done. Default: ``power_timeout`` of `Timing`.
            device: Alias. Default: the current device.
            driver: Path of the power driver. Default: the only one.

        Raises:
            DriverError: The driver refused or failed.
            OperationTimeout: It was not done in time.
            NoSuchDriver: The device has no power driver.
            AmbiguousDriver: It has several.

        Example:
        | Power On
        | Console Should Contain    login:    timeout=60 s
        """
        self._power(device, driver).on(timeout=timeout)

    @keyword(tags=("Power", "Setter"))
    def power_off(
        self,
        *,
        timeout: datetime.timedelta | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> None:
        """Switches a device off, as if its plug were pulled. One that is off stays off.

        Args:
            timeout: Until it must be done. Default: ``power_timeout`` of `Timing`.
            device: Alias. Default: the current device.
            driver: Path of the power driver. Default: the only one.

        Raises:
            DriverError: The driver refused or failed.
            OperationTimeout: It was not done in time.

        Example:
        | [Teardown]    Power Off
        """
        if device is None and self.devices.none_in_teardown:
            logger.info("No device is connected; there is nothing to switch off.")
            return
        self._power(device, driver).off(timeout=timeout)

    @keyword(tags=("Power", "Setter"))
    def power_cycle(
        self,
        *,
        timeout: datetime.timedelta | None = None,
        off_time: datetime.timedelta | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> None:
        """Switches a device off, waits, and switches it on.

        Args:
            timeout: Until both are done, beside ``off_time``. Default: ``power_timeout`` of `Timing` for each.
            off_time: How long it stays without power. Default: ``power_off_time`` of `Timing`, otherwise 2 seconds.
            device: Alias. Default: the current device.
            driver: Path of the power driver. Default: the only one.

        Raises:
            DriverError: The driver refused or failed.
            OperationTimeout: It was not done in time.

        Example:
        | Power Cycle    off_time=5 s
        """
        self._power(device, driver).cycle(off_time, timeout=timeout)

    @keyword(tags=("Power", "Getter"))
    def get_power_readings(
        self,
        samples: int = 10,
        *,
        timeout: datetime.timedelta = datetime.timedelta(seconds=10),
        device: str | None = None,
        driver: str | None = None,
    ) -> list[PowerReading]:
        """Returns readings of voltage and current, and writes them into the log.

        There can be fewer than asked for: some drivers stop by themselves, and some report only changes, so that the
        time runs out. Readings that are all zero get a warning, because dummies and broken wires look like that.

        Args:
            samples: How many readings at most. Default: 10.
            timeout: For all of them. Default: 10 seconds.
            device: Alias. Default: the current device.
            driver: Path of the power driver. Default: the only one.

        Returns:
            A list of readings with the attributes ``voltage`` (V), ``current`` (A) and ``power`` (W).

        Raises:
            OperationTimeout: There was not a single reading in time.
            DriverMethodNotImplemented: The driver does not measure.

        Example:
        | ${readings} =    Get Power Readings    samples=5
        | Should Be True    ${readings[-1].power} < 12
        """
        proxy = self._power(device, driver)
        readings = proxy.readings(samples, timeout)
        logger.info(readings_table(readings), html=True)
        if len(readings) > 1 and not any(reading.voltage or reading.current for reading in readings):
            logger.warn(f"All {len(readings)} readings of power driver '{proxy.path}' are 0 V and 0 A.")
        return readings

    def _power(self, device: str | None, driver: str | None) -> PowerProxy:
        return self.driver(PowerProxy, "power", device, driver)
