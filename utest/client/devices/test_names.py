"""Devices are named in messages where there are several."""

from __future__ import annotations

from JumpstarterLibrary.client.devices.names import DeviceNames


def test_a_device_is_named_where_the_run_has_used_several() -> None:
    names = DeviceNames()
    left = names.add("rpi-1", "left")
    again = names.add("rpi-1", "left")
    assert (left(), again()) == ("", "")
    right = names.add("rpi-2", "right")
    assert (left(), right()) == (" of 'left' (exporter 'rpi-1')", " of 'right' (exporter 'rpi-2')")
    assert names.add("rpi-3")() == " of exporter 'rpi-3'"
    names.clear()
    assert left() == ""
