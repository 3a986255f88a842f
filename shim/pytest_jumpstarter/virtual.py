"""The virtual lab of a run: in this process, started when it is needed first."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from JumpstarterLibrary.client.devices.virtual_lab import CLIENT, virtual_lab_settings
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.settings import ClientSettings
from JumpstarterLibrary.errors import ConfigurationError

if TYPE_CHECKING:
    from JumpstarterLibrary.client.leasing.service import LeaseService
    from JumpstarterLibrary.lab import VirtualLab

BOARDS = 4
"""Boards of a lab for which the user has given no number."""

STAND_IN = "board=virtual"


def make_lab(wanted: int | Path) -> VirtualLab:
    """Return a virtual lab, which does not run yet.

    Args:
        wanted: Its file, or the number of its boards. Their drivers are ``power``, ``storage`` and ``console``, and
            once more below ``dutlink``, so that suites for many a board run on them.

    Raises:
        ConfigurationError: The file cannot be read, or says something that cannot be.
    """
    from JumpstarterLibrary.exporter import Driver
    from JumpstarterLibrary.exporter.drivers.composite import Composite, Proxy
    from JumpstarterLibrary.exporter.drivers.virtual import VirtualBoard
    from JumpstarterLibrary.lab import LabFile, VirtualLab
    from JumpstarterLibrary.lab.exporters import virtual_boards

    if isinstance(wanted, Path):
        return LabFile.load(wanted).lab()

    def board() -> Driver:
        again = {name: Proxy(ref=f"dutlink.{name}") for name in ("power", "storage", "console")}
        return Composite(children={"dutlink": VirtualBoard(), **again})

    return VirtualLab([replace(one, driver=board) for one in virtual_boards(wanted)])


class RunLab:
    """The virtual lab that a run leases from.

    Args:
        wanted: The number of its boards, or its file. Default: 4 boards.
    """

    def __init__(self, wanted: int | Path | None) -> None:
        self._wanted = wanted or BOARDS
        self._stack = ExitStack()
        self._settings: ClientSettings | None = None

    def settings(self) -> ClientSettings:
        """Start the lab if it does not run, and return its client's settings.

        Raises:
            ConfigurationError: Its file cannot be read, or says something that cannot be.
        """
        if self._settings is None:
            self._settings = self._start()
        return self._settings

    def _start(self) -> ClientSettings:
        lab = self._stack.enter_context(make_lab(self._wanted))
        return virtual_lab_settings(lab, next(iter(lab.controller.state.clients), CLIENT))

    def fitted(self, request: LeaseRequest, service: LeaseService) -> LeaseRequest:
        """Return a request that the lab can fulfil: its numbered boards stand in for boards that it does not have.

        Args:
            request: What is wanted.
            service: Where the lab's boards are leased.

        Raises:
            ConfigurationError: The lab is described by a file, and nothing says which of its boards is wanted.
        """
        if isinstance(self._wanted, Path):
            if not request.selector and not request.exporter:
                raise ConfigurationError(
                    f"Nothing says which board of the virtual lab '{self._wanted}' is wanted. Give a selector or an "
                    f"exporter_name, or a number of boards in place of the file."
                )
            return request
        fitting = [one.exporter.name for one in service.exporters(request.selector or "")]
        named = request.exporter is None or request.exporter in fitting
        if fitting and named and (request.selector or request.exporter):
            return request
        return replace(request, selector=STAND_IN, exporter=None)

    def close(self) -> None:
        """Stop it. Closing twice is fine."""
        self._settings = None
        self._stack.close()
