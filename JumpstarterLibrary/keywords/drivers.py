"""Any driver, with or without keywords of its own."""

from __future__ import annotations

import datetime
import itertools
from typing import Any

from robot.api import logger
from robot.api.deco import keyword

from JumpstarterLibrary.client.support import supports
from JumpstarterLibrary.errors import DriverMethodNotImplemented, OperationTimeout, UsageError
from JumpstarterLibrary.keywords.base import Keywords


class DriverKeywords(Keywords):
    """Calling driver methods by name."""

    @keyword(tags=("Driver",))
    def call_driver(
        self,
        driver: str,
        method: str,
        *arguments: Any,
        timeout: datetime.timedelta | None = None,
        device: str | None = None,
    ) -> Any:
        """Calls a method of any driver and returns its result.

        Needs no package for the driver. Arguments travel as JSON-like values: for numbers, booleans and None use
        Robot's ``${5}``, ``${True}`` and ``${None}``. Whole numbers come back as integers.

        Args:
            driver: Path of the driver, for example ``dutlink.power``.
            method: The method's name.
            arguments: Its positional arguments; the protocol knows no named ones.
            timeout: After which the call is cancelled. Default: no limit.
            device: Alias. Default: the current device.

        Raises:
            NoSuchDriver: There is no such driver; the error lists the neighbours.
            UnsupportedValue: An argument cannot travel; nothing was sent.
            DriverMethodNotImplemented: The driver has no such unary method.
            DriverError: The driver refused or failed.

        Example:
        | ${port} =    Call Driver    tftp    get_port
        | Call Driver    gpio    wait_for_edge    rising    ${2.5}
        """
        return self.device(device).driver(driver).call(method, *arguments, timeout=timeout)

    @keyword(tags=("Driver",))
    def stream_from_driver(
        self,
        driver: str,
        method: str,
        *arguments: Any,
        limit: int = 1000,
        timeout: datetime.timedelta = datetime.timedelta(seconds=10),
        device: str | None = None,
    ) -> list[Any]:
        """Calls a streaming method of any driver and returns its results as a list.

        Some streams never end: it stops after ``limit`` results or when the time is up, and cancels the call then.

        Args:
            driver: Path of the driver.
            method: The method's name.
            arguments: Its positional arguments.
            limit: How many results at most. Default: 1000.
            timeout: After which it stops. Default: 10 seconds.
            device: Alias. Default: the current device.

        Returns:
            The results so far; an empty list if there were none.

        Raises:
            NoSuchDriver: There is no such driver; the error lists the neighbours.
            DriverMethodNotImplemented: The driver has no such streaming method.
            DriverError: The driver refused or failed.
            LinkError: There were no results, and the exporter does not answer.

        Example:
        | ${readings} =    Stream From Driver    power    read    limit=2
        """
        if limit < 1:
            raise UsageError(f"limit={limit} is no number of results to take.")
        results: list[Any] = []
        proxy = self.device(device).driver(driver)
        try:
            with proxy.streamingcall(method, *arguments, timeout=timeout) as stream:
                for result in itertools.islice(stream, limit):
                    results.append(result)
        except OperationTimeout as error:
            if not results:
                proxy._check_exporter(method, error)
            logger.info(f"Stopped after {timeout.total_seconds():g} seconds with {len(results)} results.")
        return results

    @keyword(tags=("Driver", "Assertion"))
    def driver_should_support(self, driver: str, method: str, *, device: str | None = None) -> None:
        """Checks that a driver has a method, without calling it.

        Exporters tell no list of methods, but they do tell a missing one from one of another call style. A method that
        a driver has, but answers with "not implemented", counts as supported.

        Args:
            driver: Path of the driver.
            method: The method's name; unary, streaming or byte stream.
            device: Alias. Default: the current device.

        Raises:
            DriverMethodNotImplemented: The driver has no such method.
            NoSuchDriver: There is no such driver; the error lists the neighbours.

        Example:
        | Driver Should Support    power    read
        """
        proxy = self.device(device).driver(driver)
        if not supports(proxy, method):
            raise DriverMethodNotImplemented(
                f"Driver '{driver}' does not support '{method}'. Its exporter calls it "
                f"'{proxy.labels.get('jumpstarter.dev/client', 'nothing')}'; check the name of the method."
            )
