"""Every file that is generated: what makes it, and where it goes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from phoenix_otel.config import ConfigError
from phoenix_otel.generate.alert_config import AlertConfig
from phoenix_otel.generate.alert_reference import alert_reference
from phoenix_otel.generate.alertmanager import alertmanager_config, message_templates
from phoenix_otel.generate.collector import agent, gateway
from phoenix_otel.generate.configuration_reference import configuration_reference
from phoenix_otel.generate.dashboards import DASHBOARDS, dashboard_json
from phoenix_otel.generate.dashboards.provisioning import datasource, provider
from phoenix_otel.generate.metric_reference import metric_reference
from phoenix_otel.generate.prometheus import prometheus_config, rule_file

Maker = Callable[[AlertConfig], str]


def _yaml(make: Callable[[AlertConfig], dict[str, Any]]) -> Maker:
    return lambda config: _HEADER + dump_yaml(make(config))


_HEADER: Final = "# made by `phoenix-otel generate`; change its configuration, not this file\n"

CONFIGURATION: Final[Mapping[str, Mapping[str, Maker]]] = {
    "alerts": {"prometheus/alerts.yml": _yaml(rule_file)},
    "prometheus": {"prometheus/prometheus.yml": _yaml(prometheus_config)},
    "alertmanager": {
        "alertmanager/alertmanager.yml": _yaml(alertmanager_config),
        "alertmanager/templates/phoenix_otel.tmpl": lambda _: message_templates(),
    },
    "collector": {"otel-collector.yaml": _yaml(agent), "gateway.yaml": _yaml(gateway)},
    "dashboards": {
        **{f"grafana/dashboards/{name}.json": partial(dashboard_json, name) for name in DASHBOARDS},
        "grafana/provisioning/dashboards/phoenix_otel.yml": _yaml(lambda _: provider()),
        "grafana/provisioning/datasources/phoenix_otel.yml": _yaml(datasource),
    },
}
"""For each word of the command line: files below collector-config/, and what makes their text."""

DOCS: Final[Mapping[str, Maker]] = {
    "alerts.md": alert_reference,
    "configuration.md": lambda _: configuration_reference(),
    "metrics.md": lambda _: metric_reference(),
}
"""Pages below docs/."""


def write(files: Mapping[str, Maker], config: AlertConfig, folder: Path) -> Iterator[Path]:
    """Write the files below a folder, each whole or not at all; yield their paths."""
    for path, make in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        new = target.with_name(f".{target.name}.new")
        new.write_text(make(config), encoding="utf-8")
        new.replace(target)
        yield target


def export_prometheus_config(output_dir: str | os.PathLike[str], config: AlertConfig | None = None) -> list[Path]:
    """Write all configuration below a directory, as `phoenix-otel generate all` does; returns the files' paths.

    Raises ConfigError if PyYAML or grafana-foundation-sdk is missing: pip install 'phoenix-otel[generate]'.
    """
    settings = config or AlertConfig()
    return [path for files in CONFIGURATION.values() for path in write(files, settings, Path(output_dir))]


def dump_yaml(document: dict[str, Any]) -> str:
    """Write YAML in the order given, with several lines of text as blocks."""
    try:
        import yaml
    except ImportError as error:
        raise ConfigError("writing YAML needs PyYAML: pip install 'phoenix-otel[generate]'") from error

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, indentless=False)

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
        # Go reads other kinds of line breaks as a space or as \n, unless they are escaped
        style = '"' if set(value) & set("\x85\u2028\u2029") else "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return yaml.dump(document, Dumper=Dumper, sort_keys=False, width=10_000, allow_unicode=True)
