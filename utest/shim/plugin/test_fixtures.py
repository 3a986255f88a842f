"""The fixtures that the plugin offers to people who write tests and drivers."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from JumpstarterLibrary.lab import VirtualLab

pytest_plugins = "pytester"

pytestmark = pytest.mark.usefixtures("forked")

STRICT = ("-W", "error", "--strict-markers", "--strict-config")

POWER = "JumpstarterLibrary.exporter.drivers.power.MockPower"


def test_serve_and_run_serve_drivers(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"""
        import asyncio
        from {POWER.rpartition(".")[0]} import MockPower

        def test_serve(serve):
            with serve(MockPower()) as client:
                client.on()
                assert next(client.read()).voltage == 0.0

        def test_run(run):
            with run("type: {POWER}") as client:
                client.on()

        def test_tree(run):
            with run("children: {{power: {{type: {POWER}}}}}") as client:
                client.power.on()

        def test_inside_a_loop(serve):
            async def main():
                with serve(MockPower()) as client:
                    client.on()
                    await client.call_async("off")

            asyncio.run(main())
        """
    )
    pytester.runpytest(*STRICT).assert_outcomes(passed=4)


DOCUMENT = f"""
>>> with run("type: {POWER}") as client:
...     client.on()
>>> from {POWER.rpartition(".")[0]} import MockPower
>>> with serve(MockPower()) as client:
...     client.off()
"""


def test_documents_have_serve_and_run_if_asked_for(pytester: pytest.Pytester) -> None:
    pytester.maketxtfile(test_power=DOCUMENT)
    pytester.runpytest(*STRICT).assert_outcomes(failed=1)
    pytester.makeini("[pytest]\njumpstarter_autouse_fixtures = doctest_namespace\n")
    pytester.runpytest(*STRICT).assert_outcomes(passed=1)


def test_the_configuration_is_the_tests_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import os
        import pytest
        from JumpstarterLibrary.client.settings import config_home
        from jumpstarter.config.client import ClientConfigV1Alpha1
        from jumpstarter.config.exporter import ExporterConfigV1Alpha1
        from jumpstarter.config.user import UserConfigV1Alpha1

        def test_folders(tmp_config_path, tmp_path):
            assert config_home() == tmp_config_path
            assert tmp_config_path == tmp_path / "client-config" / "jumpstarter"
            assert os.environ["XDG_CONFIG_HOME"] == str(tmp_path / "client-config")
            assert ExporterConfigV1Alpha1.BASE_PATH == tmp_path / "exporters"
            assert ExporterConfigV1Alpha1.list().items == []
            assert ClientConfigV1Alpha1.list().items == []
            assert not UserConfigV1Alpha1.exists()

        def test_outside():
            assert str(config_home()) == "/nowhere/else"
        """
    )
    pytester.makeconftest("import os; os.environ['JMP_CLIENT_CONFIG_HOME'] = '/nowhere/else'")
    pytester.runpytest_subprocess(*STRICT).assert_outcomes(passed=2)


def test_the_terminal_is_wide(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import shutil

        def test_size(console_size):
            assert shutil.get_terminal_size() == (1024, 1024)
        """
    )
    pytester.runpytest(*STRICT).assert_outcomes(passed=1)


def test_nothing_is_used_unless_the_ini_file_says_so(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import os

        def test_environment():
            wanted = os.environ.get("WANTED", "")
            assert (os.environ.get("COLUMNS") == "1024") == ("console_size" in wanted)
            assert ("client-config" in os.environ.get("XDG_CONFIG_HOME", "")) == ("tmp_config_path" in wanted)
        """
    )
    pytester.runpytest_subprocess(*STRICT).assert_outcomes(passed=1)
    names = "console_size tmp_config_path doctest_namespace anyio_backend"
    pytester.makeini(f"[pytest]\njumpstarter_autouse_fixtures = {names}\n")
    os.environ["WANTED"] = names
    try:
        pytester.runpytest_subprocess(*STRICT).assert_outcomes(passed=1)
    finally:
        del os.environ["WANTED"]


def test_a_fixture_that_there_is_not_ends_the_run(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\njumpstarter_autouse_fixtures = tmp_path\n")
    result = pytester.runpytest(*STRICT)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: jumpstarter_autouse_fixtures: 'tmp_path' is none of its choices: tmp_config_path, console_size, "
            "doctest_namespace, anyio_backend, mock_controller, virtual_lab."
        ]
    )


def test_a_projects_own_fixtures_go_first(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture
        def serve():
            return "ours"

        @pytest.fixture
        def anyio_backend():
            return "theirs"
        """
    )
    pytester.makepyfile(
        """
        def test_ours(serve, anyio_backend):
            assert (serve, anyio_backend) == ("ours", "theirs")
        """
    )
    pytester.runpytest(*STRICT).assert_outcomes(passed=1)


def test_anyio_runs_tests_on_asyncio(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"""
        import asyncio
        import pytest
        from {POWER.rpartition(".")[0]} import MockPower

        pytestmark = pytest.mark.anyio

        def test_name(anyio_backend):
            assert anyio_backend == "asyncio"

        async def test_loop(serve, tmp_config_path):
            assert asyncio.get_running_loop()
            with serve(MockPower()) as client:
                client.on()
        """
    )
    pytester.runpytest_subprocess(*STRICT, "-p", "anyio").assert_outcomes(passed=2)


def test_the_backend_is_there_without_anyio(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_name(anyio_backend): assert anyio_backend == 'asyncio'")
    pytester.runpytest(*STRICT, "-p", "no:anyio").assert_outcomes(passed=1)


def test_who_has_trio_keeps_what_anyio_offers(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(trio="raise ImportError('It is only looked for.')")
    pytester.makepyfile(
        test_whose="""
        def test_whose(request, anyio_backend):
            print("from", request._get_active_fixturedef("anyio_backend").func.__module__)
        """
    )
    pytester.syspathinsert()
    result = pytester.runpytest_subprocess(*STRICT, "-s")
    assert result.ret == 0  # how many backends there are is anyio's to say
    result.stdout.fnmatch_lines(["*from anyio.pytest_plugin"])
    pytester.makeini("[pytest]\njumpstarter_autouse_fixtures = anyio_backend\n")
    result = pytester.runpytest_subprocess(*STRICT, "-s")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*from pytest_jumpstarter.fixtures.anyio_backend"])


# Labs


def test_a_virtual_lab_is_where_the_environment_leads(pytester: pytest.Pytester, shell: Callable[..., str]) -> None:
    from JumpstarterLibrary.exporter.drivers.power import MockPower

    shell(MockPower())
    pytester.makepyfile(
        """
        import os
        import pytest
        from jumpstarter.config.client import ClientConfigV1Alpha1
        from pytest_jumpstarter import JumpstarterTest

        def test_lab(virtual_lab):
            assert list(virtual_lab.exporters) == ["virtual-1", "virtual-2", "virtual-3", "virtual-4"]
            assert "JUMPSTARTER_HOST" not in os.environ
            config = ClientConfigV1Alpha1.load("tester")
            with config.lease(selector="number=2") as lease, lease.connect() as client:
                client.dutlink.power.on()
            assert [lease.exporter for lease in virtual_lab.leases()] == ["virtual-2"]

        def test_environment():
            assert "JUMPSTARTER_HOST" in os.environ

        @pytest.mark.usefixtures("virtual_lab")
        class TestBoard(JumpstarterTest):
            selector = "board=virtual"

            def test_on(self, client, virtual_lab):
                client.power.on()
                assert len(virtual_lab.leases()) == 1

            def test_off(self, client, virtual_lab):
                client.power.off()
                assert len(virtual_lab.leases()) == 1
        """
    )
    pytester.runpytest(*STRICT).assert_outcomes(passed=4)
    pytester.makepyfile("def test_lab(virtual_lab): assert len(virtual_lab.exporters) == 1")
    pytester.runpytest(*STRICT, "--jumpstarter-virtual-lab=1").assert_outcomes(passed=1)


def test_a_controller_takes_anybody(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import os
        import pytest
        from jumpstarter.config.client import ClientConfigV1Alpha1, ClientConfigV1Alpha1Drivers
        from jumpstarter.config.common import ObjectMeta
        from pytest_jumpstarter import JumpstarterTest

        @pytest.mark.parametrize("name", ["tester", "somebody"])
        def test_lease(mock_controller, name):
            host, _, port = mock_controller.partition(":")
            assert host == "127.0.0.1" and port.isdigit()
            assert os.environ["JUMPSTARTER_GRPC_INSECURE"] == "1"
            config = ClientConfigV1Alpha1(
                alias=name,
                metadata=ObjectMeta(namespace="default", name=name),
                endpoint=mock_controller,
                token="dummy",
                drivers=ClientConfigV1Alpha1Drivers(allow=[], unsafe=True),
            )
            with config.lease(selector="board=virtual") as lease, lease.connect() as client:
                client.power.on()

        @pytest.mark.usefixtures("mock_controller")
        class TestBoard(JumpstarterTest):
            selector = "board=virtual"

            def test_on(self, client):
                client.power.on()

        @pytest.mark.anyio
        async def test_inside_a_loop(mock_controller):
            assert mock_controller
        """
    )
    pytester.runpytest_subprocess(*STRICT, "-p", "anyio").assert_outcomes(passed=4)


# A board without the base class


def test_a_marker_says_which_board_it_is(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.jumpstarter("number=2")
        def test_function(jumpstarter_client):
            jumpstarter_client.power.on()

        @pytest.mark.jumpstarter(exporter_name="b1", lease_duration="5 min")
        class TestClass:
            @pytest.fixture(scope="class")
            @classmethod
            def powered(cls, jumpstarter_client):
                jumpstarter_client.power.on()
                return jumpstarter_client

            def test_one(self, powered):
                powered.power.on()

            def test_two(self, jumpstarter_client, powered):
                assert jumpstarter_client is powered
        """
    )
    pytester.runpytest(*STRICT).assert_outcomes(passed=3)
    assert [lease.exporter for lease in lab.leases()] == ["b2", "b1"]
    assert lab.leases()[1].duration is not None
    assert all(lease.ended for lease in lab.leases())


def test_a_module_can_be_marked(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    pytester.makepyfile(
        """
        import pytest
        from pytest_jumpstarter import JumpstarterTest

        pytestmark = pytest.mark.jumpstarter(selector="number=2")

        def test_function(jumpstarter_client):
            jumpstarter_client.power.on()

        class TestClass(JumpstarterTest):
            selector = "number=1"

            def test_the_marker_beats_the_attribute(self, client):
                client.power.on()
        """
    )
    pytester.runpytest(*STRICT).assert_outcomes(passed=2)
    assert [lease.exporter for lease in lab.leases()] == ["b2", "b2"]


@pytest.mark.parametrize(
    ("marker", "sentence"),
    [
        (
            "(selektor='a=b')",
            "The marker jumpstarter of test test_it takes no selektor=. It takes: selector, *",
        ),
        ("('a=b', 'c=d')", "The marker jumpstarter of test test_it takes one argument without a name, *"),
        (
            "()",
            "There is no device for test test_it: nothing says which one, and neither "
            "JUMPSTARTER_HOST nor JMP_LEASE is set. Run pytest inside `jmp shell` (which sets JUMPSTARTER_HOST), *",
        ),
    ],
)
def test_a_marker_that_cannot_be_is_one_sentence(pytester: pytest.Pytester, marker: str, sentence: str) -> None:
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.jumpstarter{marker}
        def test_it(jumpstarter_client):
            pass
        """
    )
    result = pytester.runpytest(*STRICT)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([sentence])


def test_tests_of_one_class_cannot_have_boards_of_their_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        class TestClass:
            @pytest.mark.jumpstarter("a=b")
            def test_it(self, jumpstarter_client):
                pass
        """
    )
    result = pytester.runpytest(*STRICT)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "The tests of class TestClass share one board, so test_it cannot have a marker jumpstarter of its own. "
            "Mark the class, or put the test outside of it."
        ]
    )


def test_all_are_told_by_pytest(pytester: pytest.Pytester) -> None:
    text = pytester.runpytest("--fixtures").stdout.str() + pytester.runpytest("--markers").stdout.str()
    for name in ("serve", "run", "tmp_config_path", "console_size", "mock_controller", "virtual_lab"):
        assert f"\n{name}" in text
    assert "jumpstarter_client [class scope]" in text
    assert "@pytest.mark.jumpstarter(selector=None, *, exporter_name=None" in text
