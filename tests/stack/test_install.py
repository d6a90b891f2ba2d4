"""The real servers that tests run against."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.stack import process
from tests.stack.mongo import ferretdb_binary, running_mongo
from tests.stack.process import ROOT


def test_ferretdb_ends_cleanly_when_asked_and_keeps_what_it_was_told(tmp_path: Path) -> None:
    with running_mongo(tmp_path) as server:
        assert server.answers()
        assert server.stop() == 0
        assert not server.answers()
        server.start()
        assert server.answers()


def test_ferretdb_says_what_is_wrong(tmp_path: Path) -> None:
    wrong = subprocess.run(
        [ferretdb_binary(), "-dir", str(tmp_path / "missing")], capture_output=True, text=True, timeout=20, check=False
    )
    assert wrong.returncode == 1
    assert "is not a directory" in wrong.stderr


def test_install_does_nothing_twice() -> None:
    ferretdb_binary()
    again = subprocess.run([ROOT / "tests/stack/install"], capture_output=True, text=True, timeout=60, check=True)
    assert "ferretdb is there" in again.stdout


def test_unknown_component_is_refused() -> None:
    wrong = subprocess.run(
        [ROOT / "tests/stack/install", "nonsense"], capture_output=True, text=True, timeout=20, check=False
    )
    assert (wrong.returncode, wrong.stderr) == (2, "stack: no component is called nonsense\n")


def test_missing_binary_skips_or_fails_where_it_is_required(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(process, "ROOT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PHOENIX_OTEL_REQUIRE_STACK", "0")
    with pytest.raises(pytest.skip.Exception, match="tests/stack/install ferretdb"):
        ferretdb_binary()
    monkeypatch.setenv("PHOENIX_OTEL_REQUIRE_STACK", "1")
    with pytest.raises(pytest.fail.Exception, match="tests/stack/install ferretdb"):
        ferretdb_binary()
