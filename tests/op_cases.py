"""One table of all ops and functions: how to call each, on which inputs, and what PyTorch calls it.

The tests of values, derivatives, dtypes and read-only gradients all run over this table, and
test_ops.py fails when an op has no row in it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_loss import Tensor, gradients
from tinygrad_loss.engine import functions, ops, products
from tinygrad_loss.engine.ops import Op

from .op_cases_of_shapes import OTHERS
from .op_inputs import dims, positive, real, small


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
    "log10": (ops.log10, lambda torch, x: torch.log10(x), positive),
    "sqrt": (ops.sqrt, lambda torch, x: torch.sqrt(x), positive),
    "square": (ops.square, lambda torch, x: torch.square(x), real),
    "sin": (ops.sin, lambda torch, x: torch.sin(x), real),
    "cos": (ops.cos, lambda torch, x: torch.cos(x), real),
    "tan": (ops.tan, lambda torch, x: torch.tan(x), small),
    "arctan": (ops.arctan, lambda torch, x: torch.arctan(x), real),
    "sinh": (ops.sinh, lambda torch, x: torch.sinh(x), real),
    "cosh": (ops.cosh, lambda torch, x: torch.cosh(x), real),
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
    "reciprocal": (functions.reciprocal, lambda torch, x: torch.reciprocal(x), real),
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


def torch_median(torch, x, axis, keepdims):
    """torch.median takes the lower of two; the quantile 1/2 their mean, along one axis."""
    axes = [a % x.ndim for a in ([axis] if isinstance(axis, int) else dims(x, axis))]
    kept = [a for a in range(x.ndim) if a not in axes]
    rows = x.permute(*kept, *axes).flatten(len(kept))
    shape = [1 if a in axes else n for a, n in enumerate(x.shape) if keepdims or a in kept]
    return rows.quantile(0.5, -1).reshape(shape)


REDUCTIONS = {
    "sum": (ops.sum, lambda torch, x, axis, keepdims: x.sum(axis, keepdim=keepdims)),
    "mean": (ops.mean, lambda torch, x, axis, keepdims: x.mean(axis, keepdim=keepdims)),
    "max": (ops.max, lambda torch, x, axis, keepdims: x.amax(dims(x, axis), keepdim=keepdims)),
    "min": (ops.min, lambda torch, x, axis, keepdims: x.amin(dims(x, axis), keepdim=keepdims)),
    "norm": (
        functions.norm,
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
    "median": (functions.median, torch_median),
    "nansum": (
        functions.nansum,
        lambda torch, x, axis, keepdims: x.nansum(axis, keepdim=keepdims),
    ),
    "nanmean": (
        functions.nanmean,
        lambda torch, x, axis, keepdims: x.nanmean(axis, keepdim=keepdims),
    ),
}
AXES = [None, 0, 1, 2, -1, -3, (0,), (0, 1), (2, 0), (-1, 1), (0, 1, 2)]

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
        Case(name, f, torch_f, tuple(shapes), domains[0] if domains else (), str(label))
        for name, rows in OTHERS.items()
        for label, f, torch_f, shapes, *domains in rows
    ),
]


def grad_of(f, *inputs):
    """The gradients of the sum of f(*inputs), as arrays."""
    variables = [Tensor(x, requires_grad=True) for x in inputs]
    y = f(*variables)
    slopes = gradients(y, variables, np.ones(y.shape))
    return [slope.data for slope in slopes] if len(slopes) > 1 else slopes[0].data


def public_names() -> set[str]:
    """All ops of the table of derivatives, and the functions composed from them; no alias twice."""
    table = {name for name, value in vars(ops).items() if isinstance(value, Op) and name[0] != "_"}
    names = {
        ops: table.union(ops.__all__),
        functions: functions.__all__,
        products: products.__all__,
    }
    return {
        getattr(getattr(module, name), "name", name) for module in names for name in names[module]
    }
