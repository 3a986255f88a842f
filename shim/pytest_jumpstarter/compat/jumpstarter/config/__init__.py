"""Upstream's package name, served by robotframework-jumpstarter. Suites of older releases import from here, too."""

_HOMES = {
    "ClientConfigListV1Alpha1": "client",
    "ClientConfigV1Alpha1": "client",
    "ClientConfigV1Alpha1Drivers": "client",
    "ObjectMeta": "common",
    "ExporterConfigV1Alpha1": "exporter",
    "ExporterConfigV1Alpha1DriverInstance": "exporter",
    "UserConfigV1Alpha1": "user",
    "UserConfigV1Alpha1Config": "user",
}

__all__ = list(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
