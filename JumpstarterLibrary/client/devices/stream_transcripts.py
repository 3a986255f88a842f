"""Keep transcripts of byte streams that a test opens itself, and tell the event log where their bytes are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from JumpstarterLibrary.client.consoles.boot_phases import BootPhases
from JumpstarterLibrary.client.consoles.secrets import Secrets
from JumpstarterLibrary.client.consoles.transcript import Transcript
from JumpstarterLibrary.client.device import CONSOLE_NAMES, Device
from JumpstarterLibrary.client.drivers import NetworkProxy, SerialProxy
from JumpstarterLibrary.client.events import Events, Notice
from JumpstarterLibrary.client.filenames import file_name
from JumpstarterLibrary.client.text import Normaliser
from JumpstarterLibrary.errors import ConfigurationError


class StreamTranscripts:
    """The transcripts of a device's byte streams, by driver; bytes of streams without one are only counted.

    Consoles that a device reads itself (``Device.console``) have transcripts of their own, with other names.

    Args:
        events: The device's events.
        folder: Folder for the transcripts; None for none.
        is_console: Whether the byte stream of a driver path is a console, which gets a transcript.
        secrets: Returns texts that no transcript may show. Default: none.
    """

    def __init__(
        self,
        events: Events,
        folder: Path | None = None,
        is_console: Callable[[str], bool] = lambda _path: False,
        secrets: Callable[[], Iterable[str]] = lambda: (),
    ) -> None:
        self._events, self._folder, self._is_console, self._secrets = events, folder, is_console, secrets
        self._streams: dict[str, tuple[Transcript, Normaliser, BootPhases]] = {}
        self._lock = threading.Lock()
        events.listen(self.hear)
        events.on_close(self.close)

    def hear(self, driver: str, data: bytes) -> None:
        """Keep what a byte stream has brought."""
        with self._lock:
            if driver not in self._streams:
                self._streams[driver] = (self._transcript(driver), Normaliser(), BootPhases(driver, self._events))
            transcript, normaliser, phases = self._streams[driver]
            offset = transcript.offset
            text = normaliser.feed(data) if transcript.path else ""
            transcript.received(data, text)
            file = transcript.path
        self._events.refer(driver, file, offset, len(data))
        phases.feed(text)

    def _transcript(self, driver: str) -> Transcript:
        """Return a new transcript, without files for what is no console or cannot be written."""
        if self._folder is not None and self._is_console(driver):
            try:
                path = self._folder / f"{file_name(driver or 'console')}-stream.log"
                return Transcript(path, driver, Secrets(self._secrets), self._tell)
            except ConfigurationError as error:
                # An error in this thread would end the byte stream.
                self._tell(str(error))
        return Transcript(None, driver, Secrets())

    def _tell(self, text: str) -> None:
        self._events.emit(Notice(text, "WARN", console=True))

    def close(self) -> None:
        """Close the transcripts. Closing twice is fine."""
        with self._lock:
            for transcript, _, _ in self._streams.values():
                transcript.close()


def is_console(device: Device, path: str) -> bool:
    """Return whether the driver at a path is a serial port, or a network driver that is named like one."""
    driver = device.driver(path)
    return isinstance(driver, SerialProxy) or (isinstance(driver, NetworkProxy) and driver.name in CONSOLE_NAMES)
