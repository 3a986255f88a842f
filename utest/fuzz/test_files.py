"""A file of settings with any mistake in it is read, or refused in one sentence that shows no token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from JumpstarterLibrary.client.boot.context import BootSettings
from JumpstarterLibrary.client.boot.files import read_states
from JumpstarterLibrary.client.settings.choice import ClientArguments
from JumpstarterLibrary.client.settings.find import find_settings
from JumpstarterLibrary.client.timing import Timing
from JumpstarterLibrary.errors import JumpstarterError
from JumpstarterLibrary.exporter.config import ExporterConfigV1Alpha1
from JumpstarterLibrary.lab.labfile import LabFile
from JumpstarterLibrary.printable import printable

SECRET = "s3cr3t-t0ken-value"
POWER = "JumpstarterLibrary.exporter.drivers.power.MockPower"

EXPORTER = f"""\
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
metadata: {{namespace: default, name: n}}
endpoint: localhost:8082
tls: {{ca: '', insecure: true}}
token: {SECRET}
hooks:
  beforeLease: {{script: echo, timeout: 5, onFailure: warn}}
export:
  power: {{type: {POWER}}}
  group:
    children:
      other: {{ref: power}}
"""

CLIENT = f"""\
apiVersion: jumpstarter.dev/v1alpha1
kind: ClientConfig
metadata: {{namespace: default, name: n}}
endpoint: localhost:8082
tls: {{ca: '', insecure: false}}
token: {SECRET}
grpcOptions: {{grpc.keepalive_time_ms: 20000}}
drivers: {{allow: ['a.*'], unsafe: false}}
leases: {{acquisition_timeout: 60}}
"""

LAB = f"""\
namespace: default
clock_scale: 2
clients:
  tester: {{labels: {{team: a}}}}
boards:
  rpi: {{count: 3, labels: {{board: rpi4}}}}
token: {SECRET}
"""

STATES = f"""\
settings: {{prompt: '=> ', user: root, password: {SECRET}, off_time: 1 s}}
states:
  rescue:
    detect: 'rescue# '
    enter:
      shell: [{{send: halt}}]
failing_patterns: [linux]
timing: {{login_timeout: 2 min}}
"""


def _read_exporter(path: Path) -> None:
    ExporterConfigV1Alpha1.load(path).instantiate().close()


def _read_client(path: Path) -> None:
    str(find_settings(ClientArguments(config=path), {}).described())


def _read_lab(path: Path) -> None:
    LabFile.load(path)


def _read_states(path: Path) -> None:
    read_states(path, BootSettings(), Timing(), ())


PIECES = [
    *("{", "}", "[", "]", ":", ",", "\n", "\n  ", "- ", "'", '"', "&a ", "*a", "!!int ", "!!set ", "# ", "\t", "|\n"),
    *("~", "1e999", "-1", "0", ".nan", "2026-99-99", "true", "\x00", "\x1b", "\u202e", "x" * 300, "[[]]", "{1: 2}"),
]


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    """Replace, insert or leave out a few characters of a text, or give a key another value."""
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(text)))
        taken = draw(st.integers(0, 4))
        text = text[:place] + draw(st.sampled_from(PIECES) | st.text(max_size=2)) + text[place + taken :]
    if draw(st.booleans()):
        lines = text.split("\n")
        number = draw(st.integers(0, len(lines) - 1))
        key, colon, _ = lines[number].partition(": ")
        if colon and SECRET not in lines[number]:
            lines[number] = f"{key}: {draw(st.sampled_from(PIECES))}"
        text = "\n".join(lines)
    return text


@pytest.mark.parametrize(
    ("text", "read"),
    [(EXPORTER, _read_exporter), (CLIENT, _read_client), (LAB, _read_lab), (STATES, _read_states)],
    ids=["exporter", "client", "lab", "states"],
)
@given(data=st.data())
def test_any_damage_is_told(text: str, read: Callable[[Path], None], tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "file.yaml"
    path.write_bytes(data.draw(damaged(text)).encode(errors="surrogatepass"))
    try:
        read(path)
    except JumpstarterError as error:
        said = str(error)
        assert "\n" not in said
        assert len(said) < 1500
        assert printable(said) == said
        assert SECRET not in said
