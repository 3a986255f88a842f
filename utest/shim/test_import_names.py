"""Every name that upstream's users import is there, and needs no package beyond the extra ``[pytest]``."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

NAMES = {
    "jumpstarter_testing": "JumpstarterTest eventually",
    "jumpstarter_testing.pytest": "JumpstarterTest",
    "jumpstarter_testing.eventually": "eventually",
    "jumpstarter.common": "ExporterStatus LogSource Metadata",
    "jumpstarter.common.enums": "ExporterStatus LogSource",
    "jumpstarter.common.exceptions": (
        "JumpstarterException ConfigurationError ConnectionError ArgumentError EnvironmentVariableNotSetError "
        "ExporterOfflineError ExporterUnreachableError FileNotFoundError MissingDriverError ReauthenticationFailed"
    ),
    "jumpstarter.common.utils": "launch_shell serve env env_with_metadata ExporterMetadata",
    "jumpstarter.common.importlib": "import_class",
    "jumpstarter.utils.env": "env env_with_metadata ExporterMetadata",
    "jumpstarter.config.env": (
        "JMP_CLIENT_CONFIG JMP_CLIENT_CONFIG_HOME JMP_DISABLE_COMPRESSION JMP_DRIVERS_ALLOW JMP_ENDPOINT JMP_EXPORTER "
        "JMP_EXPORTER_LABELS JMP_GRPC_INSECURE JMP_GRPC_PASSPHRASE JMP_LEASE JMP_NAME JMP_NAMESPACE "
        "JMP_OIDC_CALLBACK_PORT JMP_RETRY_TIMEOUT JMP_TOKEN JUMPSTARTER_GRPC_INSECURE JUMPSTARTER_HOST"
    ),
    "jumpstarter.config.client": "ClientConfigV1Alpha1 ClientConfigV1Alpha1Drivers",
    "jumpstarter.config.common": "ObjectMeta",
    "jumpstarter.config.exporter": "ExporterConfigV1Alpha1 ExporterConfigV1Alpha1DriverInstance",
    "jumpstarter.config.tls": "TLSConfigV1Alpha1",
    "jumpstarter.config.user": "UserConfigV1Alpha1 UserConfigV1Alpha1Config",
    "jumpstarter.exporter": "Session",
    "jumpstarter.driver": "Driver FlasherInterface export exportstream",
    "jumpstarter.client": ("DriverClient DirectLease FlasherClient FlasherClientInterface Lease client_from_path"),
    "jumpstarter.client.adapters": "blocking",
    "jumpstarter.client.base": "DriverClient StubDriverClient",
    "jumpstarter.client.core": (
        "DriverError DriverInvalidArgument DriverMethodNotImplemented ExporterNotReady AsyncDriverClient"
    ),
    "jumpstarter.client.exceptions": "LeaseError",
    "jumpstarter.client.lease": "Lease DirectLease",
    "jumpstarter.streams.encoding": "Compression",
    "jumpstarter_driver_composite.client": "CompositeClient",
    "jumpstarter_driver_composite.driver": "Composite Proxy",
    "jumpstarter_driver_network.adapters": (
        "FabricAdapter NovncAdapter PexpectAdapter TcpPortforwardAdapter UnixPortforwardAdapter"
    ),
    "jumpstarter_driver_network.client": "NetworkClient",
    "jumpstarter_driver_network.driver": "DbusNetwork EchoNetwork TcpNetwork UdpNetwork UnixNetwork WebsocketNetwork",
    "jumpstarter_driver_opendal.client": "FlasherClient OpendalClient StorageMuxClient StorageMuxFlasherClient",
    "jumpstarter_driver_opendal.driver": "MockFlasher MockStorageMux MockStorageMuxFlasher Opendal",
    "jumpstarter_driver_power.client": "PowerClient VirtualPowerClient",
    "jumpstarter_driver_power.common": "PowerReading",
    "jumpstarter_driver_power.driver": "MockPower PowerInterface SyncMockPower VirtualPowerInterface",
    "jumpstarter_driver_pyserial.client": "PySerialClient",
    "jumpstarter_driver_pyserial.driver": "PySerial",
    "jumpstarter_imagehash": "ImageHash",
}

ABSENT = ("aiohttp", "anyio", "click", "fabric", "imagehash", "opendal", "PIL", "serial", "websockets")

PROBE = """
import importlib, sys
from pytest_jumpstarter.compat_modules import append_to_path
append_to_path()
sys.modules.update(dict.fromkeys(sys.argv[3].split()))
module = importlib.import_module(sys.argv[1])
missing = [name for name in sys.argv[2].split() if not hasattr(module, name)]
assert not missing, f"{module.__name__} has no {missing}"
"""


@pytest.mark.parametrize("module", NAMES)
def test_names(python: str, module: str, tmp_path: Path) -> None:
    command = [python, "-W", "error", "-c", PROBE, module, NAMES[module], " ".join(ABSENT)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
