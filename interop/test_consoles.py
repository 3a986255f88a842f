"""The console suite on a real serial port, in a process of its own as users run it."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from interop.conftest import Exporter

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results" / "interop-consoles"
LIMIT_S = 180


def test_consoles(exporter: Exporter) -> None:
    results = RESULTS / exporter.kind
    command = [sys.executable, "-m", "robot", "--outputdir", str(results), "--console", "dotted"]
    done = subprocess.run(
        [*command, str(HERE / "consoles")],
        env={**os.environ, "JUMPSTARTER_HOST": exporter.host},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\nSee {results / 'log.html'}."
    total = ElementTree.parse(results / "output.xml").getroot().find("./statistics/total/stat")
    assert total is not None
    assert int(total.attrib["pass"]) >= 9
    assert total.attrib["skip"] == "0"
