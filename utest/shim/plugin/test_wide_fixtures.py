"""Users' own wide fixtures on test classes, also as pytest 9.1 and later do not like them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.lab import VirtualLab

pytest_plugins = "pytester"

Enter = Callable[[Driver], str]


def test_a_class_may_have_a_client_of_its_own(pytester: pytest.Pytester, shell: Enter) -> None:
    shell(MockPower())
    pytester.makepyfile(
        """
        import pytest
        from jumpstarter.common.utils import env
        from jumpstarter_testing import JumpstarterTest

        class TestBoard(JumpstarterTest):
            @pytest.fixture(scope="class")
            def client(self):
                with env() as client:
                    yield client

            @pytest.fixture(scope="class")
            def powered(self, client):
                client.on()
                yield client
                client.off()

            @pytest.fixture
            def reading(self, powered):
                return next(powered.read())

            def test_reads(self, client, powered, reading):
                assert client is powered
                assert reading.voltage == 0.0

            def test_reads_again(self, reading):
                assert reading.voltage == 0.0
        """
    )
    pytester.runpytest("-W", "error", "--strict-markers").assert_outcomes(passed=2)


def test_a_client_may_be_dressed_up(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    pytester.makepyfile(
        """
        import pytest
        from jumpstarter_testing import JumpstarterTest

        class TestBoard(JumpstarterTest):
            selector = "number=2"

            @pytest.fixture(scope="class")
            def client(self, jumpstarter_client):
                jumpstarter_client.power.on()
                yield jumpstarter_client.dutlink
                jumpstarter_client.power.off()

            def test_powers(self, client):
                client.power.on()
        """
    )
    pytester.runpytest("-W", "error").assert_outcomes(passed=1)
    assert [lease.exporter for lease in lab.leases()] == ["b2"]


@pytest.mark.parametrize("scope", ["class", "module", "session"])
def test_wide_instance_methods_are_quiet_and_share_an_instance(pytester: pytest.Pytester, scope: str) -> None:
    pytester.makepyfile(
        f"""
        import pytest
        from jumpstarter_testing import JumpstarterTest

        class TestBoard(JumpstarterTest):
            @pytest.fixture(scope="{scope}")
            def one(self):
                self.value = 1
                return 1

            @pytest.fixture(scope="{scope}", params=[2, 3])
            def two(self, one, request):
                yield self.value + request.param

            def test_both(self, one, two):
                assert two in (3, 4)
        """
    )
    pytester.runpytest("-W", "error").assert_outcomes(passed=2)


def test_classes_of_others_are_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        class TestOther:
            @pytest.fixture(scope="class")
            def one(self):
                return 1

            def test_one(self, one, request):
                definition = request._get_active_fixturedef("one")
                assert isinstance(definition.func.__self__, TestOther)
        """
    )
    pytester.runpytest().assert_outcomes(passed=1)
