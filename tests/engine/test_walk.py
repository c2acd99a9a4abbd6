"""The walk from `loss.backward()` to the derivative of any op: three files, by "go to definition".

First read off the code, then clicked through language servers, as an editor does.
"""

import ast
import inspect
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import textwrap
import threading
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

import tinygrad_loss as tl
from tinygrad_loss.engine import ops
from tinygrad_loss.engine.node import Node
from tinygrad_loss.engine.ops import Op

PACKAGE = Path(tl.__file__).parent
ENGINE = PACKAGE / "engine"
TENSOR, BACKPROP, OPS = ENGINE / "tensor.py", ENGINE / "backprop.py", ENGINE / "ops.py"
SOURCES = {path: ast.parse(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")}
TABLE = [op for op in vars(ops).values() if isinstance(op, Op)]


def file_of(function):
    return Path(function.__code__.co_filename)


def tree_of(function):
    return ast.parse(textwrap.dedent(inspect.getsource(function)))


def called_by(function):
    """The functions of the package that a function calls by a name, or as `module.name`."""
    found = set()
    for call in ast.walk(tree_of(function)):
        if not isinstance(call, ast.Call):
            continue
        target = None
        if isinstance(call.func, ast.Name):
            target = function.__globals__.get(call.func.id)
        elif isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
            module = function.__globals__.get(call.func.value.id)
            if isinstance(module, ModuleType):
                target = getattr(module, call.func.attr, None)
        if isinstance(target, FunctionType) and target.__module__.startswith(PACKAGE.name):
            found.add(target)
    return found


def ways_to_a_rule(function, way=()):
    """All ways of calls that lead from a function to one that reads `op.rules`."""
    way = (*way, function)
    if any(isinstance(x, ast.Attribute) and x.attr == "rules" for x in ast.walk(tree_of(function))):
        yield way
    for other in called_by(function) - set(way):
        yield from ways_to_a_rule(other, way)


def test_three_files_lead_from_backward_to_the_derivative_of_any_op():
    (way,) = ways_to_a_rule(tl.Tensor.backward)
    assert [f"{f.__module__.split('.')[-1]}.{f.__qualname__}" for f in way] == [
        "tensor.Tensor.backward",
        "backprop.backward",
        "backprop.propagate",
    ]
    assert Path(inspect.getsourcefile(Op)) == OPS
    rules = [rule for op in TABLE for rule in op.rules if rule]
    assert len(rules) > len(TABLE) > 50
    assert {*map(file_of, way), *map(file_of, rules), OPS} == {TENSOR, BACKPROP, OPS}
    assert {file_of(rule) for rule in rules} == {OPS}


def test_ops_are_made_in_the_file_of_the_table_only():
    for path, tree in SOURCES.items():
        called = {ast.unparse(x.func) for x in ast.walk(tree) if isinstance(x, ast.Call)}
        decorators = {
            ast.unparse(getattr(decorator, "func", decorator))
            for x in ast.walk(tree)
            for decorator in getattr(x, "decorator_list", [])
        }
        made = called & {"Op", "ops.Op"} | decorators & {"op", "ops.op"}
        stands_in = path.match("graph/trace.py")  # for a call that failed: it has no rule
        assert made == ({"Op", "op"} if path == OPS else {"Op"} if stands_in else set()), path
    joined = tl.concatenate([tl.Tensor([1.0], requires_grad=True), [2.0]])
    assert {file_of(rule) for rule in joined.origin[0].rules} == {OPS}


def test_nothing_is_attached_to_tensor_from_outside():
    for path, tree in SOURCES.items():
        for x in ast.walk(tree):
            if isinstance(x, ast.Call) and ast.unparse(x.func) in ("setattr", "type.__setattr__"):
                assert ast.unparse(x.args[0]) not in ("Tensor", "Node"), path
            if isinstance(x, ast.Attribute) and isinstance(x.ctx, ast.Store):
                assert ast.unparse(x.value) not in ("Tensor", "Node"), path
                assert path.parent != ENGINE or ast.unparse(x.value) != "cls", path


MEMBERS = {
    name: member
    for name, member in (vars(Node) | vars(tl.Tensor)).items()
    if not name.startswith("_") and name not in Node.__slots__
}


def test_the_public_slots_say_what_they_hold():
    public = {name for name in Node.__slots__ if not name.startswith("_")}
    assert public <= Node.__annotations__.keys()
    assert len(MEMBERS) > 60


@pytest.mark.parametrize("name", MEMBERS)
def test_every_method_is_a_def_with_a_signature_and_a_docstring(name):
    member = MEMBERS[name]
    function = inspect.unwrap(member.fget if isinstance(member, property) else member)
    assert isinstance(function, FunctionType)
    assert function.__name__ == name
    assert file_of(function) in (TENSOR, ENGINE / "node.py")
    assert len(inspect.getdoc(function)) > 10
    signature = inspect.signature(function)
    assert signature.return_annotation is not signature.empty
    _, *parameters = signature.parameters.values()
    assert all(p.annotation is not p.empty for p in parameters)
    # (backward refuses words of other libraries itself, so that it can be read without a detour.)
    assert name == "backward" or not [p for p in parameters if p.kind is p.VAR_KEYWORD]


# --- clicked --------------------------------------------------------------------------------------

SCRIPT = """\
import tinygrad_loss as tl

t = tl.Tensor([[1.0, 2.0]], requires_grad=True)
loss = tl.cross_entropy(t, [1])
loss.backward()
u = tl.exp(t)
v = t.exp()
w = tl.sum(u)
x = v.sum()
y = (w + x) * u
y.tanh()
"""


class Server:
    """As much of an editor as it takes to ask a language server (LSP 3.17) about a place."""

    def __init__(self, command, folder):
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # What Jedi keeps of files that it has read: another process may be writing it.
            env=os.environ | {"XDG_CACHE_HOME": str(folder)},
        )
        self.number = 0
        self.opened = set()
        self.settings = {
            "pythonPath": sys.executable,
            "analysis": {"extraPaths": [str(PACKAGE.parent)]},
        }
        self.ask(
            "initialize",
            processId=None,
            rootUri=folder.as_uri(),
            workspaceFolders=[{"uri": folder.as_uri(), "name": "work"}],
            capabilities={
                "workspace": {"configuration": True, "workspaceFolders": True},
                "textDocument": {"hover": {"contentFormat": ["plaintext"]}},
            },
            initializationOptions={
                "workspace": {
                    "environmentPath": sys.executable,
                    "extraPaths": [str(PACKAGE.parent)],
                }
            },
        )
        self.send(method="initialized", params={})

    def send(self, **message):
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(content) + content)
        self.process.stdin.flush()

    def receive(self):
        length = 0
        while header := self.process.stdout.readline().strip():
            if header.lower().startswith(b"content-length:"):
                length = int(header.split(b":")[1])
        if not length:
            raise EOFError("the language server has ended")
        return json.loads(self.process.stdout.read(length))

    def ask(self, method, **params):
        """Send a request and return the answer; meanwhile, answer what the server asks."""
        self.number += 1
        self.send(id=self.number, method=method, params=params)
        alarm = threading.Timer(60, self.process.kill)
        alarm.start()
        try:
            while True:
                message = self.receive()
                if "method" not in message and message.get("id") == self.number:
                    assert "error" not in message, message
                    return message["result"]
                if "method" in message and "id" in message:
                    self.send(id=message["id"], result=self.answer(message))
        finally:
            alarm.cancel()

    def answer(self, message):
        if message["method"] != "workspace/configuration":
            return None
        sections = [item.get("section") for item in message["params"]["items"]]
        known = {"python": self.settings, "python.analysis": self.settings["analysis"]}
        return [known.get(section, {}) for section in sections]

    def at(self, what, path, text, word):
        """Ask about the word in the first line of a file that has the text in it."""
        source = path.read_text("utf-8")
        if path not in self.opened:
            self.opened.add(path)
            document = {"languageId": "python", "version": 1, "text": source}
            self.send(
                method="textDocument/didOpen",
                params={"textDocument": {"uri": path.as_uri(), **document}},
            )
        number, line = next((i, x) for i, x in enumerate(source.splitlines()) if text in x)
        column = line.index(text) + text.rindex(word)
        return self.ask(
            f"textDocument/{what}",
            textDocument={"uri": path.as_uri()},
            position={"line": number, "character": column + 1},
        )

    def click(self, path, text, word):
        """Go to the definition: the file, and the line there."""
        found = self.at("definition", path, text, word)
        assert found, f"no definition of {word} in {text!r}, {path.name}"
        (place,) = found if isinstance(found, list) else [found]
        target = Path(place["uri"].removeprefix("file://"))
        number = place["range"]["start"]["line"]
        return target, number, target.read_text("utf-8").splitlines()[number].strip()

    def hover(self, path, text, word):
        found = self.at("hover", path, text, word)
        assert found, f"nothing is known of {word} in {text!r}"
        contents = found["contents"]
        return contents["value"] if isinstance(contents, dict) else str(contents)


class Editor:
    """A user's script, open in an editor with a language server."""

    def __init__(self, command, folder):
        self.command, self.folder = command, folder
        self.script = folder / "script.py"
        self.script.write_text(SCRIPT, "utf-8")

    @cached_property
    def server(self):
        return Server(self.command, self.folder)


SERVERS = {"jedi": ["jedi-language-server"], "pyright": ["pyright-langserver", "--stdio"]}


@contextmanager
def editor_with(server, folder):
    """An editor with one of the servers, or a skip where that is not installed."""
    name, *options = SERVERS[server]
    scripts = sysconfig.get_path("scripts")
    command = shutil.which(name, path=scripts) or shutil.which(name)
    if command is None:
        pytest.skip(f"{name} is not installed: pip install jedi-language-server pyright[nodejs]")
    editor = Editor([command, *options], folder)
    yield editor
    process = editor.server.process
    process.kill()
    process.communicate()


@pytest.fixture(scope="module", params=SERVERS)
def editor(request, tmp_path_factory):
    with editor_with(request.param, tmp_path_factory.mktemp("editor")) as opened:
        yield opened


def test_four_clicks_lead_from_backward_to_the_rules(editor):
    click = editor.server.click
    path, _, line = click(editor.script, "loss.backward()", "backward")
    assert (path, line[:18]) == (TENSOR, "def backward(self,")
    path, _, line = click(path, "backprop.backward(self, grad)", "backward")
    assert (path, line[:20]) == (BACKPROP, "def backward(output:")
    path, _, line = click(path, "in propagate(output, seed(", "propagate")
    assert (path, line) == (BACKPROP, "def propagate(")
    path, number, line = click(path, "in enumerate(op.rules)", "rules")
    assert (path, line[:10]) == (OPS, "self.rules")
    (op,) = (x for x in SOURCES[OPS].body if isinstance(x, ast.ClassDef) and x.name == "Op")
    assert op.lineno < number < op.end_lineno


def test_a_click_on_an_op_leads_to_its_row_in_the_table(editor):
    path, _, line = editor.server.click(editor.script, "tl.exp(t)", "exp")
    assert (path, line[:8]) == (OPS, "def exp(")
    path, _, line = editor.server.click(editor.script, "t.exp()", "exp")
    assert (path, line[:12]) == (TENSOR, "def exp(self")
    path, _, line = editor.server.click(TENSOR, "return ops.exp(self)", "exp")
    assert (path, line[:8]) == (OPS, "def exp(")
    path, _, line = editor.server.click(editor.script, "y.tanh()", "tanh")
    assert (path, line[:13]) == (TENSOR, "def tanh(self")


@pytest.mark.parametrize(
    ("text", "word", "signature", "docstring"),
    [
        ("tl.exp(t)", "exp", "exp(x: Array) -> Tensor", "e^x. Derivative: the slope is e^x"),
        ("t.exp()", "exp", "exp() -> Tensor", "see tl.exp"),
        ("tl.sum(u)", "sum", "axis: Any = None, keepdims: bool = False", "Sum over the axes."),
        ("v.sum()", "sum", "axis: Any = None, keepdims: bool = False", "see tl.sum"),
        ("tl.cross_entropy(t, [1])", "cross_entropy", "logits", "Formula"),
        ("loss.backward()", "backward", "grad: Any = None", "Add the gradient"),
    ],
)
def test_an_editor_shows_the_signature_and_the_docstring(editor, text, word, signature, docstring):
    shown = " ".join(editor.server.hover(editor.script, text, word).replace("`", "").split())
    shown = shown.replace("( ", "(").replace(", )", ")").replace("=", " = ")
    assert signature in " ".join(shown.split())
    assert docstring in shown
