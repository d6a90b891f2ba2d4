"""phoenix-otel generate: files made from the catalog and the options."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from phoenix_otel.config import ConfigError
from phoenix_otel.generate.alert_config import AlertConfig
from phoenix_otel.generate.files import CONFIGURATION, DOCS, Maker, write

_ALL: Final = "all"
_DOCS: Final = "docs"
_FOLDERS: Final = {_DOCS: Path("docs")}
_FOLDER: Final = Path("collector-config")


@click.command()
@click.argument("targets", type=click.Choice([*CONFIGURATION, _ALL, _DOCS]), nargs=-1, required=True)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory to write below. Default: collector-config, for docs docs.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help="TOML file with thresholds, routes and addresses; see docs/alerts.md.",
)
def generate(targets: tuple[str, ...], out: Path | None, config_file: Path | None) -> None:
    """Write alert rules, Prometheus, Alertmanager and Collector configuration, and dashboards.

    `all` is all of these; `docs` are the reference pages of this project.
    """
    try:
        config = AlertConfig.from_file(config_file) if config_file else AlertConfig()
        for target in targets:
            for files in _chosen(target):
                for path in write(files, config, out or _FOLDERS.get(target, _FOLDER)):
                    click.echo(f"wrote {path}")
    except (ConfigError, OSError) as error:
        click.echo(f"phoenix-otel generate: {error}", err=True)
        sys.exit(2)


def _chosen(target: str) -> list[Mapping[str, Maker]]:
    if target == _DOCS:
        return [DOCS]
    return list(CONFIGURATION.values()) if target == _ALL else [CONFIGURATION[target]]
