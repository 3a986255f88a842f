"""Give a board the profile that a file has for it: prompts, loader, login, limits, failing patterns and states."""

from __future__ import annotations

from pathlib import Path

from JumpstarterLibrary.client.boot.files import read_profile
from JumpstarterLibrary.client.boot.states import states_of
from JumpstarterLibrary.client.device import Device
from JumpstarterLibrary.client.profile import ChosenProfile


def apply_profile(device: Device, path: Path) -> ChosenProfile | None:
    """Choose the profile of a device's board, and let the board have it.

    Args:
        device: The device.
        path: The file. What it says outside of profiles is for all boards.

    Returns:
        The profile; None if the file has no profiles.

    Raises:
        ConfigurationError: The file cannot be read, or does not say what it should; or none of its profiles is for the
            board, or several are.
        NoSuchDriver: The board has no console, which the profile needs.
        AmbiguousDriver: It has several; the profile says which with ``driver``.
    """
    profile = read_profile(path, device.exporter_labels(), device.exporter)
    if profile.only_timing:
        device.timing = profile.timing_of(device.timing)
    else:
        states_of(device, profile.driver).load(path)
    device.profile = profile.chosen
    return profile.chosen
