"""What the scripts read from the project itself."""

from __future__ import annotations

from pathlib import Path

from scripts.check_protos import differences
from scripts.check_wheel import expected
from scripts.environments import ROOT
from scripts.matrix import oldest


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
        "pytest_jumpstarter/compat/jumpstarter_testing/pytest.py",
    } <= set(expected())


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
