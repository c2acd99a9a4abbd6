"""The page that steps through both passes: one HTML file that needs neither network nor server.

Everything that it shows is computed here and put into it as JSON. The page itself computes nothing,
and what it shows at a step depends only on the number of the step.
"""

from __future__ import annotations

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
TABLE = (8, 5)  # rows and columns up to which an array is a table of numbers
HEAT_MAP = (32, 32)  # and up to which it is a heat map; a larger one is cut to its first corner


def as_page(trace: Trace, rankdir: str | None = None) -> str:
    """The page, as HTML."""
    if len(trace.ops) > MOST_OPS:
        raise ValueError(
            f"html: the graph has {len(trace.ops):,} ops; the most for a page is {MOST_OPS:,}. "
            "Draw the loss of a smaller model or batch, or save a picture, which folds."
        )
    view = fold(trace, MOST_NODES, for_page=True)
    picture = dress_for_page(render(as_dot(view, rankdir), "svg"), view)
    name = text.clean(trace.outputs[0].name)
    style, script, template = (
        (files(__package__) / f"page.{kind}").read_text(encoding="utf-8")
        for kind in ("css", "js", "html")
    )
    style = STYLE + style
    filled = {
        "policy": f"default-src 'none'; img-src data:; style-src {_hash(style)}; "
        f"script-src {_hash(script)}; base-uri 'none'; form-action 'none'",
        "title": html.escape(f"Backprop of {name}, step by step"),
        "style": style,
        "script": script,
        "picture": picture,
        "text": html.escape(text.as_text(trace)),
        "data": _json(_Steps(trace, view).data()),
    }
    # In a single call, so that nothing filled in is taken for a place to fill.
    return re.sub(r"<!--(\w+)-->", lambda place: filled[place[1]], template)


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
        self.last = {use.source: use for use in trace.sent}

    def data(self) -> dict[str, Any]:
        for node in self.trace.tensors:
            said = {"text": text.value(node), "numbers": [], "cut": ""} if node.changed else None
            self.tensors[node.id] = {
                "name": text.clean(node.name),
                "title": text.title(node),
                "value": self.array(node.value, said),
                "wrong": node.wrong,
                "gradients": [],  # [step, total so far] after each part
            }
        output = self.trace.outputs[0]
        leaves = sum(node.kind == "parameter" for node in self.trace.tensors)
        say = (
            f"{len(self.trace.ops)} ops compute {text.clean(output.name)} from {leaves} "
            "parameters. The forward pass computes the values, oldest first. The backward pass "
            "then asks of each value: if it grew by a little, by how much would the result grow? "
            "It starts at the result, with 1, and each op has one rule for each of its inputs."
        )
        self.steps.append({"kind": "start", "title": "Start", "say": say})
        for op in self.trace.ops:
            self.forward(op)
        if output.gradient is not None:
            self.backward(output)
        self.end(output)
        return {"arrays": self.arrays, "tensors": self.tensors, "steps": self.steps}

    def array(self, array: Any, said: dict[str, Any] | None = None) -> int:
        """The number of an array, with what is said about it, which ``arrays`` holds once."""
        digest = hashlib.sha256(array.tobytes()).digest()
        key = (array.shape, array.dtype, digest, *(said or ()))
        if key not in self.known:
            self.known[key] = len(self.arrays)
            self.arrays.append(array_data(array) | (said or {}))
        return self.known[key]

    def gradient(self, x: TensorNode | Use) -> int:
        """The number of a gradient."""
        said = {"text": text.ROUNDING, "rounding": True}
        return self.array(x.gradient, said if x.rounding else None)

    def forward(self, op: OpNode) -> None:
        made = f"{text.clean(op.output.name)} = {text.call(op)}"
        ufunc = isinstance(op.op.forward, np.ufunc)  # whose name says what it does
        self.steps.append(
            {
                "kind": "forward",
                "node": self.view.item(op).id,
                "title": f"Forward: {made}",
                "say": f"{made} is {text.value(op.output)}",
                "formula": rules.forward_text(op.op, op.argument_names),
                "about": "" if ufunc else rules.first_paragraph(op.op.__doc__),
                "inputs": [_variable(op, use) for use in op.uses],
                "constants": {name: text.constant(x) for name, x in op.constants.items()},
                "output": op.output.id,
                "edges": [use.id for use in op.uses] + [f"{op.output.id}-made"],
            }
        )

    def backward(self, output: TensorNode) -> None:
        start = self.array(output.gradient)
        self.tensors[output.id]["gradients"].append([len(self.steps), start])
        self.steps.append(
            {
                "kind": "seed",
                "node": output.id,
                "title": f"The gradient of {text.clean(output.name)} with respect to itself",
                "say": f"The backward pass starts with {text.summary(output.gradient)} at "
                f"{text.clean(output.name)}: the result grows exactly as much as itself.",
                "seed": start,
            }
        )
        totals: dict[TensorNode, Any] = {}
        for op, uses in groupby(self.trace.sent, key=lambda use: use.op):
            self.pull_back(op, list(uses), totals)

    def pull_back(self, op: OpNode, uses: list[Use], totals: dict[TensorNode, Any]) -> None:
        """The step in which the rules of one op send gradients to its inputs."""
        sends = []
        for use in uses:
            source = use.source
            parts = self.tensors[source.id]["gradients"]
            totals[source] = totals[source] + use.gradient if parts else use.gradient
            send = {
                "gives": self.gradient(use),
                "before": parts[-1][1] if parts else None,
                "arrived": len(parts) + 1,
                "reason": rules.reason(use),
            }
            complete = self.last[source] is use
            send["total"] = self.gradient(source) if complete else self.array(totals[source])
            parts.append([len(self.steps), send["total"]])
            sends.append(_variable(op, use) | self.rule(op, use) | send)
        told = " and ".join(
            f"{text.gradient(use)} to {text.clean(use.source.name)}" for use in uses
        )
        self.steps.append(
            {
                "kind": "backward",
                "node": self.view.item(op).id,
                "title": f"Backward: {text.clean(op.output.name)} = {text.call(op)}",
                "say": f"{text.clean(op.op.name)} receives {text.gradient(op.output)} "
                f"and sends {told}",
                "output": op.output.id,
                "incoming": self.gradient(op.output),
                "sends": sends,
                "silent": [text.clean(use.source.name) for use in op.uses if use.gradient is None],
                "edges": [use.id for use in uses] + [f"{op.output.id}-made"],
            }
        )

    def rule(self, op: OpNode, use: Use) -> dict[str, Any]:
        """The rule that ran: its text, what it read, and its arithmetic if it is on numbers."""
        rule = op.op.rules[use.position]
        assert rule is not None  # it has sent a gradient
        given = [x.source.value if isinstance(x, Use) else x for x in op.arguments]
        values = {"g": op.output.gradient, "y": op.output.value, **rules.defaults(rule)}
        values |= dict(zip(op.argument_names, given, strict=True)) | op.options
        mentioned = rules.variables_used(rule)
        used = {name: x for name, x in values.items() if name in mentioned}
        numbers = {
            name: text.summary(np.asarray(x))
            for name, x in used.items()
            if isinstance(x, int | float | np.generic | np.ndarray) and not np.ndim(x)
        }
        arithmetic = rules.with_numbers(rule, numbers)
        arrays = {name: x for name, x in used.items() if isinstance(x, np.ndarray) and name != "g"}
        constants = {k: x for k, x in used.items() if not isinstance(x, np.ndarray)}
        return {
            "rule": rules.rule_text(rule),
            "helpers": rules.helpers(rule),
            "numbers": arithmetic and f"{arithmetic} = {text.summary(use.gradient)}",
            "reads": {name: self.array(x) for name, x in arrays.items()},
            "constants": {name: text.constant(x) for name, x in constants.items()},
        }

    def end(self, output: TensorNode) -> None:
        if output.gradient is not None:
            say = "Both passes are done. These are the gradients that backward() adds to .grad."
        else:
            say = "The forward pass is done. " + (
                self.trace.note()
                or "There was no backward pass: it starts from one number that depends on "
                "parameters, or from a gradient that is given."
            )
        parameters = [
            {"tensor": x.id, "gradient": None if x.gradient is None else self.gradient(x)}
            for x in self.trace.tensors
            if x.kind == "parameter"
        ]
        self.steps.append(
            {"kind": "end", "title": "The gradients", "say": say, "parameters": parameters}
        )


def _variable(op: OpNode, use: Use) -> dict[str, Any]:
    argument, name = op.argument_names[use.position], text.clean(use.source.name)
    return {"title": name if argument == name else f"{argument} = {name}", "tensor": use.source.id}


def array_data(array: Any) -> dict[str, Any]:
    """An array as the page shows it: a table of numbers, a heat map, or the first corner of one."""
    grid = array.reshape((-1, array.shape[-1] or 1) if array.ndim > 1 else (1, -1))
    rows, columns = grid.shape
    is_table = rows <= TABLE[0] and columns <= TABLE[1]
    shown = grid[: HEAT_MAP[0], : HEAT_MAP[1]]
    data: dict[str, Any] = {
        "text": text.summary(array),
        "shape": list(array.shape),
        "columns": shown.shape[1],
        "numbers": [_number(x, 17 if is_table else 3) for x in shown.ravel().tolist()],
    }
    if not is_table:
        data["heat"] = True
    if not text.is_finite(array):
        data["notfinite"] = True
    if shown.size < grid.size:
        data["cut"] = (
            f"the first {shown.shape[0]} of {rows} rows, {shown.shape[1]} of {columns} columns"
        )
    return data


def _number(x: Any, digits: int) -> Any:
    """A number for JSON, which has no NaN and no inf: these become words."""
    if isinstance(x, bool) or (isinstance(x, float) and not math.isfinite(x)):
        return text.number(x)
    return float(f"{x:.{digits}g}") if isinstance(x, float) else x
