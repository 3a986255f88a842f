"""Prints, as JSON, the settings that upstream's command line finds for each case that it reads from standard input.

A case has ``files``, texts by their path below the configuration's folder, and ``environ``. The answer to a case is the
client's settings, or None where the command line refuses to start.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import click
from click.testing import CliRunner
from jumpstarter_cli_common.config import opt_config

HOME = Path(os.environ["JMP_CLIENT_CONFIG_HOME"])


def command():
    # Each run needs an option of its own: it remembers what it was given.
    @click.command()
    @opt_config(exporter=False)
    def show(config):
        found = config.model_dump(mode="json", exclude={"path"})
        found["path"] = str(config.path) if config.path else None
        # The time limits are not dumped where they are the default.
        found["leases"] = {key: getattr(config.leases, key) for key in type(config.leases).model_fields}
        click.echo(json.dumps(found))

    return show


def answer(case, environ):
    shutil.rmtree(HOME, ignore_errors=True)
    for name, text in case["files"].items():
        path = HOME / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    os.environ.clear()
    os.environ.update(environ, **case["environ"])
    done = CliRunner().invoke(command(), case.get("arguments", []))
    return json.loads(done.output) if done.exit_code == 0 else None


def main():
    environ = dict(os.environ)
    json.dump([answer(case, environ) for case in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    main()
