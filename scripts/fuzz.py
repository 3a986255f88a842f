"""Run the fuzzers of utest/fuzz with many inputs: ``inv fuzz``. The same seed gives the same inputs."""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
from collections.abc import Sequence

from scripts.environments import ROOT

EXAMPLES = "JUMPSTARTER_FUZZ_EXAMPLES"
"""The variable that ``utest/fuzz/conftest.py`` reads."""

SECONDS_FOR_ONE = 0.05
"""What one input takes at most, on average; for the limit of the run."""

FUZZERS = 40
"""Fuzzers at most, for the limit of the run."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run pytest on the fuzzers and return its exit status."""
    parser = argparse.ArgumentParser(prog="inv fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=2000, help="inputs for each fuzzer; default 2000")
    parser.add_argument("--seed", type=int, help="the seed of the inputs; default another one each time")
    parser.add_argument("--select", default="", help="only the fuzzers whose names match, as with pytest's -k")
    options = parser.parse_args(arguments)
    seed = random.randrange(1, 2**32) if options.seed is None else options.seed
    sys.stdout.write(f"The seed of the inputs is {seed}.\n")
    sys.stdout.flush()
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "utest/fuzz",
        "--hypothesis-profile=long",
    ]
    command += [
        "--hypothesis-profile=long",
        f"--hypothesis-seed={seed}",
        *(["-k", options.select] if options.select else []),
    ]
    limit_s = max(600.0, options.examples * FUZZERS * SECONDS_FOR_ONE)
    environment = {**os.environ, EXAMPLES: str(options.examples)}
    return subprocess.run(command, cwd=ROOT, env=environment, timeout=limit_s, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
