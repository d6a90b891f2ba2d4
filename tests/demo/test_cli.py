"""`phoenix-otel demo` as a command."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from phoenix_otel.cli import main
from phoenix_otel.cli.demo import print_json
from phoenix_otel.demo.comparison import differences
from phoenix_otel.demo.run import DemoOptions

from .conftest import PASSWORDS


def test_json_is_one_document_and_nothing_else() -> None:
    result = CliRunner().invoke(main, ["demo", "--json", "--duration", "0.5", "--port", "0", "--no-faults"])
    assert (result.exit_code, result.stderr) == (0, "")
    report = json.loads(result.stdout)
    assert list(report) == ["url", "seconds", "storage", "faults", "truth", "metrics"]
    assert (report["storage"], report["faults"]) == ("in memory", False)
    assert report["seconds"] >= 0.5
    assert report["truth"]["scraper_requests_total"]
    assert differences(report["truth"], report["metrics"]) == []


def test_json_has_no_password(capsys: pytest.CaptureFixture[str]) -> None:
    print_json(DemoOptions(duration=0.5, port=0, passwords=PASSWORDS))
    printed = capsys.readouterr()
    assert json.loads(printed.out)["truth"]["proxy_requests_total"]
    assert [password for password in PASSWORDS if password in printed.out + printed.err] == []


def test_without_a_terminal_it_prints_lines_and_a_verdict() -> None:
    result = CliRunner().invoke(main, ["demo", "--duration", "0.5", "--port", "0"])
    assert (result.exit_code, result.stderr) == (0, "")
    first, *_, verdict = result.stdout.splitlines()
    assert first.startswith("metrics at http://127.0.0.1:")
    assert verdict.endswith("what the site and the proxies counted: 0 differ.")


@pytest.mark.parametrize("missing", ["bs4", "rich", "tenacity"])
def test_a_missing_extra_is_one_line_that_names_the_cure(missing: str) -> None:
    without = f"import sys; sys.modules[{missing!r}] = None"
    code = f"{without}; from phoenix_otel.cli import main; main(['demo', '--duration', '1'])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [f"The demo needs {missing}: pip install 'phoenix-otel[demo]'"]


@pytest.mark.parametrize("wrong", [["--duration", "-1"], ["--port", "70000"], ["--seed", "x"]])
def test_a_wrong_option_is_refused(wrong: list[str]) -> None:
    result = CliRunner().invoke(main, ["demo", *wrong])
    assert result.exit_code == 2
    assert "Invalid value" in result.stderr
