"""Serial ports: the raw byte stream, the control lines and pexpect."""

from __future__ import annotations

from JumpstarterLibrary.client.deadline import Seconds
from JumpstarterLibrary.client.drivers.base import DriverMethods
from JumpstarterLibrary.client.drivers.network import NetworkProxy
from JumpstarterLibrary.client.expect import PexpectAdapter
from JumpstarterLibrary.client.forward import Opener


class SerialMethods(DriverMethods):
    """The methods of serial ports, for both faces."""

    def set_dtr(self, value: bool, *, timeout: Seconds = None) -> None:
        """Set the DTR line."""
        self._driver_call("set_dtr", value, timeout=timeout)

    def set_rts(self, value: bool, *, timeout: Seconds = None) -> None:
        """Set the RTS line."""
        self._driver_call("set_rts", value, timeout=timeout)

    def pexpect(self) -> PexpectAdapter:
        """Return a context manager that gives a pexpect session on a stream of its own."""
        return PexpectAdapter(client=self._opener())

    def _opener(self) -> Opener:
        """Return what opens the port's byte streams."""
        return self._driver_proxy


class SerialProxy(SerialMethods, NetworkProxy):
    """A serial port. The library keeps one console per port; see ``Device.console``."""

    LABELS: tuple[str, ...] = ("jumpstarter_driver_pyserial.client.PySerialClient",)

    def close(self, timeout: Seconds = None) -> None:
        """Close the port's open stream on the exporter; without one, nothing happens."""
        self.call("close", timeout=timeout)
