"""Version, changelog and tag have to agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.environments import ROOT
from scripts.release import disagreements, read_version

CHANGELOG = "# Changelog\n\n## [1.2.3] - 2026-11-21\n\n- Something.\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "JumpstarterLibrary").mkdir()
    (tmp_path / "JumpstarterLibrary" / "version.py").write_text('__version__ = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def test_all_agree(project: Path) -> None:
    assert disagreements(project, "v1.2.3") == []


@pytest.mark.parametrize(("tag", "found"), [(None, "missing"), ("v1.2.4", "v1.2.4"), ("1.2.3", "1.2.3")])
def test_tag_is_another(project: Path, tag: str | None, found: str) -> None:
    assert disagreements(project, tag) == [f"The tag is {found}, and the version is 1.2.3: tag the commit v1.2.3."]


@pytest.mark.parametrize("text", ["", "## [Unreleased]\n", "## [1.2.30] - 2026-11-21\n", "## [1.2.3]\n"])
def test_changelog_knows_nothing_of_it(project: Path, text: str) -> None:
    (project / "CHANGELOG.md").write_text(text)
    assert disagreements(project, "v1.2.3") == ["CHANGELOG.md has no section '## [1.2.3] - YYYY-MM-DD'."]


def test_changelog_is_missing(project: Path) -> None:
    (project / "CHANGELOG.md").unlink()
    assert disagreements(project, "v1.2.3") == ["CHANGELOG.md has no section '## [1.2.3] - YYYY-MM-DD'."]


def test_version_of_this_project_can_be_read() -> None:
    assert read_version(ROOT / "JumpstarterLibrary" / "version.py").count(".") == 2


def test_module_without_a_version(tmp_path: Path) -> None:
    (tmp_path / "version.py").write_text("")
    with pytest.raises(ValueError, match=r"version\.py states no __version__$"):
        read_version(tmp_path / "version.py")
