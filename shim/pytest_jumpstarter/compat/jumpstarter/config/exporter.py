"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.config import (
    ExporterConfigListV1Alpha1,
    ExporterConfigV1Alpha1,
    FailureDetectionConfigV1Alpha1,
    HookConfigV1Alpha1,
    HookInstanceConfigV1Alpha1,
)
from pytest_jumpstarter.upstream_api.exporter.instances import (
    ExporterConfigV1Alpha1DriverInstance,
    ExporterConfigV1Alpha1DriverInstanceBase,
    ExporterConfigV1Alpha1DriverInstanceComposite,
    ExporterConfigV1Alpha1DriverInstanceProxy,
)

__all__ = [
    "ExporterConfigListV1Alpha1",
    "ExporterConfigV1Alpha1",
    "ExporterConfigV1Alpha1DriverInstance",
    "ExporterConfigV1Alpha1DriverInstanceBase",
    "ExporterConfigV1Alpha1DriverInstanceComposite",
    "ExporterConfigV1Alpha1DriverInstanceProxy",
    "FailureDetectionConfigV1Alpha1",
    "HookConfigV1Alpha1",
    "HookInstanceConfigV1Alpha1",
]
