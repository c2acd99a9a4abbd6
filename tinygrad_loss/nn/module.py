"""What all models share: a module owns parameters, finds those inside it, and knows its state."""

import gc
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from io import IOBase
from itertools import count
from reprlib import recursive_repr
from types import FrameType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

import numpy as np

from ..engine import errors, ops
from ..engine.arrays import as_array, as_flag, brought, flattened, on_host
from ..engine.node import Array, now
from ..engine.tensor import Tensor
from ..engine.words import OF_MODULES, missing

AnyModule = TypeVar("AnyModule", bound="Module")
Kind = TypeVar("Kind", "Module", Tensor)
Inputs = ParamSpec("Inputs")
Output = TypeVar("Output", covariant=True)


class _Forward(Protocol[Inputs, Output]):
    """Tells type checkers that a module takes and returns what its own ``forward`` does."""

    _made: Any

    def forward(self, *inputs: Inputs.args, **options: Inputs.kwargs) -> Output: ...


class Module:
    """A function with parameters: assign them in ``__init__``, compute the output in ``forward``.

    ``training`` is True at first; ``train()`` and ``eval()`` set it, also for all modules inside.
    The state, which ``state_dict()`` returns and ``save`` writes, is made of the parameters and of
    the other Tensors that ``__init__`` made, such as running averages. A Tensor that ``forward``
    keeps in an attribute of its own, as in ``self.hidden = h.detach()``, is no part of it.

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
    _made: dict[str, Any] | None = None  # names of what __init__ made: a parameter, or None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, x in [item for kind in cls.__mro__[:-1] for item in vars(kind).items()]:
            if name == "__slots__" and x:
                raise TypeError(f"{cls.__name__}: {name} are neither trained nor saved; omit them")
            if isinstance(x, FunctionType):  # its closure may hold what __init__ assigns
                x = x.__defaults__, x.__kwdefaults__
            if (lost := _lost(x, set())) is not None:
                raise TypeError(
                    f"{cls.__name__}: {name} holds a {type(lost).__name__} in the class, where it "
                    f"would be neither trained nor saved. Assign self.{name} in __init__."
                )
        init: Callable[..., None] = cls.__init__

        @wraps(init)
        def noted(self: Module, *inputs: Any, **options: Any) -> None:
            init(self, *inputs, **options)
            if type(self).__init__ is noted:  # not called by the __init__ of a subclass
                _note(self)

        if "__init__" in vars(cls):
            type.__setattr__(cls, "__init__", noted)

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """Compute the output. Each subclass defines its own."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(self, x)")

    def __call__(
        self: _Forward[Inputs, Output], *inputs: Inputs.args, **options: Inputs.kwargs
    ) -> Output:
        """Return ``forward(...)``; ``draw`` and ``watch`` are told that this module computed it."""
        if self._made is None:
            _note(self)
        first = now()
        output = self.forward(*inputs, **options)
        # The output, or each Tensor in a list, tuple or dict, is marked with a stamp: of those that
        # lead to it, the newer ones were made inside this module. An older output was made
        # elsewhere and only returned here, as by Dropout after eval().
        for x in (output,) if isinstance(output, Tensor) else flattened(output):
            if isinstance(x, Tensor) and x.stamp > first:
                x.scopes += ((self, first),)
        return output

    def named_modules(self) -> "Iterator[tuple[str, Module]]":
        """Pairs (dotted name, module): this one, named "", and all inside it, each once."""
        yield from _contents(self, Module)

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Pairs (dotted name, parameter). A shared parameter comes once, under its first name.

        >>> from tinygrad_loss.nn import MLP
        >>> mlp = MLP([2, 3, 1], activation="relu", rng=np.random.default_rng(0))
        >>> print(*(f"{name} {p.shape}," for name, p in mlp.named_parameters()))
        layers.0.weight (2, 3), layers.0.bias (3,), layers.2.weight (3, 1), layers.2.bias (1,),
        """
        for name, x in _contents(self, Tensor):
            if x.requires_grad and x.origin is None:
                yield name, x

    def parameters(self) -> list[Tensor]:
        """The parameters as a list, each once, in the order of ``named_parameters()``."""
        return [p for _, p in self.named_parameters()]

    def train(self: AnyModule, training: bool = True) -> AnyModule:
        """Switch to training, where Dropout drops numbers; return the module."""
        for _, module in self.named_modules():
            module.training = as_flag("train: training", training)
        return self

    def eval(self: AnyModule) -> AnyModule:
        """Switch to evaluation, where Dropout does nothing; return the module."""
        return self.train(False)

    def state_dict(self) -> dict[str, Array]:
        """Copies of the data of all Tensors of the state, also of frozen ones, by dotted name."""
        return {name: x.data.copy() for name, x in _contents(self, Tensor)}

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Give the Tensors of ``state_dict()`` the values in ``state``; each keeps its dtype.

        Raises ValueError if a name is missing or unexpected, a shape differs, or numbers do not
        fit; TypeError if ``state`` is no dict of arrays of such dtypes. Then nothing has changed.
        """
        what, tensors = "load_state_dict", dict(_contents(self, Tensor))
        if not isinstance(state, Mapping):  # also what np.load returns
            raise TypeError(f"{what}: expected a dict of arrays, got {type(state).__name__}")
        missing, unexpected = tensors.keys() - state.keys(), state.keys() - tensors.keys()
        if missing or unexpected:
            given = f"missing {sorted(missing)}, unexpected {sorted(map(str, unexpected))}"
            raise ValueError(f"{what}: {given}. The weights are of another model than {self!r}.")
        values = {}
        for name, x in tensors.items():
            value = state[name]
            if x.origin is not None:
                raise errors.computed(x, "data", "assigned", "its gradient would be wrong")
            value = as_array(value, copy=False, what=f"{what}: {name}")
            if value.dtype.kind != x.dtype.kind:
                raise TypeError(f"{what}: {name} has dtype {value.dtype}; expected {x.dtype}")
            if value.shape != x.shape:
                raise ValueError(f"{what}: {name} has shape {value.shape}; expected {x.shape}")
            host = on_host(value)
            with np.errstate(over="ignore"):
                cast = host.astype(x.dtype)
            same = np.isinf(cast) == np.isinf(host) if cast.dtype.kind == "f" else cast == host
            if not same.all():
                raise ValueError(f"{what}: {name} holds numbers that do not fit in {x.dtype}")
            values[name] = brought(cast, x)
        for name, x in tensors.items():
            x.data = values[name]

    if not TYPE_CHECKING:  # or type checkers would accept any name at all

        def __getattr__(self, name: str) -> Any:
            if name in OF_MODULES and not hasattr(type(self), name):
                raise missing(f"{type(self).__name__!r} object", name, OF_MODULES)
            return object.__getattribute__(self, name)  # Python's error, or that of a property

    @recursive_repr()
    def __repr__(self) -> str:
        parts = [(name, x) for name, x in _held(vars(self)) if isinstance(x, Module | Tensor)]
        shown = (repr(x) if isinstance(x, Module) else f"{name} {x.shape}" for name, x in parts)
        return f"{type(self).__name__}({', '.join(shown)})"


# What cannot hold layers, or refers to more than it holds.
_WITHOUT_LAYERS = (
    type, ModuleType, FrameType, count, ops.Op, np.random.Generator,
    str, bytes, int, float, np.generic, np.ufunc, type(None),
)  # fmt: skip


def _note(module: Any) -> None:
    """Note the Tensors that the module itself holds: its state, whatever forward may add."""
    tensors = {name: x for name, x in _held(vars(module)) if isinstance(x, Tensor)}
    module._made = {name: x if x.requires_grad else None for name, x in tensors.items()}


def _held(nest: Any, name: str = "", around: tuple[int, ...] = ()) -> Iterator[tuple[str, Any]]:
    """What could be or hold a layer in a nest, with its dotted name, in order of assignment."""
    if not isinstance(nest, dict | list | tuple):
        if not isinstance(nest, _WITHOUT_LAYERS):
            yield name, nest
    elif id(nest) not in around:
        if name and isinstance(nest, dict) and not all(isinstance(key, str) for key in nest):
            yield name, nest.keys()
        for key, x in nest.items() if isinstance(nest, dict) else enumerate(nest):
            if key != "_made":  # which holds the parameters once more
                yield from _held(x, f"{name}.{key}" if name else str(key), (*around, id(nest)))


def _walk(module: Module, name: str, seen: set[int]) -> Iterator[tuple[str, Any, Module, str]]:
    """A module and what it and those inside hold, each with its name, its owner, its name there."""
    seen.add(id(module))
    yield name, module, module, ""
    for key, x in _held(vars(module)):
        inside = f"{name}.{key}" if name else key
        if not isinstance(x, Module):
            yield inside, x, module, key
        elif id(x) not in seen:
            yield from _walk(x, inside, seen)


def _contents(module: Module, kind: type[Kind]) -> list[tuple[str, Kind]]:
    """All modules inside and all Tensors of the state, by name; raise if one would be lost."""
    found = list(_walk(module, "", set()))
    known = {id(x) for _, x, *_ in found}
    contents: dict[str, Module | Tensor] = {}
    names: dict[int, str] = {}  # the first of each
    learning: list[tuple[dict[str, Any], str, Tensor]] = []
    for name, x, owner, key in found:
        made = owner._made
        parameter = made.get(key) if made else None  # of this name, when last seen
        learns = isinstance(x, Tensor) and x.requires_grad
        if parameter is not None and not learns and x is not parameter:
            raise ValueError(
                f"{type(owner).__name__}: {name} was a parameter, and is a constant now, neither "
                "trained nor saved. Set p.data = array, or give the new one requires_grad=True."
            )
        if isinstance(x, Tensor):
            if x.origin is not None and (made is None or parameter is not None):
                raise ValueError(
                    f"{type(owner).__name__}: {name} was computed, by {x.origin[0].name}, so it "
                    "would be neither trained nor saved. Compute with arrays and make the result a "
                    "leaf, Tensor(array * 0.1, requires_grad=True), or compute it in forward."
                )
            if made is not None and learns and x.origin is None:  # whenever it was made
                learning.append((made, key, x))
            elif made is not None and key not in made:
                continue  # a result that forward keeps
        elif not isinstance(x, Module):
            makes = isinstance(x, Iterator) and not isinstance(x, IOBase)  # what nobody has yet
            if makes or _lost(x, known, module) is not None:
                raise TypeError(
                    f"{type(module).__name__}: {name} is a {type(x).__name__}; layers and "
                    "parameters in it would be neither trained nor saved. Use a list, tuple or "
                    "dict, or a Module of your own."
                )
            continue
        if contents.setdefault(names.setdefault(id(x), name), x) is not x:
            raise ValueError(
                f"{type(module).__name__}: two are named {name!r}, {contents[name]!r} and {x!r}. "
                "Give them keys without dots, that differ also as text."
            )
    for made, key, x in learning:
        made[key] = x  # it stays in the state when it is frozen
    return [(name, x) for name, x in contents.items() if isinstance(x, kind)]


def _lost(x: Any, known: set[int], owner: Any = None) -> Any:
    """A module or parameter that x holds, at any depth, unknown even to those around the owner."""
    reached, seen, lost = [x], set(), []
    for x in reached:  # which grows
        if isinstance(x, _WITHOUT_LAYERS) or id(x) in seen:
            continue
        seen.add(id(x))
        if isinstance(x, FunctionType):  # not its globals
            reached += [x.__defaults__, x.__kwdefaults__, x.__closure__, x.__dict__]
        elif not isinstance(x, Module | Tensor):
            # An array of objects does not tell the garbage collector what it holds.
            of_objects = isinstance(x, np.ndarray) and x.dtype.kind == "O"
            reached += x.flat if of_objects else gc.get_referents(x)
        elif id(x) not in known and (isinstance(x, Module) or (x.requires_grad and not x.origin)):
            inside = _walk(x, "", set()) if isinstance(x, Module) else ()
            around = {id(y) for _, y, *_ in inside if isinstance(y, Module | Tensor)}
            lost.append(x)
            if id(owner) in around:
                known |= around
    return next((x for x in lost if id(x) not in known), None)
