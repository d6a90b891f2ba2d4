"""phoenix-otel generate: each word writes its files, and what is wrong is said in a line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import phoenix_otel
from phoenix_otel.cli import main

FILES = {
    "alerts": {"prometheus/alerts.yml"},
    "prometheus": {"prometheus/prometheus.yml"},
    "alertmanager": {"alertmanager/alertmanager.yml", "alertmanager/templates/phoenix_otel.tmpl"},
    "collector": {"otel-collector.yaml", "gateway.yaml"},
    "docs": {"alerts.md", "configuration.md", "metrics.md"},
}


def generate(*arguments: str | Path) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["generate", *map(str, arguments)])


def written(folder: Path) -> set[str]:
    """Return all files below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("word", sorted(FILES))
def test_each_word_writes_its_files(tmp_path: Path, word: str) -> None:
    result = generate(word, "--out", tmp_path / "out")

    assert result.exit_code == 0, result.output
    assert written(tmp_path / "out") == FILES[word]
    assert set(result.output.splitlines()) == {f"wrote {tmp_path / 'out' / name}" for name in FILES[word]}


def test_several_words_write_the_files_of_each(tmp_path: Path) -> None:
    assert generate("alerts", "prometheus", "--out", tmp_path).exit_code == 0
    assert written(tmp_path) == FILES["alerts"] | FILES["prometheus"]


def test_all_is_what_python_writes(tmp_path: Path) -> None:
    assert generate("all", "--out", tmp_path / "command").exit_code == 0
    paths = phoenix_otel.export_prometheus_config(str(tmp_path / "python"))

    names = written(tmp_path / "command")
    assert names >= set().union(*(FILES[word] for word in FILES if word != "docs"))
    assert {path.relative_to(tmp_path / "python").as_posix() for path in paths} == names
    for name in names:
        assert (tmp_path / "command" / name).read_bytes() == (tmp_path / "python" / name).read_bytes()


def test_without_out_it_writes_where_the_stack_reads() -> None:
    assert generate("alerts").exit_code == 0
    assert written(Path.cwd()) == {"collector-config/prometheus/alerts.yml"}


def test_a_configuration_file_is_used(tmp_path: Path) -> None:
    (tmp_path / "alerts.toml").write_text("job = 'mls'\ndisabled = ['SessionExpired']\n", "utf-8")
    assert generate("alerts", "--out", tmp_path, "--config", tmp_path / "alerts.toml").exit_code == 0

    text = (tmp_path / "prometheus/alerts.yml").read_text("utf-8")
    assert "phoenix_scraper" not in text
    assert 'up{job="mls"}' in text
    assert "SessionExpired" not in text


def test_a_wrong_configuration_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "alerts.toml"
    file.write_text("jbo = 'mls'\nrate_window = '1s'\n", "utf-8")

    result = generate("all", "--out", tmp_path / "out", "--config", file)

    assert result.exit_code == 2
    assert result.output.splitlines() == [
        f"phoenix-otel generate: option jbo: 'mls' from file {file} is unknown; did you mean job?",
        f"option rate_window: 1.0 from file {file} is not allowed; allowed: at least 4 scrape_intervals",
    ]
    assert not (tmp_path / "out").exists()


def test_a_missing_configuration_is_one_line(tmp_path: Path) -> None:
    result = generate("alerts", "--config", tmp_path / "missing.toml")

    assert result.exit_code == 2
    assert len(result.output.splitlines()) == 1
    assert result.output.startswith(f"phoenix-otel generate: option config: '{tmp_path}/missing.toml' from argument")


def test_an_unknown_word_is_refused() -> None:
    result = generate("alarms")
    assert result.exit_code == 2
    assert "'alarms' is not one of 'alerts', 'prometheus', 'alertmanager', 'collector'" in result.output


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", "utf-8")
    result = generate("alerts", "--out", tmp_path / "file" / "out")

    assert result.exit_code == 2
    assert len(result.output.splitlines()) == 1
    assert result.output.startswith("phoenix-otel generate: [Errno ")


def test_without_pyyaml_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    result = generate("alerts", "--out", tmp_path)

    assert (result.exit_code, result.output) == (
        2,
        "phoenix-otel generate: writing YAML needs PyYAML: pip install 'phoenix-otel[generate]'\n",
    )
    assert not written(tmp_path)


def test_a_scraper_loads_nothing_of_it() -> None:
    program = "import sys, phoenix_otel; print([name for name in sys.modules if 'generate' in name or name == 'yaml'])"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout == "[]\n"


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'phoenix_otel' has no attribute 'AlertConfg'"):
        phoenix_otel.AlertConfg  # type: ignore[attr-defined]  # noqa: B018
