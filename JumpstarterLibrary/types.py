"""Types that users see: choices and results."""

from __future__ import annotations

import datetime
import enum
from dataclasses import dataclass, field
from pathlib import Path


class Mode(enum.Enum):
    """How a device is found."""

    auto = "auto"
    """``host`` if one is given, else the exporter that ``JUMPSTARTER_HOST`` names, else the lease that ``JMP_LEASE``
    names, else a lease of ``selector`` or ``exporter``; otherwise an error."""
    shell = "shell"
    """The exporter that ``JUMPSTARTER_HOST`` names, as inside ``jmp shell``."""
    lease = "lease"
    """An exporter that is leased from a controller, or that ``JMP_LEASE`` names the lease of."""
    direct = "direct"
    """The exporter at ``host``."""
    virtual = "virtual"
    """A virtual board in this process: no hardware. Leases come from a virtual lab, likewise in this process."""


class Scope(enum.Enum):
    """How long a lease is kept unless it is released before."""

    run = "run"
    """Until the end of the run. Suites that ask for the same share it."""
    suite = "suite"
    """Until the end of the suite that asked for it."""
    test = "test"
    """Until the end of the test that asked for it."""


class Tls(enum.Enum):
    """How a TCP connection to an exporter is secured. Unix sockets are always plain."""

    verify = "verify"
    """TLS; the certificate must be signed by ``ca``, or by an authority that the system trusts."""
    pin = "pin"
    """TLS, trusting any certificate that the exporter shows first. The host name must still match."""
    plaintext = "plaintext"
    """No encryption, and no check of the server."""


class Since(enum.Enum):
    """From where on a console is looked at."""

    cursor = "cursor"
    """Behind the last match; a power action moves the cursor to where the console is then."""
    power_on = "power_on"
    """The last time that power was switched."""
    test_start = "test_start"
    """The start of the running test."""
    lease_start = "lease_start"
    """The start of the lease, or of the connection where there is no lease."""
    connect = "connect"
    """The moment the device was connected."""
    mark = "mark"
    """The last `Mark Console` without a name."""


class Echo(enum.Enum):
    """What is made of the echo of a typed line, before its line end is typed."""

    auto = "auto"
    """A line that comes back with characters missing is erased and typed again. Where nothing comes back, as at a
    password prompt, there is no check."""
    yes = "yes"
    """Likewise, and a line that does not come back at all is an error."""
    no = "no"
    """No check: the line and its end are sent at once."""


class FailingPreset(enum.Enum):
    """What a system says on its console when it dies."""

    linux = "linux"
    """Panics, oopses, BUGs, lockups, stalls and hung tasks of the kernel; a root that is not found, a dead init."""
    oom = "oom"
    """Processes that Linux kills because there is no memory left."""
    u_boot = "u-boot"
    """U-Boot and SPL: exceptions, resets that were not asked for, and images that do not start."""
    firmware = "firmware"
    """Panics, exceptions and failed checks of TF-A, OP-TEE, UEFI and OpenSBI."""
    zephyr = "zephyr"
    """Fatal errors, faults, failed assertions and stack overflows; MCUboot that finds no image."""
    android = "android"
    """Crashes of system processes and services, what init gives up, and everything of ``linux``."""
    esp_idf = "esp-idf"
    """Panics, aborts and watchdogs of ESP-IDF, and boot loaders that find no program."""
    nuttx = "nuttx"
    """Failed assertions and exceptions of NuttX."""
    xen = "xen"
    """Panics of the hypervisor Xen, and domains that crash."""


class StorageSide(enum.Enum):
    """Who has a storage medium."""

    device = "dut"
    exporter = "host"
    off = "off"


class Compression(enum.Enum):
    """How an image file is compressed."""

    auto = "auto"
    """Look at the file's first bytes."""
    none = "none"
    """Write the bytes of the file as they are, compressed or not."""
    gzip = "gzip"
    xz = "xz"
    bz2 = "bz2"
    zstd = "zstd"


class Verify(enum.Enum):
    """How a written image is checked."""

    auto = "auto"
    """By a hash on the exporter where the driver offers one; otherwise the verdict says that nothing was compared."""
    read_back = "read_back"
    """Read as many bytes as were written back from the medium and compare; twice the time."""
    none = "none"
    """Not at all."""


class Verdict(enum.Enum):
    """What is known of an image that was transferred."""

    verified = "verified"
    """What is on the medium equals the source."""
    unverified = "written, not verifiable here"
    """The driver reported success; nothing could be compared."""
    unchecked = "written, not checked"
    """The driver reported success; the caller wanted no check."""
    received = "read"
    """An image that was read, to its end or to the size that was asked for."""


@dataclass(frozen=True)
class LeaseInfo:
    """A lease, as the controller tells of it.

    Attributes:
        name: Its name.
        device: Alias of the device that it is for; empty if it is for none of this run.
        exporter: The exporter that it has; empty while it has none.
        labels: The exporter's labels, as far as they are known.
        client: The client that owns it; empty if that is not known.
        status: ``ready``, ``waiting``, ``expired``, ``released``, ``unsatisfiable`` or ``invalid``; ``unknown`` where
            no controller can be asked.
        selector: What was asked for.
        begin: When it began.
        end: When it ends, or has ended.
        time_left: How long it lasts from now on; None if that is unknown.
        tags: Its tags.
        context: Its context metadata.
    """

    name: str
    device: str
    exporter: str
    labels: dict[str, str] = field(default_factory=dict)
    client: str = ""
    status: str = "unknown"
    selector: str = ""
    begin: datetime.datetime | None = None
    end: datetime.datetime | None = None
    time_left: datetime.timedelta | None = None
    tags: dict[str, str] = field(default_factory=dict)
    context: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class ExporterStatus:
    """An exporter, as the controller lists it.

    Attributes:
        name: Its name.
        labels: Its labels.
        online: Whether it is connected to the controller.
        enabled: Whether it may be leased.
        status: ``AVAILABLE``, ``LEASE_READY`` and so on; ``UNSPECIFIED`` where it does not tell.
        free: Whether it could be leased now.
        client: The client that holds it; empty if none does.
        lease: The name of the lease that holds it; empty if none does.
        until: When that lease ends; None if that is unknown.
    """

    name: str
    labels: dict[str, str]
    online: bool
    enabled: bool
    status: str
    free: bool
    client: str = ""
    lease: str = ""
    until: datetime.datetime | None = None

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class PowerReading:
    """One reading of a power driver.

    Attributes:
        voltage: Volts.
        current: Amperes.
    """

    voltage: float
    current: float

    @property
    def power(self) -> float:
        """Watts: the product of voltage and current."""
        return self.voltage * self.current

    @property
    def apparent_power(self) -> float:
        """The same figure under the name that upstream gives it, in volt-amperes."""
        return self.power

    def __str__(self) -> str:
        return f"{self.voltage:g} V, {self.current:g} A, {self.power:g} W"


@dataclass(frozen=True)
class ImageReport:
    """What was written to, or read from, a storage.

    Attributes:
        name: The file name or URL of the image.
        size: Bytes of the file (``None`` where the exporter fetched a URL by itself).
        sha256: SHA-256 of the file's bytes, in hexadecimal; likewise ``None`` for URLs.
        seconds: How long the transfer took.
        verdict: Whether what is on the medium was compared with the source.
        driver: Path of the driver that did it.
    """

    name: str
    size: int | None
    sha256: str | None
    seconds: float
    verdict: Verdict
    driver: str

    def __str__(self) -> str:
        if self.size is None:
            return f"{self.name} on {self.driver}: {self.verdict.value}"
        return (
            f"{self.name} on {self.driver}: {self.size} bytes in {self.seconds:.2f} s, "
            f"SHA-256 {self.sha256}, {self.verdict.value}"
        )


@dataclass(frozen=True)
class CommandResult:
    """What a command on the console gave.

    Attributes:
        command: The command as it was asked for.
        stdout: What it printed, without the echo of the command and without the last line end. Error output shares the
            console, so it is here too.
        status: Its exit status; None if the board restarted instead, or if U-Boot without hush does not tell it.
        duration: Seconds from the command line to its end.
        kernel: Messages of the kernel that came out meanwhile, one a line, wherever in the output.
    """

    command: str
    stdout: str
    status: int | None
    duration: float
    kernel: str = ""

    @property
    def rc(self) -> int | None:
        """The status, by the name that Robot Framework's Process library has for it."""
        return self.status

    @property
    def stderr(self) -> str:
        """Nothing: there is one console, and error output is a part of ``stdout``."""
        return ""

    def __str__(self) -> str:
        return self.stdout


@dataclass(frozen=True)
class ConsoleMatch:
    """Where a pattern was found on a console.

    Attributes:
        text: The matching text.
        before: What came between the start of the search and the match.
        groups: Named groups of a regular expression; empty otherwise.
        start: Offset of the match in the console's history, in characters since the console was opened.
        end: Offset behind the match.
        seconds: How long the wait took.
        name: The name of the pattern that matched, where patterns have names.
    """

    text: str
    before: str
    groups: dict[str, str | None]
    start: int
    end: int
    seconds: float
    name: str = ""


@dataclass(frozen=True)
class DriverInfo:
    """One driver of a device, as its exporter reports it.

    Attributes:
        path: Dotted place in the exporter's tree; empty for the root.
        label: Class path of upstream's client for it, by which its kind is known.
        description: The exporter's own words, if any.
        methods: Help texts by method name, where the exporter gives some.
    """

    path: str
    label: str
    description: str | None = None
    methods: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.path or '(root)'}: {self.label}"


ImageSource = Path | str
"""A file, or an http(s) URL that the exporter fetches by itself."""


@dataclass(frozen=True)
class UBootNetwork:
    """What U-Boot got by DHCP.

    Attributes:
        address: The board's address.
        gateway: Its gateway.
        netmask: Its netmask; ``255.255.255.0`` if none was given.
    """

    address: str
    gateway: str
    netmask: str

    def __str__(self) -> str:
        return self.address


@dataclass(frozen=True)
class StateChange:
    """One step from a device's state to another.

    Attributes:
        source: The state before.
        target: The state after.
        seconds: How long it took.
    """

    source: str
    target: str
    seconds: float

    def __str__(self) -> str:
        return f"'{self.source}' to '{self.target}' in {self.seconds:.2f} s"
