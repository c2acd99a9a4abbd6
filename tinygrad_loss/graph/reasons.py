"""Why a rule is what it is, in one line for each op."""

from __future__ import annotations

import numpy as np

from .text import clean
from .trace import Use

REASONS = {
    "add": "A sum passes its gradient on: when an input grows by 1, so does the sum.",
    "subtract.a": "What is subtracted from passes the gradient on, as in a sum.",
    "subtract.b": "What is subtracted receives the gradient with the opposite sign.",
    "multiply": "Each factor receives the gradient times the other factor.",
    "divide.a": "A numerator's slope is 1 / b.",
    "divide.b": "The quotient y = a / b shrinks as b grows, by y / b.",
    "negative": "The sign changes on the way forward, so it changes on the way back.",
    "absolute": "|x| rises where x is positive, falls where it is negative; 0 at 0.",
    "power.a": "d(a^b)/da = b a^(b-1): the exponent comes down and is lowered by one.",
    "power.b": "d(a^b)/db = a^b log(a).",
    "exp": "The exponential is its own derivative, so its output y is the slope.",
    "expm1": "d(e^x - 1)/dx = e^x, which is y + 1.",
    "log": "The slope of the logarithm is 1 / x: steep near 0, flat for large x.",
    "log1p": "The slope of log(1 + x) is 1 / (1 + x).",
    "log2": "log2(x) = log(x) / log(2), so the slope is 1 / (x log 2).",
    "sqrt": "The slope of the square root is 1 / (2 y): infinite at 0.",
    "square": "d(x^2)/dx = 2x.",
    "sin": "The slope of the sine is the cosine.",
    "cos": "The slope of the cosine is minus the sine.",
    "tanh": "The slope is 1 - y^2: 1 at 0, and nearly 0 where tanh is saturated.",
    "erf": "The slope of erf is the bell curve 2/sqrt(pi) e^(-x^2).",
    "sigmoid": "The slope is y (1 - y): at most 1/4, and nearly 0 where the sigmoid is saturated.",
    "relu": "A gate: the gradient passes where x > 0 and is stopped elsewhere.",
    "leaky_relu": "The gradient passes where x > 0, and a small part of it elsewhere.",
    "softplus": "The slope of the smooth maximum with 0 is the sigmoid.",
    "logaddexp": "Each input receives its share of the sum e^a + e^b.",
    "maximum": "A switch: the gradient goes to the larger input; equal ones share it.",
    "minimum": "A switch: the gradient goes to the smaller input; equal ones share it.",
    "clip": "The gradient passes where x was within the limits; where it was clipped it stops.",
    "where": "A switch: each element's gradient goes to the branch that was chosen for it.",
    "sum": "Every element counts once in the sum, so each receives the whole gradient.",
    "mean": "Every one of n elements counts 1/n, so each receives the gradient divided by n.",
    "max": "A switch: the gradient goes to the largest element; equal ones share it.",
    "min": "A switch: the gradient goes to the smallest element; equal ones share it.",
    "norm": "The length grows fastest along the vector: the slope is the unit vector x / |x|.",
    "logsumexp": "The slope of the smooth maximum is softmax: larger elements, larger shares.",
    "softmax": "Probabilities add up to 1: what one gains, the others lose, hence the subtraction.",
    "log_softmax": "Every logit also lowers all log-probabilities, by its probability e^y.",
    "reshape": "The same numbers in another shape: the gradient goes back into the old one.",
    "transpose": "The axes change places, so the gradient's change back.",
    "swapaxes": "Two axes change places, so the gradient's change back.",
    "expand_dims": "The same numbers with one more axis: the gradient drops it again.",
    "squeeze": "The same numbers with fewer axes: the gradient gets them back.",
    "broadcast_to": "A value copied to many places receives the sum of their gradients.",
    "astype": "The same numbers in another precision: the gradient is converted back.",
    "concatenate": "Each piece receives its own piece of the gradient.",
    "getitem": "The elements that were picked receive their gradient, all others 0.",
    "scatter": "Each element receives the gradient of the place where it was put.",
    "matmul": "Elements were multiplied with the other matrix's: g times that one, transposed.",
    "linear.x": "Each input receives the gradients of the outputs that it feeds, by the weights.",
    "linear.W": "A weight receives its output's gradient times its input, summed over the rows.",
    "linear.b": "The bias is added to every row, so it passes the gradient on.",
}

# Ops that broadcast, besides NumPy's ufuncs: which of their arguments.
BROADCASTING = {"where": "ab", "linear": "b"}


def reason(use: Use) -> str:
    """Why a gradient is what it is; and that it was summed, if the input had been broadcast."""
    name, argument = use.op.op.name, use.op.argument_names[use.position]
    unknown = f"The rule that {clean(name)} was given for this input."
    text = REASONS.get(f"{name}.{argument}", REASONS.get(name, unknown))
    source, output = use.source.value.shape, use.op.output.value.shape
    broadcasts = isinstance(use.op.op.forward, np.ufunc) or name in BROADCASTING
    if (
        broadcasts
        and source != output
        and name != "matmul"
        and argument in BROADCASTING.get(name, argument)
    ):
        text += (
            f" {clean(use.source.name)} was broadcast from {source} to {output}: an element was "
            "used in many places, so its gradient is the sum of theirs."
        )
    return text
