"""Facts about a board, for properties of tests and of the run."""

from __future__ import annotations

from JumpstarterLibrary.client.config import ShellFacts
from JumpstarterLibrary.client.events import TransferEnded
from JumpstarterLibrary.client.leasing.device import LeasedDevice
from pytest_jumpstarter.board import ConnectedBoard

PREFIX = "jumpstarter."


def facts(board: ConnectedBoard) -> dict[str, str]:
    """Return what identifies a board: ``device`` (its labels), ``exporter``, ``lease`` and ``mode``.

    What is unknown is left out: inside a shell the shell tells the exporter's name, its labels and the lease.
    """
    if isinstance(board.device, LeasedDevice):
        labels, exporter, lease = board.device.labels, board.device.lease.exporter, board.device.lease.name
    else:
        told = ShellFacts.from_environment()
        labels, exporter, lease = dict(told.labels), told.exporter or board.device.link.name, told.lease
    device = ",".join(f"{key}={value}" for key, value in sorted(labels.items())) or exporter
    found = {"device": device, "exporter": exporter, "lease": lease, "mode": board.mode.mode.value}
    return {PREFIX + name: value for name, value in found.items() if value}


def image(upload: TransferEnded) -> tuple[str, str]:
    """Return the property for what was uploaded."""
    return PREFIX + "image", f"{upload.name} sha256:{upload.sha256}"
