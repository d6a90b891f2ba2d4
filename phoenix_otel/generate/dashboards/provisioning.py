"""What Grafana finds at its start: where the numbers are, and where the dashboards."""

from __future__ import annotations

from typing import Any, Final

from phoenix_otel.generate.alert_config import AlertConfig
from phoenix_otel.generate.promql import duration_text

_FOLDER: Final = "/var/lib/grafana/dashboards"


def datasource(config: AlertConfig) -> dict[str, Any]:
    """Return Prometheus as Grafana's data source; the scrape interval is what $__rate_interval is made from."""
    return {
        "apiVersion": 1,
        "datasources": [
            {
                "name": "Prometheus",
                "uid": "phoenix-otel-prometheus",
                "type": "prometheus",
                "access": "proxy",
                "url": f"http://{config.prometheus}",
                "isDefault": True,
                "editable": False,
                "jsonData": {
                    "httpMethod": "POST",
                    "prometheusType": "Prometheus",
                    "timeInterval": duration_text(config.scrape_interval),
                },
            }
        ],
    }


def provider() -> dict[str, Any]:
    """Return where Grafana finds the dashboards; what is changed in the browser cannot be saved over them."""
    return {
        "apiVersion": 1,
        "providers": [
            {
                "name": "phoenix_otel",
                "folder": "Phoenix scraper",
                "folderUid": "phoenix-otel",
                "type": "file",
                "allowUiUpdates": False,
                "updateIntervalSeconds": 30,
                "options": {"path": _FOLDER},
            }
        ],
    }
