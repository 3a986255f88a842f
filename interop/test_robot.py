"""The Robot suite, in a process of its own as users run it."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from interop.conftest import Exporter

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results" / "interop"
LIMIT_S = 180


def test_keywords(exporter: Exporter) -> None:
    results = RESULTS / exporter.kind
    command = [sys.executable, "-m", "robot", "--outputdir", str(results), "--variable", f"FILES:{exporter.files}"]
    done = subprocess.run(
        [*command, "--console", "dotted", str(HERE / "robot")],
        env={**os.environ, "JUMPSTARTER_HOST": exporter.host},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\nSee {results / 'log.html'}."
    total = ElementTree.parse(results / "output.xml").getroot().find("./statistics/total/stat")
    assert total is not None
    assert int(total.attrib["pass"]) >= 11
    assert total.attrib["skip"] == "0"
