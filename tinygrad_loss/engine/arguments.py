"""How the arguments of an op are given, by position or by name, and what its documentation says."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import data_of, holds_tensors, leaves
from .errors import describe
from .node import Node

if TYPE_CHECKING:
    from .ops import Op


class Arguments:
    """The inputs and options of an op, by the signature of its definition.

    The first parameters, one for each rule, are the inputs. All others are options: constants, for
    which there is no derivative.
    """

    def __init__(self, op: Op, definition: Callable[..., Any]) -> None:
        self.op = op.name
        self.n = len(op.rules)
        self.of_numpy = isinstance(op.forward, np.ufunc)
        self.signature: inspect.Signature | None = None
        if not isinstance(definition, np.ufunc):
            with suppress(ValueError):  # some functions written in C have none
                self.signature = inspect.signature(definition)
            _document(op, definition, self.signature)
        every = self.signature.parameters.values() if self.signature else ()
        named = [p for p in every if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        self.inputs = [p.name for p in named[: self.n]]
        self.defaults = {p.name: p.default for p in named[self.n :]}  # of the options

    def sort(
        self, inputs: tuple[Any, ...], options: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return inputs by position and options by name, whichever way they were given.

        An option that has its default value is as good as none, and left out. A Tensor that
        requires grad would lose its gradient as an option, and is refused.
        """
        given = options
        if len(inputs) > self.n:
            given = dict(zip(self.defaults, inputs[self.n :], strict=False))
            if len(inputs) - self.n > len(given) or given.keys() & options.keys():
                raise self.refusal(inputs, options)
            inputs, given = inputs[: self.n], given | options
        elif len(inputs) < self.n:
            given = options.copy()
            for name in self.inputs[len(inputs) :]:
                if name in given:
                    inputs += (given.pop(name),)
        kept = {}
        for name, x in given.items():
            if name not in self.defaults:
                raise self.refusal(inputs, options)
            if x is not self.defaults[name]:
                kept[name] = self.constant(name, x) if holds_tensors(x) else x
        return inputs, kept

    def constant(self, name: str, x: Any) -> Any:
        """Return the data of Tensors in an option, none of which requires grad."""
        for part in leaves(x):
            if isinstance(part, Node) and part._requires_grad:
                raise TypeError(
                    f"{self.op}: {part!r} requires grad, but {self.op} has no derivative with "
                    f"respect to {name}. Pass its .data, a constant, or compose what you need of "
                    "other ops."
                )
        return data_of(x)

    def refusal(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> TypeError:
        """Return the error for arguments that the op does not have."""
        given = ", ".join([describe("", inputs), *(f"{name}=" for name in options)])
        named = ", ".join(f"{name}=" for name in self.defaults)
        expected = f"{self.n} input{'s' * (self.n > 1)} and {named or 'no options'}"
        if self.of_numpy:
            expected += ", none of NumPy's such as out= and where="
        return TypeError(f"{self.op}: got {given}; expected {expected}.")

    def __str__(self) -> str:
        if self.signature is None:
            return ""
        parameters = self.signature.parameters.values()
        return f"({', '.join(str(p.replace(annotation=p.empty)) for p in parameters)})"


def _document(op: Op, definition: Callable[..., Any], signature: inspect.Signature | None) -> None:
    """Let help() and editors show the op as the function that its definition is."""
    text = inspect.getdoc(definition) or ""
    op.__doc__ = re.sub(r"\s+(?=Derivative|>>> )", "\n\n", text)  # a row of the table, laid out
    op.__name__ = op.__qualname__ = op.name  # type: ignore[attr-defined]
    op.__module__ = definition.__module__
    if signature is not None:
        op.__signature__ = signature  # type: ignore[attr-defined]
