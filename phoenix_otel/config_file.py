"""The TOML file that options can be given in."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def read_file(named: str | os.PathLike[str] | None, problems: list[str]) -> tuple[Path, Mapping[str, Any]]:
    """Read the named file, else phoenix-otel.toml or pyproject.toml of the working directory if it has our table.

    What is wrong with it goes to `problems`, a line each.
    """
    for path in [Path(named)] if named else [Path("phoenix-otel.toml"), Path("pyproject.toml")]:
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            if named:
                problems.append(
                    f"option config_file: {str(path)!r} cannot be read ({error.strerror}); allowed: a TOML file"
                )
            continue
        except (OSError, ValueError) as error:
            if named or path.name == "phoenix-otel.toml":
                problems.append(f"option config_file: {str(path)!r} cannot be read ({error}); allowed: a TOML file")
            continue
        table = document.get("tool", {}).get("phoenix_otel") if path.name == "pyproject.toml" else document
        if table is not None:
            return path, table
    return Path(), {}
