"""How a test class gets its board, and what of command line, class and ini file counts."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from JumpstarterLibrary.client.leasing.controller import Controller, LeaseRequest
from JumpstarterLibrary.client.settings import ClientArguments, find_settings
from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.lab import VirtualLab

pytest_plugins = "pytester"

Enter = Callable[[Driver], str]

SUITE = """
    import datetime
    from pytest_jumpstarter import JumpstarterTest

    class TestBoard(JumpstarterTest):
        {attributes}

        def test_on(self, client):
            client.power.on()
"""

LOG = ("-W", "error", "--strict-markers", "--strict-config", "-o", "log_cli=true")


def suite(pytester: pytest.Pytester, attributes: str, *options: str) -> pytest.RunResult:
    """Run a class with some attributes."""
    pytester.makepyfile(test_suite=SUITE.format(attributes=attributes))
    return pytester.runpytest(*LOG, *options)


def power() -> Driver:
    return Composite(children={"power": MockPower()})


# Which mode


def test_a_virtual_board_stands_in_for_any(pytester: pytest.Pytester) -> None:
    result = suite(pytester, 'selector = "board=rpi4"; mode = "virtual"')
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "INFO * A board of the virtual lab stands in for selector 'board=rpi4'.",
            "INFO * Virtual mode for test class TestBoard, because mode=virtual was asked for: exporter virtual-1 (*",
        ]
    )


def test_the_mode_is_told_in_one_line_with_its_reason(pytester: pytest.Pytester, shell: Enter) -> None:
    host = shell(power())
    result = suite(pytester, 'selector = "board=rpi4"')
    lines = [line.partition("Shell mode")[2] for line in result.outlines if "Shell mode" in line]
    assert lines == [
        f" for test class TestBoard, because JUMPSTARTER_HOST is set: exporter {host} (from JUMPSTARTER_HOST)."
    ]
    result.stdout.fnmatch_lines([f"jumpstarter: JUMPSTARTER_HOST={host}"])


def test_the_command_line_beats_the_class_and_that_the_ini_file(
    pytester: pytest.Pytester, lab: VirtualLab, shell: Enter
) -> None:
    shell(power())
    pytester.makeini("[pytest]\njumpstarter_mode = virtual\n")
    assert "Virtual mode for" in suite(pytester, 'selector = "board=b"').stdout.str()
    assert "Lease mode for" in suite(pytester, 'selector = "board=b"; mode = "lease"').stdout.str()
    result = suite(pytester, 'selector = "board=b"; mode = "lease"', "--jumpstarter-mode=shell")
    assert "Shell mode for" in result.stdout.str()
    result.stdout.fnmatch_lines(["jumpstarter: JUMPSTARTER_HOST=*, mode=shell"])
    (lease,) = lab.leases()
    assert lease.ended


def test_a_mode_that_is_none_is_one_sentence(pytester: pytest.Pytester) -> None:
    result = suite(pytester, 'mode = "direct"')
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["mode: 'direct' is none of its choices: auto, shell, lease, virtual."])


def test_shell_mode_without_a_shell_is_one_sentence(pytester: pytest.Pytester) -> None:
    result = suite(pytester, "", "--jumpstarter-mode=shell")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "JUMPSTARTER_HOST is not set, so there is no exporter to join. Run inside `jmp shell`, set "
            "JUMPSTARTER_HOST to the socket path or host:port of an exporter, or choose another one with mode or "
            "--jumpstarter-mode."
        ]
    )


def test_lease_mode_without_anything_to_lease_is_one_sentence(pytester: pytest.Pytester) -> None:
    result = suite(pytester, 'mode = "lease"')
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "mode=lease needs to know what to lease for test class TestBoard. Give it a selector or an exporter_name, "
            "or set JMP_LEASE to the name of a lease."
        ]
    )


# What is wanted


def test_all_words_of_a_class_arrive(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    attributes = (
        'selector = "board=b"; exporter_name = "b2"; lease_name = "nightly"; lease_duration = "1h30m"; '
        'lease_max_duration = "3 hours"; lease_timeout = 20; lease_progress = "5 s"; lease_tags = {"suite": "night"}'
    )
    suite(pytester, attributes).assert_outcomes(passed=1)
    (lease,) = lab.leases()
    assert (lease.name, lease.exporter, lease.duration) == ("nightly", "b2", timedelta(minutes=90))
    assert lease.tags["suite"] == "night"
    assert lease.ended


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        (
            "lease_timeout = 'soon'",
            "lease_timeout: it must be a length of time above 0 seconds, at most 365 days, *, not 'soon'.",
        ),
        (
            "lease_duration = 0",
            "lease_duration: it must be a length of time above 0 seconds, at most 365 days, *, not 0.",
        ),
        (
            "lease_duration = '2 h'; lease_max_duration = '1 h'",
            "lease_max_duration (60 minutes) is shorter than lease_duration (2 hours). Give a longer one, *",
        ),
        ("lease_scope = 'module'", "lease_scope: 'module' is none of its choices: class, session."),
        ("lease_tags = {'a': 'b c'}", "lease_tags: The tag a=b c is not possible: * Try 'b-c'."),
        ("lease_tags = ['a']", "lease_tags: [[]'a'[]] is no mapping. Give one such as {'suite': 'nightly'}."),
        ("lease_tags = {str(n): '1' for n in range(11)}", "lease_tags: A lease can have 10 tags, not 11."),
        (
            "selector = ['board=b']",
            "selector: [[]'board=b'[]] is no text. Give one such as 'board=rpi4', or labels such as {'board': 'rpi4'}.",
        ),
        (
            "selector = {'board': ['b']}",
            "selector: the label 'board': [[]'b'[]] is no text. Give one such as 'board=rpi4', or labels such as *",
        ),
        ("selector = {'board': None}", "selector: the label 'board' has no value. Give one, or text such as *"),
        ("exporter_name = {'b1'}", "exporter_name: {'b1'} is no text. Give one such as 'rpi4-12'."),
        ("lease_name = ('x',)", "lease_name: ('x',) is no text. Give one such as 'nightly-4711'."),
    ],
)
def test_a_word_that_cannot_be_is_one_sentence(pytester: pytest.Pytester, attributes: str, sentence: str) -> None:
    result = suite(pytester, f"selector = 'board=b'; {attributes}")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([sentence])
    assert "Traceback" not in result.stdout.str()


def test_a_selector_may_be_a_property(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    suite(pytester, "selector = property(lambda self: 'number=2')").assert_outcomes(passed=1)
    assert [lease.exporter for lease in lab.leases()] == ["b2"]


def test_a_selector_may_be_a_mapping_of_labels(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    suite(pytester, "selector = {'board': 'b', 'number': 2}").assert_outcomes(passed=1)
    (lease,) = lab.leases()
    assert (lease.exporter, str(lease.selector)) == ("b2", "board=b,number=2")


def test_a_selector_of_a_marker_may_be_a_mapping_of_labels(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.jumpstarter({"board": "b", "number": 2})
        def test_on(jumpstarter_client):
            jumpstarter_client.power.on()
        """
    )
    pytester.runpytest("-W", "error").assert_outcomes(passed=1)
    assert [lease.exporter for lease in lab.leases()] == ["b2"]


def test_a_selector_may_be_set_by_a_wide_fixture(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    pytester.makepyfile(
        """
        import pytest
        from pytest_jumpstarter import JumpstarterTest

        class TestBoard(JumpstarterTest):
            @pytest.fixture(scope="class", autouse=True)
            def choose(self):
                self.selector = "number=2"

            def test_on(self, client):
                client.power.on()
        """
    )
    pytester.runpytest("-W", "error").assert_outcomes(passed=1)
    assert [lease.exporter for lease in lab.leases()] == ["b2"]


def test_alternatives_take_what_is_there(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    suite(pytester, 'selector = "board=c | number=2"').assert_outcomes(passed=1)
    assert [lease.exporter for lease in lab.leases()] == ["b2"]


def hold(lab: VirtualLab, name: str) -> None:
    """Let there be a lease of the same client's."""
    path = lab.write_client_config(Path(os.environ["JMP_CLIENT_CONFIG_HOME"]), "tester")
    controller = Controller(find_settings(ClientArguments(config=path), {}))
    controller.create_lease(LeaseRequest(selector="number=1"), name, 5)
    while not controller.lease(name).exporter:
        pass
    controller.close()


def test_a_lease_of_a_name_is_used_and_not_released(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    hold(lab, "mine")
    suite(pytester, 'lease_name = "mine"').assert_outcomes(passed=1)
    suite(pytester, 'lease_name = "mine"; selector = "number=1"').assert_outcomes(passed=1)
    assert [(lease.name, bool(lease.ended)) for lease in lab.leases()] == [("mine", False)]
    lab.controller.release("mine")


def test_a_name_alone_that_nobody_knows_is_one_sentence(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    result = suite(pytester, 'lease_name = "mine"')
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["The controller * knows nothing of lease 'mine'. Check its name*"])


def test_the_timeout_of_the_command_line_counts(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    hold(lab, "mine")
    result = suite(pytester, 'selector = "number=1"; lease_timeout = "1 h"', "--jumpstarter-timeout=1s")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "Waiting for selector 'number=1' (lease '*'): *",
            "No exporter for selector 'number=1' became free within 1 second: *. The request was taken back. Wait "
            "longer with lease_timeout or --jumpstarter-timeout, or ask for another exporter.",
        ]
    )
    lab.controller.release("mine")


# The virtual lab of a run


def test_a_number_of_boards_is_a_lab_for_all_classes(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from pytest_jumpstarter import JumpstarterTest

        class TestOne(JumpstarterTest):
            selector = "number=2"

            def test_it(self, client):
                client.dutlink.power.on()

        class TestTwo(JumpstarterTest):
            exporter_name = "bench-7"

            def test_it(self, client):
                client.power.on()

        class TestThree(JumpstarterTest):
            def test_it(self, client):
                client.power.on()
        """
    )
    result = pytester.runpytest(*LOG, "--jumpstarter-virtual-lab=2")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        [
            "jumpstarter: virtual lab=2",
            "INFO * Lease mode for test class TestOne, because there is a virtual lab to lease *: exporter virtual-2 *",
            "INFO * A board of the virtual lab stands in for exporter 'bench-7'.",
            "INFO * A board of the virtual lab stands in for any exporter.",
        ]
    )


LAB = """
boards:
  bench:
    labels: {board: rpi4}
    export:
      power: {type: JumpstarterLibrary.exporter.drivers.power.MockPower}
"""


def test_a_lab_file_is_taken_at_its_word(pytester: pytest.Pytester) -> None:
    folder = pytester.mkdir("labs")
    (folder / "lab.yaml").write_text(LAB)
    pytester.makeini("[pytest]\njumpstarter_virtual_lab = labs/lab.yaml\n")
    suite(pytester, 'selector = "board=rpi4"').assert_outcomes(passed=1)
    result = suite(pytester, 'selector = "board=rpi5"')
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["No exporter fits selector 'board=rpi5': no exporter has board=rpi5; 1 has board=rpi4*"]
    )
    result = suite(pytester, "")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            f"Nothing says which board of the virtual lab '{folder / 'lab.yaml'}' is wanted. Give a selector or an "
            "exporter_name, or a number of boards in place of the file."
        ]
    )


def test_a_shell_goes_before_the_virtual_lab(pytester: pytest.Pytester, shell: Enter) -> None:
    shell(power())
    assert "Shell mode" in suite(pytester, 'selector = "a=b"', "--jumpstarter-virtual-lab=1").stdout.str()


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--jumpstarter-virtual-lab=lab.yml", "'lab.yml' is neither a number of boards nor a lab file."),
        ("--jumpstarter-virtual-lab=0", "'0' is neither a number of boards nor a lab file."),
        ("--jumpstarter-timeout=soon", "it must be a length of time above 0 seconds, at most 365 days, *, not 'soon'."),
        ("--jumpstarter-progress=0", "it must be a length of time above 0 seconds, at most 365 days, *, not '0'."),
        ("--jumpstarter-console-lines=all", "'all' is no number of lines. Give 0 or more."),
    ],
)
def test_an_option_that_cannot_be_ends_the_run(pytester: pytest.Pytester, option: str, sentence: str) -> None:
    result = suite(pytester, "", option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {option.partition('=')[0]}: {sentence}"])


TIMING = """
    from pytest_jumpstarter import JumpstarterTest

    class TestBoard(JumpstarterTest):
        selector = "board=any"

        def test_timing(self, client):
            timing = client.stub.device.timing
            print(f"power {timing.power_off_time}, silence {timing.transfer_silence}")
"""


@pytest.mark.parametrize(
    ("ini", "option", "found"),
    [
        ("", "", "power None, silence 30.0"),
        ("\n  power_off_time = 0.5\n  transfer_silence = 2 min", "", "power 0.5, silence 120.0"),
        ("power_off_time=5 s, transfer_silence=2 min", "transfer_silence=3 min", "power 5.0, silence 180.0"),
        ("", "power_off_time=1", "power 1.0, silence 30.0"),
    ],
)
@pytest.mark.parametrize("mode", ["shell", "lease"])
def test_a_board_has_the_timing_of_the_settings(
    pytester: pytest.Pytester, shell: Enter, mode: str, ini: str, option: str, found: str
) -> None:
    options = [f"--jumpstarter-timing={option}"] if option else []
    if mode == "shell":
        shell(power())
    else:
        options.append("--jumpstarter-virtual-lab=1")
    pytester.makeini(f"[pytest]\njumpstarter_timing = {ini}\n")
    pytester.makepyfile(test_suite=TIMING)
    result = pytester.runpytest(*LOG, "-s", *options)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"*{found}*"])


@pytest.mark.parametrize(
    ("ini", "options", "sentence"),
    [
        (
            "power_of_time = 1",
            [],
            "jumpstarter_timing: A timing has no 'power_of_time'. Did you mean 'power_off_time'? *",
        ),
        ("", ["--jumpstarter-timing=soon"], "--jumpstarter-timing: The timing 'soon' has no value. Give one such as *"),
    ],
)
def test_a_timing_that_cannot_be_ends_the_run(
    pytester: pytest.Pytester, ini: str, options: list[str], sentence: str
) -> None:
    pytester.makeini(f"[pytest]\njumpstarter_timing = {ini}\n")
    result = suite(pytester, "", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {sentence}"])


PROFILE = """
from pytest_jumpstarter import JumpstarterTest
class TestIt(JumpstarterTest):
    def test_it(self, client):
        device = client.stub.device
        print("profile", device.profile.name, device.timing.power_off_time)
"""


@pytest.mark.parametrize("option", [True, False])
@pytest.mark.parametrize("mode", ["shell", "lease"])
def test_a_board_has_its_profile(pytester: pytest.Pytester, shell: Enter, mode: str, option: bool) -> None:
    pytester.path.joinpath("boards.yaml").write_text(
        "profiles: {leased: {match: number=1, timing: {power_off_time: 3 s}}, other: {timing: {power_off_time: 4 s}}}"
    )
    options = ["--jumpstarter-profiles=boards.yaml"] if option else []
    if mode == "shell":
        shell(power())
    else:
        options.append("--jumpstarter-virtual-lab=1")
    pytester.makeini("[pytest]\n" + ("" if option else "jumpstarter_profiles = boards.yaml\n"))
    pytester.makepyfile(test_suite=PROFILE)
    result = pytester.runpytest(*LOG, "-s", *options)
    result.assert_outcomes(passed=1)
    name, why = (
        ("leased", "has labels that match 'number=1'") if mode == "lease" else ("other", "fits no other profile")
    )
    result.stdout.fnmatch_lines([f"*profile {name} {4.0 - (mode == 'lease')}*"])
    result.stdout.fnmatch_lines([f"*has the profile '{name}' of '*boards.yaml': it {why}."])


def test_profiles_that_cannot_be_end_the_run(pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("boards.yaml").write_text("profiles: {a: {mach: b}}")
    pytester.makeini("[pytest]\njumpstarter_profiles = boards.yaml\n")
    result = suite(pytester, "")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: jumpstarter_profiles: The states file '*boards.yaml', line 1: profiles.a.mach: there is no *"]
    )


def test_a_timing_may_be_a_list_where_the_file_has_lists(pytester: pytest.Pytester, shell: Enter) -> None:
    shell(power())
    pytester.makepyprojecttoml('[tool.pytest.ini_options]\njumpstarter_timing = ["power_off_time = 3"]\n')
    pytester.makepyfile(test_suite=TIMING)
    pytester.runpytest(*LOG, "-s").stdout.fnmatch_lines(["*power 3.0, silence 30.0*"])


def test_an_ini_setting_that_cannot_be_ends_the_run(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\njumpstarter_mode = magic\n")
    result = suite(pytester, "")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: jumpstarter_mode: 'magic' is none of its choices: auto, shell, lease, virtual."]
    )


def test_help_tells_what_beats_what(pytester: pytest.Pytester) -> None:
    text = " ".join(pytester.runpytest("--help").stdout.str().split())
    assert "--jumpstarter-mode={auto,shell,lease,virtual}" in text
    assert "--jumpstarter-virtual-lab=BOARDS|FILE" in text
    assert "Beats what a class says; the ini setting of the same name (with underscores) does not." in text
