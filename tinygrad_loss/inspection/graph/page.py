"""The page that steps through both passes: one HTML file that needs neither network nor server.

Everything that it shows is computed here and put into it as JSON. The page itself computes nothing,
and what it shows at a step depends only on the number of the step.
"""

import base64
import hashlib
import html
import json
import math
import re
from importlib.resources import files
from itertools import groupby
from typing import Any

import numpy as np

from . import rules, text
from .dot import as_dot, render
from .fold import View, fold
from .svg import STYLE, dress_for_page
from .trace import OpNode, TensorNode, Trace, Use

MOST_OPS = 5000
MOST_NODES = 3000
SEEN = (640, 510)  # of a picture, in points, beside the panel in a window of 1280 x 800 pixels
TABLE = (8, 5)  # rows and columns up to which an array is a table of numbers
HEAT_MAP = (32, 32)  # and up to which it is a heat map; a larger one is cut to its first corner


def as_page(trace: Trace, rankdir: str | None = None) -> str:
    """The page, as HTML."""
    if len(trace.ops) > MOST_OPS:
        given = f"{len(trace.ops):,} ops; the most for a page is {MOST_OPS:,}"
        advice = "Draw the loss of a smaller model or batch, or save a picture, which folds."
        raise ValueError(f"html: the graph has {given}. {advice}")
    view = fold(trace, MOST_NODES, for_page=True)
    directions = [rankdir] if rankdir else ["TB", "LR"] if len(view) <= 200 else [None]
    pictures = [render(as_dot(view, direction), "svg") for direction in directions]
    style, script, template = (
        (files(__package__) / f"page.{kind}").read_text(encoding="utf-8")
        for kind in ("css", "js", "html")
    )
    style = STYLE + style
    filled = {
        "policy": f"default-src 'none'; img-src data:; style-src {_hash(style)}; "
        f"script-src {_hash(script)}; base-uri 'none'; form-action 'none'",
        "title": html.escape(f"Backprop of {text.clean(trace.outputs[0].name)}, step by step"),
        "style": style,
        "script": script,
        "picture": dress_for_page(max(pictures, key=_scale), view),
        "text": html.escape(text.as_text(trace)),
        "data": _json(_Steps(trace, view).data()),
    }
    # In a single call, so that nothing filled in is taken for a place to fill.
    return re.sub(r"<!--(\w+)-->", lambda place: filled[place[1]], template)


def _scale(picture: bytes) -> float:
    """By how much a picture has to shrink to be seen as a whole."""
    width, height = map(int, re.findall(rb'(?:width|height)="(\d+)pt"', picture)[:2])
    return min(SEEN[0] / width, SEEN[1] / height)


def _hash(source: str) -> str:
    digest = hashlib.sha256(source.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _json(data: Any) -> str:
    """JSON that is safe inside HTML: no tag, comment or entity can begin or end in it."""
    encoded = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return encoded.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


class _Steps:
    """The steps through a trace, and the arrays that they show, each array once."""

    def __init__(self, trace: Trace, view: View) -> None:
        self.trace = trace
        self.view = view
        self.arrays: list[dict[str, Any]] = []
        self.known: dict[Any, int] = {}
        self.steps: list[dict[str, Any]] = []
        self.tensors: dict[str, dict[str, Any]] = {}
        self.totals: dict[TensorNode, Any] = {}  # of the gradients that have arrived
        self.last = {use.source: use for use in trace.sent}

    def data(self) -> dict[str, Any]:
        for node in self.trace.tensors:
            shown = text.value(node)
            said: dict[str, Any] = {} if shown == text.summary(node.value) else {"text": shown}
            said |= {"numbers": [], "cut": ""} if node.changed else {}
            self.tensors[node.id] = {
                "name": text.clean(node.name),
                "title": text.title(node),
                "made": f"= {text.formula(node.maker)}" if node.maker else node.kind,
                "op": node.maker.op.name if node.maker else "",
                "inside": text.clean(node.scope.label) if node.scope else "",
                "value": self.array(node.value, **said),
                "wrong": node.wrong,
                "gradients": [],  # [step, total so far] after each part
            }
        output = self.trace.outputs[0]
        say = (
            f"{len(self.trace.ops)} ops compute {text.clean(output.name)} in the forward pass, "
            "oldest first. The backward pass then asks of each value: if it grew by a little, by "
            "how much would the result? It begins there; each op has a rule for each input."
        )
        self.step("start", "Start", say)
        for op in self.trace.ops:
            self.forward(op)
        if output.gradient is not None:
            self.backward(output)
        self.end(output)
        return {"arrays": self.arrays, "tensors": self.tensors, "steps": self.steps}

    def step(self, kind: str, title: str, say: str, **shown: Any) -> None:
        self.steps.append({"kind": kind, "title": title, "say": say} | shown)

    def array(self, array: Any, **said: Any) -> int:
        """The number of an array, with what is said about it, which ``arrays`` holds once."""
        digest = hashlib.sha256(array.tobytes()).digest()
        key = (array.shape, array.dtype, digest, *said)
        if key not in self.known:
            self.known[key] = len(self.arrays)
            self.arrays.append(array_data(array) | said)
        return self.known[key]

    def gradient(self, x: TensorNode | Use) -> int | None:
        """The number of a gradient, if there is one."""
        said = {"text": text.ROUNDING, "rounding": True} if x.rounding else {}
        return None if x.gradient is None else self.array(x.gradient, **said)

    def forward(self, op: OpNode) -> None:
        made = f"{text.clean(op.output.name)} = {text.formula(op)}"
        ufunc = isinstance(op.op.forward, np.ufunc)  # whose name says what it does
        self.step(
            "forward",
            f"Forward: {made}",
            f"{made} is {text.value(op.output)}",
            node=self.view.box(op).id,
            formula=rules.forward_text(op.op, text.arguments(op)),
            about="" if ufunc else rules.first_paragraph(op.op.__doc__),
            inputs=[use.source.id for use in op.uses],
            constants={name: text.constant(x) for name, x in op.constants.items()},
            output=op.output.id,
            edges=[*(use.id for use in op.uses), f"{op.output.id}-made"],
        )

    def backward(self, output: TensorNode) -> None:
        seed, name = self.array(output.gradient), text.clean(output.name)
        self.tensors[output.id]["gradients"].append([len(self.steps), seed])
        start = f"The backward pass starts with {text.summary(output.gradient)} at {name}"
        say = f"{start}: the result grows exactly as much as itself."
        title = f"The gradient of {name} with respect to itself"
        self.step("seed", title, say, node=output.id, seed=seed)
        for op, uses in groupby(self.trace.sent, key=lambda use: use.op):
            self.pull_back(op, list(uses))

    def pull_back(self, op: OpNode, uses: list[Use]) -> None:
        """The step in which the rules of one op send gradients to its inputs."""
        name = text.clean(op.op.name)
        sent = [f"{text.gradient(use)} to {text.clean(use.source.name)}" for use in uses]
        self.step(
            "backward",
            f"Backward: {text.clean(op.output.name)} = {text.formula(op)}",
            f"{name} receives {text.gradient(op.output)} and sends {' and '.join(sent)}",
            node=self.view.box(op).id,
            output=op.output.id,
            sends=[self.send(op, use) for use in uses],
            silent=[text.clean(use.source.name) for use in op.uses if use.gradient is None],
            edges=[*(use.id for use in uses), f"{op.output.id}-made"],
        )

    def send(self, op: OpNode, use: Use) -> dict[str, Any]:
        """The rule that ran, with its arithmetic if it is on numbers; what it read and sent."""
        rule, output, source = op.op.rules[use.position], op.output, use.source
        assert rule is not None  # it has sent a gradient
        inputs = [x.source.value if isinstance(x, Use) else x for x in op.arguments]
        given = [output.gradient, output.value, *inputs]
        read = rules.read(rule, *given, **op.options)
        names = rules.read(rule, "g", text.clean(output.name), *text.arguments(op), **op.options)
        names = {k: x if isinstance(x, str) else text.constant(x) for k, x in names.items()}
        written = rules.written(rule, names)
        arrays = {name: x for name, x in read.items() if isinstance(x, np.ndarray)}
        hidden = read if written else arrays.keys() | text.PROMISES
        parts = self.tensors[source.id]["gradients"]
        before = parts[-1][1] if parts else None
        self.totals[source] = self.totals[source] + use.gradient if parts else use.gradient
        complete = self.last[source] is use
        total = self.gradient(source) if complete else self.array(self.totals[source])
        parts.append([len(self.steps), total])
        return {
            "tensor": source.id,
            "rule": written or rules.rule_text(rule),
            "helpers": {} if written else rules.helpers(rule),
            "numbers": rules.arithmetic(rule, given, op.options, use.gradient),
            "reads": {
                names[k] if written else k: self.array(x)
                for k, x in arrays.items()
                if x is not output.gradient
            },
            "constants": {k: text.constant(x) for k, x in read.items() if k not in hidden},
            "reason": rules.reason(use),
            "gives": self.gradient(use),
            "edge": use.id,
            "short": text.ROUNDING if use.rounding else text.short(use.gradient),
            "before": before,
            "total": total,
            "arrived": len(parts),
        }

    def end(self, output: TensorNode) -> None:
        say = "Both passes are done. These are the gradients that backward() adds to .grad."
        if output.gradient is None:
            why = "There was no backward pass: it starts from one number that depends on "
            why += "parameters, or from a gradient that is given."
            if self.trace.has_backward_graph:
                why = "It held the backward pass, too: here gradients are values like all others."
            say = f"The forward pass is done. {self.trace.note() or why}"
        self.step("end", "The gradients", say)


def array_data(array: Any) -> dict[str, Any]:
    """An array as the page shows it: a table of numbers, a heat map, or the first corner of one."""
    grid = array.reshape((-1, array.shape[-1] or 1) if array.ndim > 1 else (1, -1))
    rows, columns = grid.shape
    is_table = rows <= TABLE[0] and columns <= TABLE[1]
    shown = grid[: HEAT_MAP[0], : HEAT_MAP[1]]
    cut = f"the first {len(shown)} of {rows} rows, {shown.shape[1]} of {columns} columns"
    special = {
        "heat": not is_table,
        "notfinite": not text.is_finite(array),
        "cut": cut if shown.size < grid.size else "",
    }
    return {
        "text": text.summary(array),
        "shape": array.shape,
        "columns": shown.shape[1],
        "numbers": [_number(x, 17 if is_table else 3) for x in shown.ravel().tolist()],
    } | {name: x for name, x in special.items() if x}


def _number(x: Any, digits: int) -> Any:
    """A number for JSON, which has no NaN and no inf: these become words."""
    if isinstance(x, bool) or (isinstance(x, float) and not math.isfinite(x)):
        return text.number(x)
    return float(f"{x:.{digits}g}") if isinstance(x, float) else x
