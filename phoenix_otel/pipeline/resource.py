"""The resource: what the metrics are about."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION, Resource

from phoenix_otel import environment_variables as env
from phoenix_otel.config import TelemetryConfig

LABEL_ATTRIBUTES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "service": SERVICE_NAME,
        "environment": "deployment.environment.name",
        "version": SERVICE_VERSION,
        "instance": SERVICE_INSTANCE_ID,
    }
)
"""Labels that OpenTelemetry's semantic conventions have a name for; any other keeps its own."""


def build_resource(config: TelemetryConfig) -> Resource:
    """Join SDK, OTEL_RESOURCE_ATTRIBUTES, labels and service name, the later over the earlier."""
    declared = os.environ.get(env.OTEL_RESOURCE_ATTRIBUTES, "")
    attributes = {LABEL_ATTRIBUTES.get(label, label): value for label, value in config.options.labels.items()}
    if f"{SERVICE_INSTANCE_ID}=" not in declared:
        attributes.setdefault(SERVICE_INSTANCE_ID, str(uuid.uuid4()))
    if "service_name" in config.sources or f"{SERVICE_NAME}=" not in declared:
        attributes[SERVICE_NAME] = config.service_name
    return Resource.create(attributes)
