"""A board that QEMU is: real firmware and real kernels, on a processor that is simulated.

    board      the driver, with its children power, storage and console
    command    QEMU's command line
    machine    the process: started at power on, killed at power off, its serial port on the wire
    monitor    QEMU's control socket
    drivers    power and storage

The serial wire and the console driver are those of the virtual board.
"""

from __future__ import annotations

from JumpstarterLibrary.exporter.drivers.qemu.board import QemuBoard

__all__ = ["QemuBoard"]
