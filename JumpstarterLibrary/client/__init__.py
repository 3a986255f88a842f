"""The client core, shared by Robot and pytest: leases, devices, consoles and drivers. It prints nothing.

It is synchronous, knows neither Robot Framework nor pytest, logs with ``logging`` and emits events.
"""

from __future__ import annotations

from JumpstarterLibrary.client.address import Address
from JumpstarterLibrary.client.config import DirectConnection
from JumpstarterLibrary.client.console import Console
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.device import Device
from JumpstarterLibrary.client.drivers import DriverProxy
from JumpstarterLibrary.client.expect import PexpectAdapter
from JumpstarterLibrary.client.forward import TcpForward, UnixForward
from JumpstarterLibrary.client.stream import ByteStream
from JumpstarterLibrary.client.timing import Timing

__all__ = [
    "Address",
    "ByteStream",
    "Console",
    "Deadline",
    "Device",
    "DirectConnection",
    "DriverProxy",
    "PexpectAdapter",
    "TcpForward",
    "Timing",
    "UnixForward",
]
