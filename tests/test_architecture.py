"""The house has five floors, imports point down, and importing it costs NumPy and nothing else."""

import ast
import json
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import tinygrad_loss

PACKAGE = Path(tinygrad_loss.__file__).parent
NAME = PACKAGE.name

# From the ground up. A room may import those of the floors below it, and none beside it.
FLOORS = [
    {"engine", "files"},
    {"losses", "optim", "data"},
    {"nn", "unroll"},
    {"inspection"},
    {"__init__"},  # of the package
]
PART_OF = {"regularizers": "losses"}  # its penalties check their arguments as losses do

# The files of the engine, from the ground up. Annotations may look up, as they may everywhere.
ENGINE = [
    {"copies", "words"},
    {"node"},
    {"errors", "mode", "arrays"},
    {"arguments"},
    {"ops", "backprop"},
    {"products"},
    {"functions"},
    {"numpy_protocol"},
    {"tensor"},
    {"transforms"},
]


def module_name(path: Path) -> str:
    """Dotted name inside the package; the package itself is "__init__"."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in PACKAGE.rglob("*.py")}


def imported_modules(source: str, folder: tuple[str, ...] = ()) -> set[str]:
    """Modules of the package that a file in this folder of it imports, also inside functions.

    Not what only annotations need: under TYPE_CHECKING nothing is imported when the program runs.
    """
    package = (NAME, *folder)
    found: set[str] = set()
    tree = ast.parse(source)
    for_types = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test).lstrip("_") == "TYPE_CHECKING"
        for statement in block.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join((*base, *filter(None, [node.module])))
            submodules = [f"{origin}.{alias.name}" for alias in node.names]
            names = [name if in_package(name) in MODULES else origin for name in submodules]
        else:
            continue
        found.update(in_package(name) for name in names if name.split(".")[0] == NAME)
    return found


def in_package(name: str) -> str:
    return name.removeprefix(NAME).removeprefix(".") or "__init__"


def room(module: str) -> str:
    first = module.split(".")[0]
    return PART_OF.get(first, first)


def arrows(imports: dict[str, set[str]], place=room) -> set[tuple[str, str]]:
    """Pairs of places, such as rooms, of which the first imports the second."""
    pairs = {(place(name), place(other)) for name, others in imports.items() for other in others}
    return {(a, b) for a, b in pairs if a != b}


def not_down(pairs: set[tuple[str, str]], floors: list[set[str]]) -> list[str]:
    """The arrows that do not point down by a floor or more."""
    level = {place: i for i, floor in enumerate(floors) for place in floor}
    return [f"{a} imports {b}" for a, b in sorted(pairs) if not level[b] < level[a]]


IMPORTS = {
    name: imported_modules(path.read_text("utf-8"), path.relative_to(PACKAGE).parent.parts) - {name}
    for name, path in MODULES.items()
}
IN_ENGINE = {
    name.removeprefix("engine."): {other.removeprefix("engine.") for other in others}
    for name, others in IMPORTS.items()
    if name.startswith("engine.")
}


def test_every_import_names_a_module_that_exists():
    assert set().union(*IMPORTS.values()) <= set(MODULES)


def test_every_room_has_its_floor():
    assert {room(name) for name in MODULES} == set().union(*FLOORS)


def test_imports_point_down_a_floor_or_more():
    assert not_down(arrows(IMPORTS), FLOORS) == []


def test_there_are_no_circles():
    TopologicalSorter(IMPORTS).prepare()  # raises CycleError and names the circle


def test_the_engine_reads_from_the_ground_up():
    assert IN_ENGINE.keys() == set().union(*ENGINE)
    assert IMPORTS["engine"] == set()
    assert not_down(arrows(IN_ENGINE, str), ENGINE) == []


def test_no_module_is_imported_by_its_name_as_a_string():
    """Which the tests above would not see. The package does it for `draw`, from the top."""
    for name, path in MODULES.items():
        if name != "__init__":
            source = path.read_text("utf-8")
            assert "import_module" not in source, name
            assert "__import__" not in source, name


# --- the checks themselves ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "imported", "wrong"),
    [
        ("engine.ops", "nn", ["engine imports nn"]),
        ("optim", "losses.checks", ["optim imports losses"]),
        ("losses.margin", "optim", ["losses imports optim"]),
        ("files", "engine.tensor", ["files imports engine"]),
        ("nn", "unroll", ["nn imports unroll"]),
        ("unroll.step", "inspection.graph.trace", ["unroll imports inspection"]),
        ("regularizers", "data", ["losses imports data"]),
        ("inspection", "__init__", ["inspection imports __init__"]),
        ("regularizers", "losses.checks", []),
        ("inspection.watch", "engine.node", []),
        ("engine.tensor", "engine.node", []),
    ],
)
def test_an_arrow_up_or_beside_is_found(module, imported, wrong):
    assert not_down(arrows({module: {imported}}), FLOORS) == wrong
    assert not_down(arrows(IMPORTS | {module: IMPORTS[module] | {imported}}), FLOORS) == wrong


@pytest.mark.parametrize(
    ("module", "imported"), [("ops", "tensor"), ("ops", "backprop"), ("errors", "arrays")]
)
def test_an_arrow_up_or_beside_in_the_engine_is_found(module, imported):
    changed = IN_ENGINE | {module: IN_ENGINE[module] | {imported}}
    assert not_down(arrows(changed, str), ENGINE) == [f"{module} imports {imported}"]


def test_a_circle_is_found():
    changed = IMPORTS | {"losses.checks": {"losses.margin"}}
    with pytest.raises(CycleError, match="cycle"):
        TopologicalSorter(changed).prepare()


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from .node import Node", {"engine.node"}),
        ("from . import ops, node", {"engine.ops", "engine.node"}),
        ("from ..nn import Module", {"nn"}),
        ("from .. import nn, Tensor", {"nn", "__init__"}),
        ("from ..losses import hinge", {"losses"}),
        ("import tinygrad_loss.nn", {"nn"}),
        ("from tinygrad_loss.inspection.graph import draw", {"inspection.graph"}),
        ("def f():\n    def g():\n        from .tensor import Tensor", {"engine.tensor"}),
        ("class C:\n    from ..nn import Module", {"nn"}),
        ("try:\n    from ..nn import Module\nexcept ImportError:\n    pass", {"nn"}),
        ("if TYPE_CHECKING:\n    from ..nn import Module", set()),
        ("if TYPE_CHECKING:\n    pass\nelse:\n    from ..nn import Module", {"nn"}),
        ("if not TYPE_CHECKING:\n    from ..nn import Module", {"nn"}),
        ("import numpy\nfrom numpy.lib import array_utils\nimport tinygrad", set()),
    ],
)
def test_imports_are_found_wherever_they_run(source, found):
    assert imported_modules(source, ("engine",)) == found


# --- what it costs --------------------------------------------------------------------------------


def loaded_by(statement: str) -> set[str]:
    """Modules that a fresh interpreter, which has NumPy already, loads for a statement."""
    script = f"""
import json, sys
import numpy
before = set(sys.modules)
{statement}
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(result.stdout))


def test_import_loads_numpy_and_the_standard_library_only():
    loaded = loaded_by(f"import {NAME}")
    assert {name.split(".")[0] for name in loaded} - sys.stdlib_module_names == {NAME}
    assert not loaded & {"graphviz", "matplotlib", "importlib.metadata", "asyncio"}


def test_what_import_leaves_out_is_loaded_when_it_is_used():
    loaded = loaded_by(f"import {NAME}; {NAME}.draw")
    assert {"graphviz", f"{NAME}.inspection.graph.trace"} <= loaded
