"""Devices are named in messages where there are several."""

from __future__ import annotations

from JumpstarterLibrary.client.devices.names import DeviceNames


class Owner:
    """What has devices."""


def test_a_device_is_named_where_the_run_has_used_several() -> None:
    names, one, other = DeviceNames(), Owner(), Owner()
    left = names.add(one, "rpi-1", "left")
    another = names.add(one, "rpi-7", "left")
    assert (left(), another()) == ("", "")
    right = names.add(one, "rpi-2", "right")
    assert (left(), right()) == (" of 'left' (exporter 'rpi-1')", " of 'right' (exporter 'rpi-2')")
    assert names.add(one, "rpi-3")() == " of exporter 'rpi-3'"
    names.keep(one, ["left"])
    assert left() == ""
    names.keep(one, ())
    same = names.add(one, "rpi-1", "device"), names.add(other, "rpi-2", "device")
    assert [suffix() for suffix in same] == [" of 'device' (exporter 'rpi-1')", " of 'device' (exporter 'rpi-2')"]
    del other
    assert same[0]() == ""
