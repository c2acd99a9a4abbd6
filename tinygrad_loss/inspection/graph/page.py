"""The page that steps through both passes: one HTML file that needs neither network nor server.

Everything that it shows is computed here and put into it as JSON. The page itself computes nothing,
and what it shows at a step depends only on the number of the step.
"""

from __future__ import annotations

import base64
import hashlib
import html
import inspect
import json
import math
import re
from importlib.resources import files
from typing import Any

import numpy as np

from . import rules, text
from .dot import as_dot
from .fold import View, fold
from .reasons import reason
from .render import render
from .svg import dress_for_page
from .trace import OpNode, TensorNode, Trace, Use

MOST_OPS = 5000
MOST_NODES = 3000
TABLE = (8, 5)  # rows and columns up to which an array is a table of numbers
HEAT_MAP = (32, 32)  # and up to which it is a heat map; a larger one is cut to its first corner


def as_page(trace: Trace, rankdir: str | None = None) -> str:
    """The page, as HTML.

    Raises
    ------
    ValueError
        There are too many ops to step through.
    RuntimeError
        Graphviz is not installed.
    """
    if len(trace.ops) > MOST_OPS:
        raise ValueError(
            f"html: the graph has {len(trace.ops):,} ops; the most for a page is {MOST_OPS:,}. "
            "Draw the loss of a smaller model or batch, or save a picture, which folds."
        )
    view = fold(trace, MOST_NODES)
    parts = {node: _parts(trace, node) for node in trace.tensors}
    waiting = {node: len(f"grad 1 of {n} parts") for node, n in parts.items() if n > 1}
    source = as_dot(view, rankdir, two_heads=True, columns=waiting)
    picture = dress_for_page(render(source, "svg"), view)
    name = text.clean(trace.outputs[0].name)
    assets = files(__package__)
    style, script, template = (
        (assets / f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js", "html")
    )
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


def _parts(trace: Trace, node: TensorNode) -> int:
    """How many parts add up to the gradient of a Tensor: one for each use that sends one."""
    if node in trace.outputs:
        return int(node.gradient is not None)
    return sum(use.gradient is not None for use in node.uses)


class _Steps:
    """The steps through a trace, and the arrays that they show, each array once."""

    def __init__(self, trace: Trace, view: View) -> None:
        self.trace = trace
        self.view = view
        self.arrays: list[dict[str, Any]] = []
        self.known: dict[Any, int] = {}
        self.steps: list[dict[str, Any]] = []
        self.tensors: dict[str, dict[str, Any]] = {}

    def data(self) -> dict[str, Any]:
        for node in self.trace.tensors:
            self.tensors[node.id] = {
                "name": text.clean(node.name),
                "title": text.title(node),
                "value": self.array(node.value),
                "born": 0,
                "parts": _parts(self.trace, node),
                "gradients": [],  # [step, total so far] after each part
            }
        self.steps.append({"kind": "start", "title": "Start", "say": self.introduction()})
        for op in self.trace.ops:
            self.forward(op)
        if self.trace.outputs[0].gradient is not None:
            self.backward()
        self.end()
        return {"arrays": self.arrays, "tensors": self.tensors, "steps": self.steps}

    def array(self, array: Any) -> int:
        """The number of an array among ``arrays``, where equal arrays are stored once."""
        key = (array.shape, array.dtype, hashlib.sha256(array.tobytes()).digest())
        if key not in self.known:
            self.known[key] = len(self.arrays)
            self.arrays.append(array_data(array))
        return self.known[key]

    def introduction(self) -> str:
        trace = self.trace
        leaves = sum(node.kind == "parameter" for node in trace.tensors)
        return (
            f"{len(trace.ops)} ops compute {text.clean(trace.outputs[0].name)} from {leaves} "
            "parameters. The forward pass computes the values, oldest first. The backward pass "
            "then asks of each value: if it grew by a little, by how much would the result grow? "
            "It starts at the result, with 1, and each op has one rule for each of its inputs."
        )

    def forward(self, op: OpNode) -> None:
        output = op.output
        self.tensors[output.id]["born"] = len(self.steps)
        made = f"{text.clean(output.name)} = {text.call(op)}"
        self.steps.append(
            {
                "kind": "forward",
                "node": self.view.item(op).id,
                "title": made,
                "say": f"{made} is {text.summary(output.value)}",
                "formula": rules.forward_text(op.op, op.argument_names),
                "about": _about(op),
                "inputs": [self.variable(op, use) for use in op.uses],
                "constants": {name: text.constant(x) for name, x in op.constants.items()},
                "output": output.id,
                "edges": [use.id for use in op.uses] + [f"{output.id}-made"],
            }
        )

    def backward(self) -> None:
        output = self.trace.outputs[0]
        totals: dict[TensorNode, Any] = {output: output.gradient}
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
        sent: dict[OpNode, list[Use]] = {}
        for use in self.trace.sent:
            sent.setdefault(use.op, []).append(use)
        for op, uses in sent.items():
            self.pull_back(op, uses, totals)

    def pull_back(self, op: OpNode, uses: list[Use], totals: dict[TensorNode, Any]) -> None:
        """The step in which the rules of one op send gradients to its inputs."""
        sends = []
        for use in uses:
            before = totals.get(use.source)
            total = totals[use.source] = use.gradient if before is None else before + use.gradient
            arrived = self.tensors[use.source.id]["gradients"]
            arrived.append([len(self.steps), self.array(total)])
            sends.append(
                self.variable(op, use)
                | self.rule(op, use)
                | {
                    "gives": self.array(use.gradient),
                    "before": None if before is None else self.array(before),
                    "total": self.array(total),
                    "arrived": len(arrived),
                    "reason": reason(use),
                }
            )
        told = " and ".join(
            f"{text.summary(use.gradient)} to {text.clean(use.source.name)}" for use in uses
        )
        self.steps.append(
            {
                "kind": "backward",
                "node": self.view.item(op).id,
                "title": f"{text.clean(op.output.name)} = {text.call(op)}",
                "say": f"{text.clean(op.op.name)} receives {text.summary(op.output.gradient)} "
                f"and sends {told}",
                "output": op.output.id,
                "incoming": self.array(op.output.gradient),
                "sends": sends,
                "silent": [text.clean(use.source.name) for use in op.uses if use.gradient is None],
                "edges": [use.id for use in uses] + [f"{op.output.id}-made"],
            }
        )

    def variable(self, op: OpNode, use: Use) -> dict[str, Any]:
        return {"argument": op.argument_names[use.position], "tensor": use.source.id}

    def rule(self, op: OpNode, use: Use) -> dict[str, Any]:
        """The rule that ran: its text, what it read, and its arithmetic if it is on numbers."""
        rule = op.op.rules[use.position]
        assert rule is not None  # it has sent a gradient
        given = zip(op.argument_names, map(_value, op.arguments), strict=True)
        values = {"g": op.output.gradient, "y": op.output.value, **rules.defaults(rule)}
        values |= dict(given) | op.options
        mentioned = rules.variables_used(rule)
        used = {name: x for name, x in values.items() if name in mentioned}
        numbers = {name: as_text for name, x in used.items() if (as_text := _single_number(x))}
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

    def end(self) -> None:
        found = [x for x in self.trace.tensors if x.kind == "parameter"]
        computed = self.trace.outputs[0].gradient is not None
        if computed:
            say = "Both passes are done. These are the gradients that backward() adds to .grad."
        else:
            say = (
                "The forward pass is done. There was no backward pass: it starts from one number "
                "that depends on parameters, or from a gradient that is given."
            )
        parameters = [
            {"tensor": x.id, "gradient": None if x.gradient is None else self.array(x.gradient)}
            for x in found
        ]
        self.steps.append(
            {"kind": "end", "title": "The gradients", "say": say, "parameters": parameters}
        )


def _value(argument: Any) -> Any:
    return argument.source.value if isinstance(argument, Use) else argument


def _single_number(x: Any) -> str:
    """A single number as text; empty for anything else."""
    if isinstance(x, np.ndarray) and x.ndim == 0:
        x = x[()]
    is_number = isinstance(x, int | float | np.number) and not isinstance(x, bool)
    return text.number(x) if is_number else ""


def _about(op: OpNode) -> str:
    """The first sentence of the op's docstring; empty for NumPy's functions, whose name says it."""
    if isinstance(op.op.forward, np.ufunc) or not op.op.__doc__:
        return ""
    return inspect.cleandoc(op.op.__doc__).split("\n\n")[0].replace("\n", " ")


def array_data(array: Any) -> dict[str, Any]:
    """An array as the page shows it: a table of numbers, a heat map, or the first corner of one."""
    grid = array.reshape(
        (1, 1) if array.ndim == 0 else (1, -1) if array.ndim == 1 else (-1, array.shape[-1] or 1)
    )
    rows, columns = grid.shape
    is_table = rows <= TABLE[0] and columns <= TABLE[1]
    shown = grid[: HEAT_MAP[0], : HEAT_MAP[1]]
    digits = 17 if is_table else 3
    data: dict[str, Any] = {
        "text": text.summary(array),
        "shape": list(array.shape),
        "columns": shown.shape[1],
        "numbers": [_number(x, digits) for x in shown.ravel().tolist()],
    }
    if not is_table:
        data["heat"] = True
    if shown.size < grid.size:
        data["cut"] = (
            f"the first {shown.shape[0]} of {rows} rows, {shown.shape[1]} of {columns} columns"
        )
    if not text.is_finite(array):
        data["notfinite"] = True
    return data


def _number(x: Any, digits: int) -> Any:
    """A number for JSON, which has no NaN and no inf: these become words."""
    if not isinstance(x, float):
        return str(x) if isinstance(x, bool) else x
    if not math.isfinite(x):
        return text.number(x)
    return x if digits > 16 else float(f"{x:.{digits}g}")
