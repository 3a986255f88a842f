"""The base class of test classes that run on a board."""

from __future__ import annotations

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
    """

    selector: ClassVar[str | None] = None

    # A class method: pytest 9.1 and later warn of wider fixtures that are instance methods.
    @pytest.fixture(scope="class")
    @classmethod
    def client(cls) -> Iterator[DriverProxy]:
        """The root driver of the exporter that ``JUMPSTARTER_HOST`` names, as inside ``jmp shell``.

        Raises:
            ConfigurationError: ``JUMPSTARTER_HOST`` is not set.
            LinkError: The exporter cannot be reached.
        """
        from pytest_jumpstarter.shell import connected, shell_connection

        connection = shell_connection(cls.selector)
        with connected(connection) as client:
            yield client
