"""Names: what a textbook would call a Value, such as ``h1``, ``a1``, ``loss``, ``d_h1``."""

from __future__ import annotations

import keyword
import operator
import re
from collections import Counter
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from .values import Value

# By the op that made a Tensor. Layers are counted: h1 = x @ W0 + b0, a1 = relu(h1), h2 = ...
LAYERS = {"matmul": "h", "linear": "h"}
ACTIVATIONS = {"relu", "leaky_relu", "tanh", "sigmoid", "gelu"}
OPS = {
    "logsumexp": "lse",
    "softmax": "p",
    "log_softmax": "log_p",
    "subtract": "diff",
    "softplus": "softplus",
}
# By the NumPy function, for what an op computes on the way.
FUNCTIONS = {
    "exp": "e", "log": "log", "log1p": "log", "greater": "mask", "not_equal": "mask",
    "maximum.reduce": "m", "add.reduce": "total", "random": "u", "square": "squares",
    "isfinite": "finite", "where": "chosen", "equal": "equal", "divide": "ratio",
}  # fmt: skip


class Names:
    """Unique names, valid in Python."""

    def __init__(self) -> None:
        self._taken = {"np", "step"}
        self._count: Counter[str] = Counter()

    def new(self, wanted: str) -> str:
        """The wanted name, with a number added if it is taken."""
        wanted = re.sub(r"\W+", "_", wanted).strip("_") or "t"
        if wanted[0].isdigit() or keyword.iskeyword(wanted):
            wanted = f"_{wanted}"
        name = wanted
        while name in self._taken:
            self._count[wanted] += 1
            name = f"{wanted}{'_' * wanted[-1].isdigit()}{self._count[wanted] + 1}"
        self._taken.add(name)
        return name


def name_parameters(parameters: list[Tensor]) -> list[str]:
    """Short names: "layers.0.weight" and "layers.2.weight" become W0 and W1."""
    short = []
    for p in parameters:
        last = (p.name or ("W" if p.ndim == 2 else "b" if p.ndim == 1 else "w")).split(".")[-1]
        short.append({"weight": "W", "bias": "b"}.get(last, last))
    total, seen = Counter(short), Counter[str]()
    names = []
    for name in short:
        names.append(name if total[name] == 1 else f"{name}{seen[name]}")
        seen[name] += 1
    return names


def name_tensors(nodes: list[Tensor], value_of: dict[Tensor, Value]) -> None:
    """Name the Values of Tensors, given from the oldest to the newest."""
    layer = 0
    inputs: tuple[Any, ...]
    last: Value | None = None  # of the layer, until its bias is added
    for node in nodes:
        value = value_of[node]
        op, inputs = "", ()
        if node.origin:
            (made_by, inputs, _, _) = node.origin
            op = made_by.name
        if op in ("mean", "sum") and node is nodes[-1] and inputs[0].name is None:
            losses = value_of.get(inputs[0])
            if losses is not None and losses.function is not None and not losses.constant:
                losses.name = "losses"
        if value.name is not None or value.constant:
            continue
        if node.name:
            value.name = node.name
        elif op in LAYERS:
            layer += 1
            value.name = f"h{layer}"
            last = value
        elif op == "add" and last is not None and last in value.inputs:
            value.name, last.name = last.name, None
        elif op in ACTIVATIONS:
            value.name = f"a{layer}"
        else:
            value.name = OPS.get(op)


def fallback(value: Value, inputs: list[str]) -> str:
    """A name from the function that computes the Value and from the names of its inputs."""
    function: Any = value.function
    first, last = (inputs[0], inputs[-1]) if inputs else ("", "")
    if function is np.transpose:
        return f"{first}_T"
    if function is np.reshape:
        return f"{first}_{shown(value)}"
    if function is operator.getitem:
        return f"{first}_{last or 'part'}"
    if function is np.where and getattr(value.inputs[0], "function", None) is np.isfinite:
        return f"finite_{inputs[1]}" if inputs else "finite"
    if function is np.matmul:
        if any(x.constant and (x.array == 1).all() for x in value.sources):
            return "total"
        return f"{first}_{last}" if first and last and len(first + last) < 8 else "product"
    name = getattr(function, "__name__", "t")
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc):
        name = f"{owner.__name__}.{name}"
    return FUNCTIONS.get(name, "t")


def shown(value: Value) -> str:
    """A word for the result of a reshape: a column, a flat array, or another view."""
    return "column" if value.shape[-1:] == (1,) else "flat" if value.array.ndim == 1 else "view"
