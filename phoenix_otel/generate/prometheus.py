"""Prometheus: its rule file and its configuration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from phoenix_otel.generate.alert import SEVERITIES
from phoenix_otel.generate.alert_config import AlertConfig
from phoenix_otel.generate.promql import duration_text
from phoenix_otel.generate.recording_rules import RECORDING_RULES

RULES: Final = "alerts.yml"

# a target that DNS finds is known by its name: its address is another one after each restart
_INSTANCE_BY_NAME: Final = {
    "source_labels": ["__meta_dns_name", "__address__"],
    "regex": r"(.+);.*:(\d+)",
    "target_label": "instance",
    "replacement": "$1:$2",
}


def rule_file(config: AlertConfig) -> dict[str, Any]:
    """Return recording rules, then alerts by severity: a group is evaluated in order."""
    recording = [
        {"record": rule.record(config.query), "expr": rule.expression(config.query)} for rule in RECORDING_RULES
    ]
    alerts = config.alert_rules()
    groups = {"recording": recording} | {
        severity: [rule.to_prometheus() for rule in alerts if rule.severity == severity] for severity in SEVERITIES
    }
    return {"groups": [{"name": f"{config.job}_{name}", "rules": rules} for name, rules in groups.items() if rules]}


def prometheus_config(config: AlertConfig) -> dict[str, Any]:
    """Return who is scraped how often, which rules are evaluated, and where alerts go."""
    job, collectors = config.job, config.collectors
    interval = duration_text(config.scrape_interval)
    labels = {"external_labels": dict(config.external_labels)} if config.external_labels else {}
    return {
        "global": {
            "scrape_interval": interval,
            "evaluation_interval": duration_text(config.evaluation_interval),
            **labels,
        },
        "rule_files": [RULES],
        "alerting": {"alertmanagers": [_discovery(config.alertmanagers, interval)]},
        "scrape_configs": [
            _scrape(job, config.targets, interval, **config.scrape.settings(), **_files(config.target_files, interval)),
            # the Collector's endpoint shows each scraper under its own job and instance
            *([_scrape(f"{job}_otlp", collectors, interval, honor_labels=True)] if collectors else []),
            *([_scrape("otel_collector", _telemetry(config), interval)] if collectors else []),
            _scrape("prometheus", (config.prometheus,), interval),
            _scrape("alertmanager", config.alertmanagers, interval),
        ],
    }


def _telemetry(config: AlertConfig) -> tuple[str, ...]:
    port = config.collector.telemetry.rpartition(":")[2]
    return tuple(f"{target.rpartition(':')[0]}:{port}" for target in config.collectors)


def _files(patterns: Iterable[str], interval: str) -> dict[str, Any]:
    files = list(patterns)
    return {"file_sd_configs": [{"files": files, "refresh_interval": interval}]} if files else {}


def _scrape(job: str, targets: Iterable[str], interval: str, **settings: Any) -> dict[str, Any]:
    discovery = _discovery(targets, interval)
    relabel = {"relabel_configs": [_INSTANCE_BY_NAME]} if "dns_sd_configs" in discovery else {}
    return {"job_name": job, **settings, **discovery, **relabel}


def _discovery(targets: Iterable[str], interval: str) -> dict[str, Any]:
    static = [target for target in targets if not target.startswith("dns+")]
    found: dict[str, Any] = {"static_configs": [{"targets": static}]} if static else {}
    names = [target.removeprefix("dns+").rpartition(":") for target in targets if target.startswith("dns+")]
    if names:
        found["dns_sd_configs"] = [
            {"names": [name], "type": "A", "port": int(port), "refresh_interval": interval} for name, _, port in names
        ]
    return found
