"""The command group; a command's module is imported when it is called, so that one missing extra breaks one command."""

from __future__ import annotations

import importlib
from typing import Final

import click

from phoenix_otel._version import __version__

_COMMANDS: Final = ("demo", "generate", "run")


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"phoenix_otel.cli.{cmd_name}"), cmd_name)
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="phoenix-otel")
def main() -> None:
    """OpenTelemetry metrics for web scrapers."""
