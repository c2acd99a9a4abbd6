"""The page that steps through both passes: one HTML file that needs neither network nor server.

What it says of the graph is put into it as JSON: names, formulas, reasons. Its numbers it computes
itself, from the leaves, by the calls that ``record.py`` notes. On loading it compares them with
Python's; if they differ, or a node cannot be recorded, it shows those and takes no others.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Callable
from importlib.resources import files
from itertools import groupby
from typing import Any

import numpy as np

from ...engine.arrays import flattened
from . import text
from .dot import as_dot, render
from .fold import LONGEST, Group, View, fold
from .record import Record, json_number
from .svg import STYLE, dress_for_page
from .trace import OpNode, TensorNode, Trace, Use

MOST_OPS = 5000
MOST_NUMBERS = 100_000  # in the leaves and values of a page that computes
MOST_NODES = 3000
SCRIPTS = ["runtime", "live", "arrays", "panel", "quiz", "picture", "page"]
SEEN = (640, 510)  # of a picture, in points, beside the panel in a window of 1280 x 800 pixels
TABLE = (8, 5)  # rows and columns up to which an array is a table of numbers
HEAT_MAP = (32, 32)  # and up to which it is a heat map; a larger one is cut to its first corner


def as_page(trace: Trace, rankdir: str | None, max_nodes: int | None, quiz: bool) -> str:
    """The page, as HTML; what it folds opens to a picture of its own."""
    if quiz and trace.outputs[0].gradient is None:
        raise ValueError("html: quiz=True asks for gradients, and this graph has no backward pass")
    if len(trace.ops) > MOST_OPS:
        given = f"{len(trace.ops):,} ops; the most for a page is {MOST_OPS:,}"
        advice = "Draw the loss of a smaller model or batch, or save a picture, which folds."
        raise ValueError(f"html: the graph has {given}. {advice}")
    view = fold(trace, max_nodes or MOST_NODES, for_page=True)
    groups = {x: view.opened(x) for x in view.items if isinstance(x, Group)}
    opened = {x: inner for x, inner in groups.items() if inner.span() <= LONGEST}
    pictures = [_picture(view, rankdir), *(_picture(opened[x], rankdir, x) for x in opened)]
    parts = ["page.css", "page.html", *(f"{name}.js" for name in SCRIPTS)]
    style, template, *scripts = ((files(__package__) / x).read_text("utf-8") for x in parts)
    style, script = (re.sub(r"\n +", "\n", x) for x in (STYLE + style, "".join(scripts)))
    filled = {
        "policy": f"default-src 'none'; img-src data:; style-src {_hash(style)}; "
        f"script-src {_hash(script)}; base-uri 'none'; form-action 'none'",
        "title": html.escape(f"Backprop of {text.clean(trace.outputs[0].name)}, step by step"),
        "style": style,
        "script": script,
        "picture": "".join(pictures),
        "text": text.as_text(trace, _cell),
        "data": _json(_Steps(trace, view).data() | {"quiz": quiz}),
    }
    # In a single call, so that nothing filled in is taken for a place to fill.
    return re.sub(r"<!--(\w+)-->", lambda place: filled[place[1]], template)


def _picture(view: View, rankdir: str | None, group: Group | None = None) -> str:
    """The picture, in the direction in which more of it can be seen."""
    directions = [rankdir] if rankdir else ["TB", "LR"] if len(view) <= 200 else [None]
    pictures = [render(as_dot(view, direction), "svg") for direction in directions]
    return dress_for_page(max(pictures, key=_scale), view, group)


def _scale(picture: bytes) -> float:
    """By how much a picture has to shrink to be seen as a whole."""
    width, height = map(int, re.findall(rb'(?:width|height)="(\d+)pt"', picture)[:2])
    return min(SEEN[0] / width, SEEN[1] / height)


def _cell(kind: str, node: TensorNode | None, shown: str) -> str:
    """A cell of the text table, which the page finds when its number has changed."""
    shown = html.escape(shown)
    return f'<span data-{kind}="{node.id}">{shown}</span>' if node and kind else shown


def _hash(source: str) -> str:
    digest = hashlib.sha256(source.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _json(data: Any) -> str:
    """JSON that is safe inside HTML: no tag, comment or entity can begin or end in it."""
    encoded = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return encoded.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


class _Steps:
    """The steps through a trace, and the arrays and programs that they need, each once."""

    def __init__(self, trace: Trace, view: View) -> None:
        self.trace = trace
        self.view = view
        self.arrays: list[dict[str, Any]] = []
        self.programs: list[dict[str, Any]] = []
        self.known: dict[Any, int] = {}
        self.steps: list[dict[str, Any]] = []
        self.joined = {use: arrow.id for arrow in view.arrows for use in arrow.uses}
        numbers = sum(node.value.size for node in trace.tensors)
        most = f"The values are {numbers:,} numbers: too many for a page that computes."
        self.fixed = trace.note() or most * (numbers > MOST_NUMBERS)  # why it takes no others
        self.recorded: dict[OpNode | Use, int | None] = {}
        for op in trace.ops:
            self.recorded[op] = self.record(op.op.forward, op, [])
        for use in trace.sent:
            of, rule = use.op, use.op.op.rules[use.position]
            self.recorded[use] = self.record(rule, of, [of.output.gradient, of.output.value])

    def record(self, function: Any, op: OpNode, given: list[Any]) -> int | None:
        """The number of the program that computes the op, or a rule of it; None without one."""
        constants = (x[()] if isinstance(x, np.ndarray) else x for x in op.arguments)
        given = [*given, *(x.source.value if isinstance(x, Use) else x for x in constants)]
        try:
            program = Record(function, given, op.options, lambda x: self.array(x, leaf=True)).data
        except Exception as error:  # of any kind, as it may be a user's function
            made, why = text.clean(op.output.name), text.clean(str(error), 200)
            self.fixed = self.fixed or f"{made} = {text.formula(op)} is not for the browser: {why}."
            return None
        return self.once(self.programs, repr(program), lambda: program)

    def once(self, kept: list[Any], key: Any, made: Callable[[], Any]) -> int:
        """The number of what ``made`` returns in the list, which holds it once."""
        if key not in self.known:
            self.known[key] = len(kept)
            kept.append(made())
        return self.known[key]

    def array(self, array: Any, leaf: bool = False, **said: Any) -> int:
        """The number of an array, and what is said about it.

        A page that computes needs all numbers of the leaves, and those of a computed array only
        to be compared; one that does not shows at most a corner.
        """
        leaf = leaf and not self.fixed
        digest = hashlib.sha256(array.tobytes()).digest()
        key = (array.shape, array.dtype, digest, leaf, *said)
        brief = not self.fixed and not leaf
        return self.once(self.arrays, key, lambda: array_data(array, leaf, brief) | said)

    def gradient(self, x: TensorNode | Use) -> int | None:
        """The number of a gradient, if there is one."""
        said: dict[str, Any] = {"text": text.ROUNDING, "rounding": True} if x.rounding else {}
        return None if x.gradient is None else self.array(x.gradient, **said)

    def data(self) -> dict[str, Any]:
        tensors = {node.id: self.tensor(node) for node in self.trace.tensors}
        output = self.trace.outputs[0]
        made = text.clean(", ".join(x.name for x in self.trace.outputs), 80)
        say = f"{len(self.trace.ops)} ops compute {made} in the forward pass, oldest first."
        if output.gradient is not None:
            say += " The backward pass then asks of each value: if it grew by a little, by how much"
            say += " would the result? Each op has a rule for each input that answers it."
        self.step("start", "Start", say=say)
        for op in self.trace.ops:
            self.forward(op)
        if output.gradient is not None:
            title = f"The gradient of {text.clean(output.name)} with respect to itself"
            seed = self.array(output.gradient, leaf=True)
            self.step("seed", title, node=output.id, output=output.id, seed=seed)
            for op, uses in groupby(self.trace.sent, key=lambda use: use.op):
                self.backward(op, list(uses))
        self.end(output)
        dtypes = {x.value.dtype for x in self.trace.tensors if x.value.dtype.kind == "f"}
        return {
            "arrays": self.arrays, "programs": self.programs, "tensors": tensors,
            "steps": self.steps, "output": output.id, "fixed": self.fixed, "frozen": self.frozen(),
            "precision": float(max((np.finfo(dtype).eps for dtype in dtypes), default=1e-16)),
        }  # fmt: skip

    def tensor(self, node: TensorNode) -> dict[str, Any]:
        shown = text.value(node)
        said: dict[str, Any] = {} if shown == text.summary(node.value) else {"text": shown}
        said |= {"numbers": [], "cut": ""} if node.changed else {}
        return {
            "name": text.clean(node.name), "title": text.title(node), "wrong": node.wrong,
            "made": f"= {text.formula(node.maker)}" if node.maker else node.kind,
            "op": node.maker.op.name if node.maker else "",
            "inside": text.clean(node.scope.label) if node.scope else "",
            "value": self.array(node.value, not node.maker, **said),
            "gradient": self.gradient(node),
        }  # fmt: skip

    def step(self, kind: str, title: str, **shown: Any) -> None:
        self.steps.append({"kind": kind, "title": title} | shown)

    def forward(self, op: OpNode) -> None:
        made = f"{text.clean(op.output.name)} = {text.formula(op)}"
        ufunc = isinstance(op.op.forward, np.ufunc)  # whose name says what it does
        about = "" if ufunc else (op.op.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
        of = {"made": made, "about": about, "program": self.recorded[op]}
        self.step("forward", f"Forward: {made}", **of, **self.place(op, op.uses))

    def backward(self, op: OpNode, uses: list[Use]) -> None:
        """The step in which the rules of one op send gradients to its inputs."""
        sends: list[dict[str, Any]] = [
            {"tensor": use.source.id, "program": self.recorded[use], "reason": text.reason(use)}
            | {"gives": self.gradient(use), "edges": self.edges(use)}
            for use in uses
        ]
        silent = [text.clean(use.source.name) for use in op.uses if use.gradient is None]
        title = f"Backward: {text.clean(op.output.name)} = {text.formula(op)}"
        of = {"op": text.clean(op.op.name), "sends": sends, "silent": silent}
        self.step("backward", title, **of, **self.place(op, uses))

    def edges(self, use: Use) -> list[str]:
        """Its own edge, and the one that stands for it if its op is folded."""
        return sorted({use.id, self.joined.get(use, use.id)})

    def place(self, op: OpNode, uses: list[Use]) -> dict[str, Any]:
        """What a step computes of what, and where that is in the picture."""
        edges = [*(x for use in uses for x in self.edges(use)), f"{op.output.id}-made"]
        ends = {"inputs": [use.source.id for use in op.uses], "output": op.output.id}
        return ends | {"node": self.view.box(op).id, "edges": edges}

    def end(self, output: TensorNode) -> None:
        say = "Both passes are done. These are the gradients that backward() adds to .grad."
        if output.gradient is None:
            why = "There was no backward pass: it starts from one number that depends on parameters"
            if self.trace.has_backward_graph:
                why = "It held the backward pass, too: here gradients are values like all others"
            say = f"The forward pass is done. {self.trace.note() or f'{why}.'}"
        self.step("end", "The gradients", say=say)
        if output.gradient is not None and not (output.value.ndim or self.fixed):
            self.step("update", "The update: gradient descent takes a step")

    def frozen(self) -> str:
        """What was decided in Python, perhaps by numbers that the page can change."""
        names = [text.clean(x.name) for x in self.trace.tensors if x.decided]
        for op in self.trace.ops:
            given = flattened([[x for x in op.arguments if not isinstance(x, Use)], op.options])
            if any(isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "bi" for x in given):
                names.append(f"the index or condition of {text.clean(op.output.name)}")
        shown = text.clean(", ".join(dict.fromkeys(names)), 200)
        what = "What Python decided stays decided, and does not follow the numbers that you change"
        return f"{what}: {shown}." if names else ""


def array_data(array: Any, leaf: bool = False, brief: bool = False) -> dict[str, Any]:
    """An array for the page: its numbers, or those of its first corner, or what checks them."""
    grid = array.reshape((-1, array.shape[-1] or 1) if array.ndim > 1 else (1, -1))
    told: dict[str, Any] = {"text": text.summary(array), "shape": array.shape}
    if array.dtype.kind != "f":
        told["kind"] = array.dtype.kind
    if grid.shape[0] <= TABLE[0] and grid.shape[1] <= TABLE[1]:
        return told | {"numbers": [json_number(x) for x in grid.ravel().tolist()]}
    if leaf:
        with np.errstate(over="ignore"):
            narrow = array.astype(np.int32 if array.dtype.kind in "biu" else np.float32)
        packed = narrow if np.array_equal(narrow, array) else array.astype(np.float64)
        data = packed.astype(packed.dtype.newbyteorder("<")).tobytes()
        return told | {"base64": base64.b64encode(data).decode(), "type": packed.dtype.str[1:]}
    if brief:
        finite = np.nan_to_num(array.ravel().astype(np.float64), nan=1, posinf=2, neginf=3)
        projected = float(finite @ np.cos(np.arange(finite.size)))
        return told | {"check": [projected, float(np.abs(finite).max(initial=0))]}
    corner = grid[: HEAT_MAP[0], : HEAT_MAP[1]]
    numbers = [json_number(float(f"{x:.3g}")) for x in corner.ravel().tolist()]
    return told | {"numbers": numbers, "corner": corner.shape, "grid": grid.shape}
