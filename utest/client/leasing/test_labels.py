"""Labels that an administrator hides or deprecates, and the message of an exporter, as clients are shown them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from JumpstarterLibrary.client.events import Event, Notice
from JumpstarterLibrary.errors import LeaseUnsatisfiable
from JumpstarterLibrary.lab import ControllerFeatures, LabExporter

FEATURES = ControllerFeatures(
    hidden_labels=frozenset({"rack"}), deprecated_labels={"old-pool": "use board instead.", "bare": ""}
)


@pytest.fixture
def told(rigs: Callable[..., Any]) -> tuple[Any, list[tuple[str, str, bool]]]:
    """A lab whose only exporter has such labels; and the notices."""
    labels = {"board": "b", "old-pool": "x", "bare": "y", "rack": "7"}
    rig = rigs(exporters=[LabExporter(name="b1", labels=labels, motd="Mind the cable.\n")], features=FEATURES)
    notices: list[tuple[str, str, bool]] = []

    def take(event: Event) -> None:
        assert isinstance(event, Notice)
        notices.append((event.level, event.text, event.console))

    rig.events.subscribe(take, Notice)
    return rig, notices


def test_a_deprecated_label_is_a_warning_and_the_message_is_told(told: Any) -> None:
    rig, notices = told
    rig.lease("old-pool=x,bare=y", timeout=60)
    which = "of selector 'old-pool=x,bare=y' is deprecated"
    assert sorted(notices) == [
        ("INFO", "Message of exporter 'b1': Mind the cable.", True),
        ("WARN", f"The label 'bare' {which}.", False),
        ("WARN", f"The label 'old-pool' {which}: use board instead.", False),
    ]


def test_other_labels_are_no_reason_for_a_warning(told: Any) -> None:
    rig, notices = told
    rig.lease("board=b,rack=7", timeout=60)
    assert [level for level, _, _ in notices] == ["INFO"]


def test_lists_and_errors_do_not_show_hidden_labels(told: Any) -> None:
    rig, _ = told
    (found,) = rig.service.exporters("rack=7")
    assert found.exporter.labels == {"board": "b"}
    with pytest.raises(LeaseUnsatisfiable) as info:
        rig.lease("rack=8", timeout=60)
    assert "7" not in str(info.value).replace("rack=8", "")
