"""Neural networks: modules that own their parameters, layers, and weights saved to a file.

A Module is an ordinary object. Its parameters are the Tensors that require grad among its
attributes, and the parameters of modules among its attributes, also inside lists and dicts. Nothing
needs to be registered.

    rng = np.random.default_rng(0)
    model = MLP([64, 64, 10], activation="relu", rng=rng)
    logits = model(X)
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, ParamSpec, Protocol, TypeVar

import numpy as np

from .data import _check_rng
from .engine import functions, ops
from .engine.node import Array, now
from .engine.tensor import Tensor
from .regularizers import dropout

AnyModule = TypeVar("AnyModule", bound="Module")
Inputs = ParamSpec("Inputs")
Output = TypeVar("Output", covariant=True)


class _Forward(Protocol[Inputs, Output]):
    """Tells type checkers that a module takes and returns what its own ``forward`` does."""

    def forward(self, *inputs: Inputs.args, **options: Inputs.kwargs) -> Output: ...


class Module:
    """A function with parameters: assign them in ``__init__``, compute the output in ``forward``.

    ``training`` is True at first; ``train()`` and ``eval()`` set it, also for all modules inside.

    >>> class Scale(Module):
    ...     def __init__(self):
    ...         self.factor = Tensor(3.0, requires_grad=True)
    ...
    ...     def forward(self, x):
    ...         return self.factor * x
    >>> scale = Scale()
    >>> scale(2.0).item()
    6.0
    >>> [name for name, _ in scale.named_parameters()]
    ['factor']
    """

    training = True

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """Compute the output. Each subclass defines its own."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(self, x)")

    def __call__(
        self: _Forward[Inputs, Output], *inputs: Inputs.args, **options: Inputs.kwargs
    ) -> Output:
        """Return ``forward(...)``; ``draw`` and ``watch`` are told that this module computed it.

        For that, the output is marked with a stamp: of the Tensors that lead to the output, those
        that are newer than the stamp were made inside this module.
        """
        first = now()
        output = self.forward(*inputs, **options)
        # An older output was made elsewhere and only returned here, as by Dropout after eval().
        if isinstance(output, Tensor) and output.stamp > first:
            output.scopes = (*output.scopes, (self, first))
        return output

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """Pairs (dotted name, module): this one, named "", and all inside it, each once."""
        for name, x in _walk("", self, set()):
            if isinstance(x, Module):
                yield name, x

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Pairs (dotted name, parameter). A shared parameter comes once, under its first name.

        >>> mlp = MLP([2, 3, 1], activation="relu", rng=np.random.default_rng(0))
        >>> for name, p in mlp.named_parameters():
        ...     print(name, p.shape)
        layers.0.weight (2, 3)
        layers.0.bias (3,)
        layers.2.weight (3, 1)
        layers.2.bias (1,)
        """
        for name, x in _walk("", self, set()):
            if isinstance(x, Tensor) and x.requires_grad:
                yield name, x

    def parameters(self) -> list[Tensor]:
        """The parameters as a list, each once, in the order of ``named_parameters()``."""
        return [p for _, p in self.named_parameters()]

    def train(self: AnyModule, training: bool = True) -> AnyModule:
        """Switch to training, where Dropout drops numbers; return the module."""
        for _, module in self.named_modules():
            module.training = training
        return self

    def eval(self: AnyModule) -> AnyModule:
        """Switch to evaluation, where Dropout does nothing; return the module."""
        return self.train(False)

    def state_dict(self) -> dict[str, Array]:
        """Copies of the data of all parameters, also of frozen ones, by dotted name."""
        return {name: x.data.copy() for name, x in _walk("", self, set()) if isinstance(x, Tensor)}

    def load_state_dict(self, state: dict[str, Array]) -> None:
        """Give the Tensors of ``state_dict()`` the values in ``state``; each keeps its dtype.

        Raises
        ------
        ValueError
            If a name is missing or unexpected, or a shape differs. Then nothing has been changed.
        TypeError
            If ``state`` is not a dict of arrays of floating numbers. Then nothing has been changed.
        """
        _load_state("load_state_dict", self, state)

    def __repr__(self) -> str:
        inside = ", ".join(repr(x) for x in vars(self).values() if isinstance(x, Module))
        return f"{type(self).__name__}({inside})"


def _walk(name: str, x: Any, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """Pairs (dotted name, Module or leaf Tensor) inside x, in order of assignment, each once."""
    members: Any = ()
    if isinstance(x, Module):
        members = vars(x).items()
    elif isinstance(x, dict):
        members = x.items()
    elif isinstance(x, list | tuple):
        members = enumerate(x)
    elif not isinstance(x, Tensor) or x.origin is not None:
        return
    if id(x) in seen:
        return
    seen.add(id(x))
    if isinstance(x, Module | Tensor):
        yield name, x
    for key, member in members:
        yield from _walk(f"{name}.{key}" if name else str(key), member, seen)


class Linear(Module):
    """The affine map ``x @ weight + bias``.

    Parameters
    ----------
    n_in, n_out : int
        Features of the input and of the output: (..., n_in) becomes (..., n_out).
    rng : numpy.random.Generator
        Draws the weights.
    init : {"he", "glorot"}
        "he" draws from a normal distribution of variance 2 / n_in. That keeps the size of the
        signal through layers of ReLU, which let half of it pass (He et al. 2015). "glorot" draws
        uniformly within +-sqrt(6 / (n_in + n_out)). It is for activations close to the identity
        near 0, such as tanh, and for outputs (Glorot & Bengio 2010). Biases start at 0.
    bias : bool
        Whether to add a bias.
    dtype : floating dtype
        Of the parameters. For arithmetic in float32, x must be float32 too.

    Raises
    ------
    TypeError
        If a size is not an int, rng is not a Generator, or dtype is not floating.
    ValueError
        If a size is < 1, or init is unknown.

    >>> layer = Linear(3, 2, rng=np.random.default_rng(0))
    >>> layer(np.ones((5, 3))).shape
    (5, 2)
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        rng: np.random.Generator,
        init: str = "glorot",
        bias: bool = True,
        dtype: Any = np.float64,
    ) -> None:
        for name, n in (("n_in", n_in), ("n_out", n_out)):
            if not isinstance(n, int | np.integer):
                raise TypeError(f"Linear: {name} is {n!r}; expected an int")
            if n < 1:
                raise ValueError(f"Linear: {name} is {n}; expected at least 1")
        _check_rng("Linear", rng)
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
            return ops.matmul(x, self.weight)
        if getattr(x, "ndim", 0) > 1:
            return ops.linear(x, self.weight, self.bias)
        return ops.matmul(x, self.weight) + self.bias

    def __repr__(self) -> str:
        return f"Linear({', '.join(map(str, self.weight.shape))})"


class ReLU(Module):
    """max(x, 0)."""

    def forward(self, x: Any) -> Tensor:
        """Element by element."""
        return ops.relu(x)


class LeakyReLU(Module):
    """x where x > 0, else slope * x: a negative unit can still learn (Maas, Hannun & Ng 2013)."""

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = slope

    def forward(self, x: Any) -> Tensor:
        """Element by element."""
        return ops.leaky_relu(x, slope=self.slope)


class GELU(Module):
    """x times the probability that a standard normal is below x (Hendrycks & Gimpel 2016)."""

    def forward(self, x: Any) -> Tensor:
        """Element by element."""
        return functions.gelu(x)


class Tanh(Module):
    """The hyperbolic tangent, in (-1, 1)."""

    def forward(self, x: Any) -> Tensor:
        """Element by element."""
        return ops.tanh(x)


class Sigmoid(Module):
    """1 / (1 + exp(-x)), in (0, 1). Do not use it before losses of logits, which contain it."""

    def forward(self, x: Any) -> Tensor:
        """Element by element."""
        return ops.sigmoid(x)


ACTIVATIONS: dict[str, type[Module]] = {
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "gelu": GELU,
    "tanh": Tanh,
    "sigmoid": Sigmoid,
}


class Dropout(Module):
    """In training, set each number to 0 with probability p, and divide the others by 1 - p.

    So the mean stays the same, and after ``eval()`` it returns its input (Srivastava et al. 2014).

    >>> drop = Dropout(0.5, rng=np.random.default_rng(0))
    >>> drop(Tensor(np.ones(6))).data
    array([2., 0., 0., 0., 2., 2.])
    >>> drop.eval()(Tensor(np.ones(6))).data
    array([1., 1., 1., 1., 1., 1.])
    """

    def __init__(self, p: float, *, rng: np.random.Generator) -> None:
        if not 0 <= p < 1:
            raise ValueError(f"Dropout: p is {p!r}; the share to drop must be in [0, 1)")
        _check_rng("Dropout", rng)
        self.p = p
        self.rng = rng

    def forward(self, x: Any) -> Tensor:
        """Element by element."""
        return dropout(x, self.p, rng=self.rng, training=self.training)

    def __repr__(self) -> str:
        return f"Dropout({self.p})"


class Sequential(Module):
    """Layers one after the other: modules, or plain functions such as ``relu``.

    Raises
    ------
    TypeError
        If a layer cannot be called, or is a class.

    >>> rng = np.random.default_rng(0)
    >>> model = Sequential(Linear(4, 8, rng=rng), ops.tanh, Linear(8, 1, rng=rng))
    >>> model(np.ones((3, 4))).shape
    (3, 1)
    """

    def __init__(self, *layers: Callable[[Any], Any]) -> None:
        for i, layer in enumerate(layers):
            if not callable(layer) or isinstance(layer, type):
                hint = "For a list, write Sequential(*layers)."
                if isinstance(layer, type):
                    hint = f"Write {layer.__name__}()."
                raise TypeError(
                    f"Sequential: layer {i} is {layer!r}; expected a module or a function. {hint}"
                )
        self.layers = list(layers)
        # Error messages show a Tensor's name, so it should say which layer, unless the user chose
        # one. A name given by an inner Sequential is replaced by the full one.
        for name, p in self.named_parameters():
            if p.name is None or name.endswith(f".{p.name}"):
                p.name = name

    def forward(self, x: Any) -> Tensor:
        """Apply the layers, one after the other."""
        for layer in self.layers:
            x = layer(x)
        return x  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        shown = (getattr(f, "__name__", None) or repr(f) for f in self.layers)
        return f"{type(self).__name__}({', '.join(shown)})"


class MLP(Sequential):
    """A multi-layer perceptron: Linear layers with an activation after each but the last.

    Parameters
    ----------
    sizes : sequence of int
        Features of the input, of each hidden layer, and of the output: [64, 64, 10].
    activation : str or function
        "relu", "leaky_relu", "gelu", "tanh", "sigmoid"; or any function of a Tensor.
    dropout : float in [0, 1)
        The probability that an activation of a hidden layer is dropped in training.
    rng : numpy.random.Generator
        Draws the weights, layer by layer, and later the activations to drop.
    dtype : floating dtype
        Of the parameters.

    Weights before ReLU, LeakyReLU and GELU are drawn with ``init="he"``, all others with "glorot":
    see ``Linear``.

    Raises
    ------
    TypeError, ValueError
        As ``Linear`` and ``Dropout``; also for fewer than two sizes or an unknown activation.

    >>> MLP([64, 32, 10], activation="relu", rng=np.random.default_rng(0))
    MLP(Linear(64, 32), ReLU(), Linear(32, 10))
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        activation: str | Callable[[Any], Any] = "relu",
        dropout: float = 0.0,
        rng: np.random.Generator,
        dtype: Any = np.float64,
    ) -> None:
        if len(sizes) < 2:
            raise ValueError(
                f"MLP: sizes is {sizes!r}; expected at least input and output, e.g. [64, 64, 10]"
            )
        if isinstance(activation, str) and activation not in ACTIVATIONS:
            raise ValueError(
                f"MLP: activation is {activation!r}; expected one of "
                f"{', '.join(ACTIVATIONS)}, or a function"
            )
        relus = ops.relu, ops.leaky_relu, functions.gelu
        layers: list[Callable[[Any], Any]] = []
        for n_in, n_out in pairwise(sizes[:-1]):
            f = ACTIVATIONS[activation]() if isinstance(activation, str) else activation
            he = isinstance(f, ReLU | LeakyReLU | GELU) or f in relus
            layers += [Linear(n_in, n_out, rng=rng, init="he" if he else "glorot", dtype=dtype), f]
            if dropout:
                layers.append(Dropout(dropout, rng=rng))
        super().__init__(*layers, Linear(sizes[-2], sizes[-1], rng=rng, dtype=dtype))


def save(path: str | os.PathLike[str], module: Module) -> None:
    """Write the ``state_dict()`` of a module to an .npz file, which ``numpy.load`` can read too.

    It is written under another name and then renamed, so that the file is never incomplete. It
    holds only arrays, no pickled code.

    Raises
    ------
    OSError
        If the file cannot be written. A former file is then still as it was.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     save(f"{folder}/layer.npz", Linear(2, 1, rng=np.random.default_rng(0)))
    ...     print(*np.load(f"{folder}/layer.npz"))
    weight bias
    """
    import zipfile  # here, since it takes longer to import than this library
    from pathlib import Path

    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        with open(temporary, "xb") as file:
            with zipfile.ZipFile(file, "w") as archive:
                for name, array in module.state_dict().items():
                    # A new ZipInfo has a fixed date, so that equal weights make equal files.
                    entry = zipfile.ZipInfo(f"{name}.npy")
                    with archive.open(entry, "w", force_zip64=True) as member:
                        np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load(path: str | os.PathLike[str], module: AnyModule) -> AnyModule:
    """Read what ``save`` wrote into a module of the same shape, and return the module.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged or not written by ``save``, or its names or shapes are not those of the
        module. Then nothing has been changed.
    TypeError
        If an array does not hold floating numbers.

    >>> from tempfile import TemporaryDirectory
    >>> layer, other = (Linear(2, 1, rng=np.random.default_rng(seed)) for seed in (0, 1))
    >>> with TemporaryDirectory() as folder:
    ...     save(f"{folder}/layer.npz", layer)
    ...     print((load(f"{folder}/layer.npz", other).weight == layer.weight).all())
    True
    """
    import zipfile
    import zlib

    state = {}
    with open(path, "rb") as file:
        try:
            archive = zipfile.ZipFile(file)
            for name in archive.namelist():
                with archive.open(name) as member:
                    array = np.lib.format.read_array(member, allow_pickle=False)
                    member.read()  # to the end of the member, where its checksum is compared
                state[name.removesuffix(".npy")] = array
        # All errors that these readers were found to raise when bytes are missing or wrong.
        except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, RuntimeError) as e:
            raise ValueError(f"load: {path} is damaged, or was not written by save: {e}") from e
    _load_state(f"load: {path}", module, state)
    return module


def _load_state(what: str, module: Module, state: dict[str, Array]) -> None:
    """Check all of the state against the module, then assign it."""
    if not isinstance(state, dict):
        raise TypeError(f"{what}: expected a dict of arrays by name, got {type(state).__name__}")
    tensors = {name: x for name, x in _walk("", module, set()) if isinstance(x, Tensor)}
    missing, unexpected = tensors.keys() - state.keys(), state.keys() - tensors.keys()
    if missing or unexpected:
        raise ValueError(
            f"{what}: missing {sorted(missing)}, unexpected {sorted(map(str, unexpected))}. The "
            f"weights are of another model than {module!r}."
        )
    for name, x in tensors.items():
        value = state[name]
        if not hasattr(value, "__array_function__") or isinstance(value, Tensor):
            raise TypeError(
                f"{what}: {name} is {type(value).__name__}; expected an array (of a Tensor, "
                "its .data; of PyTorch's, .detach().numpy())"
            )
        if value.dtype.kind != x.dtype.kind:
            raise TypeError(f"{what}: {name} has dtype {value.dtype}; expected {x.dtype}")
        if value.shape != x.shape:
            raise ValueError(f"{what}: {name} has shape {value.shape}; the model needs {x.shape}")
    for name, x in tensors.items():
        x.data = state[name].astype(x.dtype)
