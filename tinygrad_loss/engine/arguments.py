"""The arguments of an op, given by position or by name; and its signature and docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import as_array, data_of, flattened, holds_tensors
from .errors import describe, explained
from .node import Node

if TYPE_CHECKING:
    from .ops import Op


class Arguments:
    """Which arguments of an op are inputs and which are options, by its definition's signature.

    The first parameters, one for each rule, are the inputs. All others are options: constants,
    which have no rule.
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
        every = list(self.signature.parameters.values()) if self.signature else []
        kinds = {p.kind for p in every}
        by_position = [p for p in every if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        n = len(every) if inspect.Parameter.VAR_POSITIONAL in kinds else self.n
        self.inputs = [p.name for p in by_position[:n] if p.kind is not p.POSITIONAL_ONLY]
        options = [*by_position[n:], *(p for p in every if p.kind is p.KEYWORD_ONLY)]
        self.defaults = {p.name: p.default for p in options}
        self.any_option = inspect.Parameter.VAR_KEYWORD in kinds

    def sort(
        self, inputs: tuple[Any, ...], options: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the inputs by position and the options by name, however they were given.

        An option that has its default value is left out. A Tensor that requires grad is refused as
        an option, since it would not receive a gradient.
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
            if len(inputs) < self.n:
                raise self.refusal(inputs, options)
        kept = {}
        for name, x in given.items():
            if name in self.defaults:
                default = self.defaults[name]
                # (A float written twice is two objects; an array must not be compared with ==.)
                if x is default or (type(x) is float and x == default):
                    continue
            elif not self.any_option:
                raise self.refusal(inputs, options)
            kept[name] = self.as_constant(name, x) if holds_tensors(x) else x
        return inputs, kept

    def converted(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the inputs with arrays in the place of lists."""
        try:
            return tuple(as_array(x) if isinstance(x, (list, tuple)) else x for x in inputs)
        except (TypeError, ValueError) as error:
            raise explained(error, self.op, inputs, {}) from None

    def as_constant(self, name: str, x: Any) -> Any:
        """Return an option with Tensors replaced by their data; refuse any that requires grad."""
        for part in flattened(x):
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
    """Give the op the name, docstring and signature of its definition, for help() and editors."""
    text = inspect.getdoc(definition) or ""
    op.__doc__ = re.sub(r"\s+(?=Derivative|>>> )", "\n\n", text)  # the parts of a row as paragraphs
    op.__name__ = op.__qualname__ = op.name  # type: ignore[attr-defined]
    op.__module__ = definition.__module__
    if signature is not None:
        op.__signature__ = signature  # type: ignore[attr-defined]
