"""Zero code, as opentelemetry-instrument loads it: the distro sets defaults, the configurator builds."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from types import MappingProxyType
from typing import Any, Final

from opentelemetry.instrumentation.distro import BaseDistro  # type: ignore[attr-defined]
from opentelemetry.sdk._configuration import _BaseConfigurator

from phoenix_otel import environment_variables as env
from phoenix_otel.config import ConfigError
from phoenix_otel.telemetry import active_config, configure_telemetry, get_hooks, get_metrics_collector

_logger = logging.getLogger("phoenix_otel")

NAME: Final = "phoenix"
"""The name of both entry points, for OTEL_PYTHON_DISTRO and OTEL_PYTHON_CONFIGURATOR."""

DEFAULTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        env.OTEL_PYTHON_CONFIGURATOR: NAME,
        env.OTEL_SEMCONV_STABILITY_OPT_IN: "http",
    }
)
"""Variables that are set unless they are set already."""

_OURS: Final = "phoenix_"
_REPLACED: Final = frozenset({"aiohttp-client", "httpx", "pymongo", "system_metrics"})
"""Instrumentors that ours take the place of: both together would count twice, and send trace headers to the sites."""

_OPTIONS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "phoenix_collection_stats": {
            "collections": "collection_stats",
            "uri": "collection_stats_uri",
            "interval": "collection_stats_interval",
        },
        "phoenix_proxy_manager": {"target": "proxy_manager"},
        "phoenix_rate_limiter": {"target": "rate_limiter"},
        "phoenix_scraper": {"target": "scraper"},
    }
)
"""Which arguments of an instrumentor come from which option."""


class PhoenixDistro(BaseDistro):  # type: ignore[misc]
    """Sets defaults, and hands our instrumentors the collector and the classes that configuration names."""

    def _configure(self, **kwargs: Any) -> None:
        for name, value in DEFAULTS.items():
            os.environ.setdefault(name, value)

    def load_instrumentor(self, entry_point: EntryPoint, **kwargs: Any) -> None:
        """Load one instrumentor; one that fails is one line in the log and hinders no other."""
        config = active_config()
        ours = entry_point.name.startswith(_OURS)
        if entry_point.name in _REPLACED or (ours and (config is None or not config.options.enabled)):
            return
        if ours and config is not None:
            kwargs |= {"collector": get_metrics_collector(), "hooks": get_hooks()}
            given = {
                name: getattr(config.options, option) for name, option in _OPTIONS.get(entry_point.name, {}).items()
            }
            kwargs |= given
        try:
            super().load_instrumentor(entry_point, **kwargs)
        except ImportError:
            raise  # the library is not installed: opentelemetry-instrument passes over it
        except Exception as error:
            _logger.warning("phoenix_otel: instrumentor %s is off: %s", entry_point.name, type(error).__name__)


class PhoenixConfigurator(_BaseConfigurator):
    """Starts telemetry by environment and file; what is wrong with them is one line, and the program runs without."""

    def _configure(self, **kwargs: Any) -> None:
        try:
            configure_telemetry()
        except ConfigError as error:
            _logger.warning("phoenix_otel: telemetry is off: %s", "; ".join(str(error).splitlines()))
        except Exception as error:
            _logger.warning("phoenix_otel: telemetry is off: %s while starting it", type(error).__name__)
