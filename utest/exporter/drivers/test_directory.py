from __future__ import annotations

import os

import pytest

from JumpstarterLibrary.exporter.drivers.directory import Directory, FileError, StoragePath


@pytest.fixture
def root(tmp_path):
    """A root with a file and a folder, beside a file that nobody may reach."""
    (tmp_path / "secret").write_text("secret")
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (root / "file").write_text("content")
    return root


@pytest.fixture
def directory(root):
    return Directory(root)


@pytest.mark.parametrize(
    ("text", "spelled", "is_dir"),
    [
        ("a/b", "a/b", False),
        ("/a//b/", "a/b/", True),
        ("./a/./b", "a/b", False),
        (" a ", "a", False),
        ("", "/", True),
        ("/", "/", True),
        (".", "/", True),
        ("a/.", "a/", True),
        ("..a/b..", "..a/b..", False),
    ],
)
def test_spelling(text, spelled, is_dir):
    path = StoragePath.parse(text)
    assert (str(path), path.is_dir) == (spelled, is_dir)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (7, "A path is text, not 7."),
        (None, "A path is text, not None."),
        ("a\0b", r"The path 'a\x00b' holds a null character."),
        ("../secret", "The path '../secret' goes up with '..'. Give the path from the storage's root."),
        (
            "/folder/../../secret",
            "The path '/folder/../../secret' goes up with '..'. Give the path from the storage's root.",
        ),
    ],
)
def test_paths_that_are_none(path, text):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        StoragePath.parse(path)
    assert str(caught.value) == text


def test_absolute_paths_begin_at_the_root(directory, root):
    assert not directory.exists(str(root / "file"))
    assert directory.exists("/file")


@pytest.mark.parametrize(
    "operation",
    [
        lambda directory: directory.file_to_read("link"),
        lambda directory: directory.file_to_write("link"),
        lambda directory: directory.file_to_write("linked/new"),
        lambda directory: directory.stat("link"),
        lambda directory: directory.exists("linked/secret"),
        lambda directory: directory.hash("linked/secret", "md5"),
        lambda directory: directory.copy("linked/secret", "copy"),
        lambda directory: directory.copy("file", "linked/secret"),
        lambda directory: directory.copy("file", "link"),
        lambda directory: directory.rename("linked/secret", "mine"),
        lambda directory: directory.rename("file", "linked/secret"),
        lambda directory: directory.delete("linked/secret"),
        lambda directory: directory.remove_all("linked/root"),
        lambda directory: directory.create_dir("linked/new/"),
        lambda directory: list(directory.entries("linked/", recursive=True)),
        lambda directory: list(directory.entries("linked/s", recursive=False)),
        lambda directory: directory.exists("chain"),
    ],
)
def test_links_lead_nobody_out(directory, root, operation):
    (root / "link").symlink_to("../secret")
    (root / "linked").symlink_to(root.parent)
    (root / "chain").symlink_to("link")
    with pytest.raises(ValueError, match=r"^The path '.*' leads out of the storage's root through a symbolic link\.$"):
        operation(directory)
    assert (root.parent / "secret").read_text() == "secret"
    assert sorted(path.name for path in root.parent.iterdir()) == ["root", "secret"]


def test_links_inside_are_followed(directory, root):
    (root / "link").symlink_to("file")
    (root / "linked").symlink_to("folder")
    assert directory.stat("link")["content_length"] == 7
    assert directory.file_to_write("linked/new") == root / "folder" / "new"


def test_links_are_removed_and_renamed_as_links(directory, root):
    (root / "folder" / "inside").write_text("x")
    for name in ("one", "two", "three"):
        (root / name).symlink_to(root.parent)
    (root / "folder" / "out").symlink_to(root.parent)
    directory.delete("one")
    directory.remove_all("two")
    directory.rename("three", "four")
    assert (root / "four").is_symlink()
    directory.remove_all("/")
    assert list(root.iterdir()) == []
    assert (root.parent / "secret").read_text() == "secret"


def test_listing_shows_links_and_does_not_enter_them(directory, root):
    (root / "linked").symlink_to(root.parent)
    assert list(directory.entries("/", recursive=True)) == ["/", "file", "folder/", "linked"]


def test_listing(directory, root):
    (root / "folder" / "deep").mkdir()
    (root / "folder" / "deep" / "a").touch()
    (root / "folder.txt").touch()
    assert list(directory.entries("", recursive=False)) == ["/", "file", "folder/", "folder.txt"]
    assert list(directory.entries("folder/", recursive=False)) == ["folder/", "folder/deep/"]
    assert list(directory.entries("folder/", recursive=True)) == ["folder/", "folder/deep/", "folder/deep/a"]
    assert list(directory.entries("fo", recursive=False)) == ["folder/", "folder.txt"]
    assert list(directory.entries("fo", recursive=True)) == ["folder/", "folder/deep/", "folder/deep/a", "folder.txt"]
    assert list(directory.entries("file", recursive=True)) == ["file"]
    for missing in ("none", "none/", "none/x"):
        assert list(directory.entries(missing, recursive=True)) == []


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        (lambda directory: directory.stat("none"), "Cannot look at 'none': No such file or directory."),
        (lambda directory: directory.stat("file/"), "'file' is a file, not a folder."),
        (lambda directory: directory.stat("loop"), "Cannot look at 'loop': Too many levels of symbolic links."),
        (lambda directory: directory.file_to_read("none"), "Cannot read 'none': No such file or directory."),
        (lambda directory: directory.file_to_read("folder"), "'folder' is a folder. Give the path of a file."),
        (lambda directory: directory.file_to_read("pipe"), "'pipe' is a device, pipe or socket, not a file."),
        (lambda directory: directory.file_to_write("pipe"), "'pipe' is a device, pipe or socket, not a file."),
        (lambda directory: directory.file_to_write("new/"), "'new/' is a folder. Give the path of a file."),
        (lambda directory: directory.file_to_write(""), "'/' is a folder. Give the path of a file."),
        (lambda directory: directory.file_to_write("file/new"), "Cannot write 'file/new': File exists."),
        (lambda directory: directory.hash("folder/", "md5"), "'folder/' is a folder. Give the path of a file."),
        (lambda directory: directory.copy("none", "x"), "Cannot read 'none': No such file or directory."),
        (lambda directory: directory.copy("file", "folder"), "'folder' is a folder. Give the path of a file."),
        (
            lambda directory: directory.copy("file", "/file"),
            "'file' and '/file' are the same path. Give two different ones.",
        ),
        (lambda directory: directory.rename("none", "x"), "Cannot rename 'none': No such file or directory."),
        (
            lambda directory: directory.rename("file", "file"),
            "'file' and 'file' are the same path. Give two different ones.",
        ),
        (lambda directory: directory.rename("file", "folder"), "Cannot rename 'file': Is a directory."),
        (
            lambda directory: directory.rename("folder/", "x/"),
            "'folder/' cannot be renamed or replaced as a folder. Leave out the last slash.",
        ),
        (lambda directory: directory.create_dir("new"), "A folder's path ends with a slash: try 'new/'."),
        (lambda directory: directory.create_dir("file/"), "Cannot make 'file/': File exists."),
        (lambda directory: directory.delete("full"), "Cannot delete 'full': Directory not empty."),
        (lambda directory: directory.delete("file/"), "'file' is a file, not a folder."),
        (lambda directory: directory.delete("/"), "The storage's root cannot be deleted."),
    ],
)
def test_refusals(directory, root, operation, text):
    os.mkfifo(root / "pipe")
    (root / "loop").symlink_to("loop")
    (root / "full").mkdir()
    (root / "full" / "entry").touch()
    with pytest.raises(FileError) as caught:
        operation(directory)
    assert str(caught.value) == text
    assert (root / "file").read_text() == "content"


def test_operations(directory, root):
    directory.copy("file", "deep/er/copy")
    assert (root / "deep/er/copy").read_text() == "content"
    directory.rename("deep/er", "moved")
    assert (root / "moved/copy").read_text() == "content"
    assert directory.create_dir("a/b/c/") is True
    assert directory.create_dir("a/b/c/") is False
    directory.delete("a/b/c/")
    directory.delete("a/b/c/")
    directory.delete("moved/copy")
    directory.remove_all("moved")
    directory.remove_all("moved")
    assert sorted(path.name for path in root.iterdir()) == ["a", "deep", "file", "folder"]


def test_unknown_hash(directory):
    with pytest.raises(ValueError, match=r"^A hash is one of md5, sha256, not 'sha1'\.$"):
        directory.hash("file", "sha1")


def test_nested_too_deeply(directory, root, monkeypatch):
    """Names below the limit can be moved below each other until Python's stack ends."""
    root.joinpath("f").touch()

    def deep(*_):
        raise RecursionError("maximum recursion depth exceeded")

    monkeypatch.setattr("shutil.rmtree", deep)
    root.joinpath("d").mkdir()
    with pytest.raises(FileError, match=r"^Cannot remove 'd': its folders are nested too deeply\.$"):
        directory.remove_all("d")


@pytest.mark.parametrize("path", ["a/" * 101, "a/" * 99 + "b" * 2000, "ü" * 1001])
def test_paths_without_end(directory, root, path):
    for operation in (directory.create_dir, directory.exists, directory.file_to_write, directory.delete):
        with pytest.raises(ValueError, match=r" A path has at most 100 names and 2000 bytes\.$") as caught:
            operation(path)
        assert len(str(caught.value)) < 300
    assert not root.joinpath("a").exists()


def test_longest_paths(directory):
    assert directory.create_dir("a/" * 100)
    assert directory.exists("a/" * 100)
    assert len(list(directory.entries("a/", recursive=True))) == 100
    directory.remove_all("a")
