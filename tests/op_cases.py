"""One table of all ops and functions: how to call each, on which inputs, and what PyTorch calls it.

The tests of values, derivatives, dtypes and read-only gradients all run over this table, and
test_ops.py fails when an op has no row in it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import tinygrad_loss
from tinygrad_loss import Tensor, functions, gradients, ops
from tinygrad_loss.tensor import Op


def real(rng, shape):
    """Of both signs, no closer than 0.1 to the kinks at 0 and 1, no two equal."""
    x = np.asarray(rng.uniform(0.1, 0.9, shape) + rng.integers(0, 3, shape))
    return x * rng.choice([-1, 1], shape)


def positive(rng, shape):
    return np.asarray(rng.uniform(0.3, 3, shape))


def small(rng, shape):
    """The product of 24 of them stays within float16."""
    return real(rng, shape) / 2


@dataclass(frozen=True)
class Case:
    """f(*inputs) here is torch_f(torch, *inputs) in PyTorch, for inputs of these shapes."""

    name: str
    f: Callable[..., Any]
    torch_f: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...] = ((3, 4),)
    domains: tuple[Callable[..., Any], ...] = ()
    label: str = field(default="")

    def inputs(self, seed: int = 0, dtype: Any = np.float64) -> list[np.ndarray]:
        rng = np.random.default_rng(seed)
        domains = self.domains or (real,) * len(self.shapes)
        drawn = [domain(rng, shape) for domain, shape in zip(domains, self.shapes, strict=True)]
        return [x.astype(dtype) for x in drawn]

    def __str__(self) -> str:
        return f"{self.name}{self.label and '-'}{self.label}".replace(" ", "")


# name: (f, torch_f, domain)
ELEMENTWISE = {
    "absolute": (ops.absolute, lambda torch, x: torch.abs(x), real),
    "negative": (ops.negative, lambda torch, x: -x, real),
    "exp": (ops.exp, lambda torch, x: torch.exp(x), real),
    "expm1": (ops.expm1, lambda torch, x: torch.expm1(x), real),
    "log": (ops.log, lambda torch, x: torch.log(x), positive),
    "log1p": (ops.log1p, lambda torch, x: torch.log1p(x), positive),
    "log2": (ops.log2, lambda torch, x: torch.log2(x), positive),
    "sqrt": (ops.sqrt, lambda torch, x: torch.sqrt(x), positive),
    "square": (ops.square, lambda torch, x: torch.square(x), real),
    "sin": (ops.sin, lambda torch, x: torch.sin(x), real),
    "cos": (ops.cos, lambda torch, x: torch.cos(x), real),
    "tanh": (ops.tanh, lambda torch, x: torch.tanh(x), real),
    "erf": (ops.erf, lambda torch, x: torch.erf(x), real),
    "sigmoid": (ops.sigmoid, lambda torch, x: torch.sigmoid(x), real),
    "relu": (ops.relu, lambda torch, x: torch.relu(x), real),
    "leaky_relu": (
        lambda x: ops.leaky_relu(x, slope=0.2),
        lambda torch, x: torch.nn.functional.leaky_relu(x, 0.2),
        real,
    ),
    "softplus": (
        ops.softplus,
        # PyTorch's softplus turns into x above a threshold; this is the exact function.
        lambda torch, x: torch.logaddexp(x, torch.zeros_like(x)),
        real,
    ),
    "gelu": (functions.gelu, lambda torch, x: torch.nn.functional.gelu(x), real),
    "gelu-tanh": (
        lambda x: functions.gelu(x, approximate="tanh"),
        lambda torch, x: torch.nn.functional.gelu(x, approximate="tanh"),
        real,
    ),
    "clip": (lambda x: ops.clip(x, -1.0, 1.0), lambda torch, x: torch.clamp(x, -1, 1), real),
    "clip-below": (lambda x: ops.clip(x, 0.0), lambda torch, x: torch.clamp(x, min=0), real),
    "power-constant": (lambda x: ops.power(x, 3), lambda torch, x: x**3, real),
    "power-negative": (lambda x: ops.power(x, -1.5), lambda torch, x: x**-1.5, positive),
    "power-base": (lambda x: ops.power(2.0, x), lambda torch, x: 2**x, real),
    "multiply-twice": (lambda x: ops.multiply(x, x), lambda torch, x: x * x, real),
}

BINARY = {
    "add": (ops.add, lambda torch, a, b: a + b, (real, real)),
    "subtract": (ops.subtract, lambda torch, a, b: a - b, (real, real)),
    "multiply": (ops.multiply, lambda torch, a, b: a * b, (real, real)),
    "divide": (ops.divide, lambda torch, a, b: a / b, (real, real)),
    "power": (ops.power, lambda torch, a, b: a**b, (positive, real)),
    "logaddexp": (ops.logaddexp, lambda torch, a, b: torch.logaddexp(a, b), (real, real)),
    "maximum": (ops.maximum, lambda torch, a, b: torch.maximum(a, b), (real, real)),
    "minimum": (ops.minimum, lambda torch, a, b: torch.minimum(a, b), (real, real)),
    "where": (
        lambda a, b: ops.where(a > b, a, b),
        lambda torch, a, b: torch.where(a > b, a, b),
        (real, real),
    ),
}

SHAPES = [(), (4,), (3, 4), (1, 4), (3, 1), (0, 4)]
SHAPE_PAIRS = [
    (a, b)
    for a in SHAPES
    for b in SHAPES
    if all(m == n or 1 in (m, n) for m, n in zip(a[::-1], b[::-1], strict=False))
]


def successive_prod(torch, x, axis, keepdims):
    """torch.prod takes one axis at a time."""
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    for a in axes:
        x = x.prod(a, keepdim=True)
    if not keepdims:
        for a in sorted((a % x.ndim for a in axes), reverse=True):
            x = x.squeeze(a)
    return x


def dims(x, axis):
    return tuple(range(x.ndim)) if axis is None else axis


REDUCTIONS = {
    "sum": (ops.sum, lambda torch, x, axis, keepdims: x.sum(axis, keepdim=keepdims)),
    "mean": (ops.mean, lambda torch, x, axis, keepdims: x.mean(axis, keepdim=keepdims)),
    "max": (ops.max, lambda torch, x, axis, keepdims: x.amax(dims(x, axis), keepdim=keepdims)),
    "min": (ops.min, lambda torch, x, axis, keepdims: x.amin(dims(x, axis), keepdim=keepdims)),
    "norm": (
        ops.norm,
        lambda torch, x, axis, keepdims: torch.linalg.vector_norm(x, 2, axis, keepdim=keepdims),
    ),
    "logsumexp": (
        ops.logsumexp,
        lambda torch, x, axis, keepdims: x.logsumexp(dims(x, axis), keepdim=keepdims),
    ),
    "var": (
        functions.var,
        lambda torch, x, axis, keepdims: x.var(axis, correction=0, keepdim=keepdims),
    ),
    "std": (
        functions.std,
        lambda torch, x, axis, keepdims: x.std(axis, correction=0, keepdim=keepdims),
    ),
    "prod": (functions.prod, successive_prod),
}
AXES = [None, 0, 1, 2, -1, -3, (0,), (0, 1), (2, 0), (-1, 1), (0, 1, 2)]

# What NumPy accepts between brackets, for an array of shape (3, 4).
MASK = np.array([[True, False, True, False], [False] * 4, [True, True, False, True]])
INDICES = {
    "integer": 1,
    "negative": -1,
    "element": (2, -4),
    "slice": slice(1, None),
    "backwards": slice(None, None, -2),
    "slices": (slice(0, 2), slice(None, None, 3)),
    "column": (slice(None), 1),
    "ellipsis": (..., 0),
    "newaxis": (None, slice(None), None, 2),
    "nothing": (),
    "empty": slice(3, 3),
    "rows": np.array([2, 0]),
    "list": [2, 0],
    "repeated": np.array([1, 1, 0, 1]),
    "matrix": np.array([[0, 1], [1, 1]]),
    "mask": MASK,
    "row mask": np.array([True, False, True]),
    "mask and column": (np.array([False, True, True]), 2),
    "mask and repeated columns": (np.array([False, False, True]), np.array([1, 1])),
    "one per row": (np.arange(3), np.array([3, 0, 3])),
    "pairs": (np.array([0, 2, 0]), np.array([1, 1, 1])),
    "negative pairs": (np.array([-3, 0]), np.array([1, 1])),
    "broadcast pairs": (np.arange(3), np.array([[1, 1, 0], [1, 2, 0]])),
    "outer": np.ix_([0, 2, 2], [1, 3]),
    "rows of a slice": (slice(0, 2), np.array([1, 1, 3])),
    "rows, newaxis": (np.array([0, 0]), None, slice(1, 3)),
    "ellipsis, repeated": (..., np.array([3, 3])),
}


def torch_index(torch, index):
    """Flat positions: PyTorch knows no negative steps and no tuples of NumPy arrays."""
    return torch.as_tensor(np.arange(12).reshape(3, 4)[index].copy())


MATMUL_SHAPES = [
    ((3,), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3,)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 1, 2, 3), (6, 3, 4)),
    ((5, 2, 3), (3,)),
    ((3,), (5, 3, 2)),
    ((1, 2, 3), (5, 3, 1)),
    ((0, 3), (3, 4)),
    ((2, 0), (0, 4)),
]


def call(f, **options):
    """f with the options, as Case wants it: called with the inputs alone."""
    return lambda *inputs: f(*inputs, **options)


# name: rows of (label, f, torch_f, shapes)
OTHERS = {
    "softmax": [
        (axis, call(ops.softmax, axis=axis), lambda torch, x, i=axis: x.softmax(i), ((2, 3, 4),))
        for axis in (0, 1, -1)
    ],
    "log_softmax": [
        (
            axis,
            call(ops.log_softmax, axis=axis),
            lambda torch, x, axis=axis: x.log_softmax(axis),
            ((2, 3, 4),),
        )
        for axis in (0, 1, -1)
    ],
    "var": [
        (
            "ddof=1",
            call(functions.var, axis=0, ddof=1),
            lambda torch, x: x.var(0, correction=1),
            ((3, 4),),
        )
    ],
    "std": [
        ("ddof=1", call(functions.std, ddof=1), lambda torch, x: x.std(correction=1), ((3, 4),))
    ],
    "reshape": [
        (
            shape,
            lambda x, s=shape: ops.reshape(x, s),
            lambda torch, x, s=shape: x.reshape(s),
            ((3, 4),),
        )
        for shape in ((12,), (2, -1), (4, 1, 3), -1)
    ],
    "transpose": [
        (
            axes,
            call(ops.transpose, axes=axes),
            lambda torch, x, axes=axes: x.permute(axes or (2, 1, 0)),
            ((2, 3, 4),),
        )
        for axes in (None, (1, 2, 0), (-1, 0, 1))
    ],
    "swapaxes": [
        (
            "0,-1",
            lambda x: ops.swapaxes(x, 0, -1),
            lambda torch, x: x.swapaxes(0, -1),
            ((2, 3, 4),),
        )
    ],
    "expand_dims": [
        (axis, call(ops.expand_dims, axis=axis), lambda torch, x, s=shape: x.reshape(s), ((3, 4),))
        for axis, shape in ((0, (1, 3, 4)), (-1, (3, 4, 1)), ((0, 2), (1, 3, 1, 4)))
    ],
    "squeeze": [
        (axis, call(ops.squeeze, axis=axis), lambda torch, x, s=shape: x.reshape(s), ((1, 3, 1),))
        for axis, shape in ((None, (3,)), (0, (3, 1)), (-1, (1, 3)), ((0, 2), (3,)))
    ],
    "broadcast_to": [
        (
            shape,
            call(ops.broadcast_to, shape=(2, 3, 4)),
            lambda torch, x: x.broadcast_to((2, 3, 4)),
            (shape,),
        )
        for shape in ((), (4,), (3, 1), (1, 3, 4), (2, 3, 4))
    ],
    "astype": [
        ("double", call(ops.astype, dtype=np.float64), lambda torch, x: x.double(), ((3, 4),))
    ],
    "concatenate": [
        (
            axis,
            lambda *xs, axis=axis: ops.concatenate(xs, axis),
            lambda torch, *xs, axis=axis: torch.cat(xs, axis),
            shapes,
        )
        for axis, shapes in ((0, ((2, 3), (1, 3), (0, 3))), (-1, ((2, 3), (2, 1))))
    ],
    "stack": [
        (
            axis,
            lambda *xs, axis=axis: functions.stack(xs, axis),
            lambda torch, *xs, axis=axis: torch.stack(xs, axis),
            ((2, 3), (2, 3)),
        )
        for axis in (0, 1, -1)
    ],
    "getitem": [
        (
            label,
            lambda x, index=index: ops.getitem(x, index),
            lambda torch, x, index=index: x.flatten()[torch_index(torch, index)],
            ((3, 4),),
        )
        for label, index in INDICES.items()
    ],
    "scatter": [
        (
            "repeated",
            call(ops.scatter, index=np.array([1, 1, 0]), shape=(4,)),
            lambda torch, x: x.new_zeros(4).index_add(0, torch.tensor([1, 1, 0]), x),
            ((3,),),
        ),
        (
            "slice",
            call(ops.scatter, index=slice(1, 4), shape=(5,)),
            lambda torch, x: torch.nn.functional.pad(x, (1, 1)),
            ((3,),),
        ),
    ],
    "matmul": [
        (f"{a}@{b}", ops.matmul, lambda torch, a, b: a @ b, (a, b)) for a, b in MATMUL_SHAPES
    ],
    "linear": [
        (
            x,
            ops.linear,
            lambda torch, x, W, b: torch.nn.functional.linear(x, W.T, b),
            (x, (3, 4), (4,)),
        )
        for x in ((2, 3), (5, 2, 3))
    ],
}

CASES = [
    *(
        Case(
            name.partition("-")[0],
            f,
            torch_f,
            (shape,),
            (domain,),
            f"{name.partition('-')[2]}{shape}",
        )
        for name, (f, torch_f, domain) in ELEMENTWISE.items()
        for shape in ((), (3, 4), (0, 4))
    ),
    *(
        Case(name, f, torch_f, shapes, domains, f"{shapes[0]},{shapes[1]}")
        for name, (f, torch_f, domains) in BINARY.items()
        for shapes in SHAPE_PAIRS
    ),
    *(
        Case(
            name,
            lambda x, f=f, axis=axis, keepdims=keepdims: f(x, axis=axis, keepdims=keepdims),
            lambda torch, x, f=torch_f, axis=axis, keepdims=keepdims: f(torch, x, axis, keepdims),
            ((2, 3, 4),),
            (small if name == "prod" else real,),
            f"{axis}{'-keepdims' * keepdims}",
        )
        for name, (f, torch_f) in REDUCTIONS.items()
        for axis in AXES
        for keepdims in (False, True)
    ),
    *(
        Case(name, f, torch_f, shapes, (), str(label))
        for name, rows in OTHERS.items()
        for label, f, torch_f, shapes in rows
    ),
]


def grad_of(f, *inputs):
    """The gradients of the sum of f(*inputs), as arrays."""
    variables = [Tensor(x, requires_grad=True) for x in inputs]
    y = f(*variables)
    slopes = gradients(y, variables, np.ones(y.shape))
    return [slope.data for slope in slopes] if len(slopes) > 1 else slopes[0].data


def public_names() -> set[str]:
    """All ops of the table of derivatives, and the public functions composed from them."""
    table = {value.name.lstrip("_") for value in vars(ops).values() if isinstance(value, Op)}
    composed = {
        name
        for module in (ops, functions)
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__
        if getattr(tinygrad_loss, name, None) is value
    }
    return table | composed
