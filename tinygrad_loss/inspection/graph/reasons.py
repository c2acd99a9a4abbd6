"""Why a rule is what it is: the sentence on the derivative in the docstring of its op."""

from __future__ import annotations

import re

import numpy as np

from ...engine import ops
from ...engine.ops import Op
from .text import clean
from .trace import Use

# Ops that broadcast, besides NumPy's ufuncs: which of their arguments.
BROADCASTING = {"where": "ab", "linear": "b"}


def derivative(op: Op, argument: str) -> str | None:
    """What the docstring of an op says after "Derivative: ", or for one input, "Derivative by x: ".

    >>> derivative(ops.divide, "a")
    "A numerator's slope is 1 / b."
    """
    # matmul and concatenate are functions in front of an op of the same name.
    public = getattr(ops, op.name, None)
    for doc in (op.__doc__, public.__doc__):
        text = " ".join((doc or "").split())
        found = dict(re.findall(r"Derivative(?: by (\w+))?: (.*?)(?= Derivative| >>> |$)", text))
        if sentence := found.get(argument) or found.get(""):
            return str(sentence[0].upper() + sentence[1:])
    return None


def reason(use: Use) -> str:
    """Why a gradient is what it is; and that it was summed, if the input had been broadcast."""
    op, argument = use.op.op, use.op.argument_names[use.position]
    text = derivative(op, argument) or f"The rule that {clean(op.name)} was given for this input."
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
            "used in many places, so its gradient is the sum of theirs."
        )
    return text
