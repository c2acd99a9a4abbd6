"""Why a rule is what it is: the sentence about the derivative in the docstring of its op."""

from __future__ import annotations

import re

import numpy as np

from ...engine import ops
from ...engine.ops import Op
from .text import clean
from .trace import Use

# Ops that broadcast, besides NumPy's ufuncs, and which of their inputs.
BROADCASTING = {"where": "ab", "linear": "b"}


def derivative(op: Op, argument: str) -> str | None:
    """The sentence after "Derivative: ", or "Derivative by x: ", in the docstring of an op.

    >>> derivative(ops.divide, "a")
    'The quotient is a times 1 / b, so the slope is 1 / b.'
    """
    # matmul and concatenate are functions that call an op of the same name.
    public = getattr(ops, op.name, None)
    for doc in (op.__doc__, public.__doc__):
        text = " ".join((doc or "").split())
        found = dict(re.findall(r"Derivative(?: by (\w+))?: (.*?)(?= Derivative| >>> |$)", text))
        if sentence := found.get(argument) or found.get(""):
            return str(sentence[0].upper() + sentence[1:])
    return None


def reason(use: Use) -> str:
    """Why a gradient is what it is, and that it was summed where the input had been broadcast."""
    op, argument = use.op.op, use.op.argument_names[use.position]
    text = derivative(op, argument) or f"{clean(op.name)} gives no reason for this rule."
    source, output = use.source.value.shape, use.op.output.value.shape
    broadcasts = isinstance(op.forward, np.ufunc) or op.name in BROADCASTING
    if (
        broadcasts
        and source != output
        and op.name != "matmul"
        and argument in BROADCASTING.get(op.name, argument)
    ):
        text += (
            f" {clean(use.source.name)} was broadcast from {source} to {output}: an element was "
            "used in many places, and receives the sum of their gradients."
        )
    return text
