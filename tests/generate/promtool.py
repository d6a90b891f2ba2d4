"""What Prometheus's own parser and engine say of queries."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from tests.stack.process import binary

_PROBE: Final = "probe"
_SELECTOR: Final = re.compile(r'([a-zA-Z_:][\w:]*)\{(?:[^{}"]|"(?:[^"\\]|\\.)*")*?\bprobe="x"')
_GROUPED: Final = re.compile(r"\bby \(([^)]*)\)")


def run(*arguments: str | Path) -> str:
    """Run promtool and return what it prints; fails with what it says."""
    done = subprocess.run([binary("promtool"), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def metric_names(expressions: Iterable[str]) -> set[str]:
    """Return the names of all series that are selected: the parser marks each selector, whatever it looks like."""
    together = " or ".join(f"({expression})" for expression in expressions)
    marked = run("--experimental", "promql", "label-matchers", "set", together, _PROBE, "x")
    names = _SELECTOR.findall(marked)
    assert len(names) == marked.count(f'{_PROBE}="x"')
    return set(names)


def grouping_labels(expression: str) -> set[str]:
    """Return the labels that a query groups by."""
    found = {label.strip() for labels in _GROUPED.findall(expression) for label in labels.split(",")}
    return found - {""}


def check_rules(folder: Path, expressions: Iterable[str]) -> None:
    """Fail unless each can be the expression of a rule."""
    rules = [{"record": f"query:{number}", "expr": expression} for number, expression in enumerate(expressions)]
    file = folder / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), "utf-8")
    run("check", "rules", file)


def evaluate(
    folder: Path, series: Mapping[str, str], expression: str, expected: Mapping[str, float], at: str = "10m"
) -> None:
    """Fail unless the query returns exactly this, for samples each minute in promtool's notation."""
    case: dict[str, Any] = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": expression,
                "eval_time": at,
                "exp_samples": [{"labels": labels, "value": value} for labels, value in expected.items()],
            }
        ],
    }
    file = folder / "test.yml"
    file.write_text(json.dumps({"rule_files": [], "tests": [case]}), "utf-8")
    run("test", "rules", file)
