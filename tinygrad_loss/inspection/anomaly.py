"""detect_anomaly(): find the op that made the first NaN or inf."""

from collections.abc import Iterator
from typing import Any
from zlib import crc32

import numpy as np

from ..engine.arrays import data_of, flattened, on_host
from ..engine.errors import describe
from ..engine.mode import Observer, set_mode
from ..engine.node import Node


def detect_anomaly() -> set_mode:
    """Find the op that made the first NaN or inf. For debugging: checking all values takes time.

    Run the forward *and* the backward pass inside the block.

    Raises FloatingPointError if an op makes a NaN or inf of finite numbers, or a NaN of inf (a
    softmax of -inf alone); or if a gradient holds one: with the op, the element, and the data that
    held it first. Data that hold one, such as a mask of -inf, are no error by themselves.
    RuntimeError if an element of an input or an option was written after an op had used it.

    >>> from tinygrad_loss import Tensor
    >>> x = Tensor([1.0, 0.0], requires_grad=True, name="x")
    >>> with detect_anomaly(), np.errstate(divide="ignore"):
    ...     x.log()
    Traceback (most recent call last):
    ...
    FloatingPointError: log: x (2,): the value holds -inf at [1], though the inputs are finite
    """
    return set_mode(observer=Anomaly())


class Anomaly(Observer):
    """Checks all values and gradients; keeps checksums of what each node used, by its stamp."""

    def __init__(self) -> None:
        self.checksums: dict[int, dict[str, list[int]]] = {}

    def after_forward(self, output: Node, op: Any, inputs: Any, arrays: Any) -> None:
        """Raise if the op made a NaN or inf; keep checksums of what it used."""
        bad = _bad(output)
        name, _, given = _worst(output.origin or (op, inputs, arrays, {}))
        if bad and (not given or ("nan" in bad and "nan" not in given)):
            was = f"and none was given: {name} holds {given}" if given else ""
            what = f"{op.name}: {describe(op.name, inputs)}: the value holds {bad}"
            raise FloatingPointError(f"{what}, {was or 'though the inputs are finite'}")
        if output.origin:
            self.checksums[output.stamp] = _checksums(output)

    def after_rule(self, node: Any, position: int, g: Any, part: Any) -> None:
        """Raise if what the node used was changed, or if the gradient holds a NaN or inf."""
        op, inputs, *_ = node.origin
        what = f"backward of {op.name}: {describe(op.name, inputs)}: "
        now = _checksums(node)
        for name, checksum in self.checksums.get(node.stamp, now).items():
            if checksum != now[name]:
                written = f"an element of {name} was written to after the op had used it"
                raise RuntimeError(f"{what}{written}. Change data after backward(), not before.")
        if bad := _bad(part):
            why = _history(node) or "though all that it was computed from is finite"
            if _bad(g):  # it arrives from rules that were checked
                why = "as does the one that arrived there: a sum overflowed, or backward() got it"
            raise FloatingPointError(f"{what}the gradient of input {position} holds {bad}, {why}")


def _used(origin: Any) -> Iterator[tuple[str, Any, Any]]:
    """What an op was given: the name, the thing itself, and its data."""
    _, inputs, arrays, options = origin
    for i, (x, array) in enumerate(zip(inputs, arrays, strict=True)):
        yield f"input {i}", x, array
    for name, x in options.items():
        yield name, x, data_of(x)


def _checksums(node: Node) -> dict[str, list[int]]:
    """Of all that the rules of a node see, also of arrays and lists inside an index."""
    used = [*_used(node.origin), ("the output", node, node._array)]
    return {name: [crc32(on_host(x).tobytes()) for x in flattened(data)] for name, _, data in used}


def _bad(data: Any) -> str:
    """The first NaN, or else inf, and its index; empty if all numbers are finite."""
    for x in map(on_host, flattened(data)):
        if x.dtype.kind == "f" and not np.isfinite(x).all():
            index = np.argwhere(np.isnan(x) if np.isnan(x).any() else np.isinf(x))[0].tolist()
            return f"{x[tuple(index)]}{f' at {index}' if index else ''}"
    return ""


def _worst(origin: Any) -> tuple[str, Any, str]:
    """What an op was given that holds a NaN, or else an inf: its name, itself, and the element."""
    held = [(name, x, bad) for name, x, data in _used(origin) if (bad := _bad(data))]
    return min(held, key=lambda one: "nan" not in one[2], default=("", None, ""))


def _history(node: Node) -> str:
    """Where a NaN or inf that a node was computed from was first: in the data, or made by an op."""
    x, bad = node, _bad(node)
    found = f"as the value holds {bad}" if bad else ""
    while isinstance(x, Node) and x.origin:
        op = x.origin[0].name
        name, x, bad = _worst(x.origin)
        if not bad:
            return found and f"{found}, which {op} made before this block"
        found = f"as {name} of {op} holds {bad}"
    return f"{found}: no recorded op made it, it came with the data: {describe('', (x,))}"
