"""The floors of the house: a module imports from floors below its own, or from its own package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import phoenix_otel
from phoenix_otel import environment_variables

PACKAGE = Path(phoenix_otel.__file__).parent
FLOORS = {
    "_version": 0,
    "environment_variables": 0,
    "_guard": 0,
    "redaction": 0,
    "catalog": 0,
    "options": 1,
    "class_targets": 1,
    "config_file": 1,
    "config": 1,
    "generate": 2,
    "recorders": 2,
    "sdk": 2,
    "pipeline": 3,
    "instrumentation": 3,
    "telemetry": 4,
    "integration": 4,
    "distro": 5,
    "testing": 5,
    "demo": 5,
    "cli": 6,
}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def top(dotted: str) -> str:
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 else ""


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def identify(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=identify)
def test_imports_come_from_floors_below(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for imported in imports(path):
        if imported.split(".")[0] != "phoenix_otel":
            continue
        target = top(imported)
        public = target not in FLOORS  # `from phoenix_otel import name`: the public names, as a user would
        allowed = FLOORS[own] >= 5 if public else FLOORS[target] < FLOORS[own] or _same_package(own, target)
        assert allowed, f"{identify(path)} (floor {FLOORS[own]}) imports {imported}"


def _same_package(own: str, target: str) -> bool:
    both_modules = not (PACKAGE / own).is_dir() and not (PACKAGE / target).is_dir()
    return own == target or (both_modules and FLOORS[own] == FLOORS[target])


@pytest.mark.parametrize("path", sorted((PACKAGE / "catalog").glob("*.py")), ids=identify)
def test_catalog_imports_no_opentelemetry(path: Path) -> None:
    assert not [name for name in imports(path) if name.startswith("opentelemetry")]


@pytest.mark.parametrize("path", sorted((PACKAGE / "recorders").glob("*.py")), ids=identify)
def test_recorders_need_the_opentelemetry_api_alone(path: Path) -> None:
    assert not [name for name in imports(path) if name.startswith("opentelemetry.sdk")]


@pytest.mark.parametrize("path", MODULES, ids=identify)
def test_a_file_does_one_thing(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", MODULES, ids=identify)
def test_variables_are_named_in_one_place(path: Path) -> None:
    ours = {value for name, value in vars(environment_variables).items() if name.isupper()}
    literals = {node.value for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Constant)}
    spelled_again = {value for value in literals if isinstance(value, str)} & ours

    assert path.name == "environment_variables.py" or not spelled_again


def test_the_public_names() -> None:
    assert sorted(phoenix_otel.__all__) == phoenix_otel.__all__
    assert all(hasattr(phoenix_otel, name) for name in phoenix_otel.__all__)
