"""The base class of test classes that run on a board."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import pytest

if TYPE_CHECKING:
    from JumpstarterLibrary.client import DriverProxy


class JumpstarterTest:
    """Gives the tests of a class the fixture ``client``: the drivers of one exporter, connected once per class.

    ::

        class TestBoot(JumpstarterTest):
            @pytest.fixture
            def console(self, client):
                with PexpectAdapter(client=client.dutlink.console) as console:
                    yield console

            def test_boots(self, client, console):
                client.dutlink.power.on()
                console.expect("login:", timeout=60)

    Attributes:
        selector: Label expression of the board that the class needs. Inside a shell the board is already chosen.
        exporter_name: Name of the exporter that the class needs, instead of or beside its labels.
        lease_duration: How long a lease lasts from when it is granted. Default: 30 minutes.
        lease_max_duration: Extend the lease by itself while the class runs, up to this length in all. With a short
            ``lease_duration``, a board is soon free after a run that was killed. Default: never.
        lease_timeout: How long a lease may take, with the connection; the terminal tells what it waits for. Default:
            ``leases.acquisition_timeout`` of the client configuration, 2 hours.
    """

    selector: ClassVar[str | None] = None
    exporter_name: ClassVar[str | None] = None
    lease_duration: ClassVar[datetime.timedelta] = datetime.timedelta(minutes=30)
    lease_max_duration: ClassVar[datetime.timedelta | None] = None
    lease_timeout: ClassVar[datetime.timedelta | None] = None

    # A class method: pytest 9.1 and later warn of wider fixtures that are instance methods.
    @pytest.fixture(scope="class")
    @classmethod
    def client(cls, request: pytest.FixtureRequest) -> Iterator[DriverProxy]:
        """The root driver of the class's exporter.

        It is the one that ``JUMPSTARTER_HOST`` names, as inside ``jmp shell``; else that of the lease ``JMP_LEASE``,
        which is not released; else one that is leased for ``selector`` or ``exporter_name`` while the class runs.

        Raises:
            ConfigurationError: None of these is there, or there is no client configuration.
            InfrastructureError: The exporter cannot be leased or reached.
        """
        from pytest_jumpstarter.finding import exporter_for
        from pytest_jumpstarter.wish import Wish

        wish = Wish(
            selector=cls.selector,
            exporter=cls.exporter_name,
            duration=cls.lease_duration,
            max_duration=cls.lease_max_duration,
            timeout=cls.lease_timeout,
        )
        with exporter_for(wish, request.config) as client:
            yield client
