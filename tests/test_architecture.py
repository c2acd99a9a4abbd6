"""Imports point one way, and importing the library costs NumPy and nothing else."""

import ast
import json
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import tinygrad_loss

PACKAGE = Path(tinygrad_loss.__file__).parent
NAME = PACKAGE.name

# The only modules of the package that each part of the engine may import. What is no part of the
# story of backprop (the texts of errors, the methods of arrays) lies below all of it.
GROUND = {"errors", "methods"}
ENGINE = {
    "tensor": GROUND,
    "ops": GROUND | {"tensor"},
    "backprop": GROUND | {"tensor", "ops"},
    "functions": GROUND | {"tensor", "ops"},
} | {name: GROUND - {name} for name in GROUND}
GUESTS = {"graph", "unroll", "watch"}


def module_name(path: Path) -> str:
    """Dotted name inside the package; the package itself is "__init__"."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in PACKAGE.rglob("*.py")}


def imported_modules(path: Path) -> set[str]:
    """Modules of the package that the file imports, also inside functions.

    Not what only annotations need: under TYPE_CHECKING nothing is imported when the program runs.
    """
    package = (NAME, *path.relative_to(PACKAGE).parent.parts)
    found: set[str] = set()
    tree = ast.parse(path.read_text("utf-8"))
    for_types = [
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for statement in block.body
        for node in ast.walk(statement)
    ]
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            source = ".".join((*base, *filter(None, [node.module])))
            submodules = [f"{source}.{alias.name}" for alias in node.names]
            names = [name if in_package(name) in MODULES else source for name in submodules]
        else:
            continue
        found.update(in_package(name) for name in names if name.split(".")[0] == NAME)
    return found


def in_package(name: str) -> str:
    return name.removeprefix(NAME).removeprefix(".") or "__init__"


IMPORTS = {name: imported_modules(path) - {name} for name, path in MODULES.items()}


def test_every_import_names_a_module_that_exists():
    assert set().union(*IMPORTS.values()) <= set(MODULES)


@pytest.mark.parametrize("name", sorted(ENGINE.keys() & MODULES.keys()))
def test_the_engine_imports_only_what_lies_below(name):
    assert IMPORTS[name] <= ENGINE[name]


def test_the_engine_is_where_readers_are_told():
    assert {"tensor", "ops", "backprop", "functions"} <= MODULES.keys()


def test_there_are_no_circles():
    TopologicalSorter(IMPORTS).prepare()  # raises CycleError and names the circle


def test_losses_import_no_layers():
    losses = [name for name in MODULES if name.split(".")[0] in {"losses", "regularizers"}]
    assert losses
    for name in losses:
        assert "nn" not in IMPORTS[name], name


def test_pictures_unroll_and_watch_are_guests():
    for name, imports in IMPORTS.items():
        if name != "__init__" and name.split(".")[0] not in GUESTS:
            assert not {module.split(".")[0] for module in imports} & GUESTS, name


def test_import_loads_numpy_and_the_standard_library_only():
    script = f"""
import json, sys
import numpy
before = set(sys.modules)
import {NAME}
loaded = {{name.split(".")[0] for name in set(sys.modules) - before}}
print(json.dumps(sorted(loaded - sys.stdlib_module_names)))
"""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(result.stdout) == [NAME]
