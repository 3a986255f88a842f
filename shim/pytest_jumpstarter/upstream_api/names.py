"""Upstream's import names, and where ours are: one table for all modules that the plugin serves.

``compat_modules`` makes a module of each row when it is imported, and imports what stands behind a name when the name
is asked for: ``import jumpstarter.client`` costs little, and pydantic, click and anyio are needed by their users only.
"""

from __future__ import annotations

from collections.abc import Mapping

API = "pytest_jumpstarter.upstream_api"
DRIVERS = "JumpstarterLibrary.exporter.drivers"

NAMES: Mapping[str, str | Mapping[str, str]] = {
    "jumpstarter": {},
    "jumpstarter.client": {
        f"{API}.clients.base": "DriverClient",
        f"{API}.clients.connecting": "client_from_path",
        f"{API}.clients.flasher": "FlasherClient=PlainFlasherClient FlasherClientInterface",
        f"{API}.config.direct": "DirectLease",
        f"{API}.config.lease": "Lease",
    },
    "jumpstarter.client.adapters": {f"{API}.clients.blocking": "blocking"},
    "jumpstarter.client.base": {
        f"{API}.clients.base": "DriverClient",
        f"{API}.clients.stub": "StubDriverClient",
    },
    "jumpstarter.client.client": {
        f"{API}.clients.connecting": "_is_tcp_address=is_tcp_address client_from_channel client_from_path"
    },
    "jumpstarter.client.core": {
        "JumpstarterLibrary.errors": "DriverError DriverInvalidArgument DriverMethodNotImplemented ExporterNotReady",
        f"{API}.clients.base": "AsyncDriverClient",
    },
    "jumpstarter.client.decorators": {
        f"{API}.clients.commands.groups": "DriverClickGroup driver_click_command driver_click_group"
    },
    "jumpstarter.client.exceptions": {f"{API}.config.exceptions": "LeaseError"},
    "jumpstarter.client.flasher": {
        f"{API}.clients.flasher": "FlasherClient=PlainFlasherClient FlasherClientInterface",
        f"{API}.clients.transfers": "PathBuf _parse_path=parse_path",
    },
    "jumpstarter.client.grpc": f"{API}.config.records",
    "jumpstarter.client.lease": f"{API}.config.lease",
    "jumpstarter.client.selectors": {
        f"{API}.config.selectors": "extract_match_labels_filter parse_label_selector selector_contains"
    },
    "jumpstarter.client.status_monitor": {f"{API}.clients.status": "StatusMonitor"},
    "jumpstarter.common": {
        f"{API}.exporter.fls": "download_fls get_fls_binary get_fls_github_url",
        f"{API}.exporter.listeners": "TemporarySocket TemporaryTcpListener TemporaryUnixListener",
        f"{API}.exporter.metadata": "Metadata",
        f"{API}.exporter.statuses": "ExporterStatus HOOK_WARNING_PREFIX LogSource",
    },
    "jumpstarter.common.condition": {
        f"{API}.exporter.conditions": "condition_false condition_message condition_present_and_equal condition_true"
    },
    "jumpstarter.common.enums": {f"{API}.exporter.statuses": "ExporterStatus LogSource"},
    "jumpstarter.common.exceptions": {
        f"{API}.config.exceptions": (
            "ArgumentError ConfigurationError ConnectionError EnvironmentVariableNotSetError ExporterOfflineError "
            "ExporterUnreachableError FileNotFoundError JumpstarterException MissingDriverError "
            "ReauthenticationFailed"
        ),
    },
    "jumpstarter.common.fls": f"{API}.exporter.fls",
    "jumpstarter.common.importlib": {
        f"{API}.clients.importing": "_format_missing_driver_message=advice cached_import import_class"
    },
    "jumpstarter.common.ipaddr": {f"{API}.exporter.hosts": "get_ip_address get_minikube_ip"},
    "jumpstarter.common.metadata": {f"{API}.exporter.metadata": "Metadata"},
    "jumpstarter.common.oci": f"{API}.exporter.oci",
    "jumpstarter.common.resources": {f"{API}.exporter.resources": "ClientStreamResource PresignedRequestResource"},
    "jumpstarter.common.serde": {f"{API}.exporter.values": "decode_value encode_value"},
    "jumpstarter.common.storage": {
        f"{API}.exporter.devices": "read_from_storage_device wait_for_storage_device write_to_storage_device"
    },
    "jumpstarter.common.tempfile": {
        f"{API}.exporter.listeners": "TemporarySocket TemporaryTcpListener TemporaryUnixListener"
    },
    "jumpstarter.common.utils": {
        "pytest_jumpstarter.launching": "launch_shell",
        "pytest_jumpstarter.shell": "ExporterMetadata env env_async env_with_metadata env_with_metadata_async",
        f"{API}.clients.serving": "serve serve_async",
    },
    "jumpstarter.config": {
        f"{API}.config.client": "ClientConfigListV1Alpha1 ClientConfigV1Alpha1 ClientConfigV1Alpha1Drivers",
        f"{API}.config.sections": "ObjectMeta",
        f"{API}.config.user": "UserConfigV1Alpha1 UserConfigV1Alpha1Config",
        f"{API}.exporter.config": "ExporterConfigV1Alpha1",
        f"{API}.exporter.instances": "ExporterConfigV1Alpha1DriverInstance",
    },
    "jumpstarter.config.client": f"{API}.config.client",
    "jumpstarter.config.common": {
        f"{API}.config.files": "CONFIG_API_VERSION CONFIG_PATH",
        f"{API}.config.sections": "ObjectMeta",
    },
    "jumpstarter.config.env": {
        f"{API}.config.env": (
            "JMP_CLIENT_CONFIG JMP_CLIENT_CONFIG_HOME JMP_DISABLE_COMPRESSION JMP_DRIVERS_ALLOW JMP_ENDPOINT "
            "JMP_EXPORTER JMP_EXPORTER_LABELS JMP_GRPC_INSECURE JMP_GRPC_PASSPHRASE JMP_LEASE JMP_NAME "
            "JMP_NAMESPACE JMP_OIDC_CALLBACK_PORT JMP_RETRY_TIMEOUT JMP_TOKEN JUMPSTARTER_GRPC_INSECURE "
            "JUMPSTARTER_HOST"
        ),
    },
    "jumpstarter.config.exporter": {
        f"{API}.exporter.config": (
            "ExporterConfigListV1Alpha1 ExporterConfigV1Alpha1 FailureDetectionConfigV1Alpha1 HookConfigV1Alpha1 "
            "HookInstanceConfigV1Alpha1"
        ),
        f"{API}.exporter.instances": (
            "ExporterConfigV1Alpha1DriverInstance ExporterConfigV1Alpha1DriverInstanceBase "
            "ExporterConfigV1Alpha1DriverInstanceComposite ExporterConfigV1Alpha1DriverInstanceProxy"
        ),
    },
    "jumpstarter.config.grpc": {f"{API}.config.channel": "call_credentials"},
    "jumpstarter.config.shell": {f"{API}.config.sections": "ShellConfigV1Alpha1"},
    "jumpstarter.config.tls": {f"{API}.config.sections": "TLSConfigV1Alpha1"},
    "jumpstarter.config.user": {f"{API}.config.user": "UserConfigV1Alpha1 UserConfigV1Alpha1Config"},
    "jumpstarter.driver": {f"{API}.exporter.driver": "Driver FlasherInterface export exportstream"},
    "jumpstarter.driver.base": {f"{API}.exporter.driver": "Driver"},
    "jumpstarter.driver.decorators": {
        f"{API}.exporter.driver": (
            "MARKER_DRIVERCALL MARKER_MAGIC MARKER_STREAMCALL MARKER_STREAMING_DRIVERCALL export exportstream"
        ),
    },
    "jumpstarter.driver.flasher": {f"{API}.exporter.driver": "FlasherInterface"},
    "jumpstarter.exporter": {
        f"{API}.exporter.exporter": "Exporter",
        f"{API}.exporter.session": "Session",
    },
    "jumpstarter.exporter.auth": {f"{API}.exporter.guards": "PASSPHRASE_METADATA_KEY PassphraseInterceptor"},
    "jumpstarter.exporter.exporter": {f"{API}.exporter.exporter": "Exporter"},
    "jumpstarter.exporter.logging": {f"{API}.exporter.loggers": "get_logger"},
    "jumpstarter.exporter.logging_protocol": {f"{API}.exporter.loggers": "LoggerRegistration"},
    "jumpstarter.exporter.session": {f"{API}.exporter.session": "Session"},
    "jumpstarter.streams": {},
    "jumpstarter.streams.aiohttp": {f"{API}.exporter.wrapped": "AiohttpStreamReaderStream"},
    "jumpstarter.streams.blocking": {f"{API}.clients.streams": "BlockingStream"},
    "jumpstarter.streams.common": {f"{API}.exporter.streams": "copy_stream create_memory_stream forward_stream"},
    "jumpstarter.streams.encoding": {
        f"{API}.exporter.encoding": (
            "AutoDecompressIterator COMPRESSION_SIGNATURES CompressedStream Compression FileSignature "
            "SIGNATURE_BUFFER_SIZE compress_stream create_decompressor detect_compression_from_signature"
        ),
    },
    "jumpstarter.streams.metadata": {f"{API}.exporter.wrapped": "MetadataStream MetadataStreamAttributes"},
    "jumpstarter.streams.progress": {f"{API}.exporter.progress": "ProgressAttribute ProgressStream"},
    "jumpstarter.utils": {},
    "jumpstarter.utils.env": {
        "pytest_jumpstarter.shell": "ExporterMetadata env env_async env_with_metadata env_with_metadata_async"
    },
    "jumpstarter_driver_composite": {},
    "jumpstarter_driver_composite.client": {f"{API}.clients.composite": "CompositeClient"},
    "jumpstarter_driver_composite.driver": {f"{DRIVERS}.composite": "Composite CompositeInterface Proxy"},
    "jumpstarter_driver_network": {},
    "jumpstarter_driver_network.adapters": {
        f"{API}.adapters": (
            "DbusAdapter FabricAdapter NovncAdapter PexpectAdapter TcpPortforwardAdapter UnixPortforwardAdapter"
        ),
    },
    "jumpstarter_driver_network.adapters.dbus": {f"{API}.clients.adapters.dbus": "DbusAdapter"},
    "jumpstarter_driver_network.adapters.fabric": {f"{API}.clients.adapters.fabric": "FabricAdapter"},
    "jumpstarter_driver_network.adapters.novnc": {f"{API}.clients.adapters.novnc": "NovncAdapter"},
    "jumpstarter_driver_network.adapters.pexpect": {f"{API}.clients.adapters.expect": "PexpectAdapter"},
    "jumpstarter_driver_network.adapters.portforward": {
        f"{API}.clients.adapters.portforward": "TcpPortforwardAdapter UnixPortforwardAdapter handler"
    },
    "jumpstarter_driver_network.client": {
        f"{API}.clients.network": (
            "DbusNetworkClient NetworkClient _parse_address=parse_address _strip_scheme=strip_scheme"
        ),
    },
    "jumpstarter_driver_network.driver": {
        f"{DRIVERS}.addresses": "_is_ipv4_address=is_ipv4 _is_ipv6_address=is_ipv6",
        f"{DRIVERS}.datagrams": "UdpNetwork",
        f"{DRIVERS}.dbus": "DbusNetwork",
        f"{DRIVERS}.network": "EchoNetwork NetworkInterface TcpNetwork UnixNetwork",
        f"{DRIVERS}.vsock": "VsockNetwork",
        f"{DRIVERS}.websocket": "WebsocketNetwork",
        f"{API}.exporter.hosts": "_format_address=format_address _resolve_hostname=resolve_hostname",
    },
    "jumpstarter_driver_opendal": {},
    "jumpstarter_driver_opendal.adapter": {f"{API}.clients.adapters.opendal": "OpendalAdapter"},
    "jumpstarter_driver_opendal.client": {
        f"{API}.clients.files": "OpendalClient OpendalFile",
        f"{API}.clients.flasher": "FlasherClient FlasherClientInterface",
        f"{API}.clients.mux": "StorageMuxClient StorageMuxFlasherClient",
        f"{API}.clients.transfers": "clean_filename operator_for_path path_with_query",
    },
    "jumpstarter_driver_opendal.common": {
        f"{API}.clients.filerecords": "Capability EntryMode Metadata PresignedRequest",
        f"{API}.clients.files": "HashAlgo Mode",
        f"{API}.clients.transfers": "PathBuf",
    },
    "jumpstarter_driver_opendal.driver": {
        f"{DRIVERS}.files": "Opendal",
        f"{DRIVERS}.storage": (
            "FlasherInterface MockFlasher MockStorageMux MockStorageMuxFlasher StorageMuxFlasherInterface "
            "StorageMuxInterface"
        ),
    },
    "jumpstarter_driver_power": {},
    "jumpstarter_driver_power.client": {f"{API}.clients.power": "PowerClient PowerReading VirtualPowerClient"},
    "jumpstarter_driver_power.common": {f"{API}.clients.power": "PowerReading"},
    "jumpstarter_driver_power.driver": {
        f"{DRIVERS}.power": "MockPower PowerInterface SyncMockPower VirtualPowerInterface",
        f"{API}.clients.power": "PowerReading",
    },
    "jumpstarter_driver_pyserial": {},
    "jumpstarter_driver_pyserial.client": {
        f"{API}.clients.console": "Console",
        f"{API}.clients.serial": "PySerialClient",
    },
    "jumpstarter_driver_pyserial.console": {f"{API}.clients.console": "Console"},
    "jumpstarter_driver_pyserial.driver": {
        f"{DRIVERS}.serial": "PySerial",
        f"{DRIVERS}.tty": "ThrottledStream",
    },
    "jumpstarter_imagehash": {f"{API}.imagehash": "ImageHash"},
    "jumpstarter_imagehash.imagehash": {f"{API}.imagehash": "ImageHash"},
    "jumpstarter_testing": {
        "pytest_jumpstarter.testcase": "JumpstarterTest",
        f"{API}.eventually": "eventually",
    },
    "jumpstarter_testing.eventually": {f"{API}.eventually": "eventually"},
    "jumpstarter_testing.pytest": {"pytest_jumpstarter.testcase": "JumpstarterTest"},
}
"""Upstream's modules. Each has names from modules of ours, written ``name`` or ``upstream's=ours``; or it is the very
same module as one of ours, so that what a test replaces in the one is replaced in the other."""


def is_served(module: str) -> bool:
    """Tell whether a module of upstream's name is in the table."""
    return module in NAMES


def is_package(module: str) -> bool:
    """Tell whether a module of upstream's name has modules below it."""
    return any(name.startswith(f"{module}.") for name in NAMES)


def targets(module: str) -> dict[str, tuple[str, str]]:
    """Return where each name of a module is: the module of ours, and the name in it."""
    row = NAMES[module]
    assert not isinstance(row, str)
    return {
        name: (home, ours or name)
        for home, names in row.items()
        for name, _, ours in (word.partition("=") for word in names.split())
    }
