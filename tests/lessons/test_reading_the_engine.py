"""Lesson 12 walks through the source: every file, name and line that it gives is there.

A name in backticks stands in the file that it is said to be in; a line that the lesson prints is in
the source as well as in the notebooks; and what the texts say of a file is looked up in it.
"""

import ast
import importlib
import json
import re
import textwrap
from pathlib import Path

import numpy as np
import pytest

import tinygrad_loss as tl
from tinygrad_loss.engine import backprop, ops, transforms

from .reading import LESSONS, code, pairs

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "tinygrad_loss" / "engine"
LESSON = LESSONS / "12_engine.py"
RECORD = ROOT / "tinygrad_loss" / "inspection" / "graph" / "record.py"
DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
NAMESPACES = {"tl": tl, "np": np, "Tensor": tl.Tensor, "nn": tl.nn, "Op": ops.Op}
PARTS = {"ops": ops, "tl.Tensor": tl.Tensor, "ops.Op.__call__": ops.Op.__call__}
PARTS["backprop.propagate"] = backprop.propagate
MODULES = {path.stem for path in ENGINE.glob("*.py")}
# What the lesson says that the library lacks.
LACKING = {"np.exp2", "np.cbrt", "np.arcsinh"}
# What there is once the reader has put the lesson's row into the table.
ADDED = {"ops.arcsinh", "tl.arcsinh"}


def texts():
    return "\n".join(cell.source for pair in pairs(LESSON) for cell in pair)


def named():
    """What stands in backticks, or as a dotted name in an indented block, and targets of links."""
    words = set(re.findall(r"`([^`\n]+)`", texts()))
    indented = "\n".join(re.findall(r"^ {4,}.*$", texts(), flags=re.MULTILINE))
    words |= set(re.findall(r"(?<!\S)[\w/]+/\w+\.py", indented))
    words |= {x.group() for x in re.finditer(r"(?<![\w/.])" + DOTTED.pattern, indented)}
    links = set(re.findall(r"\]\((\.\./[^)#]+)", texts()))
    return words, links


def source(name):
    """The text of a function or class, or of a whole file of the engine."""
    module, *path = name.split(".")
    text = (ENGINE / f"{module}.py").read_text("utf-8")
    node = ast.parse(text)
    for part in path:
        node = [x for x in node.body if getattr(x, "name", None) == part][-1]  # after its overloads
    return ast.get_source_segment(text, node) if path else text


def printed(language):
    notebook = json.loads((LESSONS / language / "12_engine.ipynb").read_text("utf-8"))
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return "".join("".join(output.get("text", "")) for output in outputs)


def flowing(text):
    """Without line breaks and indents, for lines that were broken in two."""
    return " ".join(text.split())


# --- files and names ------------------------------------------------------------------------------


def test_every_file_that_lesson_12_names_is_there():
    words, links = named()
    files = {word for word in words if re.fullmatch(r"[\w./]+\.py|tinygrad_loss/[\w/]+", word)}
    assert {"tensor.py", "ops.py", "backprop.py", "node.py", "mode.py"} <= files
    assert {"tests/engine/test_ops.py", "tests/test_derivatives_sheet.py"} <= files
    for name in files:
        assert any((folder / name).exists() for folder in (ENGINE, ROOT, RECORD.parent)), name
    for link in links:
        assert (LESSONS / "en" / link).resolve().exists(), link


def test_every_function_of_the_engine_that_lesson_12_names_is_there():
    """`backprop.propagate` is in backprop.py itself, not only imported there."""
    found = set()
    for word in named()[0]:
        if not DOTTED.fullmatch(word) or word.endswith(".py") or word in ADDED:
            continue
        first, *rest = word.split(".")
        if first in MODULES:
            thing = importlib.import_module(f"tinygrad_loss.engine.{first}")
            tree = ast.parse((ENGINE / f"{first}.py").read_text("utf-8"))
            assert rest[0] in defined(tree), word
            found.add(word)
        elif first in NAMESPACES:
            thing = NAMESPACES[first]
        else:
            continue  # an attribute of a variable of the lesson, which runs
        for name in rest:
            assert hasattr(thing, name) or word == "np.exp2", word
            thing = getattr(thing, name, None)
    assert {"tensor.Tensor.__mul__", "ops.Op.__call__", "backprop.propagate"} <= found


def defined(tree):
    """The names that a file defines at its top level."""
    names = set()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def test_every_code_word_of_lesson_12_stands_in_the_code():
    """In the engine, in the 50 lines, in the lesson's own cells, or in what they print."""
    files = [*ENGINE.glob("*.py"), LESSONS / "course" / "array_engine.py"]
    files += [ROOT / "tests" / "op_inputs.py", RECORD]
    where = "\n".join(path.read_text("utf-8") for path in files)
    where += "\n".join(cell.source for cell in code(LESSON)) + printed("en")
    # Calls and forms that are explained, not quoted; what is elsewhere (lesson 5, nn) or nowhere.
    explained = {
        *("a.dot(b, out=c)", "c = a @ b", "t.reshape(3, 2)", "b.data[0] = 5", "print(watched)"),
        *("w.data -= 0.1", "y = w * w", "2**x", "d_", "#", "largest_error", "tinygrad_loss/engine"),
        *("python examples/derivatives.py", "arcsinh", "arcsinh: elementwise(Math.asinh)"),
        *("tl.gradients(y, [a])", "y = (x * w * c).sum()", "(x * w).sum().backward()"),
    }
    assert explained <= named()[0]
    where, missing = flowing(where), []
    for word in named()[0]:
        if DOTTED.fullmatch(word) or word.endswith(".py") or word in explained:
            continue  # dotted names are looked up above
        pattern = rf"\b{word}\b" if word.isidentifier() else re.escape(flowing(word))
        missing += [] if re.search(pattern, where) else [word]
    assert not missing


# --- lines ----------------------------------------------------------------------------------------


def shown():
    """The calls of `show` in the lesson: (part, text of the first line, number of lines)."""
    calls = []
    for cell in code(LESSON):
        tree = ast.parse(cell.source)
        loops = {
            node.target.id: [ast.literal_eval(x) for x in node.iter.elts]
            for node in ast.walk(tree)
            if isinstance(node, ast.For) and isinstance(node.iter, ast.List)
            if all(isinstance(x, ast.Constant) for x in node.iter.elts)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "show":
                part, first, *count = node.args
                firsts = loops[first.id] if isinstance(first, ast.Name) else [first.value]
                number = count[0].value if count else 1
                calls += [(ast.unparse(part), text, number) for text in firsts]
    return calls


def test_lesson_12_shows_lines():
    assert len(shown()) >= 16
    assert {part for part, _, _ in shown()} == set(PARTS)


@pytest.mark.parametrize(("part", "first", "count"), shown())
def test_the_lines_that_lesson_12_shows_are_in_the_source_and_in_the_notebooks(part, first, count):
    name = "tensor.Tensor" if part == "tl.Tensor" else part
    lines = source(name).splitlines()
    at = [i for i, line in enumerate(lines) if first in line]
    assert len(at) == 1, f"{first!r} stands in {len(at)} lines of {name}"
    text = textwrap.dedent("\n".join(lines[at[0] : at[0] + count]))
    for language in ["en", "ja"]:
        assert flowing(text) in flowing(printed(language)), (language, text)


def test_the_whole_row_is_shown():
    """From the decorator to the end of the docstring."""
    start = next(call for call in shown() if call[1] == "forward=np.multiply)")
    lines = source("ops").splitlines()
    at = next(i for i, line in enumerate(lines) if start[1] in line)
    row = lines[at : at + start[2]]
    assert row[0].startswith("@op(")
    assert row[1].startswith("def multiply(")
    assert row[-1].strip() == '"""'
    assert lines[at + start[2]] == ""


# --- what the texts say ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caller", "callee"),
    [
        ("tensor.Tensor.__mul__", "ops.multiply"),
        ("tensor.Tensor.sum", "ops.sum"),
        ("tensor.Tensor.backward", "backprop.backward"),
        ("backprop.backward", "propagate"),
        ("backprop.backward", "seed"),
        ("backprop.propagate", "fitted"),
        ("backprop.propagate", "heappop"),
        ("backprop.fitted", "unbroadcast"),
        ("ops.Op.__call__", "now"),
        ("transforms.gradients", "propagate"),
        ("transforms.gradients", "seed"),
    ],
)
def test_the_walk_is_the_one_that_lesson_12_tells(caller, callee):
    """From the operator to the op; from backward to propagate, to fitted, to unbroadcast."""
    calls = [x for x in ast.walk(ast.parse(textwrap.dedent(source(caller)))) if type(x) is ast.Call]
    assert callee in {ast.unparse(x.func) for x in calls}


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("backprop.backward", "propagate(output, seed(output, grad))"),
        ("backprop.backward", "node.grad = g"),
        ("backprop.propagate", "waiting = [(-output.stamp, id(output), output)]"),
        ("backprop.propagate", "heappush(waiting, (-x.stamp, id(x), x))"),
        ("backprop.propagate", "gradient.pop(node)"),
        ("backprop.propagate", "if x.stamp > node.stamp:"),
        ("backprop.propagate", "raise errors.changed(x, op)"),
        ("backprop.fitted", "return part.astype(array.dtype)"),
        ("backprop.seed", "create_graph else type(output)(grad, copy=False)"),
        ("node", "now = count().__next__"),
        ("node", "It does not see a write into single elements"),
        ("ops.Op", "That is all the recording there is: the graph is nothing but Tensors"),
        ("ops.Op.__call__", "value.setflags(False)"),
        ("ops.Op.__call__", "output.stamp = now()"),
        ("transforms.gradients", "with set_mode(recording=create_graph):"),
        ("ops", "def arctan(x: Array) -> Tensor:"),
        ("ops", "1 / (1 + x^2), also where x^2 leaves the range of the dtype."),
        ("ops", "@op(None, lambda g, y, condition, a, b:"),
    ],
)
def test_what_lesson_12_says_of_a_file_stands_there(where, line):
    text = re.sub(r"^[# ]+", "", source(where), flags=re.MULTILINE)
    assert flowing(line) in flowing(text)


def test_the_names_of_the_50_lines_are_those_of_lesson_5():
    short = (LESSONS / "course" / "array_engine.py").read_text("utf-8")
    for name in ["self.parents = parents", "def topological_order(", "def unbroadcast("]:
        assert name in short
    assert "def largest_error(" in (LESSONS / "05_arrays.py").read_text("utf-8")


# --- an op of one's own ---------------------------------------------------------------------------


def row_in_the_lesson():
    """The row that the lesson writes for the table, the same in both languages."""
    rows = re.findall(r'^ {7}@op\(.*?^ {7} {4}"""$', texts(), flags=re.MULTILINE | re.DOTALL)
    assert len(rows) == 2
    assert rows[0] == rows[1]
    return textwrap.dedent(rows[0])


def test_the_row_that_lesson_12_writes_is_right():
    space = vars(ops) | {"Array": object, "Tensor": tl.Tensor}
    exec(row_in_the_lesson(), space)
    arcsinh = space["arcsinh"]
    tl.check_gradients(arcsinh, np.array([0.0, 1.0, -2.0, 8.0]), order=3)
    assert "Derivative: " in flowing(arcsinh.__doc__)
    call, value = re.search(r">>> (.+)  # (.+?)$", arcsinh.__doc__, flags=re.MULTILINE).groups()
    np.testing.assert_allclose(eval(call, space), eval(value), rtol=1e-7)


def test_the_square_in_the_other_form_of_its_slope_overflows_where_lesson_12_says():
    with np.errstate(over="ignore"):
        assert np.isfinite(np.square(np.float16(255)))
        assert np.isinf(np.square(np.float16(256)))


def test_arctan_stands_in_the_five_places_where_lesson_12_sends_the_reader():
    assert "arctan" in ops.__all__
    assert isinstance(ops.arctan, ops.Op)
    cases = (ROOT / "tests" / "op_cases.py").read_text("utf-8")
    assert re.search(r'"arctan": \(ops\.arctan, lambda torch, x: torch\.arctan\(x\), real\)', cases)
    assert "np.arctan," in RECORD.read_text("utf-8").split("\nFUNCTIONS")[1].split("\n}")[0]
    assert "arctan: elementwise(Math.atan)," in RECORD.with_name("runtime.js").read_text("utf-8")
    assert "| `arctan` |" in (ROOT / "examples" / "derivatives.md").read_text("utf-8")
    assert re.search(r'"logaddexp": \(ops\.logaddexp, .*\(real, real\)\)', cases)
    assert len(ops.logaddexp.rules) == 2
    assert flowing(ops.divide.__doc__).count("Derivative by ") == 2
    assert "At the kink 0" in flowing(ops.absolute.__doc__)
    for domain in ["real", "positive"]:
        assert f"def {domain}(" in (ROOT / "tests" / "op_inputs.py").read_text("utf-8")


def test_what_is_lacking_is_lacking():
    """The lesson's examples of functions without a derivative: take others if they get one."""
    for name in LACKING:
        with pytest.raises(TypeError, match=re.escape(name)):
            getattr(np, name.removeprefix("np."))(tl.Tensor(1.0, requires_grad=True))
    assert named()[0] >= ADDED
    assert not hasattr(ops, "arcsinh")
    assert transforms.gradients is tl.gradients
