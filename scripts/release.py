"""Build what a release consists of, if version, changelog and tag agree. Uploading is another step, by a person."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.environments import ROOT, run


def main() -> int:
    """Check and build; return 1 and say why if something does not agree."""
    parser = argparse.ArgumentParser(prog="inv release", description=__doc__)
    parser.add_argument("--tag", help="the tag to be released; default: the tag of the commit that is checked out")
    tag = parser.parse_args().tag or _checked_out_tag()
    problems = disagreements(ROOT, tag)
    if problems:
        sys.stdout.write("\n".join([*problems, "Nothing was built.", ""]))
        return 1
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    run(sys.executable, "-m", "build", ROOT)
    run(sys.executable, "-m", "scripts.check_wheel")
    built = ", ".join(sorted(path.name for path in (ROOT / "dist").iterdir()))
    sys.stdout.write(f"Built dist/: {built}. Nothing was uploaded.\n")
    return 0


def disagreements(root: Path, tag: str | None) -> list[str]:
    """Return, as sentences, what keeps a version from being released.

    Args:
        root: The project.
        tag: The tag to be released; None if there is none.
    """
    version = read_version(root / "JumpstarterLibrary" / "version.py")
    problems = []
    if tag != f"v{version}":
        problems.append(f"The tag is {tag or 'missing'}, and the version is {version}: tag the commit v{version}.")
    changelog = root / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8") if changelog.exists() else ""
    if not re.search(rf"^## \[?{re.escape(version)}\]?( - \d{{4}}-\d\d-\d\d)$", text, re.MULTILINE):
        problems.append(f"CHANGELOG.md has no section '## [{version}] - YYYY-MM-DD'.")
    return problems


def read_version(path: Path) -> str:
    """Return the version that a module states."""
    found = re.search(r'^__version__ = "([^"]+)"$', path.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise ValueError(f"{path} states no __version__")
    return found[1]


def _checked_out_tag() -> str | None:
    done = subprocess.run(
        ["git", "describe", "--tags", "--exact-match"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or None


if __name__ == "__main__":
    sys.exit(main())
