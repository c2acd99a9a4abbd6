"""Numbers, names and traces as plain text: for labels, terminals, tests and screen readers."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from ...engine import ops, products
from ...engine.ops import Op

if TYPE_CHECKING:
    from .trace import OpNode, TensorNode, Trace, Use

FORMS: dict[Any, str] = {  # of ops that have a symbol; users' ops may have the same names
    ops.add: "{} + {}", ops.subtract: "{} - {}", ops.multiply: "{} * {}", ops.divide: "{} / {}",
    ops.power: "{} ** {}", ops.negative: "-{}", ops._matmul: "{} @ {}", ops._linear: "{} @ {} + {}",
}  # fmt: skip
NAME_LENGTH = 40
FEW = 10  # integers of the data, such as labels, that are all shown
PROMISES = {"unique_indices"}  # options that change no number, so that nobody needs to see them
ROUNDING = "0 (rounding)"
# Which inputs are broadcast, where that is not all inputs of a ufunc and none of another op.
BROADCASTING = {"where": "ab", "matmul": ""}


def clean(name: str, limit: int = NAME_LENGTH) -> str:
    """A name that is safe to show: control, bidi and other unseen characters become escapes.

    Of a long name the middle is cut, so that it cannot push everything else out of the picture.
    """
    if len(name) > limit:
        name = f"{name[: (limit - 2) // 2]}...{name[len(name) - (limit - 3) // 2 :]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def number(x: Any, digits: int = 4) -> str:
    """One number, to four digits."""
    if not isinstance(x, float | np.floating):
        return str(x)
    return "NaN" if np.isnan(x) else f"{x:.{digits}g}"


def summary(array: Any) -> str:
    """An array in one line: up to three elements, else mean and max abs; NaN and inf by name."""
    if array.size == 0:
        return "empty"
    if array.size <= 3:
        return _listed(array)
    if not is_finite(array):
        kinds = {"NaN": np.isnan(array), "inf": np.isposinf(array), "-inf": np.isneginf(array)}
        counts = {word: where.sum() for word, where in kinds.items()}
        return ", ".join(f"{n} of {array.size} {word}" for word, n in counts.items() if n)
    with np.errstate(over="ignore"):
        mean, largest = array.mean(dtype=np.float64), np.abs(array.astype(np.float64)).max()
        noise = array.dtype.kind == "f" and abs(mean) <= np.finfo(array.dtype).eps * largest
    return f"mean {number(0.0 if noise else mean, 3)}, max abs {number(largest, 3)}"


def short(array: Any) -> str:
    """As ``summary``, but shorter: for labels on edges."""
    if array.size <= 1 or not is_finite(array):
        return summary(array)
    return f"max abs {number(np.abs(array.astype(np.float64)).max(), 3)}"


def is_finite(array: Any) -> bool:
    """Whether an array, if there is one, holds neither NaN nor inf."""
    return array is None or array.dtype.kind != "f" or bool(np.isfinite(array).all())


def title(node: TensorNode) -> str:
    """The name; the shape, unless it is (); the dtype, unless it is float64; "box 2 of 5"."""
    shape = f" {node.value.shape}" if node.value.ndim else ""
    return clean(node.name) + shape + _dtype(node) + f", {node.box}" * bool(node.box)


def _dtype(node: TensorNode) -> str:
    return f" {node.value.dtype}" if node.value.dtype != np.float64 else ""


def value(node: TensorNode) -> str:
    """The value of a Tensor in the pass, in one line; labels and indices as they are."""
    if node.changed:
        return "changed since"
    x = node.value
    few = node.kind == "input" and x.ndim > 0 and 0 < x.size <= FEW
    return _listed(x) if few and (x == np.rint(x)).all() else summary(x)


def _listed(array: Any) -> str:
    """All elements: ``[1, 2]``; that of a scalar without brackets."""
    numbers = ", ".join(map(number, array.ravel()))
    return f"[{numbers}]" if array.ndim else numbers


def gradient(x: TensorNode | Use) -> str:
    """A gradient in one line; "-" where there is none, which is not 0; rounding errors by name."""
    return "-" if x.gradient is None else ROUNDING if x.rounding else summary(x.gradient)


def constant(x: Any) -> str:
    """A constant argument or option as short text: 3, (0, 1), 0:3."""
    if isinstance(x, slice):
        parts = ["" if part is None else str(part) for part in (x.start, x.stop, x.step)]
        return ":".join(parts[:2] if x.step is None else parts)
    if isinstance(x, tuple | list):
        shown = [constant(part) for part in x[:6]] + ["..."] * (len(x) > 6)
        return "(" + ", ".join(shown) + ("," if len(x) == 1 else "") + ")"
    if isinstance(x, np.dtype):
        return x.name
    if hasattr(x, "shape") and not isinstance(x, type):
        if x.dtype.kind in "biu" and x.ndim == 1 and x.size:
            return _listed(x) if x.size <= FEW else f"{_listed(x[:3])[:-1]}, ...]"
        return number(x[()]) if x.shape == () else f"array {x.shape}"
    if x is Ellipsis:
        return "..."
    return number(x) if isinstance(x, float) else clean(str(getattr(x, "__name__", x)))


def arguments(op: OpNode, limit: int = NAME_LENGTH, names: Any = None) -> list[str]:
    """What the picture calls the arguments of an op: the names of Tensors, and constants."""
    uses = (x.source if hasattr(x, "source") else x for x in op.arguments)
    given = ((names or {}).get(x, x.name) if hasattr(x, "uses") else constant(x) for x in uses)
    return [clean(name, limit) for name in given]


def call(op: OpNode, parts: list[str]) -> str:
    """The op with these arguments, and its options: ``power(b, 3)``."""
    options = (f"{name}={constant(x)}" for name, x in op.options.items() if name not in PROMISES)
    return f"{clean(op.op.name)}({', '.join([*parts, *options])})"


def formula(op: OpNode, limit: int = NAME_LENGTH) -> str:
    """The op as one writes it, with the names of the picture: ``b ** 3``, ``x @ W + b``."""
    parts = arguments(op, limit)
    if op.options or op.op not in FORMS:
        return call(op, parts)
    return FORMS[op.op].format(*map(in_brackets, parts))


def in_brackets(name: str) -> str:
    """A name or number as an operand: in brackets if it is not a single word."""
    return name if re.fullmatch(r"[\w.]+|\d[\d.]*e[+-]\d+", name) else f"({name})"


def as_text(trace: Trace, cell: Callable[..., str] = lambda kind, node, shown: shown) -> str:
    """One line for every leaf, then for every op: name, origin, shape, value and gradient.

    Of several Tensors that are called w, the second is w#2. ``cell`` can dress each cell.
    """
    names: dict[TensorNode, str] = {}
    count: Counter[str] = Counter()
    for node in trace.tensors:
        name = clean(node.name)
        count[name] += 1
        names[node] = f"{name}#{count[name]}" if count[name] > 1 else name
    rows: list[tuple[Any, ...]] = [(None, "name", "made by", "shape", "value", "gradient")]
    for node in sorted(trace.tensors, key=lambda node: node.maker is not None):
        made = node.maker
        origin = call(made, arguments(made, 99, names)) if made else node.kind
        shape = str(node.value.shape) + _dtype(node)
        rows.append((node, names[node], origin, shape, value(node), gradient(node)))
    widths = [min(max(len(row[i]) for row in rows), 48) for i in range(1, 5)]
    columns = [*zip(("", "", "", "value", "gradient"), [*widths, 0], strict=True)]
    lines = [
        "  ".join(cell(kind, node, x.ljust(n)) for (kind, n), x in zip(columns, cells, strict=True))
        for node, *cells in rows
    ]
    lines = [line.rstrip() for line in [*lines, cell("", None, trace.note())] if line]
    return "\n".join(lines) + "\n"


def argument_names(op: Op, count: int) -> list[str]:
    """The names of the op's inputs in its definition, or else in a rule."""
    names = op.arguments.inputs
    with suppress(TypeError, ValueError, StopIteration):  # no signature, as of C; no rule at all
        taken = list(inspect.signature(next(filter(None, op.rules))).parameters.values())[2:]
        names = names or [p.name for p in taken if p.kind is p.POSITIONAL_OR_KEYWORD]
    return names[:count] if len(names) >= count else [f"x{i}" for i in range(count)]


def derivative(op: Op, argument: str) -> str | None:
    """The sentence after "Derivative: ", or "Derivative by x: ", in the docstring of an op."""
    # matmul and concatenate are functions that call an op of the same name.
    public = (getattr(module, op.name, None) for module in (ops, products))
    for doc in (op.__doc__, *(function.__doc__ for function in public)):
        text = " ".join((doc or "").split())
        found = dict(re.findall(r"Derivative(?: by (\w+))?: (.*?)(?= Derivative| >>> |$)", text))
        if sentence := found.get(argument) or found.get(""):
            return str(sentence[0].upper() + sentence[1:])
    return None


def reason(use: Use) -> str:
    """Why a gradient is what it is, and that it was summed where the input had been broadcast."""
    op, argument = use.op.op, use.op.argument_names[use.position]
    said = derivative(op, argument) or f"{clean(op.name)} gives no reason for this rule."
    source, output = use.source.value.shape, use.op.output.value.shape
    elementwise = isinstance(op.forward, np.ufunc)
    if source != output and argument in BROADCASTING.get(op.name, argument if elementwise else ()):
        why = "an element was used in many places, and receives the sum of their gradients."
        said += f" {clean(use.source.name)} was broadcast from {source} to {output}: {why}"
    return said
