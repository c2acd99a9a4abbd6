"""Neural networks: modules that own their parameters, layers, and weights saved to a file.

A Module is an ordinary object. Its parameters are the Tensors that require grad among its
attributes, and the parameters of modules among its attributes, also inside lists, tuples and dicts.
Nothing needs to be registered. What another object, a set or a function holds is refused.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np

from .. import files
from ..data import _check_rng
from ..engine import functions, ops, products
from ..engine.arrays import as_flag, as_number, flattened
from ..engine.tensor import Tensor
from ..engine.words import publish, taught
from ..regularizers import dropout
from .module import Module, _walk

__all__ = [
    "ACTIVATIONS", "GELU", "MLP", "Dropout", "LeakyReLU", "Linear", "Module", "ReLU", "Sequential",
    "Sigmoid", "Tanh", "load", "save",
]  # fmt: skip

publish(globals())


class Linear(Module):
    """The affine map ``x @ weight + bias``.

    Parameters
    ----------
    n_in, n_out : ints, features of input and output: (..., n_in) becomes (..., n_out)
    rng : a numpy.random.Generator, which draws the weights
    init : "he" draws from a normal distribution of variance 2 / n_in. That keeps the size of the
        signal through layers of ReLU, which let half of it pass (He et al. 2015). "glorot" draws
        uniformly within +-sqrt(6 / (n_in + n_out)). It is for activations close to the identity
        near 0, such as tanh, and for outputs (Glorot & Bengio 2010). Biases start at 0.
    bias : whether to add one
    dtype : of the parameters, floating. For arithmetic in float32, x must be float32 too.

    Raises TypeError if a size is not an int, rng not a Generator, bias not a bool, or dtype not
    floating; ValueError if a size is < 1, or init is unknown.

    >>> layer = Linear(3, 2, rng=np.random.default_rng(0))
    >>> layer(np.ones((5, 3))).shape
    (5, 2)
    """

    @taught
    def __init__(
        self, n_in: int, n_out: int, *, rng: np.random.Generator,
        init: str = "glorot", bias: bool = True, dtype: Any = np.float64,
    ) -> None:  # fmt: skip
        as_number("Linear: n_in", n_in, 1, kind=Integral)
        as_number("Linear: n_out", n_out, 1, kind=Integral)
        _check_rng("Linear", rng)
        as_flag("Linear: bias", bias)
        if init == "he":
            weight = rng.normal(0.0, math.sqrt(2 / n_in), (n_in, n_out))
        elif init == "glorot":
            limit = math.sqrt(6 / (n_in + n_out))
            weight = rng.uniform(-limit, limit, (n_in, n_out))
        else:
            raise ValueError(f"Linear: init is {init!r}; expected 'he' or 'glorot'")
        self.weight = Tensor(weight, requires_grad=True, dtype=dtype)
        self.bias = Tensor(np.zeros(n_out), requires_grad=True, dtype=dtype) if bias else None

    def forward(self, x: Any) -> Tensor:
        """(..., n_in) to (..., n_out)."""
        if self.bias is None:
            return products.matmul(x, self.weight)
        return products.linear(x, self.weight, self.bias)

    def __repr__(self) -> str:
        no_bias = ", bias=False" * (self.bias is None)
        return f"{type(self).__name__}({', '.join(map(str, self.weight.shape))}{no_bias})"


class ReLU(Module):
    """max(x, 0)."""

    forward = staticmethod(ops.relu)


class LeakyReLU(Module):
    """x where x > 0, else slope * x: a negative unit can still learn (Maas, Hannun & Ng 2013)."""

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = as_number("LeakyReLU: slope", slope, -math.inf, closed=False)

    def forward(self, x: Any) -> Tensor:
        """Element by element."""
        return ops.leaky_relu(x, slope=self.slope)


class GELU(Module):
    """x times the probability that a standard normal is below x (Hendrycks & Gimpel 2016)."""

    forward = staticmethod(functions.gelu)


class Tanh(Module):
    """The hyperbolic tangent, in (-1, 1)."""

    forward = staticmethod(ops.tanh)


class Sigmoid(Module):
    """1 / (1 + exp(-x)), in (0, 1). Do not use it before losses of logits, which contain it."""

    forward = staticmethod(ops.sigmoid)


ACTIVATIONS: dict[str, type[Module]] = {
    "relu": ReLU, "leaky_relu": LeakyReLU, "gelu": GELU, "tanh": Tanh, "sigmoid": Sigmoid,
}  # fmt: skip


class Dropout(Module):
    """In training, set each number to 0 with probability p, and divide the others by 1 - p.

    So the mean stays the same, and after ``eval()`` it returns its input (Srivastava et al. 2014).

    >>> drop = Dropout(0.5, rng=np.random.default_rng(0))
    >>> drop(Tensor(np.ones(6))).data
    array([2., 0., 0., 0., 2., 2.])
    >>> drop.eval()(Tensor(np.ones(6))).data
    array([1., 1., 1., 1., 1., 1.])
    """

    @taught
    def __init__(self, p: float, *, rng: np.random.Generator) -> None:
        self.p = as_number("Dropout: p", p, high=1.0)
        _check_rng("Dropout", rng)
        self.rng = rng

    def forward(self, x: Any) -> Tensor:
        """Element by element."""
        return dropout(x, self.p, rng=self.rng, training=self.training)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.p})"


class Sequential(Module):
    """Layers one after the other: modules, or plain functions such as ``relu``.

    Raises TypeError if a layer cannot be called, or is a class.

    >>> rng = np.random.default_rng(0)
    >>> model = Sequential(Linear(4, 8, rng=rng), ops.tanh, Linear(8, 1, rng=rng))
    >>> model(np.ones((3, 4))).shape
    (3, 1)
    """

    def __init__(self, *layers: Callable[[Any], Any]) -> None:
        for i, layer in enumerate(layers):
            if not callable(layer) or isinstance(layer, type):
                expected = "a callable, such as ReLU(). For a list, write Sequential(*layers)"
                raise TypeError(f"Sequential: layer {i} is {layer!r}; expected {expected}")
        self.layers: list[Any] = list(layers)  # so that layers[0].weight passes type checkers
        # Error messages show a Tensor's name, so it should say which layer, unless the user chose
        # one. A name given by an inner Sequential is replaced by the full one.
        for name, p, *_ in _walk(self, "", set()):
            if isinstance(p, Tensor) and (p.name is None or name.endswith(f".{p.name}")):
                p.name = name

    def forward(self, x: Any) -> Tensor:
        """Apply the layers, one after the other."""
        for layer in self.layers:
            x = layer(x)
        return x

    def __repr__(self) -> str:
        shown = (getattr(f, "__name__", None) or repr(f) for f in self.layers)
        return f"{type(self).__name__}({', '.join(shown)})"


class MLP(Sequential):
    """A multi-layer perceptron: Linear layers with an activation after each but the last.

    Parameters
    ----------
    sizes : ints, features of the input, of each hidden layer, and of the output: [64, 64, 10]
    activation : "relu", "leaky_relu", "gelu", "tanh", "sigmoid"; or any function of a Tensor
    dropout : in [0, 1), the probability that a hidden activation is dropped in training
    rng : a numpy.random.Generator, for the weights, layer by layer, and later the dropout
    dtype : of the parameters, floating

    Weights before ReLU, LeakyReLU and GELU are drawn as ``Linear`` does with ``init="he"``, others
    with "glorot". Raises TypeError and ValueError as ``Linear`` and ``Dropout`` do; also for fewer
    than two sizes or an unknown activation.

    >>> MLP([64, 32, 10], activation="relu", rng=np.random.default_rng(0))
    MLP(Linear(64, 32), ReLU(), Linear(32, 10))
    """

    @taught
    def __init__(
        self, sizes: Sequence[int], *, activation: str | Callable[[Any], Any] = "relu",
        dropout: float = 0.0, rng: np.random.Generator, dtype: Any = np.float64,
    ) -> None:  # fmt: skip
        if not isinstance(sizes, Sequence | np.ndarray) or len(sizes) < 2:
            raise ValueError(f"MLP: sizes is {sizes!r}; expected at least two, e.g. [64, 64, 10]")
        if isinstance(activation, str) and activation not in ACTIVATIONS:
            expected = f"one of {', '.join(ACTIVATIONS)}, or a function"
            raise ValueError(f"MLP: activation is {activation!r}; expected {expected}")
        dropout = as_number("MLP: dropout p", dropout, high=1.0)
        relus = ops.relu, ops.leaky_relu, functions.gelu
        layers: list[Callable[[Any], Any]] = []
        for n_in, n_out in pairwise(sizes[:-1]):
            f = ACTIVATIONS[activation]() if isinstance(activation, str) else activation
            he = isinstance(f, ReLU | LeakyReLU | GELU) or f in relus
            layers += [Linear(n_in, n_out, rng=rng, init="he" if he else "glorot", dtype=dtype), f]
            if dropout:
                layers.append(Dropout(dropout, rng=rng))
        super().__init__(*layers, Linear(sizes[-2], sizes[-1], rng=rng, dtype=dtype))


def save(path: str | os.PathLike[str], module: Any) -> None:
    """Write a model, or a nest of modules and parameters, to an .npz file: see ``files.save``.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     save(f"{folder}/layer.npz", Linear(2, 1, rng=np.random.default_rng(0)))
    ...     print(*np.load(f"{folder}/layer.npz"))
    weight bias
    """
    files.save(path, _as_module("save", module))


def load(path: str | os.PathLike[str], module: files.Owner) -> files.Owner:
    """Read what ``save`` wrote into a model, or nest, of the same shape; return it: ``files.load``.

    >>> from tempfile import TemporaryDirectory
    >>> layer, other = (Linear(2, 1, rng=np.random.default_rng(seed)) for seed in (0, 1))
    >>> with TemporaryDirectory() as folder:
    ...     save(f"{folder}/layer.npz", layer)
    ...     print((load(f"{folder}/layer.npz", other).weight == layer.weight).all())
    True
    """
    files.load(path, _as_module("load", module))
    return module


def _as_module(what: str, x: Any) -> Any:
    """A module with the parts of a list, tuple or dict as attributes; anything else as it is."""
    if not isinstance(x, list | tuple | dict) or not x:
        return x
    for part in flattened(x):
        if not (isinstance(part, Module | Tensor) or part is None or callable(part)):
            given = f"{what}: got {type(part).__name__} among the parts; expected modules, Tensors"
            raise TypeError(f"{given}. Pass the model itself, and an optimizer to optim.{what}.")
    module = Module()
    vars(module).update(x if isinstance(x, dict) else {str(i): part for i, part in enumerate(x)})
    return module
