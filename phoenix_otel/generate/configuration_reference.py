"""docs/configuration.md: every option with its variables, default and what it allows."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from itertools import pairwise

from phoenix_otel import environment_variables
from phoenix_otel.config import OPTIONS
from phoenix_otel.options import Option

_INTRODUCTION = """\
# Configuration

<!-- made from phoenix_otel/config.py and environment_variables.py by `make generate`; edit it there -->

Every option can be given in four places; the first one that has it wins:

1. as an argument: `configure_telemetry(port=9100)`, or `configure_telemetry(config=MetricsConfig(port=9100))`;
   `None` means not given, and a keyword wins over the object;
2. as an environment variable;
3. in a file: the one that `config_file=` or `PHOENIX_OTEL_CONFIG_FILE` names, else `phoenix-otel.toml`, else the table
   `[tool.phoenix_otel]` of `pyproject.toml`, both in the working directory;
4. as the default.

`telemetry.config.sources` tells where each value came from. A wrong value or an unknown name raises one `ConfigError`
with a line for each problem:

```text
option port: 'abc' from environment variable OTEL_EXPORTER_PROMETHEUS_PORT is not allowed; allowed: a whole number \
from 0 to 65535
```

A file looks like this:

```toml
port = 9100
collection_interval = 30
response_time_buckets = [0.5, 1, 2, 5, 10]

[labels]
service = "phoenix_mls"
environment = "prod"
```

## Options
"""


def configuration_reference() -> str:
    """Return the whole page, in Markdown."""
    return "\n".join([_INTRODUCTION, *_options(), *_variables()]) + "\n"


def _options() -> Iterator[str]:
    yield "| option | default | environment variable | allowed | what it does |"
    yield "|---|---|---|---|---|"
    yield from (_row(name, option) for name, option in OPTIONS.items())


def _row(name: str, option: Option) -> str:
    variables = ", ".join(f"`{variable.name}`" for variable in option.variables)
    return f"| `{name}` | {_shown(option.default)} | {variables} | {option.parser.allowed} | {option.description} |"


def _shown(default: object) -> str:
    if isinstance(default, tuple):
        return ", ".join(f"{bound:.10g}" for bound in default) or "left out"
    if isinstance(default, Mapping) or default in ("", None):
        return "left out"
    return f"`{default:g}`" if isinstance(default, float) else f"`{str(default).lower()}`"


def _variables() -> Iterator[str]:
    yield from ("", "## Environment variables", "", "| variable | meaning |", "|---|---|")
    body = ast.parse(inspect.getsource(environment_variables)).body
    for assignment, meaning in pairwise(body):
        if isinstance(assignment, ast.AnnAssign) and isinstance(meaning, ast.Expr):
            yield f"| `{ast.unparse(assignment.target)}` | {ast.literal_eval(meaning.value)} |"
