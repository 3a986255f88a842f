"""How long a lease is kept: for a class, for all that ask for the same, and while pytest runs tests again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from JumpstarterLibrary.lab import VirtualLab

pytest_plugins = "pytester"

pytestmark = pytest.mark.usefixtures("forked")

SHARED = """
    import datetime
    import pytest
    from pytest_jumpstarter import JumpstarterTest

    def leases(client):
        return [lease for lease in client.stub.device.lease.controller.leases()]

    class TestOne(JumpstarterTest):
        selector = "board=b"
        lease_scope = "session"
        lease_duration = "10 min"

        def test_on(self, client):
            client.power.on()

        def test_off(self, client):
            client.power.off()

    class TestOther(JumpstarterTest):
        selector = "board=b"

        def test_on(self, client):
            client.power.on()

    class TestTwo(JumpstarterTest):
        selector = "board=b"
        lease_scope = "session"
        lease_duration = "1 h"

        def test_on(self, client):
            client.power.on()

    @pytest.mark.jumpstarter("board=b", lease_scope="session")
    def test_alone(jumpstarter_client):
        jumpstarter_client.power.on()

    def test_last():
        assert True
"""


def test_who_asks_for_the_same_shares_the_lease_of_the_run(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    pytester.makepyfile(SHARED)
    pytester.runpytest("-W", "error", "--strict-markers").assert_outcomes(passed=6)
    shared, own = lab.leases()
    assert (shared.exporter, own.exporter) == ("b1", "b2")
    assert (shared.ended, own.ended) == (True, True)
    assert len(lab.journal.entries(method="Dial", caller="tester")) == 2
    # The second class wanted it for longer.
    assert shared.duration is not None
    assert shared.duration > timedelta(minutes=59)


def test_a_shared_lease_is_released_when_the_last_test_that_wants_it_has_run(
    pytester: pytest.Pytester, lab: VirtualLab
) -> None:
    pytester.makeconftest(
        """
        import pytest

        @pytest.hookimpl(trylast=True)
        def pytest_runtest_setup(item):
            if item.name == "test_last":
                from pytest_jumpstarter.run import RUN
                print("boards:", bool(item.config.stash[RUN]._pool))
        """
    )
    pytester.makepyfile(SHARED)
    result = pytester.runpytest("-W", "error", "-s")
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(["*boards: False"])


def test_a_shared_lease_that_is_over_is_replaced(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    pytester.makepyfile(
        """
        import pytest
        from pytest_jumpstarter import JumpstarterTest

        class TestOne(JumpstarterTest):
            selector = "board=b"
            lease_scope = "session"

            def test_transfer(self, client):
                client.stub.device.lease.transfer("other")

        class TestTwo(JumpstarterTest):
            selector = "board=b"
            lease_scope = "session"

            def test_on(self, client):
                client.power.on()
        """
    )
    pytester.runpytest().assert_outcomes(passed=2)
    first, second = lab.leases()
    assert (first.client, second.client) == ("other", "tester")
    lab.controller.release(first.name)


FLAKY = """
    import pathlib
    from pytest_jumpstarter import JumpstarterTest

    def attempt(name):
        path = pathlib.Path(name)
        path.write_text(path.read_text() + "x" if path.exists() else "x")
        return len(path.read_text())

    class TestFlaky(JumpstarterTest):
        selector = "board=b"

        def test_first(self, client):
            client.power.on()

        def test_flaky(self, client):
            client.power.on()
            assert attempt("flaky") == 3

    class TestOne(JumpstarterTest):
        selector = "board=b"

        def test_flaky_and_alone(self, client):
            client.power.on()
            assert attempt("alone") == 2

    class TestHopeless(JumpstarterTest):
        selector = "board=b"

        def test_hopeless(self, client):
            client.power.on()
            assert attempt("hopeless") == 0
"""


# With workers, which are processes, it takes some seconds.
@pytest.mark.parametrize("extra", [[], ["-n", "2"]])
def test_tests_that_run_again_keep_their_lease(pytester: pytest.Pytester, lab: VirtualLab, extra: list[str]) -> None:
    pytester.makepyfile(FLAKY)
    result = pytester.runpytest_subprocess("-W", "error", "--reruns", "2", "-p", "no:randomly", *extra)
    result.assert_outcomes(passed=3, failed=1)
    assert "5 rerun" in result.stdout.str()
    assert [len(path.read_text()) for name in ("flaky", "alone", "hopeless") for path in [pytester.path / name]] == [
        3,
        2,
        3,
    ]
    assert len(lab.leases()) == 3
    assert all(lease.ended for lease in lab.leases())


def test_the_lease_is_kept_also_when_its_class_is_torn_down_before_tests_run_again(
    pytester: pytest.Pytester, lab: VirtualLab
) -> None:
    pytester.makepyfile(
        flaky="""
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item):
            # As some plugins do: all of it twice, with the teardown of what is above the test.
            for _ in range(2):
                item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
                runtestprotocol(item, nextitem=None)
            return True
        """
    )
    pytester.makepyfile(
        """
        from pytest_jumpstarter import JumpstarterTest

        class TestBoard(JumpstarterTest):
            selector = "board=b"

            def test_on(self, client):
                client.power.on()
                assert client is None
        """
    )
    pytester.syspathinsert()
    pytester.runpytest("-p", "no:rerunfailures", "-p", "flaky").assert_outcomes(failed=2)
    assert len(lab.leases()) == 1
    assert lab.leases()[0].ended
    pytester.runpytest("-p", "no:rerunfailures").assert_outcomes(failed=1)
    assert len(lab.leases()) == 2


def test_a_board_is_given_back_before_the_wide_fixtures_that_it_came_with(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import time
        import pytest
        from pytest_jumpstarter import JumpstarterTest

        @pytest.fixture(scope="class", autouse=True)
        def lab(virtual_lab):
            yield
            assert all(lease.ended for lease in virtual_lab.leases())
            assert len(virtual_lab.leases()) == 1

        class Board(JumpstarterTest):
            selector = "board=virtual"

            @pytest.mark.parametrize("number", range(2))
            def test_on(self, client, number):
                client.power.on()

        class TestOne(Board):
            pass

        class TestTwo(Board):
            pass

        class TestThree(Board):
            def test_fails(self, client):
                assert client is None
        """
    )
    result = pytester.runpytest("-W", "error", "-p", "no:rerunfailures")
    result.assert_outcomes(passed=6, failed=1)
    assert "could not be released" not in result.stdout.str()


@pytest.mark.usefixtures("lab")
def test_errors_name_the_board_where_a_run_has_used_several(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from pytest_jumpstarter import JumpstarterTest

        class TestOne(JumpstarterTest):
            selector = "number=1"

            def test_refused(self, client):
                with pytest.raises(Exception, match="^Driver 'power' has no unary method 'nothing': "):
                    client.power.call("nothing")

        class TestTwo(JumpstarterTest):
            selector = "number=2"

            def test_refused(self, client):
                with pytest.raises(Exception, match="^Driver 'power' of exporter 'b2' has no unary method 'nothing': "):
                    client.power.call("nothing")
        """
    )
    pytester.runpytest("-W", "error").assert_outcomes(passed=2)
