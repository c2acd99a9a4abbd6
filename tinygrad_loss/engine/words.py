"""Words of other libraries, and what is said here instead: for errors about names that are not."""

from collections.abc import Iterable
from functools import wraps
from inspect import getattr_static
from typing import Any, TypeVar

import numpy as np

F = TypeVar("F")

WORDS = {
    word: ours
    for ours, words in {
        "axis=": "dim= dims=", "keepdims=": "keepdim=", "argnums=": "argnum=", "x=": "input= a=",
        "b=": "other=", "lr=": "learning_rate=", "ord=": "p=", "min=": "a_min=", "max=": "a_max=",
        "ddof=": "unbiased= correction=", "shape=": "size= newshape=", "rng=": "seed= generator=",
        "gradients(y, [x], create_graph=True)": "create_graph=", "size": "numel", "ndim": "dim",
        "nothing: a graph is kept while its output is": "retain_graph=", "unroll": "jit",
        "astype, or Tensor(..., dtype=)": "to float double half", "@": "mm bmm", "clip": "clamp",
        "reshape": "view view_as", "transpose": "permute moveaxis", "broadcast_to": "expand",
        "expand_dims, or t[:, None]": "unsqueeze", "t.data, NumPy's array in memory": "cpu cuda",
        "t itself, which no op changes, or t.detach()": "clone copy", "concatenate": "cat concat",
        "requires_grad, which can be assigned": "requires_grad_", "detach": "detach_",
        "zero_grad, or t.data[...] = 0": "zero_", "t += step, under no_grad()": "add_ sub_ mul_",
        "an operator, + - * / **": "add sub mul div pow neg", "origin": "grad_fn is_leaf",
        "Tensor": "tensor from_numpy Variable", "gradients or grad": "autograd jacobian hessian",
        "tl.relu, tl.cross_entropy and so on": "functional", "where": "masked_fill",
        "a leading axis": "vmap", "T": "t", "take_along_axis": "gather", "relu": "relu_",
        "t itself, which is real": "real conj", "t.data.astype(int)": "long",
        "mean_squared_error": "mse_loss MSELoss", "mean_absolute_error": "l1_loss L1Loss",
        "cross_entropy": "CrossEntropyLoss nll_loss NLLLoss", "huber": "smooth_l1_loss HuberLoss",
        "binary_cross_entropy_with_logits": "BCEWithLogitsLoss", "Tensor(...)": "Parameter",
        "rng=np.random.default_rng(seed)": "manual_seed random randn rand",
    }.items()
    for word in words.split()
}  # fmt: skip
_ABSENT = [name for name in [*WORDS, *vars(np.ndarray)] if name[0] != "_" and name[-1] != "="]


def missing(owner: str, name: str) -> AttributeError:
    """Return the error for an attribute that does not exist, with what is said here instead."""
    ours = WORDS.get(name, "")
    if not ours and name in vars(np) and name[0] != "_":
        ours = f"np.{name}" + "(t)" * ("Tensor" in owner)
    elif not ours and hasattr(np.ndarray, name) and name[0] != "_":
        ours = f"t.data.{name}, of the values alone"
    return AttributeError(f"{owner} has no attribute {name!r}" + (ours and f"; here it is {ours}"))


class _Absent(str):
    """The name of an attribute that Tensors lack. A ``__getattr__`` would slow down all others."""

    def __get__(self, t: Any, kind: Any = None) -> Any:
        raise missing("'Tensor' object", self)


class Elsewhere:
    """Base of Tensor: attributes of other libraries' arrays, which it does not have."""

    __slots__ = ()
    vars().update({name: _Absent(name) for name in _ABSENT})

    def __dir__(self) -> list[str]:
        return [n for n in super().__dir__() if not isinstance(getattr_static(self, n), _Absent)]


def meant(names: Iterable[str]) -> str:
    """Say what arguments of other libraries are called here: ``; here dim= is axis=``."""
    return "".join(f"; here {n}= is {WORDS[f'{n}=']}" for n in names if f"{n}=" in WORDS)


def taught(f: F) -> F:
    """Let a function say our word where it is called with another library's."""
    function: Any = f

    @wraps(function)
    def called(*given: Any, **named: Any) -> Any:
        try:
            return function(*given, **named)
        except TypeError as error:
            if "unexpected keyword" in str(error) and meant(named):
                raise TypeError(f"{error}{meant(named)}") from None
            raise

    return called  # type: ignore[return-value]


def teach(module: dict[str, Any]) -> None:
    """Do so with all public functions of a module that have options, given its globals()."""
    public = {name: module[name] for name in module["__all__"]}
    module.update({n: taught(f) for n, f in public.items() if f.__defaults__ or f.__kwdefaults__})
