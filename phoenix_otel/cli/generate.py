"""phoenix-otel generate: files made from the catalog and the options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from phoenix_otel.generate.configuration_reference import configuration_reference
from phoenix_otel.generate.metric_reference import metric_reference

_TARGETS: Final[dict[str, dict[str, Callable[[], str]]]] = {
    "metrics": {"docs/metrics.md": metric_reference},
    "configuration": {"docs/configuration.md": configuration_reference},
}
"""What can be generated: for each word, files relative to --out and what makes their text."""


@click.command()
@click.argument("target", type=click.Choice([*_TARGETS, "all"]))
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Directory to write below. Default: here.",
)
def generate(target: str, out: Path) -> None:
    """Write the files that are made from the catalog and the options."""
    for name, files in _TARGETS.items():
        for path, text in files.items() if target in (name, "all") else ():
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            (out / path).write_text(text(), encoding="utf-8")
            click.echo(f"wrote {out / path}")
