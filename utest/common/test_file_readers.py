"""The four readers of files: odd values at each of their keys give one short sentence, or are taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from JumpstarterLibrary.client.boot.context import BootSettings
from JumpstarterLibrary.client.boot.files import read_states
from JumpstarterLibrary.client.settings.choice import ClientArguments
from JumpstarterLibrary.client.settings.find import find_settings
from JumpstarterLibrary.client.timing import Timing
from JumpstarterLibrary.common.yaml_files import DEPTH
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.config import ExporterConfigV1Alpha1
from JumpstarterLibrary.lab.labfile import LabFile

SECRET = "hunter2"
LONGEST = 600
"""Characters of a sentence without the file's name; the one that lists all fields of a timing needs them."""

NUMBERS = "true -1 1.5 1e400 .nan .inf 2026-01-01 2026-99-99 1e308_s 99999999999999999999999999999999999999999"
TREES = "~ '' [] [1] [~] {} {1:2} {~:~} = &a_[*a] *nope {?_[a]:_b} !!binary_AAAA !!set_{a} !!int_x !!python/name:os.x_x"
TEXTS = '..x.y a_b antigravity.x regexp:( \'regexp:a{99999999999}\' -5_s "a\\nb\\e[31m" "\\uD800"'
LONG = (
    f"0x{'f' * 5000}",
    "9" * 5000,
    f"'{'x' * 5000}'",
    f"os.{'x' * 1000}",
    f"{'x' * 1000}.Driver",
    f"'regexp:{'(' * 2000}'",
    "[" * (DEPTH + 10),
    "{a: " * (DEPTH + 10) + "}" * (DEPTH + 10),
)
ODD = (*(word.replace("_", " ") for group in (NUMBERS, TREES, TEXTS) for word in group.split()), *LONG)

POWER = "jumpstarter_driver_power.driver.MockPower"
KEYS = {
    "client": (
        "metadata: {namespace: %s, name: x}; metadata: %s; endpoint: %s; token: %s; tls: {ca: %s}; "
        "tls: {insecure: %s}; drivers: {allow: %s}; leases: {dial_timeout: %s}; grpcOptions: {a: %s}; "
        "grpcOptions: {%s: 1}; grpcOptions: {%s: []}; shell: %s; %s: 1"
    ),
    "exporter": (
        "metadata: {name: %s}; tls: {ca: %s}; token: %s; grpcOptions: %s; export: %s; export: {p: {type: %s}}; "
        f"export: {{p: {{ref: %s}}}}; export: {{p: {{type: {POWER}, config: %s}}}}; export: {{%s: {{type: {POWER}}}}}; "
        "export: {p: {children: %s}}; export: {p: {methods_description: %s}}; hooks: {beforeLease: %s}; "
        "hooks: {beforeLease: {script: a, timeout: %s}}; failureDetection: {maxRapidFailures: %s}"
    ),
    "lab": (
        "host: %s; port: %s; tls: %s; clock_scale: %s; assignment_delay: %s; clients: {%s: {}}; clients: {a: {%s: b}}; "
        "clients: {a: {b: %s}}; boards: {a: {count: %s}}; boards: {a: {config: {preinstalled: %s}}}; boards: {%s: {}}; "
        "boards: {a: {hooks: %s}}; boards: {a: {export: %s}}; policies: {a: {exporters: %s}}; "
        "policies: {a: {rules: [{clients: %s}]}}; policies: {a: {rules: [{maximum_duration: %s}]}}"
    ),
    "states": (
        "settings: {prompt: %s}; settings: {key: %s}; settings: {pattern: %s}; settings: {boot: %s}; timing: {%s: 1}; "
        "settings: {off_time: %s}; timing: {boot_timeout: %s}; states: {%s: {detect: x}}; states: {a: {detect: %s}}; "
        "states: {a: {detect: x, nudge: %s}}; states: {a: {detect: x, cost: %s}}; "
        "states: {a: {detect: x, enter: {shell: %s}}}; "
        "states: {off: {enter: {shell: [%s]}}}; states: {off: {enter: {shell: [{wait: %s}]}}}; "
        "states: {off: {enter: {shell: [{call: %s}]}}}; states: {off: {enter: {shell: [{pause: %s}]}}}; "
        "states: {off: {enter: {%s: [{pause: 1}]}}}"
    ),
}


def _read_exporter(path: Path) -> None:
    ExporterConfigV1Alpha1.load(path).instantiate().close()


READERS: dict[str, Callable[[Path], object]] = {
    "client": lambda path: find_settings(ClientArguments(config=path), {"JMP_TOKEN": "x"}).described(),
    "exporter": _read_exporter,
    "lab": LabFile.load,
    "states": lambda path: read_states(path, BootSettings(), Timing(), ("off", "shell")),
}


def _cases(name: str) -> Iterator[str]:
    yield from (f"a: &a {SECRET}: x", f"token: '{SECRET}\nb: 1", f"token: !{SECRET} x", "\ta: b", "- a", "\0", "? ? ?")
    for key in KEYS[name].split("; "):
        yield from (key % value for value in ODD)


@pytest.mark.parametrize("name", READERS)
def test_odd_values_give_one_short_sentence(name: str, tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    refused = 0
    for text in _cases(name):
        path.write_text(text, encoding="utf-8")
        try:
            READERS[name](path)
        except ConfigurationError as error:
            refused += 1
            sentence = str(error)
            assert sentence.isprintable(), text[:200]
            assert SECRET not in sentence
            assert len(sentence.replace(str(path), "")) < LONGEST, sentence[:1000]
            assert str(path) in sentence, sentence
            assert sentence.endswith((".", "?")), sentence
    assert refused > len(ODD)
