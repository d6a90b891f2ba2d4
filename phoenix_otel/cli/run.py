"""phoenix-otel run: a program with telemetry, without a change in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
from opentelemetry.instrumentation import auto_instrumentation

from phoenix_otel import environment_variables as env
from phoenix_otel.distro import DEFAULTS, NAME


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(command: tuple[str, ...]) -> None:
    """Run COMMAND, such as `python scraper.py`, with telemetry; put `--` before it.

    The same as opentelemetry-instrument with the distro `phoenix`. The command takes this process's place: signals
    reach it, and its exit code is the one that is seen.
    """
    executable = shutil.which(command[0])
    if executable is None:
        click.echo(f"phoenix-otel run: {command[0]} is not a command that can be found", err=True)
        sys.exit(127)
    environment = {env.OTEL_PYTHON_DISTRO: NAME, **DEFAULTS, **os.environ}
    hook = str(Path(auto_instrumentation.__file__).parent)
    rest = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path and path != hook]
    environment["PYTHONPATH"] = os.pathsep.join([hook, *rest])
    if os.name == "nt":  # there, exec starts another process and ends this one at once
        sys.exit(subprocess.call([executable, *command[1:]], env=environment))  # noqa: S603 - the user's own command
    try:
        os.execve(executable, list(command), environment)  # noqa: S606 - as above
    except OSError as error:
        click.echo(f"phoenix-otel run: {command[0]} cannot be run: {error.strerror}", err=True)
        sys.exit(126)
