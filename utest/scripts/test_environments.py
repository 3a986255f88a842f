"""What the scripts read from the project itself."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import interop.environments
from scripts.check_protos import differences
from scripts.check_wheel import UPSTREAM, expected, refusal_sentence, resolve
from scripts.environments import ROOT, run, with_indexes
from scripts.matrix import oldest

ONE, OTHER = "https://one.example/simple", "https://other.example/simple"


@pytest.mark.parametrize(
    ("given", "added"),
    [
        ({}, {}),
        ({"PIP_INDEX_URL": ONE}, {"UV_DEFAULT_INDEX": ONE}),
        ({"PIP_EXTRA_INDEX_URL": f"{ONE} {OTHER}"}, {"UV_INDEX": f"{ONE} {OTHER}"}),
        ({"PIP_INDEX_URL": ONE, "UV_DEFAULT_INDEX": OTHER}, {}),
        ({"PIP_EXTRA_INDEX_URL": ONE, "UV_INDEX": OTHER, "PIP_INDEX_URL": ""}, {}),
    ],
)
def test_uv_uses_the_indexes_of_pip_unless_it_has_its_own(given: dict[str, str], added: dict[str, str]) -> None:
    assert with_indexes({"HOME": "home", **given}) == {"HOME": "home", **given, **added}


@pytest.mark.parametrize("start", [run, lambda *command: interop.environments.run(command)])
def test_commands_get_the_indexes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, start: Callable[..., None]) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", ONE)
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    found = tmp_path / "found"
    start(
        sys.executable,
        "-c",
        "import os, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(os.environ['UV_DEFAULT_INDEX'])",
        str(found),
    )
    assert found.read_text() == ONE


def test_oldest_dependencies_are_the_lower_bounds(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text(
        '[project]\nname = "us"\ndependencies = ["one>=1.2", "two >= 3,<4"]\n'
        '[project.optional-dependencies]\npytest = ["three>=5"]\nupstream = ["us[pytest]", "four>=6"]\n'
    )
    assert oldest(file) == ["one==1.2", "two ==3", "three==5", "four==6"]


def test_every_dependency_of_this_project_has_a_lower_bound() -> None:
    assert all("==" in requirement for requirement in oldest(ROOT / "pyproject.toml"))


def test_wheel_has_to_have_packages_types_descriptors_and_names_of_upstream() -> None:
    assert {
        "JumpstarterLibrary/py.typed",
        "JumpstarterLibrary/client/device.py",
        "JumpstarterLibrary/protocol/generated/descriptors.binpb",
        "pytest_jumpstarter/__init__.py",
        "pytest_jumpstarter/upstream_api/names.py",
    } <= set(expected())


PIP_OUTPUT = """\
Collecting opendal>=0.46
INFO: pip is looking at multiple versions of jumpstarter-driver-opendal.

The conflict is caused by:
    robotframework-jumpstarter[opendal] 0.1.0 depends on opendal>=0.46; extra == "opendal"
    jumpstarter-driver-opendal 0.9.0 depends on opendal<0.46 and >=0.45.8

To fix this you could try to:
1. loosen the range of package versions you've specified
"""


def test_requirements_that_conflict_with_upstreams_are_named() -> None:
    assert refusal_sentence(PIP_OUTPUT, "ERROR: ResolutionImpossible\n") == (
        f"The extra [upstream] cannot be installed beside {UPSTREAM}: robotframework-jumpstarter[opendal] 0.1.0 "
        'depends on opendal>=0.46; extra == "opendal"; jumpstarter-driver-opendal 0.9.0 depends on opendal<0.46 '
        "and >=0.45.8. Change the bound in pyproject.toml so that both can be met."
    )


def test_a_failure_of_pip_that_is_no_conflict_is_told(tmp_path: Path) -> None:
    wheel = tmp_path / "us-1-py3-none-any.whl"
    assert resolve([str(wheel)]).startswith(
        f"The extra [upstream] cannot be installed beside {UPSTREAM}: pip failed: ERROR: "
    )
    assert refusal_sentence("", "").endswith(": pip failed: it gave no reason")


def test_generated_files_are_compared_by_name_and_content(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        (folder / "same").write_text("same")
    (one / "only-here").write_text("")
    (one / "changed").write_text("before")
    (other / "changed").write_text("after")
    assert differences(one, other) == ["changed", "only-here"]
    assert differences(one, one) == []
