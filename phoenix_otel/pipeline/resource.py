"""The resource: what the metrics are about."""

from __future__ import annotations

import os
import socket
import uuid
from urllib.parse import unquote

from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource

from phoenix_otel import environment_variables as env
from phoenix_otel.catalog import LABEL_ATTRIBUTES
from phoenix_otel.config import TelemetryConfig


def build_resource(config: TelemetryConfig, port: int | None, *, forked: bool = False) -> Resource:
    """Join SDK, OTEL_RESOURCE_ATTRIBUTES, labels and service name, the later over the earlier.

    Unless it is given, service.instance.id is host:port of the endpoint, `port` being the one that it listens on: the
    same after a restart, so that the series go on. Without an endpoint it is random. A child that was `forked` has the
    name that was given with its process id: two processes of one name would overwrite each other's totals.
    """
    declared = os.environ.get(env.OTEL_RESOURCE_ATTRIBUTES, "")
    attributes = {LABEL_ATTRIBUTES.get(label, label): value for label, value in config.options.labels.items()}
    given = attributes.get(SERVICE_INSTANCE_ID) or _declared_instance(declared)
    if given is None:
        attributes[SERVICE_INSTANCE_ID] = f"{socket.gethostname()}:{port}" if port else str(uuid.uuid4())
    elif forked:
        attributes[SERVICE_INSTANCE_ID] = f"{given}-{os.getpid()}"
    if "service_name" in config.sources or f"{SERVICE_NAME}=" not in declared:
        attributes[SERVICE_NAME] = config.service_name
    return Resource.create(attributes)


def _declared_instance(declared: str) -> str | None:
    """Return the name in OTEL_RESOURCE_ATTRIBUTES, None if there is none."""
    pairs = (pair.partition("=") for pair in declared.split(","))
    return next((unquote(value.strip()) for name, _, value in pairs if name.strip() == SERVICE_INSTANCE_ID), None)
