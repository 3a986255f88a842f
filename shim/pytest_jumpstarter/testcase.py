"""The base class of test classes that run on a board."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from pytest_jumpstarter.attributes import DeviceAttributes

if TYPE_CHECKING:
    from pytest_jumpstarter.upstream_api.clients.base import DriverClient


class JumpstarterTest(DeviceAttributes):
    """Gives the tests of a class the fixture ``client``: the drivers of one exporter, connected once per class.

    ::

        class TestBoot(JumpstarterTest):
            selector = "board=rpi4"

            @pytest.fixture
            def console(self, client):
                with PexpectAdapter(client=client.dutlink.console) as console:
                    yield console

            def test_boots(self, client, console):
                client.dutlink.power.on()
                console.expect("login:", timeout=60)

    All attributes are optional, may be properties, and are looked at when the first test of the class needs the board.
    What the command line says (``--jumpstarter-mode`` and so on) beats them; they beat the ini file.

    Attributes:
        selector: Label expression of the board that the class needs: ``board=rpi4``, or alternatives with a bar between
            them; or a mapping of labels that it has to have, ``{"board": "rpi4", "site": "lab2"}``. Inside a shell the
            board is already chosen.
        exporter_name: Name of the exporter that the class needs, instead of or beside its labels.
        lease_name: The lease's name. With a selector or an exporter_name: a lease of that name that this client has
            already is used, but not released; otherwise it is made, and no other lease may ever have had that name.
            Alone: a lease of that name has to be there; it is used, and not released. xdist's workers add their id to
            the names of leases that they make.
        lease_duration: How long a lease lasts from when it is granted. Default: 30 minutes.
        lease_max_duration: Extend the lease by itself while it is held, up to this length in all. With a short
            ``lease_duration``, a board is soon free after a run that was killed. Default: never.
        lease_timeout: How long a lease may take, with the connection; the terminal tells what it waits for. Default:
            ``leases.acquisition_timeout`` of the client configuration, 2 hours.
        lease_progress: Time between two lines about that wait, beside those at each change. Default: 15 seconds.
        lease_scope: ``class`` for a lease of the class's own; ``session`` for one that all classes (and tests with
            ``jumpstarter_client``) share that ask for the same selector, exporter and name, until the last of them has
            run. Default: ``class``.
        lease_tags: Tags of the lease. Those of the CI system are added: project, run, job, worker and so on.
        mode: ``shell``: join the exporter that ``JUMPSTARTER_HOST`` names, as inside ``jmp shell``. ``lease``: use the
            lease that ``JMP_LEASE`` names, which is not released, or else lease a board. ``virtual``: lease a virtual
            board in this process; it stands in for any board that is asked for, unless ``--jumpstarter-virtual-lab``
            names a lab file. ``auto``: shell or lease, the first for which there is what it needs. Default: ``auto``.
    """

    # A class method: pytest 9.1 and later warn of wider fixtures that are instance methods.
    @pytest.fixture(scope="class")
    @classmethod
    def client(cls, request: pytest.FixtureRequest) -> Iterator[DriverClient]:
        """The client of the root driver of the class's exporter.

        It is the one that ``JUMPSTARTER_HOST`` names, as inside ``jmp shell``; else that of the lease ``JMP_LEASE``,
        which is not released; else one that is leased for ``selector`` or ``exporter_name`` while the class runs. A
        class that pytest runs again, test by test, keeps its lease.

        Raises:
            ConfigurationError: None of these is there, or there is no client configuration.
            InfrastructureError: The exporter cannot be leased or reached.
        """
        from pytest_jumpstarter.binding import fixture_instance_of
        from pytest_jumpstarter.device_request import device_request_for
        from pytest_jumpstarter.run import Run

        run = Run.of(request.config)
        wanted = device_request_for(request.node, fixture_instance_of(cls), run.options)
        with run.client(wanted, request) as client:
            yield client
