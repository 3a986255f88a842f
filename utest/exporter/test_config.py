from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter import Driver, ExporterConfigV1Alpha1, ExporterConfigV1Alpha1DriverInstance
from JumpstarterLibrary.exporter.classes import OURS, driver_class
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.power import MockPower

POWER = "jumpstarter_driver_power.driver.MockPower"

FULL = f"""
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
metadata: {{namespace: lab, name: bench-1}}
endpoint: grpc.example.com:443
token: s3cret
tls: {{ca: QUJD, insecure: true, future: 1}}
grpcOptions: {{grpc.keepalive_time_ms: 1000}}
description: The bench.
motd: Be careful.
export:
  power:
    type: {POWER}
    description: Main power
    methods_description: {{on: Switch on}}
  board:
    children:
      usb: {{type: jumpstarter_driver_power.driver.SyncMockPower, config: {{log_level: DEBUG}}}}
      alias: {{ref: power}}
hooks:
  beforeLease: {{script: echo hello, timeout: 5, onFailure: exit}}
  afterLease: {{script: echo bye, exec: /bin/bash}}
failureDetection: {{maxRapidFailures: 2}}
exitOnLeaseEnd: true
something: {{newer: true}}
"""

HERE = "driver_for_the_configuration_test"


@dataclass(kw_only=True)
class Relay(Driver):
    """A driver with a configuration."""

    port: int
    speed: int = 9600

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.port < 0:
            raise ValueError("ports count from 0")

    @classmethod
    def client(cls) -> str:
        return "test.Relay"


class Closing(Composite):
    """A driver that says when it is closed."""

    closed = 0

    def close(self) -> None:
        Closing.closed += 1
        super().close()


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let configurations name the classes of this file; pytest's importlib mode gives it no importable name."""
    monkeypatch.setitem(sys.modules, HERE, sys.modules[__name__])


def _error(function: Callable[[], object]) -> str:
    with pytest.raises(ConfigurationError) as info:
        function()
    return str(info.value)


def _instance_error(text: str) -> str:
    return _error(lambda: ExporterConfigV1Alpha1DriverInstance.from_str(text).instantiate())


def test_a_full_configuration(tmp_path: Path) -> None:
    path = tmp_path / "exporter.yaml"
    path.write_text(FULL)
    config = ExporterConfigV1Alpha1.load(path)
    assert (config.namespace, config.name, config.endpoint, config.token, config.path) == (
        "lab",
        "bench-1",
        "grpc.example.com:443",
        "s3cret",
        path,
    )
    assert (config.tls_ca, config.tls_insecure, config.grpc_options) == (
        "QUJD",
        True,
        {"grpc.keepalive_time_ms": 1000},
    )
    assert (config.description, config.motd, config.exit_on_lease_end) == ("The bench.", "Be careful.", True)
    assert (config.max_rapid_failures, config.rapid_failure_window) == (2, 60)
    assert config.before_lease == HookInstanceConfigV1Alpha1(script="echo hello", timeout=5, on_failure="exit")
    assert config.after_lease == HookInstanceConfigV1Alpha1(script="echo bye", exec="/bin/bash")
    assert "s3cret" not in repr(config)


def test_the_tree_of_a_configuration() -> None:
    config = ExporterConfigV1Alpha1.from_str(FULL)
    root = config.instantiate()
    entries = list(root.enumerate())
    assert [(entry.name, type(entry.driver).__name__) for entry in entries] == [
        (None, "Composite"),
        ("power", "MockPower"),
        ("board", "Composite"),
        ("usb", "SyncMockPower"),
        ("alias", "MockPower"),
    ]
    assert entries[4].driver is entries[1].driver
    assert (root.description, entries[1].driver.description) == ("The bench.", "Main power")
    assert entries[1].driver.methods_description == {"on": "Switch on"}
    assert entries[3].driver.log_level == "DEBUG"
    assert config.instantiate().uuid != root.uuid


def test_defaults_and_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NAME", "NAMESPACE", "ENDPOINT", "TOKEN"):
        monkeypatch.delenv(f"JMP_{name}", raising=False)
    empty = ExporterConfigV1Alpha1.from_str("")
    assert (empty.name, empty.token, empty.before_lease, empty.max_rapid_failures) == (None, None, None, 5)
    assert list(empty.instantiate().children) == []
    monkeypatch.setenv("JMP_NAME", "from the environment")
    monkeypatch.setenv("JMP_TOKEN", "from the environment")
    config = ExporterConfigV1Alpha1.from_str("token: from the file")
    assert (config.name, config.token) == ("from the environment", "from the file")


def test_a_driver_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "driver.yaml"
    path.write_text(f"type: {HERE}.Relay\nconfig: {{port: 3}}\nchildren: {{power: {{type: {POWER}}}}}\n")
    driver = ExporterConfigV1Alpha1DriverInstance.from_path(path).instantiate()
    assert isinstance(driver, Relay)
    assert (driver.port, driver.speed, type(driver.children["power"])) == (3, 9600, MockPower)


def test_a_group_and_secrets_in_configurations() -> None:
    instance = ExporterConfigV1Alpha1DriverInstance.from_str(f"children: {{a: {{type: {POWER}, config: {{x: pw}}}}}}")
    assert "pw" not in repr(instance)
    assert isinstance(ExporterConfigV1Alpha1DriverInstance.from_str("{}").instantiate(), Composite)


@pytest.mark.parametrize("path", OURS)
def test_every_class_of_the_table_is_there(path: str) -> None:
    assert driver_class(path, "export.x").__name__ == path.rpartition(".")[2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("type: MockPower", "The YAML text, line 1: type: 'MockPower' is no class path. Write it like " + POWER + "."),
        (
            "type: no_such_package.driver.Relay",
            "The YAML text, line 1: type: there is no module 'no_such_package.driver'. "
            "Install the package that holds it, or correct the type.",
        ),
        (
            "type: json.nothing.Relay",
            "The YAML text, line 1: type: there is no module 'json.nothing'. Install the package that holds it, "
            "or correct the type.",
        ),
        (
            f"type: {HERE}.Rely",
            f"The YAML text, line 1: type: no class 'Rely' in module '{HERE}'. Did you mean 'Relay'?",
        ),
        ("type: json.Relay", "The YAML text, line 1: type: no class 'Relay' in module 'json'. Correct the type."),
        (
            "type: json.JSONDecoder",
            "The YAML text, line 1: type: json.JSONDecoder is no driver class. Derive it from "
            "JumpstarterLibrary.exporter.Driver.",
        ),
        (
            "type: json.loads",
            "The YAML text, line 1: type: json.loads is no driver class. Derive it from "
            "JumpstarterLibrary.exporter.Driver.",
        ),
        (f"type: {HERE}.Relay", "The YAML text: config: Relay needs 'port'. Add it."),
        (
            f"type: {HERE}.Relay\nconfig: {{port: 1, sped: 2}}",
            "The YAML text, line 2: config: Relay takes no 'sped'. It takes: port, speed.",
        ),
        (
            f"type: {POWER}\nconfig: {{port: 1}}",
            "The YAML text, line 2: config: MockPower takes no 'port'. It takes nothing.",
        ),
        (
            f"type: {HERE}.Relay\nconfig: {{port: -1}}",
            "The YAML text, line 2: config: Relay did not accept it: ports count from 0.",
        ),
        (
            f"children: {{a: {{children: {{b: {{type: {HERE}.Relay}}}}}}}}",
            "The YAML text, line 1: children.a.children.b.config: Relay needs 'port'. Add it.",
        ),
        (f"type: {POWER}\nref: a", "The YAML text: a driver has a type or a ref, not both. Remove one of them."),
        (
            f"children: {{a: {{ref: c.d}}, b: {{type: {POWER}}}}}",
            "The YAML text, line 1: children.a.ref: The reference 'c.d' leads nowhere: there is no 'c', only a, b. "
            "Write the path from the root.",
        ),
        (
            "children: {a: {ref: b}, b: {ref: a}}",
            "The YAML text, line 1: children.a.ref: The reference 'b' leads back to itself. Point it to a driver.",
        ),
        ("type: 5", "The YAML text, line 1: type: text is needed, not a number."),
        ("config: []", "The YAML text, line 1: config: a mapping is needed, not a list."),
        ("config: {1: 2}", "The YAML text, line 1: config: the key 1 is no text. Quote it."),
        ("children: {a: power}", "The YAML text, line 1: children.a: a mapping is needed, not this text."),
        (
            "methods_description: {on: yes}",
            "The YAML text, line 1: methods_description.on: text is needed, not true or false.",
        ),
        ("- a", "The YAML text must hold a mapping, not a list."),
    ],
)
def test_drivers_that_cannot_be(text: str, message: str) -> None:
    assert _instance_error(text) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: ClientConfig", "The YAML text, line 1: kind: 'ExporterConfig' is needed, not 'ClientConfig'."),
        ("apiVersion: v2", "The YAML text, line 1: apiVersion: 'jumpstarter.dev/v1alpha1' is needed, not 'v2'."),
        (
            "export: {power: {type: json.Nothing}}",
            "The YAML text, line 1: export.power.type: no class 'Nothing' in module 'json'. Correct the type.",
        ),
        ("metadata: {name: [1]}", "The YAML text, line 1: metadata.name: text is needed, not a list."),
        ("tls: {insecure: 1}", "The YAML text, line 1: tls.insecure: true or false is needed, not a number."),
        ("hooks: {beforeLease: {}}", "The YAML text, line 1: hooks.beforeLease: a hook needs a script. Add it."),
        (
            "hooks: {afterLease: {script: x, onFailure: stop}}",
            "The YAML text, line 1: hooks.afterLease.onFailure: 'stop' is none of warn, endLease, exit.",
        ),
        (
            "hooks: {afterLease: {script: x, timeout: soon}}",
            "The YAML text, line 1: hooks.afterLease.timeout: it must be a length of time from 0 seconds to 365 days, "
            "such as 90 (seconds), '500 ms', '1h30m' or 'PT1H30M', not 'soon'.",
        ),
        (
            "failureDetection:\n  maxRapidFailures: 0",
            "The YAML text, line 2: failureDetection.maxRapidFailures: a whole number from 1 on is needed, not 0.",
        ),
        (
            "failureDetection:\n  maxRapidFailures: 2.5",
            "The YAML text, line 2: failureDetection.maxRapidFailures: a whole number from 1 on is needed, not 2.5.",
        ),
        (
            "failureDetection:\n  rapidFailureWindow: -1",
            "The YAML text, line 2: failureDetection.rapidFailureWindow: it must be a length of time from 0 seconds to "
            "365 days, such as 90 (seconds), '500 ms', '1h30m' or 'PT1H30M', not -1.",
        ),
    ],
)
def test_configurations_that_cannot_be(text: str, message: str) -> None:
    assert _error(lambda: ExporterConfigV1Alpha1.from_str(text).instantiate()) == message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "missing.yaml"
    assert _error(lambda: ExporterConfigV1Alpha1.load(missing)) == (
        f"The configuration file '{missing}' cannot be read: No such file or directory. Check its path."
    )
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [")
    assert _error(lambda: ExporterConfigV1Alpha1.load(broken)) == (
        f"The configuration file '{broken}' is no valid YAML in line 1, column 5, at the key 'a': expected the node "
        f"content, but found '<stream end>'."
    )
    unsafe = tmp_path / "unsafe.yaml"
    unsafe.write_text("export: !!python/object/apply:os.getcwd []")
    assert _error(lambda: ExporterConfigV1Alpha1.load(unsafe)) == (
        f"The configuration file '{unsafe}' is no valid YAML in line 1, column 9, at the key 'export': could not "
        f"determine a constructor for the tag."
    )


def test_a_module_whose_imports_are_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "needy_driver.py").write_text("import some_missing_library\n")
    (tmp_path / "broken_driver.py").write_text("from json import nothing_of_this_name\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert _instance_error("type: needy_driver.X") == (
        "The YAML text, line 1: type: the module 'needy_driver' needs 'some_missing_library', which is not installed. "
        "Install it; robotframework-jumpstarter[upstream] has what most drivers for upstream need."
    )
    assert _instance_error("type: broken_driver.X").startswith(
        "The YAML text, line 1: type: the module 'broken_driver' cannot be imported: ImportError: cannot import name "
        "'nothing_of_this_name'"
    )


def test_a_module_that_cannot_be_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "unfinished_driver.py").write_text("def (:\n")
    (tmp_path / "failing_driver.py").write_text("raise KeyError('pin')\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert _instance_error("type: unfinished_driver.X") == (
        "The YAML text, line 1: type: the module 'unfinished_driver' cannot be imported: SyntaxError: invalid syntax "
        "(unfinished_driver.py, line 1)."
    )
    assert _instance_error("type: failing_driver.X") == (
        "The YAML text, line 1: type: the module 'failing_driver' cannot be imported: KeyError: 'pin'."
    )


def test_a_long_reference_is_shown_in_part() -> None:
    assert _instance_error(f"children: {{a: {{ref: {'x' * 100_000}}}}}") == (
        f"The YAML text, line 1: children.a.ref: The reference '{'x' * 40}…' leads nowhere: there is no "
        f"'{'x' * 40}…', only a. Write the path from the root."
    )


def test_what_was_built_before_a_failure_is_closed() -> None:
    Closing.closed = 0
    good = f"{{type: {HERE}.Closing}}"
    assert "needs 'port'" in _instance_error(f"children: {{a: {good}, b: {good}, c: {{type: {HERE}.Relay}}}}")
    assert Closing.closed == 2
    assert "leads nowhere" in _instance_error(f"children: {{a: {good}, b: {{ref: x}}}}")
    assert Closing.closed == 3


def test_a_class_that_takes_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    class Anything(MockPower):
        def __init__(self, **options: Any) -> None:
            options.pop("children")
            self.options = options

    monkeypatch.setitem(vars(sys.modules[HERE]), "Anything", Anything)
    driver = ExporterConfigV1Alpha1DriverInstance.from_str(f"type: {HERE}.Anything\nconfig: {{x: 1}}").instantiate()
    assert isinstance(driver, Anything)
    assert driver.options["x"] == 1


def chained(length: int) -> str:
    """Return references of which each leads to the next, the last one to a driver."""
    ends = [*(f"a{number}" for number in range(1, length)), "z"]
    return f"children:\n  z: {{type: {POWER}}}\n" + "".join(
        f"  a{number}: {{ref: {end}}}\n" for number, end in enumerate(ends)
    )


def doubled(levels: int, children: str = "xy") -> str:
    """Return groups that each refer several times to the next."""
    ends = [*(f"a{number}" for number in range(1, levels)), "z"]
    return f"children:\n  z: {{type: {POWER}}}\n" + "".join(
        f"  a{number}:\n    children: {{{', '.join(f'{name}: {{ref: {end}}}' for name in children)}}}\n"
        for number, end in enumerate(ends)
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            chained(1500),
            "The YAML text, line 3: children.a0.ref: The reference 'a51' is behind more than 50 others. Point them to "
            "the driver.",
        ),
        (
            doubled(40),
            "The YAML text: There are more than 20,000 drivers, with those that references repeat. Point fewer "
            "references to groups.",
        ),
        (
            doubled(100, "x"),
            "The YAML text: More than 50 drivers are in each other, by way of references, too.",
        ),
    ],
    ids=["chain", "doubled", "deep"],
)
def test_references_have_limits(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        ExporterConfigV1Alpha1DriverInstance.from_str(text).instantiate()
    assert str(refused.value) == message


def test_references_within_the_limits() -> None:
    for text in (chained(50), doubled(10)):
        ExporterConfigV1Alpha1DriverInstance.from_str(text).instantiate().enumerate()


def test_texts_of_drivers_that_are_secret() -> None:
    config = ExporterConfigV1Alpha1.from_str(
        """
export:
  shell:
    type: some.Driver
    config: {Password: hunter2, user: root, tokens: [alpha, 17, {a: beta, b: abc}], host: somewhere}
    children:
      below: {type: some.Driver, config: {auth: {client_secret: gamma}}}
"""
    )
    assert config.secrets() == ("hunter2", "alpha", "beta", "gamma")
