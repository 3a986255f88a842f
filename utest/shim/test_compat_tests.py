"""Tests of upstream's packages run where only their files are, in every layout that pytest allows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest_plugins = "pytester"

pytestmark = pytest.mark.usefixtures("forked")

Layout = Callable[[Path], None]

TEST = """
from . import PexpectAdapter
from ..adapters import TcpPortforwardAdapter
from jumpstarter_testing import eventually
import pytest_jumpstarter.upstream_api.adapters as ours

def test_names_are_ours():
    here = 1
    assert PexpectAdapter is ours.PexpectAdapter
    assert TcpPortforwardAdapter is ours.TcpPortforwardAdapter
    assert __name__ == "jumpstarter_driver_network.adapters.names_test"
    assert eventually(lambda: here) == 1

def test_assertions_are_rewritten():
    here = 1
    assert here == 2
"""

INNER = "jumpstarter_driver_network/adapters"


@pytest.fixture
def suite(pytester: pytest.Pytester) -> Path:
    """A folder with nothing but tests of upstream's network package."""
    folder = pytester.path / "suites"
    folder.joinpath(INNER).mkdir(parents=True)
    folder.joinpath(INNER, "names_test.py").write_text(TEST)
    return folder


def _alone(folder: Path) -> None:
    pass


def _packages(folder: Path) -> None:
    folder.joinpath("jumpstarter_driver_network", "__init__.py").touch()
    names = "from .portforward import TcpPortforwardAdapter\nfrom .pexpect import PexpectAdapter\n"
    folder.joinpath(INNER, "__init__.py").write_text(names)


def _outer_package(folder: Path) -> None:
    folder.joinpath("jumpstarter_driver_network", "__init__.py").touch()


@pytest.mark.parametrize("mode", ["prepend", "append", "importlib"])
@pytest.mark.parametrize("layout", [_alone, _packages])
@pytest.mark.parametrize("where", [".", "suites", f"suites/{INNER}"])
def test_a_package_of_tests(pytester: pytest.Pytester, suite: Path, layout: Layout, mode: str, where: str) -> None:
    layout(suite)
    result = pytester.runpytest_subprocess("-W", "error", f"--import-mode={mode}", where)
    result.assert_outcomes(passed=1, failed=1)
    # Older ones do not rewrite what is imported in that mode as a part of a package.
    if mode != "importlib" or pytest.version_tuple >= (8, 4):
        result.stdout.fnmatch_lines(["E       assert 1 == 2"])


@pytest.mark.parametrize("root", ["suites", "."])
def test_the_root_may_be_anywhere(pytester: pytest.Pytester, suite: Path, root: str) -> None:
    result = pytester.runpytest_subprocess("-W", "error", "--import-mode=importlib", f"--rootdir={root}", "suites")
    result.assert_outcomes(passed=1, failed=1)


def test_a_folder_without_a_package_inside_of_one(pytester: pytest.Pytester, suite: Path) -> None:
    _outer_package(suite)
    suite.joinpath("jumpstarter_driver_network", "outer_test.py").write_text(
        "from .adapters import PexpectAdapter\n\ndef test_name():\n    assert PexpectAdapter.__name__\n"
    )
    pytester.runpytest_subprocess("-W", "error", "suites/jumpstarter_driver_network/outer_test.py").assert_outcomes(
        passed=1
    )


def test_what_cannot_be_imported_is_told(pytester: pytest.Pytester, suite: Path) -> None:
    path = suite / INNER / "names_test.py"
    path.write_text("from .nothing import Name\n")
    result = pytester.runpytest_subprocess("suites")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            f"Test file '{path}' could not be imported as a part of jumpstarter_driver_network.adapters: "
            "No module named 'jumpstarter_driver_network.adapters.nothing'."
        ]
    )


@pytest.mark.parametrize("choice", ["off", "fallback", "prefer"])
def test_an_installed_package_is_not_mixed_with_ours(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, choice: str
) -> None:
    site = pytester.path / "site"
    site.joinpath("jumpstarter_testing").mkdir(parents=True)
    site.joinpath("jumpstarter_testing", "__init__.py").write_text("WHO = 'theirs'\n")
    site.joinpath("jumpstarter_testing", "theirs.py").touch()
    metadata = site / "jumpstarter_testing-0.9.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: jumpstarter-testing\nVersion: 0.9.0\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    ours = choice == "prefer"
    pytester.makepyfile(
        f"""
        import importlib
        import pytest
        import jumpstarter_testing

        def test_whole():
            assert hasattr(jumpstarter_testing, "WHO") is not {ours}
            missing = "jumpstarter_testing.{"theirs" if ours else "pytest"}"
            with pytest.raises(ModuleNotFoundError, match=missing):
                importlib.import_module(missing)
        """
    )
    result = pytester.runpytest_subprocess("-W", "error", "-o", f"jumpstarter_compat={choice}")
    result.assert_outcomes(passed=1)


def test_a_project_may_be_called_like_upstream(pytester: pytest.Pytester) -> None:
    tests = pytester.path / "jumpstarter" / "tests"
    tests.mkdir(parents=True)
    tests.joinpath("helpers.py").write_text("ANSWER = 42\n")
    tests.joinpath("test_answer.py").write_text(
        "from helpers import ANSWER\n\ndef test_answer():\n    assert (ANSWER, __name__) == (42, 'test_answer')\n"
    )
    pytester.runpytest_subprocess("-W", "error", "jumpstarter").assert_outcomes(passed=1)
