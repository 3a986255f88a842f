"""Run a script that was written for upstream, without upstream's packages.

    python -m pytest_jumpstarter script.py [ARGUMENT ...]
    python -m pytest_jumpstarter -m module [ARGUMENT ...]

It is what ``python`` itself does with these words, but imports such as ``jumpstarter.common.utils`` are served by us
where upstream's package is not installed, as they are in tests.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from pytest_jumpstarter import compat_path

USAGE = "Usage: python -m pytest_jumpstarter (SCRIPT | -m MODULE) [ARGUMENT ...]"


def main() -> None:
    """Run what the command line names."""
    words = sys.argv[1:]
    as_module = words[:1] == ["-m"]
    words = words[as_module:]
    if not words or words[0].startswith("-"):
        sys.exit(USAGE)
    compat_path.offer()
    sys.argv = words
    if as_module:
        sys.path.insert(0, str(Path.cwd()))
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    elif Path(words[0]).is_file():
        sys.path.insert(0, str(Path(words[0]).resolve().parent))
        runpy.run_path(words[0], run_name="__main__")
    else:
        sys.exit(f"There is no script '{words[0]}'. {USAGE}")


if __name__ == "__main__":
    main()
