"""`phoenix-otel run`: signals, exit codes, and every way to name a command."""

from __future__ import annotations

import shutil
import signal
import stat
import sys
from pathlib import Path

import pytest

from tests.zero_code.numbers import value
from tests.zero_code.programs import BIN, RUN, Ended, eventually, run, started

HANDLES = """\
import signal, sys, time

def leave(number, frame):
    print("told", signal.Signals(number).name, flush=True)
    sys.exit(40 + number)

signal.signal(signal.SIGINT, leave)
signal.signal(signal.SIGTERM, leave)
print("ready", flush=True)
time.sleep(60)
"""
LEAVES_IT = "import time; print('ready', flush=True); time.sleep(60)"
COUNTS = """\
from opentelemetry import metrics
import sys
metrics.get_meter("mine").create_counter("mine").add(3)
print("counted", *sys.argv[1:], flush=True)
sys.stdin.read()
sys.exit(7)
"""


def after_signal(code: str, number: signal.Signals, directory: Path, *launcher: str) -> Ended:
    with started([*launcher, sys.executable, "-c", code], directory, {}) as program:
        eventually(lambda: program.out == "ready\n")
        program.signal(number)
        return program.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_signals_reach_the_program(number: signal.Signals, tmp_path: Path) -> None:
    ended = after_signal(HANDLES, number, tmp_path, *RUN)

    assert ended == Ended(40 + number, f"ready\ntold {number.name}\n", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_that_the_program_leaves_alone_ends_it_as_ever(number: signal.Signals, tmp_path: Path) -> None:
    with_us = after_signal(LEAVES_IT, number, tmp_path, *RUN)

    assert with_us == after_signal(LEAVES_IT, number, tmp_path)
    assert with_us.code == -number


@pytest.mark.parametrize("code", [7])
def test_the_exit_code_is_the_programs(code: int, tmp_path: Path) -> None:
    assert run([*RUN, sys.executable, "-c", f"raise SystemExit({code})"], tmp_path) == Ended(code, "", "")


def seen_counting(command: list[str], directory: Path) -> Ended:
    """Run a program that counts to 3 with a meter of its own, which must show on the endpoint."""
    with started(command, directory, {}) as program:
        eventually(lambda: program.out.startswith("counted"))
        assert value(program.page().text, "mine_total") == 3
        return program.end()


def test_relative_path(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "count.py").write_text(COUNTS, "utf-8")

    ended = seen_counting([*RUN, "python", "jobs/count.py", "--fast", "-v"], tmp_path)

    assert ended == Ended(7, "counted --fast -v\n", "")


def test_module(tmp_path: Path) -> None:
    (tmp_path / "counting").mkdir()
    (tmp_path / "counting" / "__init__.py").touch()
    (tmp_path / "counting" / "__main__.py").write_text(COUNTS, "utf-8")

    assert seen_counting([*RUN, "python", "-m", "counting", "x"], tmp_path) == Ended(7, "counted x\n", "")


def script(path: Path) -> None:
    path.write_text(f"#!{sys.executable}\n{COUNTS}", "utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_script_of_its_own(tmp_path: Path) -> None:
    script(tmp_path / "scrape")

    assert seen_counting([*RUN, "./scrape", "y"], tmp_path) == Ended(7, "counted y\n", "")


def test_script_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path / "scrape-listings")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    assert seen_counting([*RUN, "scrape-listings", "--", "z"], tmp_path) == Ended(7, "counted -- z\n", "")


def test_without_dashes_and_with_options_of_the_command(tmp_path: Path) -> None:
    ended = run(
        [str(BIN / "phoenix-otel"), "run", sys.executable, "-c", "import sys; print(sys.flags.utf8_mode)"], tmp_path
    )
    assert ended == Ended(0, "0\n", "")


def test_command_that_is_not_there(tmp_path: Path) -> None:
    assert run([*RUN, "no-such-scraper", "--fast"], tmp_path) == Ended(
        127, "", "phoenix-otel run: no-such-scraper is not a command that can be found\n"
    )


def test_command_that_cannot_be_run(tmp_path: Path) -> None:
    """A text file with the right to be executed, and no interpreter in its first line."""
    (tmp_path / "notes").write_text("no program", "utf-8")
    (tmp_path / "notes").chmod(0o755)

    ended = run([*RUN, "./notes"], tmp_path)

    assert ended.code == 126
    assert len(ended.err.splitlines()) == 1


def test_the_environment_stays_what_it_was_but_for_ours(tmp_path: Path) -> None:
    show = "import os; print(sorted(os.environ)); print(os.getcwd())"
    bare = run([sys.executable, "-c", show], tmp_path, PYTHONPATH="/somewhere")
    with_us = run([*RUN, sys.executable, "-c", show], tmp_path, PYTHONPATH="/somewhere")

    names, where = (ended.splitlines() for ended in (bare.out, with_us.out))
    added = set(eval(where[0])) - set(eval(names[0]))  # noqa: S307 - a list that a program of ours has printed
    assert added == {"OTEL_PYTHON_DISTRO", "OTEL_PYTHON_CONFIGURATOR", "OTEL_SEMCONV_STABILITY_OPT_IN"}
    assert names[1] == where[1]
    assert with_us.err == ""


def test_programs_that_the_program_starts_do_not_disturb_it(tmp_path: Path) -> None:
    """A child inherits the hook and finds the port taken; it takes another, and its output is its own."""
    child = "import subprocess, sys; print(subprocess.run([sys.executable, '-c', 'print(6)']).returncode)"

    ended = run([*RUN, sys.executable, "-c", child], tmp_path)

    assert (ended.code, ended.out) == (0, "6\n0\n")
    assert len(ended.err.splitlines()) == 1


def test_instrument_is_found_beside_us() -> None:
    assert shutil.which("opentelemetry-instrument", path=str(BIN)) == str(BIN / "opentelemetry-instrument")
