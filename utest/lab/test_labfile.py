"""What a lab's file says, and what it must not say."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.drivers.virtual import VirtualBoard
from JumpstarterLibrary.lab import labfile
from JumpstarterLibrary.lab.labfile import LabFile

POWER = "{power: {type: jumpstarter_driver_power.driver.MockPower}}"

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lab.yaml"


def load(path: Path, text: str) -> LabFile:
    path.write_text(text)
    return LabFile.load(path)


def test_nothing_at_all(path: Path) -> None:
    found = load(path, "")
    assert (found.namespace, found.host, found.port, found.router_port) == ("default", "127.0.0.1", 0, 0)
    assert found.clients == {"tester": {}}
    assert [exporter.name for exporter in found.exporters] == ["virtual-1", "virtual-2", "virtual-3", "virtual-4"]


def test_the_example_of_the_documentation(path: Path) -> None:
    example = (labfile.__doc__ or "").partition("\n\n")[2]
    found = load(path, example)
    assert (found.port, found.router_port, found.tls, found.clock_scale) == (8082, 8083, "authority", 1)
    assert found.clients == {"tester": {"team": "qa"}}
    by_name = {exporter.name: exporter for exporter in found.exporters}
    assert list(by_name) == [f"virtual-{number}" for number in range(1, 5)] + ["bench-7", "gateway", "theirs"]
    assert by_name["virtual-2"].labels == {"board": "virtual", "number": "2"}
    assert by_name["virtual-2"].driver is VirtualBoard
    bench = by_name["bench-7"]
    assert (bench.labels, bench.motd, bench.enabled, bench.register) == (
        {"board": "rpi4"},
        "Handle with care.",
        True,
        True,
    )
    assert bench.before_lease is not None
    assert (bench.before_lease.script, bench.after_lease) == ("echo hello", None)
    board = bench.driver()
    assert isinstance(board, VirtualBoard)
    assert board.preinstalled is True
    assert isinstance(by_name["gateway"].driver().children["power"], MockPower)
    assert by_name["theirs"].register is False
    (policy,) = found.policies
    (rule,) = policy.rules
    assert (policy.name, policy.exporters) == ("qa-first", "board=rpi4")
    assert (rule.clients, rule.priority, rule.maximum_duration, rule.description) == (
        ["team=qa"],
        10,
        timedelta(hours=2),
        "for QA",
    )


def test_it_becomes_a_lab(path: Path) -> None:
    text = f"""
namespace: lab
tls: self-signed
clock_scale: 10
assignment_delay: 0
clients:
  alice:
boards:
  gateway: {{labels: {{board: gateway}}, export: {POWER}, enabled: false}}
"""
    with load(path, text).lab() as lab:
        assert (lab.namespace, lab.clock.scale) == ("lab", 10)
        record = lab.controller.exporter("gateway")
        assert (record.labels["board"], record.enabled, record.registered) == ("gateway", False, True)
        assert lab.client_config("alice")["tls"] == {"insecure": True}


TIME = "a length of time from 0 seconds to 365 days, such as 90 (seconds), '500 ms', '1h30m' or 'PT1H30M'"
SETTINGS = (
    "speed, preinstalled, storage, baudrate, backlog, bootdelay, environment, memory, noise, prompt, bracketed_paste, "
    "read_interval, readings, seed"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "nmespace: x",
            "nmespace: there is no such key. Known: namespace, host, port, router_port, tls, clock_scale, "
            "assignment_delay, clients, policies, boards.",
        ),
        ("port: yes", "port: a number is needed, not true or false."),
        ("port: 70000", "port: a port from 0 to 65535 is needed, not 70000."),
        ("router_port: 1.5", "router_port: a port from 0 to 65535 is needed, not 1.5."),
        ("tls: none", "tls: 'none' is none of authority, self-signed."),
        ("clock_scale: -1", "clock_scale: a number from 0 on is needed, not -1."),
        ("assignment_delay: fast", f"assignment_delay: it must be {TIME}, not 'fast'."),
        ("clients: [tester]", "clients: a mapping is needed, not a list."),
        ("clients: {tester: {team: 1}}", "clients.tester.team: text is needed, not a number."),
        ("clients: {Tester: {}}", "clients: 'Tester' cannot be a name. Use lower-case letters, digits, '-' and '.'."),
        ("boards: {a: 1}", "boards.a: a mapping is needed, not a number."),
        (
            "boards: {a: {lables: {}}}",
            "boards.a.lables: there is no such key. Known: labels, count, board, config, export, hooks, motd, enabled, "
            "register.",
        ),
        ("boards: {a: {count: 1.5}}", "boards.a.count: a whole number is needed, not 1.5."),
        ("boards: {a: {count: 1000000000}}", "boards.a.count: at most 1000 boards are possible, not 1e+09."),
        ("port: .inf", "port: a finite number is needed."),
        (
            "boards: {a: {export: {power: {type: ..x.y}}}}",
            "boards.a.export.power.type: '..x.y' is no class path. Write it like "
            "jumpstarter_driver_power.driver.MockPower.",
        ),
        ("boards: {a: {count: 2}, a-1: {}}", "boards: 2 are called 'a-1'. Give each a name of its own."),
        ("boards: {a: {board: real}}", "boards.a.board: 'real' is none of virtual."),
        (
            f"boards: {{a: {{board: virtual, export: {POWER}}}}}",
            "boards.a: a board has export, or board and config, not both.",
        ),
        (
            "boards: {a: {export: {power: {type: no.Driver}}}}",
            "boards.a.export.power.type: there is no module 'no'. Install the package that holds it, or correct "
            "the type.",
        ),
        (
            "boards: {a: {config: {speed: 1, wheels: 4}}}",
            f"boards.a.config: VirtualBoard takes no 'wheels'. It takes: {SETTINGS}.",
        ),
        (
            "boards: {a: {config: {noise: -1}}}",
            "boards.a.config: VirtualBoard did not accept it: noise, read_interval and readings must not be negative.",
        ),
        (
            "boards: {a: {hooks: {beforelease: {script: x}}}}",
            "boards.a.hooks.beforelease: there is no such key. Known: beforeLease, afterLease.",
        ),
        (
            "boards: {a: {hooks: {beforeLease: {scirpt: x}}}}",
            "boards.a.hooks.beforeLease.scirpt: there is no such key. Known: script, exec, timeout, onFailure.",
        ),
        ("boards: {a: {hooks: {afterLease: {}}}}", "boards.a.hooks.afterLease: a hook needs a script. Add it."),
        ("boards: {a: {enabled: 1}}", "boards.a.enabled: true or false is needed, not a number."),
        ("boards: {a: {register: [1]}}", "boards.a.register: true or false is needed, not a list."),
        (
            "boards: {a: {labels: {'b d': x}}}",
            "boards.a.labels: 'b d=x' cannot be a label. Use letters, digits, '-', '_' and '.'.",
        ),
        (
            "clients: {a: {team: 'q a'}}",
            "clients.a: 'team=q a' cannot be a label. Use letters, digits, '-', '_' and '.'.",
        ),
        ("boards: {a b: {}}", "boards: 'a b' cannot be a name. Use lower-case letters, digits, '-' and '.'."),
        ("policies: {p: {rule: []}}", "policies.p.rule: there is no such key. Known: exporters, rules."),
        (
            "policies: {p: {exporters: 'a in'}}",
            "policies.p: couldn't parse the selector string 'a in': found '' where '(' was expected.",
        ),
        ("policies: {p: {rules: [1]}}", "policies.p.rules[0]: a mapping is needed, not a number."),
        (
            "policies: {p: {rules: [{client: x}]}}",
            "policies.p.rules[0].client: there is no such key. Known: clients, priority, maximum_duration, "
            "spot_access, description.",
        ),
        ("policies: {p: {rules: [{clients: [1]}]}}", "policies.p.rules[0].clients[0]: text is needed, not a number."),
        (
            "policies: {p: {rules: [{maximum_duration: long}]}}",
            f"policies.p.rules[0].maximum_duration: it must be {TIME}, not 'long'.",
        ),
        (
            "policies: {p: {rules: [{maximum_duration: [1]}]}}",
            f"policies.p.rules[0].maximum_duration: it must be {TIME}, not a list.",
        ),
    ],
)
def test_what_is_wrong(path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(path, f"# A lab.\n{text}")
    assert str(caught.value) == f"The lab's file '{path}', line 2: {expected}"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    with pytest.raises(ConfigurationError) as caught:
        LabFile.load(path)
    assert str(caught.value) == f"The lab's file '{path}' cannot be read: No such file or directory. Check its path."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "must hold a mapping, not a list."),
        ("{", "is no valid YAML in line 1, column 2: expected the node content, but found '<stream end>'."),
    ],
)
def test_a_file_that_holds_something_else(path: Path, text: str, reason: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(path, text)
    assert str(caught.value) == f"The lab's file '{path}' {reason}"
