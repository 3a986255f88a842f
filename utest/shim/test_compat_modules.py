"""Modules of upstream's names, made from their table."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from pytest_jumpstarter.upstream_api import names

Run = Callable[[str], None]


def start(python: str, script: str) -> None:
    """Run a script that may import upstream's names, with warnings as errors."""
    begin = "from pytest_jumpstarter.compat_modules import append_to_path\nappend_to_path()\n"
    command = [python, "-W", "error", "-c", begin + script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def run(python: str) -> Run:
    """Run a script in a process of its own."""
    return partial(start, python)


def test_every_name_of_the_table_is_there(run: Run) -> None:
    run(
        """
import importlib, types
from pytest_jumpstarter.upstream_api import names
for module in names.NAMES:
    found = importlib.import_module(module)
    row = names.NAMES[module]
    if isinstance(row, str):
        assert found.__name__ == row and found is importlib.import_module(row), module
        continue
    for name, (home, ours) in names.targets(module).items():
        assert getattr(found, name) is getattr(importlib.import_module(home), ours) or name == "CONFIG_PATH", name
    assert found.__all__ == sorted(names.targets(module))
    assert set(found.__all__) <= set(dir(found))
    exec(f"from {module} import *", {})
"""
    )


def test_importing_modules_costs_nothing_of_what_is_behind_their_names() -> None:
    start(
        sys.executable,
        """
import sys
before = set(sys.modules)
import jumpstarter.client, jumpstarter.client.decorators, jumpstarter.common, jumpstarter.common.utils
import jumpstarter.config, jumpstarter.config.tls, jumpstarter.driver, jumpstarter_driver_power.client
new = {name for name in set(sys.modules) - before if not name.startswith("jumpstarter")}
assert new == set(), new
""",
    )


def test_a_module_says_where_its_names_are_written(run: Run) -> None:
    run(
        """
import pkgutil, jumpstarter.client, jumpstarter.client.base as base
from pytest_jumpstarter.upstream_api import names
assert base.__file__ == base.__spec__.origin == jumpstarter.client.__file__ == names.__file__
assert base.__spec__.name == base.__name__ == "jumpstarter.client.base"
assert base.__package__ == jumpstarter.client.__package__ == "jumpstarter.client"
assert not hasattr(base, "__path__")
assert base.__doc__ == "Upstream's jumpstarter.client.base, served by robotframework-jumpstarter."
below = {module.name for module in pkgutil.iter_modules(jumpstarter.client.__path__, "jumpstarter.client.")}
assert below == {name for name in names.NAMES if name.rpartition(".")[0] == "jumpstarter.client"}
"""
    )


def test_what_is_replaced_in_a_module_is_put_back(run: Run) -> None:
    run(
        """
from unittest.mock import patch
import jumpstarter.common.utils as utils
from pytest_jumpstarter.upstream_api.config import lease
with patch("jumpstarter.common.utils.env", 1), patch("jumpstarter.client.lease.Lease", 2):
    assert (utils.env, lease.Lease) == (1, 2)
from pytest_jumpstarter.shell import env
assert utils.env is env and lease.Lease.__name__ == "Lease"
"""
    )


def test_objects_are_pickled_by_our_names(run: Run) -> None:
    run(
        """
import pickle
from jumpstarter_driver_power.common import PowerReading
from jumpstarter.common import ExporterStatus
found = (PowerReading(voltage=1.0, current=2.0), ExporterStatus.OFFLINE, PowerReading)
assert pickle.loads(pickle.dumps(found)) == found
"""
    )


def test_a_name_that_is_a_module_as_well_is_the_name(run: Run) -> None:
    run(
        """
import jumpstarter_testing.eventually
from jumpstarter_testing import eventually
assert callable(eventually) and jumpstarter_testing.eventually is eventually
"""
    )


def test_the_folder_of_configurations_follows_the_environment(run: Run, tmp_path: Path) -> None:
    run(
        f"""
import os
from jumpstarter.config import common
before = common.CONFIG_PATH
os.environ["JMP_CLIENT_CONFIG_HOME"] = {str(tmp_path)!r}
assert str(common.CONFIG_PATH).startswith({str(tmp_path)!r}) and common.CONFIG_PATH != before
"""
    )


UNKNOWN = [
    (
        "from jumpstarter.client import Leash",
        f"cannot import name 'Leash' from 'jumpstarter.client' ({names.__file__})",
    ),
    (
        "from jumpstarter.client.base import Leash",
        f"cannot import name 'Leash' from 'jumpstarter.client.base' ({names.__file__})",
    ),
    ("import jumpstarter.clients", "No module named 'jumpstarter.clients'"),
    (
        "sys.modules['click'] = None; from jumpstarter.client.decorators import DriverClickGroup",
        "jumpstarter.client.decorators.DriverClickGroup needs the package 'click', which is not installed. "
        "Install robotframework-jumpstarter[upstream].",
    ),
]


@pytest.mark.parametrize(("statement", "sentence"), UNKNOWN)
def test_what_cannot_be_imported_is_told_in_a_sentence(run: Run, statement: str, sentence: str) -> None:
    run(
        f"""
import sys
try:
    {statement}
except ImportError as error:
    assert str(error) == {sentence!r}, error
else:
    raise AssertionError
"""
    )


def test_an_attribute_that_is_not_there_is_none(run: Run) -> None:
    run(
        """
import jumpstarter.client
try:
    jumpstarter.client.Leash
except AttributeError as error:
    assert str(error) == "module 'jumpstarter.client' has no attribute 'Leash'"
else:
    raise AssertionError
assert not hasattr(jumpstarter.client, "__wrapped__")
"""
    )
