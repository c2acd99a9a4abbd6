"""Names: what a textbook would call a Value, such as ``h1``, ``a1``, ``loss``, ``d_h1``."""

import keyword
import operator
import unicodedata
from collections import Counter
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from .values import Value, number, random

# By the op that made a Tensor. Layers are counted: h1 = x @ W0 + b0, a1 = relu(h1), h2 = ...
OPS = {
    "matmul": "h{}", "linear": "h{}", "softplus": "softplus",
    "relu": "a{}", "leaky_relu": "a{}", "tanh": "a{}", "sigmoid": "a{}", "gelu": "a{}",
    "logsumexp": "lse", "softmax": "p", "log_softmax": "log_p", "subtract": "diff",
}  # fmt: skip
# By the NumPy function, for what an op computes on the way; from the names of its inputs.
FUNCTIONS: dict[Any, str] = {
    np.exp: "e", np.log: "log", np.log1p: "log", np.greater: "mask", np.not_equal: "mask",
    np.maximum.reduce: "m", np.add.reduce: "total", random: "u", np.square: "squares",
    np.isfinite: "finite", np.sqrt: "root", np.where: "chosen", np.equal: "equal",
    np.divide: "ratio", np.matmul: "product", number: "scale", np.transpose: "{first}_T",
    np.reshape: "{first}_{shown}", operator.getitem: "{first}_{last}",
}  # fmt: skip


class Names:
    """Unique names, valid in Python."""

    def __init__(self) -> None:
        self._taken = Counter(["np", "step", "always"])  # and how often each was wanted

    def new(self, wanted: str) -> str:
        """The wanted name, with a number added if it is taken."""
        wanted = unicodedata.normalize("NFKC", wanted)  # as Python reads names
        wanted = "".join(c if f"a{c}".isidentifier() else "_" for c in wanted).strip("_") or "t"
        if not wanted.isidentifier() or keyword.iskeyword(wanted):
            wanted = f"_{wanted}"
        name = wanted
        while name in self._taken:
            self._taken[wanted] += 1
            name = f"{wanted}{'_' * wanted[-1].isdigit()}{self._taken[wanted]}"
        self._taken[name] = 1
        return name


def name_parameters(parameters: list[Tensor]) -> list[str]:
    """Short names: "layers.0.weight" and "layers.2.weight" become W0 and W1.

    Layers are numbered as they stand in the model, also if some of their parameters are frozen.
    """
    parts = [(p.name or {2: "W", 1: "b"}.get(p.ndim, "w")).rpartition(".") for p in parameters]
    short = [{"weight": "W", "bias": "b"}.get(last, last) for _, _, last in parts]
    layers = {layer for layer, _, _ in parts if layer}
    order = sorted(layers, key=lambda layer: [s.zfill(9) for s in layer.split(".")])
    names = list(short)
    for i, (part, name) in enumerate(zip(parts, short, strict=True)):
        if short.count(name) > 1 or (len(order) > 1 and name in ("W", "b")):
            names[i] += str(order.index(part[0]) if part[0] else short[:i].count(name))
    return names


def name_tensors(nodes: list[Tensor], value_of: dict[Tensor, Value]) -> None:
    """Name the Values of Tensors, given from the oldest to the newest."""
    layer, last = 0, None  # the Value of the layer, until its bias is added
    for node in nodes:
        value = value_of[node]
        op, inputs = (node.origin[0].name, node.origin[1]) if node.origin else ("", ())
        if op in ("mean", "sum") and node is nodes[-1] and inputs[0].name is None:
            losses = value_of.get(inputs[0])
            if losses is not None and losses.function is not None:
                losses.name = "losses"
        if value.name is not None or value.constant:
            continue
        if node.name:
            value.name = node.name
        elif op == "add" and last is not None and last in value.inputs:
            value.name, last.name = last.name, None
        elif op in OPS:
            if OPS[op] == "h{}":
                layer, last = layer + 1, value
            value.name = OPS[op].format(layer)


def fallback(value: Value, inputs: list[str]) -> str:
    """A name from the function that computes the Value and from the names of its inputs."""
    function: Any = value.function
    first, last = (inputs[0], inputs[-1]) if inputs else ("", "")
    name = FUNCTIONS.get(function, "t")
    if function is number and "lr" in value.inputs[0]:
        name = "rate"
    elif function is np.where and getattr(value.inputs[0], "function", None) is np.isfinite:
        name = f"finite_{inputs[1]}"
    elif function is np.matmul and any(x.constant and (x.array == 1).all() for x in value.sources):
        name = "total"
    elif function is np.matmul and first and last and len(first + last) < 8:
        name = f"{first}_{last}"
    return name.format(first=first, last=last or "part", shown=shown(value))


def shown(value: Value) -> str:
    """A word for the result of a reshape: a column, a flat array, or another view."""
    return "column" if value.shape[-1:] == (1,) else "flat" if value.array.ndim == 1 else "view"
