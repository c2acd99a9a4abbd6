"""detect_anomaly(): find the op that made the first NaN or inf."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import numpy as np

from ..engine.arrays import data_of
from ..engine.errors import describe
from ..engine.mode import Observer, set_mode
from ..engine.node import Array, Node


def detect_anomaly() -> set_mode:
    """Find the op that made the first NaN or inf. For debugging: checking all values takes time.

    Run the forward *and* the backward pass inside the block.

    Raises
    ------
    FloatingPointError
        If an op's value, or the gradient that a rule computed, holds a NaN or inf although all
        that it was computed from is finite. The message names the op.
    RuntimeError
        If an element of an array was written (``t.data[0] = 1``) after an op had used it.

    >>> from tinygrad_loss import Tensor
    >>> x = Tensor([1.0, 0.0], requires_grad=True, name="x")
    >>> with detect_anomaly(), np.errstate(divide="ignore"):
    ...     x.log()
    Traceback (most recent call last):
    ...
    FloatingPointError: log: x (2,): the value holds -inf, though the inputs are finite
    """
    return set_mode(observer=Anomaly())


class Anomaly(Observer):
    """Checks all values and gradients; keeps checksums of the inputs of each node, by its stamp."""

    def __init__(self) -> None:
        self.checksums: dict[int, list[int]] = {}

    def after_forward(
        self, output: Node, op: Any, inputs: tuple[Any, ...], arrays: list[Array]
    ) -> None:
        """Raise if the op made a NaN or inf from finite inputs; keep checksums of these."""
        _check_finite(f"{op.name}: {describe(op.name, inputs)}: the value", output._data, arrays)
        if output.origin:
            self.checksums[output.stamp] = _checksums(arrays)

    def after_rule(self, node: Node, position: int, g: Any, part: Any) -> None:
        """Check that the inputs are unchanged, and that ``part`` is finite if ``g`` is."""
        assert node.origin is not None
        op, inputs, arrays, _ = node.origin
        what = f"backward of {op.name}: {describe(op.name, inputs)}: "
        if self.checksums.get(node.stamp, _checksums(arrays)) != _checksums(arrays):
            raise RuntimeError(
                f"{what}an element of an input was written to after the op had used it, so the "
                "gradient is wrong. Change data after backward(), not before."
            )
        g, part = np.asarray(data_of(g)), np.asarray(data_of(part))
        _check_finite(f"{what}the gradient of input {position}", part, [g])


def _checksums(arrays: list[Array]) -> list[int]:
    return [crc32(np.ascontiguousarray(a).tobytes()) for a in arrays if isinstance(a, np.ndarray)]


def _check_finite(what: str, value: Array, sources: list[Any]) -> None:
    finite = np.isfinite(value)
    numbers = (a for a in sources if isinstance(a, np.ndarray | float | int))
    if not finite.all() and all(np.isfinite(a).all() for a in numbers):
        raise FloatingPointError(
            f"{what} holds {value[~finite].flat[0]}, though the inputs are finite"
        )
