"""Mutants of the product, and whether tests notice them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.environments import ROOT
from scripts.mutants import Copy, compare, distance, mirrored
from scripts.mutations import FOLDERS, choose, mutants_in, mutants_of

MODULE = '''"""A docstring that is no constant."""

from __future__ import annotations

__all__ = ["Meter"]
LIMIT_S = 5


class Meter:
    """Another."""

    value: dict[str, int]

    def read(self, low: int, *, high: int = 7) -> bool:
        """A third."""
        if low < self.a["é"] and not self.broken:
            self.log(f"{low} < {high + 1}")
            raise ValueError("odd")
        return self.a if low else None
'''

CHANGES = """
 constant: 5 -> 6 #0
Meter.read constant: 7 -> 8 #0
Meter.read condition: low < self.a['é'] and (not self.broken) -> not (low < self.a['é'] and (not self.broken)) #0
Meter.read connective: low < self.a['é'] and (not self.broken) -> low < self.a['é'] or not self.broken #0
Meter.read comparison: low < self.a['é'] -> low <= self.a['é'] #0
Meter.read comparison: low < self.a['é'] -> low >= self.a['é'] #0
Meter.read constant: 'é' -> '' #0
Meter.read negation: not self.broken -> self.broken #0
Meter.read statement: self.log(f'{low} < {high + 1}') -> pass #0
Meter.read exception: ValueError -> ArithmeticError #0
Meter.read constant: 'odd' -> '' #0
Meter.read return: self.a if low else None -> None #0
Meter.read condition: low -> not low #0
"""


def changes(text: str) -> list[str]:
    return [mutant.name.removeprefix("a.py ") for mutant in mutants_of("a.py", text.encode())]


def test_code_is_changed_and_what_is_no_code_is_not() -> None:
    assert changes(MODULE) == CHANGES.splitlines()[1:]


def test_a_change_is_the_only_one() -> None:
    found = {mutant.name: mutant.source for mutant in mutants_of("a.py", MODULE.encode())}
    source = found["a.py Meter.read constant: 'é' -> '' #0"].decode()
    assert source == MODULE.replace('self.a["é"]', "self.a[('')]")
    source = found["a.py Meter.read negation: not self.broken -> self.broken #0"].decode()
    assert source == MODULE.replace("and not self.broken", "and (self.broken)")
    source = found["a.py Meter.read statement: self.log(f'{low} < {high + 1}') -> pass #0"].decode()
    assert source == MODULE.replace('self.log(f"{low} < {high + 1}")', "pass")


def test_other_changes() -> None:
    text = "try:\n    while x:\n        break\nexcept (A, B):\n    y = x - 1\n    z(x - 1)\n"
    assert changes(f"{text}await q()\n[i for i in x if i]\n") == [
        " condition: x -> not x #0",
        " loop: break -> continue #0",
        " handler: (A, B) -> ZeroDivisionError #0",
        " arithmetic: x - 1 -> x + 1 #0",
        " constant: 1 -> 2 #0",
        " statement: z(x - 1) -> pass #0",
        " arithmetic: x - 1 -> x + 1 #1",
        " constant: 1 -> 2 #1",
        " statement: await q() -> pass #0",
        " condition: i -> not i #0",
    ]


def test_names_do_not_depend_on_place_and_layout() -> None:
    moved = "import os\n\n" + MODULE.replace("low < self.a", "(low\n            < self.a").replace(
        " and not", ") and not"
    )
    assert changes(moved) == changes(MODULE)


def test_lines_are_those_of_the_statement_and_constants_of_modules_belong_to_the_import() -> None:
    found = {mutant.name: mutant for mutant in mutants_of("a.py", MODULE.encode())}
    assert {mutant.name for mutant in found.values() if mutant.around is None} == {
        "a.py  constant: 5 -> 6 #0",
        "a.py Meter.read constant: 7 -> 8 #0",
    }
    assert found["a.py Meter.read constant: 'odd' -> '' #0"].lines == range(18, 19)
    _, constant = mutants_of("a.py", b"def f():\n    return g(\n        1,\n        x,\n    )\n")
    assert (constant.lines, constant.around) == (range(2, 6), range(2, 6))
    assert found["a.py Meter.read constant: 'odd' -> '' #0"].around == range(15, 20)


@pytest.fixture
def part(tmp_path: Path) -> Path:
    """Copy some modules of each folder of the product."""
    for folder in FOLDERS:
        files = sorted((ROOT / folder).rglob("*.py"), key=lambda path: path.stat().st_size)
        for file in files[-2:]:
            copied = tmp_path / file.relative_to(ROOT)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copied)
    return tmp_path


def test_mutants_are_python_and_have_names_of_their_own(part: Path) -> None:
    found = [mutant for folder in FOLDERS for mutant in mutants_in(part, folder)]
    assert len(found) == len({mutant.name for mutant in found})
    for mutant in found[::10]:
        compile(mutant.source, mutant.name, "exec", dont_inherit=True)


def test_a_set_is_even_by_folder_and_kind_and_the_same_each_time(part: Path) -> None:
    chosen = choose(part, 25, seed=3)
    assert chosen == choose(part, 25, seed=3) != choose(part, 25, seed=4)
    for number, folder in enumerate(FOLDERS):
        names = chosen[number * 5 : number * 5 + 5]
        assert all(name.startswith(f"{folder}/") for name in names)
        assert len({name.partition(": ")[0].rpartition(" ")[2] for name in names}) == 5


def test_tests_of_the_mirrored_folder_are_the_nearest() -> None:
    home = mirrored("JumpstarterLibrary/client/boot/transition.py")
    assert str(home) == "utest/client/boot/transition.py"
    assert (
        str(mirrored("shim/pytest_jumpstarter/upstream_api/clients/mux.py")) == "utest/shim/upstream_api/clients/mux.py"
    )
    names = ["utest/lab/test_x.py::a", "utest/client/test_x.py::a", "utest/client/boot/test_x.py::a"]
    names += ["utest/client/boot/test_transition_ends.py::a"]
    assert sorted(names, key=lambda name: distance(name, home)) == names[::-1]


def test_compared_results_show_what_was_lost(capsys: pytest.CaptureFixture[str]) -> None:
    before = {"a": "killed", "b": "hang", "c": "survived", "d": "no test", "e": "killed", "f": "killed"}
    after = {"a": "survived", "b": "killed", "c": "survived", "d": "killed", "e": "absent"}
    one, other = (
        {name: {"mutant": name, "result": result} for name, result in found.items()} for found in (before, after)
    )
    assert compare(one, other) == 1
    assert capsys.readouterr().out.splitlines() == [
        "killed before, not now: 1",
        "  a",
        "not tried now: 1",
        "  f",
        "not in the second checkout: 1",
        "  e",
        "not killed, before and now: 1",
        "  c",
    ]
    assert compare(other, other) == 0


def test_a_mutant_that_hangs_is_ended(tmp_path: Path) -> None:
    python = tmp_path / "v" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho begun\nsleep 600\n")
    python.chmod(0o700)
    (tmp_path / "c").mkdir()
    status, _ = Copy(tmp_path, confined=False).pytest(0.2, 0)
    assert status is None


CLOCK = """
def late(t):
    return t > 3

def early(t):
    return g(t)

def once(t):
    return t
"""

CLOCK_TESTS = """
from pathlib import Path
import pytest
from JumpstarterLibrary.lab.clock import late, once

@pytest.mark.parametrize("t", [4, 5])
def test_late(t):
    assert late(t)

def test_broken():
    assert late(3)

def test_once():
    file = Path(__file__).with_name("seen")
    if once(1) is None and not file.exists():
        file.touch()
        assert False
"""


def test_a_set_is_run_on_a_checkout(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    product, tests = tree / "JumpstarterLibrary" / "lab", tree / "utest" / "lab"
    for folder in (product, tests):
        folder.mkdir(parents=True)
    (product / "clock.py").write_text(CLOCK)
    (tests / "test_clock.py").write_text(CLOCK_TESTS)
    plugin = tree / "shim" / "pytest_jumpstarter"
    plugin.mkdir(parents=True)
    (plugin / "__init__.py").write_text("")
    names = [mutant.name for mutant in mutants_in(tree, "JumpstarterLibrary")]
    (tmp_path / "set.json").write_text(json.dumps([*names, "gone.py f return: 1 -> None #0"]))
    command = [sys.executable, "-m", "scripts.mutants", "run", str(tmp_path / "set.json"), "--unconfined"]
    command += ["--tree", str(tree), "--results", str(tmp_path / "results.jsonl")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    first, last = done.stdout.splitlines()
    assert first == "2 test functions; not used, since they fail: ['utest/lab/test_clock.py::test_broken']"
    assert last == "1 absent, 3 killed, 1 no test, 2 survived"
    entries = map(json.loads, (tmp_path / "results.jsonl").read_text().splitlines())
    results = {entry["mutant"].partition(" ")[2]: (entry["result"], entry.get("by")) for entry in entries}
    killed = ("killed", "utest/lab/test_clock.py::test_late")
    assert results == {
        "late return: t > 3 -> None #0": killed,
        "late comparison: t > 3 -> t >= 3 #0": ("survived", ""),
        "late comparison: t > 3 -> t <= 3 #0": killed,
        "late constant: 3 -> 4 #0": killed,
        "early return: g(t) -> None #0": ("no test", None),
        "once return: t -> None #0": ("survived", ""),
        "f return: 1 -> None #0": ("absent", None),
    }
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert again.stdout.splitlines()[-1] == last
    assert len((tmp_path / "results.jsonl").read_text().splitlines()) == 7
