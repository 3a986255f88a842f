"""An exporter's configuration by its path or its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.__main__ import main
from JumpstarterLibrary.exporter.named_config import config_file


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The user's folder of exporters and the system's, with a configuration in both and one in each."""
    monkeypatch.setenv("JMP_CLIENT_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    found = (tmp_path / "home" / "exporters", tmp_path / "etc")
    for folder, names in zip(found, (("both", "mine"), ("both", "theirs")), strict=True):
        folder.mkdir(parents=True)
        for name in names:
            (folder / f"{name}.yaml").touch()
    return found


def test_a_name_is_that_of_the_users_configuration_and_else_of_the_systems(folders: tuple[Path, Path]) -> None:
    own, system = folders
    assert config_file("both", system=system) == own / "both.yaml"
    assert config_file("mine", system=system) == own / "mine.yaml"
    assert config_file("theirs", system=system) == system / "theirs.yaml"


def test_what_can_be_a_path_is_one(folders: tuple[Path, Path]) -> None:
    Path("mine").touch()
    for path in ("mine", "mine.yaml", "some.yml", "./both", "/both"):
        assert config_file(path, system=folders[1]) == Path(path)


def test_a_name_that_is_not_there(folders: tuple[Path, Path], tmp_path: Path) -> None:
    own, system = folders
    with pytest.raises(ConfigurationError) as info:
        config_file("yours", system=system)
    assert str(info.value) == (
        f"There is no exporter configuration 'yours' in {own} or {system}, and no file of that name. There are: both, "
        f"mine, theirs. Correct the name, or give the path of a file."
    )
    environ = {"JMP_CLIENT_CONFIG_HOME": str(tmp_path)}
    with pytest.raises(ConfigurationError, match=r"There are none\. Correct the name"):
        config_file("yours", environ, tmp_path / "nothing")


def test_the_command_takes_a_name(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    own, _ = folders
    (own / "mine.yaml").write_text("export: 1\n")
    assert main(["mine"]) == 1
    assert capsys.readouterr().err.startswith(f"The configuration file '{own}/mine.yaml', line 1: export: ")
