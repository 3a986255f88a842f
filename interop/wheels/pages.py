"""The examples on upstream's documentation pages, of which the wheels carry one each as their description."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

RUNNER = '''\
"""The examples of one page, in their order, as the page's own tools run them."""

import doctest

BLOCKS = {blocks!r}


def of(kind):
    return [text for found, text in BLOCKS if found == kind]


def test_page():
    names = {{}}
    for text in of("testsetup"):
        exec(text, names)
    try:
        for text in of("testcode"):
            exec(text, names)
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
        for number, text in enumerate(of("doctest")):
            runner.run(doctest.DocTestParser().get_doctest(text, names, f"block {{number}}", None, 0))
        assert runner.summarize().failed == 0
        assert of("testcode") or of("doctest")
    finally:
        for text in of("testcleanup"):
            exec(text, names)
'''

_BLOCK = re.compile(r"^```\{(testsetup|testcode|doctest|testcleanup)\}[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)


def write_test(wheel: Path, folder: Path) -> Path:
    """Write a test that runs the examples of a wheel's page, unedited, and return its file."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        page = archive.read(name).decode()
    file = folder / f"test_page_of_{wheel.name.partition('-')[0]}.py"
    file.write_text(RUNNER.format(blocks=_BLOCK.findall(page)))
    return file
