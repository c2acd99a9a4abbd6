"""The table of derivatives: every op with its forward function and one rule per input.

A *rule* is the chain rule for one input of one op: it turns ``g``, the gradient of the loss with
respect to the op's output ``y``, into the gradient with respect to that input. (g times the matrix
of derivatives: the literature's vector-Jacobian product, VJP.) Its arguments are g, y, and then the
op's inputs and options:

    multiply   forward np.multiply      rules: g * b        and  g * a
    exp        forward np.exp           rule:  g * y
    matmul     forward np.matmul        rules: g @ b.mT     and  a.mT @ g

Rules are made of operators, ops, and those NumPy functions that take Tensors too (the others would
fail in gradients of gradients). A rule never writes into ``g``, and never deals with broadcasting:
where an input was broadcast, ``backprop.py`` sums its gradient back to the input's shape.

The derivatives are calculus. At a kink, where there is none, the docstring of the op says what was
chosen. Ops take Tensors, arrays and lists, elementwise ones numbers too. They return a Tensor if an
input is one (to type checkers always), else an array, of the dtype that NumPy gives. For what NumPy
refuses, and for unknown options, they raise NumPy's kind of error, with the op's name and shapes.

To add an op, write its row: the rules in the decorator; the formula, the derivative and an example
in the docstring; and its name in ``__all__``. From these come ``tl.name`` (tl is tinygrad_loss),
``np.name(t)`` if NumPy has the function, and the sentence about the derivative on the page of
``draw``. If it is to be a method too, as in PyTorch, add it to ``tensor.py``. Tests fail until it
has a case in ``tests/op_cases.py``, until the page can compute it (``FUNCTIONS`` in
``inspection/graph/record.py`` and in ``runtime.js``), and until ``examples/derivatives.py`` has
written the sheet of derivatives anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from .arguments import Arguments
from .arrays import as_output, elementwise, full_like, indexed, is_plain, scattered, total
from .errors import explained
from .mode import F, mode
from .node import Array, Node, now

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "abs", "absolute", "add", "arctan", "astype", "broadcast_to", "clip", "concatenate", "cos",
    "cosh", "divide", "erf", "exp", "expand_dims", "expm1", "getitem", "leaky_relu",
    "log", "log10", "log1p", "log2", "log_softmax", "logaddexp", "logsumexp", "max",
    "maximum", "mean", "min", "minimum", "multiply", "negative", "power", "relu", "reshape",
    "scatter", "sigmoid", "sin", "sinh", "softmax", "softplus", "sqrt",
    "square", "squeeze", "subtract", "sum", "swapaxes", "tan", "tanh", "transpose", "where",
]  # fmt: skip

Rule = Callable[..., Any]


class Op:
    """An operation: a forward function, and one rule for each input.

    Calling an Op on Tensors computes a value and notes, in the Tensor that it returns, the op and
    its inputs. That is all the recording there is: the graph is nothing but Tensors that point to
    the Tensors they came from.

    ``forward(*inputs, **options)`` computes the output from arrays: a new array, or a view of an
    input. The output is made read-only, since rules rely on its values.

    ``rule(g, y, *inputs, **options)`` computes the gradient with respect to its input; None stands
    for an input without one, such as a condition. Called with arrays, a rule just computes. Called
    with Tensors, it is recorded too, so that what it computes can be differentiated again.

    >>> from tinygrad_loss import Tensor
    >>> cube = Op(lambda x: x**3, lambda g, y, x: g * 3 * x**2, name="cube")
    >>> x = Tensor(2.0, requires_grad=True)
    >>> cube(x).backward()
    >>> x.grad
    array(12.)
    """

    def __init__(
        self, forward: Callable[..., Array], *rules: Rule | None,
        name: str = "", definition: Callable[..., Any] | None = None,
    ) -> None:  # fmt: skip
        self.forward = forward
        self.rules = rules
        self.name = name or forward.__name__
        self.arguments = Arguments(self, definition or forward)

    def __call__(self, *inputs: Any, **options: Any) -> Tensor:
        """Compute the output: a Tensor if an input is one, else an array."""
        if options or len(inputs) != len(self.rules):
            inputs, options = self.arguments.sort(inputs, options)
        arrays: list[Array] = []
        tensor_type: type[Node] | None = None  # Tensor, which this file does not know
        requires_grad = False
        for x in inputs:
            if isinstance(x, Node):
                tensor_type = type(x)
                requires_grad = requires_grad or x._requires_grad
                x = x._array
            elif type(x) is not float and not is_plain(x):
                return self(*map(self.arguments.converted, inputs), **options)
            arrays.append(x)
        try:
            value = self.forward(*arrays, **options) if options else self.forward(*arrays)
        except Exception as error:
            raise explained(error, self.name, inputs, options) from None
        if tensor_type is None:
            return value
        current = mode.get()
        recorded = requires_grad and current.recording
        if type(value) is np.ndarray:
            if value is arrays[0]:
                value = value.view()  # or the input itself would become read-only
            if not recorded and value.base is not None and value.flags.writeable:
                value = value.copy("K")  # a view would change when a leaf is updated in place
            value.setflags(False)  # a later write would make the gradient wrong
        else:
            value = as_output(value, self.name)
        output = tensor_type.__new__(tensor_type)  # not __init__, which copies and checks
        output._array = value
        output._requires_grad = recorded
        output.origin = (self, inputs, arrays, options) if recorded else None
        output.grad = output.name = None
        output.scopes, output._retains_grad = (), False
        output.stamp = now()
        for observer in current.observers:
            observer.after_forward(output, self, inputs, arrays)
        return output

    def __reduce__(self) -> str:  # pickled by its name in its module, as functions are
        return getattr(self, "__qualname__", self.name)

    def __repr__(self) -> str:
        return f"<op {self.name}{self.arguments}>"


def op(*rules: Rule | None, forward: Callable[..., Array] | None = None) -> Callable[[F], F]:
    """Decorate a function of arrays: it becomes the forward function of an Op.

    With ``forward=np.add`` NumPy's function does the work, and the one below the decorator, which
    is never called, gives the name, the signature and the docstring.
    """

    def made(definition: F) -> F:
        name = definition.__name__.lstrip("_")
        return cast(F, Op(forward or definition, *rules, name=name, definition=definition))

    return made


# The rows of a table lie close together.
# fmt: off

# --- arithmetic -----------------------------------------------------------------------------------
@op(lambda g, y, a, b: g, lambda g, y, a, b: g, forward=np.add)
def add(a: Array, b: Array) -> Tensor:
    """a + b. Derivative: when an input grows by 1, so does the sum, so the gradient passes through
    unchanged. >>> add([1, 2], 0.5)  # [1.5, 2.5]
    """

@op(lambda g, y, a, b: g, lambda g, y, a, b: -g, forward=np.subtract)
def subtract(a: Array, b: Array) -> Tensor:
    """a - b. Derivative by a: the gradient passes through unchanged, as in a sum. Derivative by b:
    the gradient changes its sign: as b grows, a - b falls. >>> subtract([1, 2], 0.5)  # [0.5, 1.5]
    """

@op(lambda g, y, a, b: g * b, lambda g, y, a, b: g * a, forward=np.multiply)
def multiply(a: Array, b: Array) -> Tensor:
    """a * b. Derivative: each factor receives the gradient times the other
    factor. >>> multiply([1, 2], 0.5)  # [0.5, 1]
    """

@op(lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b, forward=np.divide)
def divide(a: Array, b: Array) -> Tensor:
    """a / b. Derivative by a: the quotient is a times 1 / b, so the slope is 1 / b. Derivative by
    b: the quotient y = a / b shrinks as b grows, with the slope -y / b. >>> divide(1, 4)  # 0.25
    """

@op(lambda g, y, x: -g, forward=np.negative)
def negative(x: Array) -> Tensor:
    """-x. Derivative: the gradient changes its sign, too. >>> negative([1, -2])  # [-1, 2]"""

@op(lambda g, y, x: g * np.sign(x), forward=np.absolute)
def absolute(x: Array) -> Tensor:
    """|x|. Derivative: the slope is the sign of x: 1 for x > 0, -1 for x < 0. At the kink 0 it
    counts as 0, the middle of the subgradients [-1, 1]. >>> absolute([1, -2])  # [1, 2]
    """

abs = absolute  # NumPy has both names

def _one_less(b: Any) -> Any:
    """Return b - 1, but 0 where b = 0, so that b * a**(b - 1) is 0 there, also at a = 0."""
    return (b - 1 if b else 0) if isinstance(b, int | float) else np.where(b == 0, b, b - 1)

# At a = 0 the limit for b >= 0 is 0, while 0 * log(0) would be NaN; log(1) = 0 stands in.
@op(lambda g, y, a, b: g * (b * a ** _one_less(b)),
    lambda g, y, a, b: g * (y * np.log(np.where((a == 0) & (b >= 0), 1, a))), forward=np.power)
def power(a: Array, b: Array) -> Tensor:
    """a^b. Derivative by a: the slope is b a^(b-1): the exponent comes down and is lowered by one.
    Derivative by b: the slope is a^b log(a), and 0 at a = 0 <= b. >>> power([1, 2], 3.0)  # [1, 8]
    """

# --- elementary functions -------------------------------------------------------------------------
@op(lambda g, y, x: g * y, forward=np.exp)
def exp(x: Array) -> Tensor:
    """e^x. Derivative: the slope is e^x, the output y itself. >>> exp([0, 1])  # [1, 2.71828183]"""

@op(lambda g, y, x: g * (y + 1), forward=np.expm1)
def expm1(x: Array) -> Tensor:
    """e^x - 1, exact near 0. Derivative: the slope is e^x = y + 1. >>> expm1(1e-20)  # 1e-20"""

@op(lambda g, y, x: g / x, forward=np.log)
def log(x: Array) -> Tensor:
    """Natural logarithm. Derivative: the slope is 1 / x. >>> log([1, 10])  # [0, 2.30258509]"""

@op(lambda g, y, x: g / (1 + x), forward=np.log1p)
def log1p(x: Array) -> Tensor:
    """log(1 + x), exact near 0. Derivative: the slope is 1 / (1 + x). >>> log1p(1e-20)  # 1e-20"""

@op(lambda g, y, x: g / (x * math.log(2)), forward=np.log2)
def log2(x: Array) -> Tensor:
    """log(x) / log(2). Derivative: the slope is 1 / (x log 2). >>> log2([1, 8])  # [0, 3]"""

@op(lambda g, y, x: g / (x * math.log(10)), forward=np.log10)
def log10(x: Array) -> Tensor:
    """log(x) / log(10). Derivative: the slope is 1 / (x log 10). >>> log10([1, 1000])  # [0, 3]"""

@op(lambda g, y, x: g / (2 * y), forward=np.sqrt)
def sqrt(x: Array) -> Tensor:
    """Square root. Derivative: the slope is 1 / (2 y), infinite at 0. >>> sqrt([1, 9])  # [1, 3]"""

@op(lambda g, y, x: g * (2 * x), forward=np.square)
def square(x: Array) -> Tensor:
    """x^2. Derivative: the slope is 2 x. >>> square([1, -3])  # [1, 9]"""

@op(lambda g, y, x: g * np.cos(x), forward=np.sin)
def sin(x: Array) -> Tensor:
    """Sine, x in radians. Derivative: the slope is cos(x). >>> sin([0, 1])  # [0, 0.84147098]"""

@op(lambda g, y, x: -g * np.sin(x), forward=np.cos)
def cos(x: Array) -> Tensor:
    """Cosine, x in radians. Derivative: the slope is -sin(x). >>> cos([0, 1])  # [1, 0.54030231]"""

@op(lambda g, y, x: g * (1 + y * y), forward=np.tan)
def tan(x: Array) -> Tensor:
    """Tangent, x in radians. Derivative: the slope is 1 + y^2. >>> tan(1)  # 1.55740772"""

def _arctan_slope(x: Any) -> Any:
    """1 / (1 + x^2), also where x^2 leaves the range of the dtype."""
    m = np.maximum(np.absolute(x), 1)
    return 1 / m / m / (np.square(1 / m) + np.square(x / m))

@op(lambda g, y, x: g * _arctan_slope(x), forward=np.arctan)
def arctan(x: Array) -> Tensor:
    """Inverse of tan. Derivative: the slope is 1 / (1 + x^2). >>> arctan(1)  # 0.78539816"""

@op(lambda g, y, x: g * np.cosh(x), forward=np.sinh)
def sinh(x: Array) -> Tensor:
    """(e^x - e^-x) / 2. Derivative: the slope is cosh(x). >>> sinh([0, 1])  # [0, 1.17520119]"""

@op(lambda g, y, x: g * np.sinh(x), forward=np.cosh)
def cosh(x: Array) -> Tensor:
    """(e^x + e^-x) / 2. Derivative: the slope is sinh(x). >>> cosh([0, 1])  # [1, 1.54308063]"""

@op(lambda g, y, x: g * (1 - y * y), forward=np.tanh)
def tanh(x: Array) -> Tensor:
    """Hyperbolic tangent. Derivative: the slope is 1 - y^2: it is 1 at x = 0, and nearly 0 where
    tanh is saturated, y near -1 or 1. >>> tanh([0, 1])  # [0, 0.76159416]
    """

def _bell(x: Any) -> Any:
    """e^(-x^2), which is 0 in any dtype long before x^2 overflows."""
    return np.exp(-np.square(np.clip(x, -28, 28)))

@op(lambda g, y, x: g * (2 / math.sqrt(math.pi)) * _bell(x), forward=elementwise(math.erf))
def erf(x: Array) -> Tensor:
    """Error function, 2/sqrt(pi) times the integral of e^(-t^2) from 0 to x. Derivative: the slope
    is the bell curve 2/sqrt(pi) e^(-x^2). >>> erf([0.0, 1.0])  # [0, 0.84270079]
    """

@op(lambda g, y, x: g * y * (1 - y))
def sigmoid(x: Array) -> Tensor:
    """1 / (1 + e^-x), without overflow. Derivative: the slope is y (1 - y): at most 1/4, and nearly
    0 where the sigmoid is saturated, y near 0 or 1. >>> sigmoid([0, 2])  # [0.5, 0.88079708]
    """
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)

@op(lambda g, y, x: g * (y != 0))  # y is 0 where x <= 0, and NaN where x is
def relu(x: Array) -> Tensor:
    """max(x, 0). Derivative: the gradient passes through where x > 0 (or NaN) and is stopped
    elsewhere, also at the kink 0. >>> relu([1, -2])  # [1, 0]
    """
    return np.maximum(x, 0)

@op(lambda g, y, x, slope=0.01: np.where(x > 0, g, slope * g))
def leaky_relu(x: Array, slope: float = 0.01) -> Tensor:
    """x where x > 0, else slope * x (Maas, Hannun & Ng 2013). Derivative: the gradient passes
    through where x > 0 and is multiplied by slope elsewhere. >>> leaky_relu([1, -2])  # [1, -0.02]
    """
    return np.where(x > 0, x, slope * x)

@op(lambda g, y, x: g * sigmoid(x))
def softplus(x: Array) -> Tensor:
    """log(1 + e^x), a smooth max(x, 0), without overflow; -softplus(-x) is log(sigmoid(x)).
    Derivative: the slope is sigmoid(x). >>> softplus([0, 1000])  # [0.69314718, 1000]
    """
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))

@op(lambda g, y, a, b: g * sigmoid(a - b), lambda g, y, a, b: g * sigmoid(b - a),
    forward=np.logaddexp)
def logaddexp(a: Array, b: Array) -> Tensor:
    """log(e^a + e^b), a smooth maximum, without overflow. Derivative: an input's slope is its share
    of e^a + e^b, which for a is sigmoid(a - b). >>> logaddexp([0, 1000], 0)  # [0.69314718, 1000]
    """

# --- choosing: the gradient goes to the input that was chosen; ties share it equally --------------
def _won(g: Any, y: Any, a: Any, b: Any) -> Any:
    """Return the gradient of a: g where a was chosen, 0 where b was, and half of g in a tie."""
    return g * ((a == y) | np.isnan(a)) - g / 2 * (a == b)

@op(_won, lambda g, y, a, b: _won(g, y, b, a), forward=np.maximum)
def maximum(a: Array, b: Array) -> Tensor:
    """The larger of a and b, NaN if either is. Derivative: the gradient goes to the larger input
    (or the NaN); two equal inputs get half of it each. >>> maximum([1, -2], 0)  # [1, 0]
    """

@op(_won, lambda g, y, a, b: _won(g, y, b, a), forward=np.minimum)
def minimum(a: Array, b: Array) -> Tensor:
    """The smaller of a and b, NaN if either is. Derivative: the gradient goes to the smaller input
    (or the NaN); two equal inputs get half of it each. >>> minimum([1, -2], 0)  # [0, -2]
    """

@op(lambda g, y, x, min=None, max=None: g * ((x == y) | np.isnan(x)))
def clip(x: Array, min: Any = None, max: Any = None) -> Tensor:
    """x limited to [min, max], each a number, an array, or None. Derivative: the gradient passes
    within the limits (and for NaN), and is stopped outside. >>> clip([-3, 0.5], -1, 1)  # [-1, 0.5]
    """
    return np.clip(x, min, max)

@op(None, lambda g, y, condition, a, b: np.where(condition, g, 0),
    lambda g, y, condition, a, b: np.where(condition, 0, g))
def where(condition: Array, a: Array, b: Array) -> Tensor:
    """a where the condition holds, else b. Derivative: the gradient of each element goes to the
    input that was chosen for it, and 0 to the other. >>> where([True, False], 1, [2, 3])  # [1, 3]

    Where the other input came from a slope of inf or NaN, 0 times that is NaN. Then choose twice:
    ``safe = where(x > 0, x, 1); where(x > 0, log(safe), 0)`` (the "double where").
    """
    return np.where(condition, a, b)

# --- reductions: one output from many inputs, so its gradient is spread over all of them ----------
# axis is an int, a tuple of ints, or None for all; with keepdims the reduced axes stay, of size 1.

def spread(g: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Give the reduced axes back to g, with size 1, so that it broadcasts to the shape of x."""
    if keepdims or axis is None or x.ndim == 0:
        return g
    return np.expand_dims(g, axis)

def _group_size(x: Any, y: Any) -> int:
    """How many elements of x were reduced to one of y."""
    return x.size // y.size if y.size else 1

@op(lambda g, y, x, axis=None, keepdims=False: spread(g, x, axis, keepdims) * full_like(x, 1))
def sum(x: Array, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Sum over the axes. Derivative: every element counts once in the sum, so each receives the
    whole gradient. >>> sum([[1, 2], [3, 4]], axis=0)  # [4, 6]
    """
    return total(x, axis, keepdims)

@op(lambda g, y, x, axis=None, keepdims=False:
    spread(g, x, axis, keepdims) * full_like(x, 1 / (_group_size(x, y) or 1)))
def mean(x: Array, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Mean over the axes. Derivative: each of the n elements counts 1/n in the mean, so each
    receives the gradient divided by n. >>> mean([[1, 2], [3, 4]], axis=0)  # [2, 3]
    """
    if x.dtype.itemsize < 4:  # NumPy averages float16 in float32, where the sum does not overflow
        return x.mean(axis=axis, keepdims=keepdims)
    sums = total(x, axis, keepdims)
    return sums / _group_size(x, sums)

def _shared(g: Any, y: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Share the gradient of max or min equally among the elements that are equal to it."""
    chosen = (x == spread(y, x, axis, keepdims)) | np.isnan(x)
    parts = chosen.sum(axis=axis, keepdims=True, dtype=np.result_type(x.dtype, np.float32))
    return spread(g, x, axis, keepdims) * chosen / parts

@op(_shared)
def max(x: Array, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Largest element over the axes. Derivative: the gradient goes to the largest element; if
    several are the largest, they share it equally. >>> max([[1, 4], [3, 2]], axis=0)  # [3, 4]
    """
    return x.max(axis=axis, keepdims=keepdims)

@op(_shared)
def min(x: Array, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Smallest element over the axes. Derivative: the gradient goes to the smallest element; if
    several are the smallest, they share it equally. >>> min([[1, 4], [3, 2]], axis=0)  # [1, 2]
    """
    return x.min(axis=axis, keepdims=keepdims)

@op(lambda g, y, x, axis=None, keepdims=False: spread(g * (y != 0), x, axis, keepdims)
    * (x / spread(np.where(y == 0, 1, y), x, axis, keepdims)))
def _norm(x: Array, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Euclidean length sqrt(sum x^2) over the axes. Derivative: the length grows fastest along x
    itself, so its gradient is the unit vector x / |x|; at x = 0 it counts as 0, and so does the
    second derivative. >>> norm([[3, 4], [0, 1]], axis=1)  # [5, 1]
    """
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    # Divided by the largest, or squares would leave the range long before the length does.
    sizes = np.abs(x)
    largest = (sizes.max if x.size else sizes.sum)(axis=axis, keepdims=True)
    unit = np.where((largest > 0) & (largest < np.inf), largest, 1)
    y = np.sqrt(total(np.square(x / unit), axis, keepdims=True)) * unit
    return y if keepdims else y.squeeze(axis)

def _row_max(x: Array, axis: Any) -> Array:
    """Return what to subtract from each row before exp: its maximum, or 0 if that is infinite."""
    if x.ndim == 2 and axis in (1, -1) and x.size:  # four times faster than along short rows
        largest = x.T.copy().max(axis=0)[:, None]
    else:
        largest = (x.max if x.size else x.sum)(axis=axis, keepdims=True)
    return np.where(np.isfinite(largest), largest, 0)

@op(lambda g, y, x, axis=-1: y * (g - total(g * y, axis, keepdims=True)))
def softmax(x: Array, axis: Any = -1) -> Tensor:
    """e^x / sum(e^x): probabilities from logits. NaN for a row of -inf, which has none. Derivative:
    what one probability gains the others lose, so the mean of g, weighted by y, is subtracted from
    g first. >>> softmax([0, 1, 2])  # [0.09003057, 0.24472847, 0.66524096]
    """
    with np.errstate(over="ignore", invalid="ignore"):  # -inf is right where float16 overflows
        e = np.exp(x - _row_max(x, axis))
        return e / total(e, axis, keepdims=True)

@op(lambda g, y, x, axis=-1, keepdims=False:
    spread(g, x, axis, keepdims) * where(x == -np.inf, 0, softmax(x, axis)))
def logsumexp(x: Array, axis: Any = -1, keepdims: bool = False) -> Tensor:
    """log(sum(e^x)), a smooth max(x), for any x; -inf for a row of -inf. Derivative: each element
    receives g times its softmax. >>> logsumexp([[0, 0], [1000, 0]])  # [0.69314718, 1000]
    """
    shift = _row_max(x, axis)
    with np.errstate(divide="ignore", over="ignore"):  # log(0) = -inf is right for a row of -inf
        y = np.log(total(np.exp(x - shift), axis, keepdims=True)) + shift
    return y if keepdims else y.squeeze(axis=axis)

@op(lambda g, y, x, axis=-1: g - np.exp(y) * total(g, axis, keepdims=True))
def log_softmax(x: Array, axis: Any = -1) -> Tensor:
    """Log-probabilities from logits, x - logsumexp(x): exact where softmax rounds to 0 or 1.
    Derivative: when a logit grows by 1, its own log-probability grows by 1, and then all of them
    fall by its probability e^y. >>> log_softmax([0, 1000])  # [-1000, 0]
    """
    x = x - _row_max(x, axis)
    with np.errstate(divide="ignore", invalid="ignore"):
        return x - np.log(total(np.exp(x), axis, keepdims=True))

@op(lambda g, y, x, axis: np.flip(_cumsum(np.flip(g, axis), axis=axis), axis))
def _cumsum(x: Array, axis: int) -> Tensor:
    """Running sum along an axis. Derivative: an element counts in every sum from its own on, so it
    receives the sum of their gradients. >>> cumsum([1, 2, 3])  # [1, 3, 6]
    """
    if x.dtype.char == "e":  # as in total()
        return np.cumsum(x.astype(np.float32), axis=axis).astype(x.dtype)
    return np.cumsum(x, axis=axis)

# --- shapes: the same numbers in other places, so the gradient goes back to where they were -------

@op(lambda g, y, x, shape: g.reshape(x.shape))
def reshape(x: Array, shape: Any) -> Tensor:
    """The same numbers, in order, in another shape; -1 stands for what is left. Derivative: the
    gradient takes the old shape again. >>> reshape([1, 2, 3, 4], (2, -1))  # [[1, 2], [3, 4]]
    """
    return np.reshape(x, shape)

@op(lambda g, y, x, axis: g.reshape(x.shape))
def expand_dims(x: Array, axis: Any) -> Tensor:
    """The same numbers with new axes of size 1. Derivative: the gradient drops the new axes
    again. >>> expand_dims([1, 2], -1)  # [[1], [2]]
    """
    return np.expand_dims(x, axis)

@op(lambda g, y, x, axis=None: g.reshape(x.shape))
def squeeze(x: Array, axis: Any = None) -> Tensor:
    """The same numbers without axes of size 1: all, or those named. Derivative: the gradient gets
    the dropped axes back. >>> squeeze([[1], [2]])  # [1, 2]
    """
    return np.squeeze(x, axis)

def _inverse(axes: Any) -> Any:
    """Return the order of axes that undoes a transpose."""
    return None if axes is None else tuple(np.argsort(np.atleast_1d(axes) % np.size(axes)))

@op(lambda g, y, x, axes=None: np.transpose(g, _inverse(axes)))
def transpose(x: Array, axes: Any = None) -> Tensor:
    """The axes in another order; None reverses them. Derivative: the axes of the gradient go back
    to the old order. >>> transpose([[1, 2], [3, 4]])  # [[1, 3], [2, 4]]
    """
    return np.transpose(x, axes)

@op(lambda g, y, x, axis1, axis2: g.swapaxes(axis1, axis2))
def swapaxes(x: Array, axis1: int, axis2: int) -> Tensor:
    """Two axes in each other's place. Derivative: the same two axes of the gradient are swapped
    back. >>> swapaxes([[1, 2], [3, 4]], 0, -1)  # [[1, 3], [2, 4]]
    """
    return np.swapaxes(x, axis1, axis2)

@op(lambda g, y, x, shape: g)  # backprop.py undoes broadcasting, for every op, with a sum
def broadcast_to(x: Array, shape: Any) -> Tensor:
    """x, repeated along new axes and axes of size 1. Derivative: a value copied to many places
    receives the sum of their gradients. >>> broadcast_to([1, 2], (2, 2))  # [[1, 2], [1, 2]]
    """
    return np.broadcast_to(x, shape)

@op(lambda g, y, x, dtype: g)  # backprop.py converts it: a gradient has the dtype of its input
def astype(x: Array, dtype: Any) -> Tensor:
    """The same numbers in another floating dtype. Derivative: the gradient is converted back to the
    dtype of x. >>> astype([1, 2], np.float32)  # [1, 2]
    """
    if np.dtype(dtype).kind != "f":
        raise TypeError(f"{np.dtype(dtype)} has no derivatives; convert t.data instead")
    return x.astype(dtype)

@op(lambda g, y, x, index, shape, unique_indices=False: indexed(g, index))
def scatter(x: Array, index: Any, shape: Any, unique_indices: bool = False) -> Tensor:
    """Zeros, with x added at the index: indexing backwards; a place picked twice adds up both.
    Derivative: each element receives the gradient of the place that it was added
    to. >>> scatter([1, 2, 4], np.array([0, 2, 2]), (3,))  # [1, 0, 6]
    """
    return scattered(x, index, shape, unique_indices or _picks_once(index))

@op(lambda g, y, x, index, unique_indices=False:
    scatter(g, index=index, shape=x.shape, unique_indices=unique_indices))
def getitem(x: Array, index: Any, unique_indices: bool = False) -> Tensor:
    """x[index], with any index of NumPy's. Derivative: an element receives the gradients of all its
    copies, added up; one that was not picked receives 0. >>> getitem([1, 2, 4], 2)  # 4

    ``unique_indices=True`` promises that no element is picked twice, which takes time to find out.
    """
    return indexed(x, index)

def is_basic(index: Any) -> bool:
    """Whether x[index] is a view of x: the index has numbers, slices, None and ... only."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(isinstance(i, int | np.integer | slice | type(None) | type(...)) for i in parts)

def _picks_once(index: Any) -> bool:
    """Whether an index is of a kind that picks none twice: slices, a mask, one column per row."""
    if is_basic(index):
        return True
    rows, *columns = index if isinstance(index, tuple) else (index,)
    if not columns:
        return getattr(rows, "dtype", None) == np.bool_
    one_each = isinstance(rows, np.ndarray) and [rows.shape] == [np.shape(c) for c in columns]
    return one_each and rows.dtype.kind != "b" and np.array_equal(rows, np.arange(rows.size))

def concatenate(tensors: Sequence[Any], axis: int | None = 0) -> Tensor:
    """Arrays joined along an axis that they have; None joins all their elements.

    Derivative: each array receives its own piece of the gradient.

    >>> concatenate([[1.0, 2.0], [3.0]])
    array([1., 2., 3.])
    """
    if isinstance(tensors, Node) or not hasattr(tensors, "__len__") or not len(tensors):
        raise ValueError("concatenate: got no list; expected a list of at least one array")
    if axis is None:
        tensors, axis = [reshape(t, (-1,)) for t in tensors], 0
    if len(tensors) > 100:  # a rule is given all inputs, so that n rules cost n^2
        tensors = [concatenate(tensors[i : i + 100], axis) for i in range(0, len(tensors), 100)]
    axis = normalize_axis_index(axis, sorted(map(np.ndim, tensors))[0], "concatenate")
    ends = np.cumsum([np.shape(t)[axis] for t in tensors]).tolist()
    before = (slice(None),) * axis
    pieces = [(*before, slice(start, end)) for start, end in zip([0, *ends], ends, strict=False)]
    # An Op for each call, whose rules know the sizes (and each its own piece, by the default).
    rules = [lambda g, y, *xs, piece=piece: g[piece] for piece in pieces]
    return Op(lambda *xs: np.concatenate(xs, axis), *rules, name="concatenate")(*tensors)

# --- linear algebra -------------------------------------------------------------------------------
def _mT(x: Any) -> Any:
    """Transpose a matrix, or each of a stack; not every array library has NumPy's ``x.mT``."""
    return x.swapaxes(-1, -2)

# For matrices, or stacks of them. From y_ij = sum_k a_ik b_kj: dL/da_ik = sum_j g_ij b_kj.
_matmul = Op(np.matmul, lambda g, y, a, b: g @ _mT(b), lambda g, y, a, b: _mT(a) @ g, name="matmul")

# Every layer computes this, so it is one op: one node less to walk, and x @ W need not be kept.
@op(lambda g, y, x, W, b: g @ W.T, lambda g, y, x, W, b: x.T @ g, lambda g, y, x, W, b: total(g, 0))
def _linear(x: Array, W: Array, b: Array) -> Tensor:
    """x @ W + b, of inputs (N, n), weights (n, m) and biases (m,). Derivative by x: an input
    receives the sum of its outputs' gradients, each times the weight in between. Derivative by W: a
    weight receives its output's gradient times its input, summed over the rows. Derivative by b: a
    bias is added to every row, so it receives the sum of their gradients.
    """
    if W.ndim != 2 or b.shape != W.shape[1:]:
        raise ValueError("expected weights (n, m) and biases (m,)")
    return x @ W + b

# From A Y = B: dA Y + A dY = dB.
@op(lambda g, y, A, B: -np.linalg.solve(_mT(A), g) @ _mT(y),
    lambda g, y, A, B: np.linalg.solve(_mT(A), g))
def _solve(A: Array, B: Array) -> Tensor:
    """The Y with A @ Y = B. Derivative by A: the gradient is minus that of B, times Y transposed.
    Derivative by B: the gradient is the solution of the transposed system for g.
    """
    return np.linalg.solve(A, B)

@op(lambda g, y, a: g[..., None, None] * _mT(np.linalg.inv(a)))
def _logabsdet(a: Array) -> Tensor:
    """Log |det a|, of (..., n, n). Derivative: the gradient is the inverse of a, transposed."""
    return np.linalg.slogdet(a)[1]
