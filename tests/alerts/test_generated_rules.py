"""Whatever is tuned, promtool accepts the rules; whatever is written in a rule, Prometheus reads the same."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phoenix_otel import AlertConfig, AlertRule
from phoenix_otel.generate.alert import PERCENT, RATIO, SECONDS, SEVERITIES, Alert
from phoenix_otel.generate.alerts import ALERTS
from phoenix_otel.generate.files import CONFIGURATION, write
from tests.stack.process import binary

YEAR: Final = 365 * 86_400
DURATIONS: Final = st.one_of(
    st.floats(0, YEAR), st.integers(0, YEAR), st.builds("{}h{}m{}s".format, *3 * [st.integers(0, 99)])
)
LONG: Final = st.one_of(st.floats(1, YEAR), st.integers(1, 8_760).map("{}h".format))
THRESHOLDS: Final = {RATIO: st.floats(0, 1), PERCENT: st.floats(0, 100), SECONDS: st.floats(0.001, YEAR)}
COUNTS: Final = st.floats(0, 1e12)
TEXTS: Final = st.text().filter(lambda text: text.strip() and "{{" not in text)


def tunings(alert: Alert) -> st.SearchStrategy[dict[str, Any]]:
    """Make what can be tuned of an alert, or parts of it."""
    options = {"severity": st.sampled_from(SEVERITIES), "for": DURATIONS, "keep_firing_for": DURATIONS}
    if alert.default.threshold is not None:
        options["threshold"] = THRESHOLDS.get(alert.threshold, COUNTS)
    if alert.default.window is not None:
        options["window"] = LONG
    if alert.default.floor is not None:
        options["floor"] = COUNTS
    return st.fixed_dictionaries({}, optional=options)


CONFIGURATIONS: Final = st.builds(
    AlertConfig,
    alerts=st.fixed_dictionaries({}, optional={name: tunings(alert) for name, alert in ALERTS.items()}),
    disabled=st.lists(st.sampled_from(sorted(ALERTS)), unique=True),
    rate_window=st.floats(60, YEAR),
    job=st.from_regex(r"[a-z0-9_][a-z0-9_.-]*", fullmatch=True),
)


def rule_file(config: AlertConfig, folder: Path) -> Path:
    """Write the rules of a configuration as the command does."""
    (path,) = write(CONFIGURATION["alerts"], config, folder)
    return path


def escaped(document: object) -> str:
    """Write a document as JSON, with all but plain characters escaped as YAML has it."""
    text = json.dumps(document, ensure_ascii=False)
    return "".join(char if " " <= char <= "~" else f"\\U{ord(char):08x}" for char in text)


def promtool(*arguments: str | Path) -> None:
    """Run promtool, which must be content."""
    run = subprocess.run(
        [binary("promtool"), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_any_tuning_makes_rules_that_promtool_accepts(tmp_path: Path) -> None:
    files: list[Path] = []

    @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
    @given(CONFIGURATIONS)
    def make(config: AlertConfig) -> None:
        files.append(rule_file(config, tmp_path / str(len(files))))

    make()
    promtool("check", "rules", *files)


def test_any_text_of_a_rule_reaches_prometheus(tmp_path: Path) -> None:
    """The same text is expected in JSON's notation, which leaves nothing to styles and escapes of YAML."""
    texts: list[tuple[str, str, str]] = [
        ("a \"quoted\" 'word'", "two\nlines\n\n  and more \n", "yes"),
        ("# no comment: {a: [b]} & *c | > %d @e `f`", "\ttab\r\nend ", "0o17"),
        ("- item", "\u2028 \u0085 \ufeff \x7f \x1b é 🏠", "1_000"),
        ("~", "---\n...", " 12:30:00 "),
        ("\u0085next", "line\u2028separator\nand\u0085more", "paragraph\u2029"),
    ]

    @settings(max_examples=100)
    @given(TEXTS, TEXTS, TEXTS)
    def make(summary: str, description: str, label: str) -> None:
        texts.append((summary, description, label))

    make()
    rules = tuple(
        AlertRule(name=f"Own{number}", expression="up == 0", summary=one, description=two, labels={"note": three})
        for number, (one, two, three) in enumerate(texts)
    )
    path = rule_file(AlertConfig(rules=rules), tmp_path)
    expected = [
        {
            "eval_time": "1m",
            "alertname": f"Own{number}",
            "exp_alerts": [
                {
                    "exp_labels": {"severity": "warning", "instance": "a", "note": three},
                    "exp_annotations": {"summary": one, "description": two},
                }
            ],
        }
        for number, (one, two, three) in enumerate(texts)
    ]
    series = [{"series": 'up{instance="a"}', "values": "0x10"}]
    cases = {"rule_files": [str(path)], "tests": [{"input_series": series, "alert_rule_test": expected}]}
    (tmp_path / "cases.yml").write_text(escaped(cases), "utf-8")

    promtool("test", "rules", tmp_path / "cases.yml")
