"""From a class path in an exporter's configuration to the driver class."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import sys
from types import ModuleType

from JumpstarterLibrary.common.values import PLACE, InvalidSetting, one_line, shown
from JumpstarterLibrary.exporter.driver import Driver

_DRIVERS = "JumpstarterLibrary.exporter.drivers"

OURS: dict[str, str] = {
    "jumpstarter_driver_composite.driver.Composite": f"{_DRIVERS}.composite:Composite",
    "jumpstarter_driver_composite.driver.Proxy": f"{_DRIVERS}.composite:Proxy",
    "jumpstarter_driver_network.driver.DbusNetwork": f"{_DRIVERS}.dbus:DbusNetwork",
    "jumpstarter_driver_network.driver.EchoNetwork": f"{_DRIVERS}.network:EchoNetwork",
    "jumpstarter_driver_network.driver.TcpNetwork": f"{_DRIVERS}.network:TcpNetwork",
    "jumpstarter_driver_network.driver.UdpNetwork": f"{_DRIVERS}.datagrams:UdpNetwork",
    "jumpstarter_driver_network.driver.UnixNetwork": f"{_DRIVERS}.network:UnixNetwork",
    "jumpstarter_driver_network.driver.VsockNetwork": f"{_DRIVERS}.vsock:VsockNetwork",
    "jumpstarter_driver_network.driver.WebsocketNetwork": f"{_DRIVERS}.websocket:WebsocketNetwork",
    "jumpstarter_driver_opendal.driver.MockFlasher": f"{_DRIVERS}.storage:MockFlasher",
    "jumpstarter_driver_opendal.driver.MockStorageMux": f"{_DRIVERS}.storage:MockStorageMux",
    "jumpstarter_driver_opendal.driver.MockStorageMuxFlasher": f"{_DRIVERS}.storage:MockStorageMuxFlasher",
    "jumpstarter_driver_opendal.driver.Opendal": f"{_DRIVERS}.files:Opendal",
    "jumpstarter_driver_power.driver.MockPower": f"{_DRIVERS}.power:MockPower",
    "jumpstarter_driver_power.driver.SyncMockPower": f"{_DRIVERS}.power:SyncMockPower",
    "jumpstarter_driver_pyserial.driver.PySerial": f"{_DRIVERS}.serial:PySerial",
}
"""Upstream's class paths and our classes, as ``module:class``: upstream's configurations run as they are."""

UPSTREAM = "jumpstarter"
"""How the names of upstream's packages begin; the core has no more of a name."""

SHIM = "pytest_jumpstarter"
"""The package with upstream's names, which drivers import that were written for upstream."""


def driver_class(path: str, where: str) -> type[Driver]:
    """Import a driver class.

    Args:
        path: The class path: upstream's of a driver that comes with us, or that of any importable class.
        where: The place in the configuration, for errors.

    Raises:
        ConfigurationError: There is no such class, it cannot be imported, or it is no driver.
    """
    module_name, _, class_name = OURS.get(path, ":".join(path.rpartition(".")[::2])).partition(":")
    if not all(name.isidentifier() for name in (*module_name.split("."), class_name)):
        raise InvalidSetting(
            where, f"{shown(path)} is no class path. Write it like jumpstarter_driver_power.driver.MockPower."
        )
    found = getattr(_module(module_name, where), class_name, None)
    if found is None:
        raise InvalidSetting(
            where,
            f"no class {shown(class_name, PLACE)} in module {shown(module_name, PLACE)}."
            f"{_similar(class_name, module_name)}",
        )
    if not (isinstance(found, type) and issubclass(found, Driver)):
        raise InvalidSetting(where, f"{one_line(path, PLACE)} is no driver class.{_hint(found)}")
    return found


def _hint(found: object) -> str:
    if any(base.__module__.partition(".")[0] == UPSTREAM for base in getattr(found, "__mro__", ())):
        return (
            " It derives from the Driver of upstream's own package, which is installed here. Serve it with upstream's "
            "exporter, or uninstall 'jumpstarter' to have its names from here."
        )
    return " Derive it from JumpstarterLibrary.exporter.Driver."


def offer_upstreams_names() -> bool:
    """Let modules import upstream's names from this project, behind everything else on ``sys.path``.

    Returns:
        Whether anything has changed.
    """
    if importlib.util.find_spec(SHIM) is None:
        return False
    try:
        changed = bool(importlib.import_module(f"{SHIM}.compat_modules").append_to_path())
    except ModuleNotFoundError:
        return False  # pytest, which the plugin needs, is not installed
    found = sys.modules.get(UPSTREAM)
    if changed and found is not None and getattr(found, "__file__", None) is None:
        # A folder of that name, in the working directory perhaps, which Python takes for a package.
        del sys.modules[UPSTREAM]
    return changed


def _module(name: str, where: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(UPSTREAM) and offer_upstreams_names():
            return _module(name, where)
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise InvalidSetting(
                where,
                f"there is no module {shown(name, PLACE)}. Install the package that holds it, or correct the type.",
            ) from error
        raise InvalidSetting(
            where,
            f"the module {shown(name, PLACE)} needs {shown(error.name, PLACE)}, which is not installed. Install it; "
            "robotframework-jumpstarter[upstream] has what most drivers for upstream need.",
        ) from error
    except Exception as error:
        # A module runs when it is imported, and may raise anything.
        reason = one_line(f"{type(error).__name__}: {error}")
        raise InvalidSetting(where, f"the module {shown(name, PLACE)} cannot be imported: {reason}.") from error


def _similar(class_name: str, module_name: str) -> str:
    module = importlib.import_module(module_name)
    # Not its variables: modules of upstream's names import what they have when it is asked for.
    found = {name: getattr(module, name, None) for name in dir(module)}
    drivers = [name for name, value in found.items() if isinstance(value, type) and issubclass(value, Driver)]
    close = difflib.get_close_matches(class_name, drivers, n=1)
    return f" Did you mean {close[0]!r}?" if close else " Correct the type."
