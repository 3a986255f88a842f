"""Images and storage media."""

from __future__ import annotations

import datetime
from pathlib import Path

from robot.api import logger
from robot.api.deco import keyword

from JumpstarterLibrary.client.drivers import FlasherProxy, ImageStore, OpendalProxy, StorageMuxProxy, WriteOptions
from JumpstarterLibrary.errors import NoSuchDriver
from JumpstarterLibrary.keywords.base import Keywords
from JumpstarterLibrary.types import Compression, ImageReport, StorageSide, Verify


class StorageKeywords(Keywords):
    """Writing and reading images, and who has the medium."""

    @keyword(tags=("Storage", "Setter"))
    def write_image(
        self,
        source: str,
        *,
        target: str | None = None,
        sha256: str | None = None,
        compression: Compression = Compression.auto,
        verify: Verify = Verify.auto,
        timeout: datetime.timedelta | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> ImageReport:
        """Writes an image to the storage of a device.

        One keyword for all kinds: a storage mux (the exporter takes the medium, writes, and gives it to the device), a
        flasher, or a file store. Memory stays small with images of any size. The log always says whether what was
        written is verified.

        Args:
            source: Path of the image, or an http(s) URL that the exporter fetches by itself.
            target: Partition, flash address or path, where the driver knows such. Default: the driver's; in a file
                store the name of the image.
            sha256: SHA-256 that the image file must have; otherwise nothing is written. Default: not checked.
            compression: How the image is compressed; it is decompressed on its way. Default: seen from its first bytes.
            verify: How to check what was written. Default: by a hash on the exporter where the driver offers one.
            timeout: For all of it; the write is cancelled then. Default: no limit.
            device: Alias. Default: the current device.
            driver: Path of the driver. Default: the only storage mux or flasher; without one, the only file store.

        Returns:
            A report with the attributes ``name``, ``size``, ``sha256``, ``seconds``, ``verdict`` and ``driver``.

        Raises:
            UsageError: There is no such image, or it has another SHA-256.
            TransferError: The image did not arrive unharmed.
            DriverError: The driver refused or failed.
            OperationTimeout: It was not done in time.

        Example:
        | Write Image    build/firmware.img.xz
        | Write Image    build/boot.img    target=boot    driver=flasher    verify=read_back
        """
        store = self._store(device, driver)
        report = store.write_image(source, WriteOptions(target, compression, verify, sha256), timeout)
        logger.info(f"Written: {report}.")
        return report

    @keyword(tags=("Storage", "Getter"))
    def read_image(
        self,
        path: Path,
        *,
        target: str | None = None,
        size: int | None = None,
        timeout: datetime.timedelta | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> ImageReport:
        """Reads the storage of a device into a file. The file is there only when it is complete.

        Args:
            path: The file to write.
            target: Partition, address or path, where the driver knows such.
            size: Bytes to read. Default: to the end of the medium.
            timeout: For all of it. Default: no limit.
            device: Alias. Default: the current device.
            driver: Path of the driver. Default: the only storage mux or flasher; without one, the only file store.

        Returns:
            A report like that of `Write Image`.

        Raises:
            DriverError: The driver refused or failed.
            OperationTimeout: It was not done in time.

        Example:
        | ${image} =    Read Image    ${OUTPUT_DIR}/dump.img    size=4096
        | Should Be Equal    ${image.size}    ${4096}
        """
        report = self._store(device, driver).read_image(path, target=target, size=size, timeout=timeout)
        logger.info(f"Read: {report}.")
        return report

    @keyword(tags=("Storage", "Setter"))
    def connect_storage_to_device(self, *, device: str | None = None, driver: str | None = None) -> None:
        """Gives the storage medium to the device, so that it can boot from it.

        Args:
            device: Alias. Default: the current device.
            driver: Path of the storage mux. Default: the only one.

        Raises:
            NoSuchDriver: The device has no storage mux.
            DriverError: The driver refused or failed.

        Example:
        | Connect Storage To Device
        """
        self.driver(StorageMuxProxy, "storage mux", device, driver).switch(StorageSide.device)

    @keyword(tags=("Storage", "Setter"))
    def connect_storage_to_exporter(self, *, device: str | None = None, driver: str | None = None) -> None:
        """Takes the storage medium from the device and gives it to the exporter.

        Args:
            device: Alias. Default: the current device.
            driver: Path of the storage mux. Default: the only one.

        Raises:
            NoSuchDriver: The device has no storage mux.
            DriverError: The driver refused or failed.

        Example:
        | Connect Storage To Exporter
        """
        self.driver(StorageMuxProxy, "storage mux", device, driver).switch(StorageSide.exporter)

    def _store(self, device: str | None, driver: str | None) -> ImageStore:
        target = self.device(device)
        if driver is None:
            media = [store for store in target.distinct(ImageStore) if not isinstance(store, OpendalProxy)]
            if len(media) == 1:
                return media[0]
            if not media and not target.distinct(OpendalProxy):
                raise NoSuchDriver(
                    f"The exporter '{target.link.name}' has no storage driver: no mux, flasher or file store. "
                    f"It has: {target.leaves()}."
                )
            return target.find(ImageStore if media else OpendalProxy, "storage")
        proxy = target.driver(driver)
        return proxy if isinstance(proxy, ImageStore) else target.find(FlasherProxy, "storage", driver)
