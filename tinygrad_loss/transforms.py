"""Functions of functions: from f, its derivative."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from .backprop import gradients
from .methods import data_of
from .ops import reshape
from .tensor import Tensor, mode, set_mode


def grad(f: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """Return the derivative of a function: ``grad(f)(x)`` is f'(x), ``grad(grad(f))(x)`` is f''(x).

    Parameters
    ----------
    f : callable
        Of arrays or Tensors; its value is a scalar Tensor.
    argnums : int or tuple of int
        Which positional arguments to differentiate with respect to.

    Returns
    -------
    callable
        Of the same arguments. It returns the gradient as a Tensor (for a tuple of argnums a tuple),
        which can itself be differentiated. Under ``no_grad()`` it cannot, and is computed faster.

    Raises
    ------
    ValueError
        If the value is not a scalar.
    TypeError
        If the value is not a Tensor, or an argument is not made of floating numbers.

    >>> grad(grad(lambda x: x**3))(2.0).item()
    12.0
    """

    @wraps(f)
    def derivative(*args: Any, **options: Any) -> Any:
        return value_and_grad(f, argnums)(*args, **options)[1]

    return derivative


def value_and_grad(f: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """As ``grad``, but the function returns ``(f(x), f'(x))``, for the price of one.

    >>> value, slope = value_and_grad(lambda x: x**3)(2.0)
    >>> value.item(), slope.item()
    (8.0, 12.0)
    """
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)

    def variable(x: Any) -> Tensor:
        # A new Tensor even for a Tensor: f may also use that one directly, by its closure, and with
        # respect to *this argument* nothing flows through such a use.
        tracked = isinstance(x, Tensor) and x.requires_grad
        return reshape(x, x.shape) if tracked else Tensor(data_of(x), requires_grad=True)

    @wraps(f)
    def value_and_derivative(*args: Any, **options: Any) -> tuple[Any, Any]:
        create_graph = mode.get()[0]
        with set_mode(recording=True):
            if not all(isinstance(n, int) and -1 < n < len(args) for n in numbers):
                raise TypeError(
                    f"grad: argnums={argnums}, but f was given {len(args)} positional arguments; "
                    "expected the position of one of them, counted from 0, or a tuple of positions"
                )
            inputs = {n: variable(args[n]) for n in numbers}
            value = f(*(inputs.get(n, x) for n, x in enumerate(args)), **options)
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"grad: f returned a {type(value).__name__}; expected a scalar Tensor"
                )
            slopes = gradients(value, list(inputs.values()), create_graph=create_graph)
        value = value if create_graph else value.detach()
        return value, slopes if isinstance(argnums, tuple) else slopes[0]

    return value_and_derivative
