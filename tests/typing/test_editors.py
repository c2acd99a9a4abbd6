"""What one sees while typing, in a notebook and in an editor: names, signatures, docs, types."""

import functools
import importlib
import importlib.util
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

import pytest

import tinygrad_loss as tl
from tests.engine.test_walk import SERVERS, editor_with

ROOT = Path(tl.__file__).parents[1]
PARTS = ("losses", "regularizers", "nn", "optim", "data")
MODULES = {"tl": "tinygrad_loss"} | {f"tl.{name}": f"tinygrad_loss.{name}" for name in PARTS}

# What somebody has typed so far.
PROGRAM = """\
import numpy as np
import tinygrad_loss as tl
from tinygrad_loss import data, nn, optim

rng = np.random.default_rng(0)
X, y = np.ones((4, 2)), np.array([0, 1, 1, 0])
t = tl.Tensor([[1.0, 2.0]], requires_grad=True)
model = nn.MLP([2, 3, 2], activation="tanh", rng=rng)
layer = nn.Linear(2, 3, rng=rng)
both = nn.Sequential(layer, nn.Dropout(0.5, rng=rng))
optimizer = optim.Adam(model.parameters(), lr=0.1)
sgd = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
batches = data.minibatches(X, y, 2, rng=rng)
logits = model(X)
loss = tl.cross_entropy(logits, y)
penalty = tl.l2(model.parameters(), 1e-4)
graph = tl.draw(loss)
step = tl.unroll(lambda x: model(x).sum(), X, optimizer=optimizer)
slope = tl.unroll(lambda x: x.sum(), t, wrt=[t])
with tl.watch(model) as watched:
    tl.cross_entropy(model(X), y).backward()
total = (t + 1).sum()
(gradient,) = tl.gradients(total, [t])
"""

# Of these every public attribute should be offered, in a file and in a session.
VARIABLES = [
    "t", "logits", "loss", "penalty", "total", "gradient", "model", "layer", "both", "optimizer",
    "sgd", "batches", "graph", "step", "slope", "watched",
]  # fmt: skip
EXPRESSIONS = [
    "(t + 1)", "(t @ t.T)", "t.sum()", "t[0]", "t.exp().sum()", "tl.exp(t)",
    "tl.matmul(t, t.T)", "tl.cross_entropy(model(X), y)", "model(X)", "model.eval()",
    "model.parameters()[0]", "layer.weight", "optim.GD([t], lr=0.1)", "optimizer.params[0]",
    "nn.MLP([2, 3, 2], rng=rng)", "tl.draw(loss)", "watched.layers[0]", "tl.no_grad()",
    'tl.scope("cell")', "tl.Tensor(1.0)",
]  # fmt: skip
# Jedi cannot follow the Protocol by which pyright and mypy know what a model returns.
NOT_BY_JEDI = {"logits", "model(X)"}
# And at least these.
MEMBERS = {
    "t": "backward grad data shape sum mean item detach reshape T exp relu zero_grad requires_grad",
    "model": "parameters named_parameters state_dict load_state_dict train eval layers forward",
    "layer": "weight bias parameters",
    "optimizer": "step zero_grad lr betas params state_dict load_state_dict",
    "batches": "X y batch_size n_batches",
    "graph": "save svg html text dot frame",
    "watched": "layers history problems table plot",
    "step": "source describe",
}


def public(names):
    return {name for name in names if name[0] != "_"}


@functools.cache
def typed():
    """The variables of the program, once it has run."""
    found = {}
    exec(PROGRAM, found)
    return found


def wanted(expression):
    """The public names of a module, or the public attributes of an object."""
    found = eval(expression, typed())
    return set(found.__all__) if isinstance(found, ModuleType) else public(dir(found))


def fresh(source, *given, options=("-W", "error"), folder=None):
    """What a program prints last, as JSON, in an interpreter of its own."""
    private = ["IPYTHONDIR", "XDG_CACHE_HOME"] if folder else []
    done = subprocess.run(
        [sys.executable, *options, "-c", source, *given],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | {name: str(folder) for name in private},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


# --- names ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=MODULES.values())
def shown(request):
    """``dir`` and ``__all__`` of a module as it was imported, and after all in it was used."""
    source = f"""
import importlib, json, sys
module = importlib.import_module("{request.param}")
before, loaded = dir(module), [name for name in sys.modules if name.startswith("tinygrad_loss.")]
every = list(getattr(module, "__all__", []))
missing = [name for name in every if not hasattr(module, name)]
print(json.dumps([before, every, missing, dir(module), loaded]))
"""
    return request.param, *fresh(source)


def test_a_module_says_what_is_public(shown):
    _, _, every, missing, _, _ = shown
    assert every
    assert len(set(every)) == len(every)
    assert missing == []


def test_dir_is_what_is_public_and_nothing_else(shown):
    _, before, every, _, after, _ = shown
    for names in (before, after):
        assert sorted(name for name in names if not re.fullmatch("__.*__", name)) == sorted(every)


def test_what_is_loaded_later_is_not_loaded_by_looking():
    later = ["tinygrad_loss.nn", "tinygrad_loss.inspection.graph", "tinygrad_loss.inspection.watch"]
    source = "import json, sys, tinygrad_loss as tl; dir(tl); print(json.dumps([*sys.modules]))"
    assert [name for name in later if name in fresh(source)] == []


@pytest.mark.parametrize("name", MODULES.values())
def test_what_is_public_is_ours(name):
    module = importlib.import_module(name)
    strangers = {}
    for each in getattr(module, "__all__", ()):
        x = getattr(module, each)
        of = x.__name__ if isinstance(x, ModuleType) else getattr(x, "__module__", None)
        if not (of or type(x).__module__).startswith("tinygrad_loss") and each != "ACTIVATIONS":
            strangers[each] = of
    assert strangers == {}


def test_a_star_brings_what_is_public_and_nothing_else():
    source = """
import json
found = {}
for module in MODULES:
    space = {}
    exec(f"from {module} import *", space)
    found[module] = sorted(space.keys() - {"__builtins__"})
print(json.dumps(found))
""".replace("MODULES", repr([*MODULES.values()]))
    for name, brought in fresh(source).items():
        assert brought == sorted(importlib.import_module(name).__all__), name


# --- completions ----------------------------------------------------------------------------------


@pytest.fixture(autouse=True, scope="module")
def a_cache_of_its_own(tmp_path_factory):
    """Jedi keeps what it has read of files: another process may be writing the same."""
    if importlib.util.find_spec("jedi"):
        jedi = importlib.import_module("jedi")
        jedi.settings.cache_directory = str(tmp_path_factory.mktemp("jedi"))


def in_a_file(expression):
    jedi = pytest.importorskip("jedi")
    script = jedi.Script(f"{PROGRAM}{expression}.", project=jedi.Project(ROOT))
    return {x.name for x in script.complete(PROGRAM.count("\n") + 1, len(expression) + 1)}


def in_a_session(expression):
    jedi = pytest.importorskip("jedi")
    script = jedi.Interpreter(f"{expression}.", [typed()], project=jedi.Project(ROOT))
    return {x.name for x in script.complete(1, len(expression) + 1)}


@pytest.mark.parametrize("complete", [in_a_file, in_a_session])
@pytest.mark.parametrize("name", [*MODULES, "nn", "optim", "data"])
def test_jedi_completes_the_names_of_a_module(name, complete):
    names = wanted(name)
    assert sorted(names - complete(name)) == []


@pytest.mark.parametrize("name", [*MODULES, "nn", "optim", "data"])
def test_in_a_session_jedi_offers_no_stranger_in_a_module(name):
    assert sorted(public(in_a_session(name)) - wanted(name)) == []


@pytest.mark.parametrize("complete", [in_a_file, in_a_session])
@pytest.mark.parametrize(
    "expression", [x for x in [*VARIABLES, *EXPRESSIONS] if x not in NOT_BY_JEDI]
)
def test_jedi_completes_the_attributes_of_an_object(expression, complete):
    names, found = wanted(expression), public(complete(expression))
    assert set(MEMBERS.get(expression, "").split()) <= names
    assert sorted(names - found) == []
    assert sorted(found - names) == []


@pytest.mark.parametrize("expression", ["model.layers[0]", "model.layers[0].weight"])
def test_in_a_session_jedi_completes_what_an_object_holds(expression):
    assert sorted(wanted(expression) - in_a_session(expression)) == []


@pytest.mark.parametrize("expression", ["t.grad", "batches.X"])
def test_in_a_session_jedi_completes_the_methods_of_an_array(expression):
    typed()["t"].grad = typed()["t"].data * 2
    assert {"shape", "mean", "argmax", "copy"} <= in_a_session(expression)


IPYTHON = """
import json, sys
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

program, expressions, starts, timed = json.loads(sys.argv[1])
shell = InteractiveShell.instance()
shell.run_cell(program, silent=True).raise_error()
found = {}
for jedi in (True, False):
    shell.Completer.use_jedi = jedi
    for text in [f"{x}." for x in expressions] + starts:
        with provisionalcompleter():
            got = {x.text.lstrip(".") for x in shell.Completer.completions(text, len(text))}
        found[f"{text} {jedi}"] = sorted(got)
errors = []
for statement in timed:
    result = shell.run_cell(f"%timeit -n 2 -r 2 -o -q {statement}", silent=True)
    if result.error_in_exec or result.error_before_exec:
        errors.append(f"{statement}: {result.error_in_exec or result.error_before_exec!r}")
print()
print(json.dumps([found, errors]))
"""
STARTS = {
    "tl.dr": "draw dropout", "tl.cross": "cross_entropy", "tl.Ten": "Tensor", "tl.un": "unroll",
    "tl.wat": "watch", "nn.M": "MLP Module", "optim.A": "Adam", "data.min": "minibatches",
    "t.back": "backward", "model.par": "parameters", "optimizer.ze": "zero_grad",
    "graph.sa": "save", "tl.cross_entropy(": "label_smoothing= reduction= sample_weight=",
    "optim.Adam(model.parameters(), ": "lr= betas= weight_decay=", "nn.MLP(": "activation= rng=",
    "t.sum(": "axis= keepdims=", "tl.draw(t, ": "max_nodes= backward=", "tl.l2(": "strength=",
    "tl.unroll(": "optimizer= wrt=", "data.minibatches(X, y, ": "batch_size= rng= drop_last=",
}  # fmt: skip
TIMED = [
    "t.sum()", "t.sum().backward()", "tl.cross_entropy(model(X), y).backward()", "model(X)",
    "optimizer.step()", "optimizer.zero_grad()", "step(X)", "slope(t)", "list(batches)",
    "tl.draw(loss)", "repr(watched)", "model.state_dict()", "tl.grad(tl.sum)(X)", "str(graph)",
    "tl.gradients(t.sum(), [t])", "nn.MLP([2, 3, 2], rng=rng)", "list(tl.nn.ACTIVATIONS)",
]  # fmt: skip


@pytest.fixture(scope="module")
def ipython(tmp_path_factory):
    """What IPython offers by jedi and by itself; the errors of ``%timeit``."""
    pytest.importorskip("IPython")
    pytest.importorskip("jedi")
    given = [PROGRAM, [*MODULES, "nn", "optim", "data", *VARIABLES], [*STARTS], TIMED]
    folder = tmp_path_factory.mktemp("ipython")
    return fresh(IPYTHON, json.dumps(given), options=(), folder=folder)


@pytest.mark.parametrize("jedi", [True, False], ids=["jedi", "IPython"])
@pytest.mark.parametrize("expression", [*MODULES, "nn", "optim", "data", *VARIABLES])
def test_tab_shows_all_and_nothing_else_in_a_notebook(ipython, expression, jedi):
    found, names = public(ipython[0][f"{expression}. {jedi}"]), wanted(expression)
    assert sorted(names - found) == []
    if jedi or expression in ("nn", "optim", "data", *MODULES):  # else it asks the class, too
        assert sorted(found - names) == []


@pytest.mark.parametrize("jedi", [True, False], ids=["jedi", "IPython"])
@pytest.mark.parametrize("start", STARTS)
def test_tab_goes_on_in_a_notebook(ipython, start, jedi):
    assert set(STARTS[start].split()) <= set(ipython[0][f"{start} {jedi}"])


def test_timeit_runs_what_is_timed(ipython):
    assert ipython[1] == []


LEFT = """
import gc, json, sys
program, statements = json.loads(sys.argv[1])
exec(program)
def count():
    return sum(isinstance(x, tl.Tensor) for x in gc.get_objects())
left = {}
for statement in statements:
    code = compile(statement, statement, "exec")
    exec(code)
    gc.collect()
    gc.disable()
    before = count()
    for _ in range(10):
        exec(code)
    left[statement] = count() - before
    gc.enable()
print(json.dumps(left))
"""


def test_what_is_timed_leaves_no_tensors_in_memory():
    """``%timeit`` switches the garbage collector off: what is in a cycle then stays."""
    left = fresh(LEFT, json.dumps([PROGRAM, TIMED]))
    assert left.keys() == set(TIMED)
    assert {statement: n for statement, n in left.items() if n > 5} == {}


# --- signatures and documentation -----------------------------------------------------------------

# In a file, a name and what is looked for: the options, beside what the object itself says.
EVERYDAY = {
    "tl.Tensor": "data requires_grad dtype name", "tl.exp": "x", "tl.sum": "x axis keepdims",
    "tl.matmul": "a b", "tl.softmax": "x axis", "tl.where": "condition a b",
    "tl.einsum": "subscripts operands", "tl.cross_entropy": "logits target label_smoothing",
    "tl.mean_squared_error": "pred target reduction", "tl.huber": "pred target delta",
    "tl.losses.hinge": "sample_weight", "tl.l2": "params strength", "tl.dropout": "x p rng",
    "tl.backward": "output grad", "tl.grad": "f argnums", "tl.value_and_grad": "f argnums",
    "tl.gradients": "output inputs create_graph", "tl.no_grad": "", "tl.scope": "name",
    "tl.detect_anomaly": "", "tl.check_gradients": "f inputs order rtol",
    "tl.draw": "output grad backward rankdir max_nodes", "tl.watch": "module",
    "tl.unroll": "f example_inputs comments", "nn.MLP": "sizes activation dropout rng dtype",
    "nn.Linear": "n_in n_out rng init bias", "nn.Dropout": "p rng", "nn.Sequential": "layers",
    "nn.LeakyReLU": "slope", "nn.save": "path module", "nn.load": "path module",
    "optim.SGD": "params lr momentum nesterov weight_decay", "optim.GD": "params lr",
    "optim.Adam": "params lr betas eps weight_decay", "optim.save": "path",
    "optim.clip_grad_norm": "params max_norm", "optim.cosine_decay": "step steps start end",
    "data.minibatches": "X y batch_size rng drop_last", "data.ring_of_gaussians": "n modes rng",
    "t.sum": "axis keepdims", "t.backward": "grad", "t.reshape": "shape", "t.item": "",
    "t.detach": "", "t.zero_grad": "", "t.exp": "", "model.parameters": "",
    "model.named_parameters": "", "model.eval": "", "model.train": "training",
    "model.state_dict": "", "optimizer.step": "", "optimizer.zero_grad": "",
    "graph.save": "path quiz", "graph.html": "quiz", "graph.svg": "", "watched.table": "",
    "watched.plot": "", "step.describe": "",
}  # fmt: skip
# What has no arguments: a property, or an attribute of some type.
HELD = {
    "t.shape": "tuple[int, ...]", "t.data": "The array.", "t.T": "Tensor",
    "t.requires_grad": "bool", "step.source": "The NumPy source", "model.layers": "list",
    "layer.weight": "Tensor", "optimizer.lr": "float", "watched.layers": "list[Layer]",
    "watched.history": "list[list[Layer]]", "watched.problems": "list[str]",
    "batches.batch_size": "int", "model.training": "bool",
}  # fmt: skip


# Where the names after the dot are asked for.
OBJECTS = ["t", "loss", "model", "optimizer", "graph", "watched", "step"]
COMPLETED = [*MODULES, "nn", "optim", "data", *OBJECTS]


def plain(text):
    """A text without what servers and docstrings put around words."""
    return " ".join(re.sub(r"[`*]", "", text).split())


@pytest.fixture(scope="module", params=SERVERS)
def editor(request, tmp_path_factory):
    with editor_with(request.param, tmp_path_factory.mktemp("editor")) as opened:
        shown = "".join(f"({x})\n" for x in [*EVERYDAY, *HELD])
        opened.script.write_text(PROGRAM + shown, "utf-8")
        for x in COMPLETED:
            (opened.folder / f"{x}.py").write_text(f"{PROGRAM}({x}.)\n", "utf-8")
        yield opened


def hovered(editor, expression):
    return plain(editor.server.hover(editor.script, f"({expression})", expression.split(".")[-1]))


@pytest.mark.parametrize("expression", EVERYDAY)
def test_an_editor_shows_the_signature_and_the_docstring(editor, expression):
    shown, function = hovered(editor, expression), eval(expression, typed())
    doc = plain(inspect.getdoc(function).split("\n\n")[0])
    assert doc.partition(". ")[0] in shown
    head = shown.partition(doc[:20])[0]
    assert expression.split(".")[-1] in head
    assert [x for x in EVERYDAY[expression].split() if not re.search(rf"\b{x}\b", head)] == []


@pytest.mark.parametrize("expression", HELD)
def test_an_editor_shows_what_an_attribute_is(editor, expression):
    by_jedi = "jedi" in editor.command[0]  # which shows the line that assigns it
    shown = expression.split(".")[-1] if by_jedi else HELD[expression]
    assert shown in hovered(editor, expression)


@pytest.mark.parametrize("expression", COMPLETED)
def test_an_editor_completes(editor, expression):
    path = editor.folder / f"{expression}.py"
    found = editor.server.at("completion", path, f"({expression}.)", ".")
    items = found["items"] if isinstance(found, dict) else found
    assert sorted(wanted(expression) - {item["label"] for item in items}) == []


# --- types ----------------------------------------------------------------------------------------

TYPES = {
    "t.sum()": "Tensor", "t + 1": "Tensor", "1 + t": "Tensor", "X @ t": "Tensor", "t.T": "Tensor",
    "t[0]": "Tensor", "-t": "Tensor", "model(X)": "Tensor", "layer(X)": "Tensor",
    "both(X)": "Tensor", "loss": "Tensor", "penalty": "Tensor", "logits.exp()": "Tensor",
    "layer.weight": "Tensor", "layer.bias": "Tensor | None", "model.parameters()": "list[Tensor]",
    "model.parameters()[0]": "Tensor", "model.eval()": "MLP", "model.training": "bool",
    "model.state_dict()": "dict[str, Any]", "dict(model.named_parameters())": "dict[str, Tensor]",
    "t.grad": "Any", "t.data": "Any", "t.item()": "Any", "t.shape": "tuple[int, ...]",
    "t.name": "str | None", "t.requires_grad": "bool", "t.backward()": "None",
    "tl.exp(t)": "Tensor", "tl.cross_entropy(logits, y)": "Tensor", "tl.draw(t)": "Graph",
    "tl.split(t, 2)": "list[Tensor]", "tl.gradients(loss, [t])": "tuple[Tensor, ...]",
    "tl.grad(tl.exp)(1.0)": "Any", "tl.losses.huber(t, t)": "Tensor", "graph.svg()": "str",
    "graph.frame()": "Frame", "graph.save('graph.svg')": "Path", "tl.watch(model)": "watch",
    "watched.layers": "list[Layer]", "watched.layers[0].mean": "float",
    "watched.problems": "list[str]", "step": "Step[Any]", "step.source": "str",
    "slope(t)": "tuple[Any, Any]", "optimizer.lr": "float", "optimizer.params": "list[Tensor]",
    "optimizer.step()": "None", "sgd.momentum": "float", "len(batches)": "int",
    "nn.load('model.npz', model)": "MLP", "optim.load('adam.npz', optimizer)": "Adam",
    "optim.clip_grad_norm([t], 1.0)": "float", "tl.no_grad()": "set_mode",
}  # fmt: skip
# Programs do this, and it runs: a type checker that refuses it is switched off.
ACCEPTED = [
    "model.layers[0].weight", "both.layers[1].p", "model.layers[0](X).sum()", "float(t.item())",
    "t.grad.mean()", "t.grad[0]", "t.data[0, 0]", "(t > 0).sum()", "model(X).argmax(1) == y",
    "[x.mean() for x, _ in batches]", "optimizer.params[0].grad", "print(f'{loss:.3f}')",
    "np.argmax(logits.data, 1)", "sum(p.size for p in model.parameters())", "max(watched.problems)",
]  # fmt: skip


def by_mypy(path):
    pytest.importorskip("mypy")
    options = ["--cache-dir", os.devnull, "--follow-imports=silent", "--no-error-summary"]
    return [sys.executable, "-m", "mypy", *options, str(path)]


def by_pyright(path):
    scripts = sysconfig.get_path("scripts")
    command = shutil.which("pyright", path=scripts) or shutil.which("pyright")
    if command is None:
        pytest.skip("pyright is not installed: pip install pyright[nodejs]")
    return [command, "--pythonpath", sys.executable, str(path)]


@pytest.fixture(scope="module", params=[by_mypy, by_pyright], ids=["mypy", "pyright"])
def checked(request, tmp_path_factory):
    """What a type checker says of each line: the types that it reveals, and its errors."""
    path = tmp_path_factory.mktemp("types") / "program.py"
    revealed = "".join(f"reveal_type({x})\n" for x in TYPES)
    path.write_text(PROGRAM + revealed + "\n".join(ACCEPTED) + "\n", "utf-8")
    done = subprocess.run(
        request.param(path), cwd=path.parent, capture_output=True, text=True, check=False,
        env=os.environ | {"MYPYPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr
    types, errors, lines = {}, {}, path.read_text("utf-8").splitlines()
    for number, text in re.findall(r"program\.py:(\d+):(.+)", done.stdout):
        line = lines[int(number) - 1]
        if found := re.search(r'(?:Type of .+ is|Revealed type is) "(.+)"$', text):
            # Without the modules of the names.
            types[line] = re.sub(r"\b(?:\w+\.)+(?=\w)", "", found[1])
        elif "error" in text:
            errors[line] = text
    return types, errors


@pytest.mark.parametrize("expression", TYPES)
def test_a_type_checker_knows_the_type(checked, expression):
    assert checked[0][f"reveal_type({expression})"] == TYPES[expression]


def test_a_type_checker_accepts_what_programs_do(checked):
    assert len(checked[0]) == len(TYPES)
    assert checked[1] == {}
