"""Files that a run leaves about its devices: a folder for each, with the event log and transcripts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from JumpstarterLibrary.client.device import Device
from JumpstarterLibrary.client.devices.event_log import FILE_NAME, EventLog
from JumpstarterLibrary.client.devices.stream_transcripts import StreamTranscripts, is_console
from JumpstarterLibrary.client.events import Events, Notice
from JumpstarterLibrary.errors import ConfigurationError

_claimed: set[Path] = set()
"""Folders that this process has given out; the library may be imported several times, the process is one."""


class DeviceArtefacts:
    """The files about one device, from before it is connected until its events are closed.

    Args:
        parent: Where the device's folder goes.
        name: The device's name.
        folder: Name of its folder. Default: the device's name.
        events: The events of the device.
        secrets: Returns texts that none of the files may show.

    Attributes:
        folder: The device's folder.
        log: Its event log; None where the file cannot be written, which a notice tells.
    """

    def __init__(
        self,
        parent: Path,
        name: str,
        events: Events,
        *,
        folder: str = "",
        secrets: Callable[[], Iterable[str]] = lambda: (),
    ) -> None:
        self.folder = artefact_folder(parent, folder or name)
        self._device: Device | None = None
        self._secrets = secrets
        events.on_close(self._release_unused)
        self._streams = StreamTranscripts(events, self.folder, self._is_console, self._all_secrets)
        self.log: EventLog | None = None
        try:
            self.log = EventLog(self.folder / FILE_NAME, name, events, self._all_secrets)
        except ConfigurationError as error:
            events.emit(Notice(str(error), "WARN"))

    def attach(self, device: Device) -> None:
        """Let a device that has been connected keep its transcripts here."""
        self._device = device
        device.transcripts, device.secrets = self.folder, self._all_secrets

    def _release_unused(self) -> None:
        """Leave the folder to the next attempt of the name, if the device was not connected."""
        if self._device is None:
            release_folder(self.folder)

    def _is_console(self, path: str) -> bool:
        return self._device is not None and is_console(self._device, path)

    def _all_secrets(self) -> list[str]:
        return [*self._secrets(), *(self._device.own_secrets() if self._device is not None else ())]


def release_folder(folder: Path) -> None:
    """Let another connection of the same name have a folder: its run is over, or has left nothing of weight there."""
    _claimed.discard(folder)


def artefact_folder(parent: Path, name: str) -> Path:
    """Return a folder for the files of one connection, which no other connection of this run has.

    Transcripts and event logs that an earlier run left there are removed.
    """
    number = 1
    while (folder := parent / (name if number == 1 else f"{name}-{number}")) in _claimed:
        number += 1
    _claimed.add(folder)
    for old in (*folder.glob("*.log"), *folder.glob(FILE_NAME)):
        old.unlink()
    return folder
