"""The arguments of an op, given by position or by name; its signature and docstring."""

import inspect
import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import as_array, constant, is_foreign, is_plain
from .errors import describe
from .node import Node
from .words import meant

if TYPE_CHECKING:
    from .ops import Op

_CONSTANT = {bool, int, float, str, slice, type(None)}  # most options; for speed


class Arguments:
    """Which arguments of an op are inputs: the first, one for each rule. Others are constants."""

    def __init__(self, op: "Op", definition: Callable[..., Any]) -> None:
        self.op = op.name
        if not op.rules:
            raise TypeError(f"Op: {op.name} has no rule; expected one (or None) for each input")
        self.n = len(op.rules)
        self.signature: inspect.Signature | None = None
        if not isinstance(definition, np.ufunc):  # or help() and editors would show NumPy's
            shown: Any = op
            text = inspect.getdoc(definition) or ""
            shown.__doc__ = re.sub(r"\s+(?=Derivative|>>> )", "\n\n", text)  # parts as paragraphs
            shown.__name__, shown.__module__ = op.name, definition.__module__
            shown.__qualname__ = getattr(definition, "__qualname__", op.name)
            with suppress(ValueError):  # some functions written in C have none
                shown.__signature__ = self.signature = inspect.signature(definition)
        every = list(self.signature.parameters.values()) if self.signature else []
        kinds = {p.kind for p in every}
        by_position = [p for p in every if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        n = len(every) if inspect.Parameter.VAR_POSITIONAL in kinds else self.n
        self.inputs = [p.name for p in by_position[:n] if p.kind is not p.POSITIONAL_ONLY]
        options = [*by_position[n:], *(p for p in every if p.kind is p.KEYWORD_ONLY)]
        self.defaults = {p.name: p.default for p in options}
        self.any_option = inspect.Parameter.VAR_KEYWORD in kinds

    def sort(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Return the inputs by position and the options by name, but not those left at defaults."""
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
            kept[name] = x if type(x) in _CONSTANT else self.as_constant(name, x)
        return inputs, kept

    def converted(self, x: Any) -> Any:
        """Return an input with an array in the place of a list, of pandas' objects and the like."""
        return x if isinstance(x, Node) or is_plain(x) else as_array(x, copy=False, what=self.op)

    def as_constant(self, name: str, x: Any) -> Any:
        """Return an option as a constant: Tensors as their data, NumPy's numbers as Python's."""
        if isinstance(x, (tuple, list, dict, Node)):
            return constant(self.op, name, x)
        if isinstance(x, np.generic) or (type(x) is np.ndarray and not x.ndim):
            return x.item()  # or float32 would become float64
        if hasattr(type(x), "__array__") and type(x) is not np.ndarray and not is_foreign(x):
            return as_array(x, copy=False, what=f"{self.op}: {name}")
        return x

    def refusal(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> TypeError:
        """The error for arguments that the op does not have."""
        given = ", ".join([describe("", inputs), *(f"{name}=" for name in options)])
        named = ", ".join(f"{name}=" for name in self.defaults)
        expected = f"{self.n} input{'s' * (self.n > 1)} and {named or 'no options such as out='}"
        return TypeError(f"{self.op}: got {given}; expected {expected}{meant(options)}.")

    def __str__(self) -> str:
        if self.signature is None:
            return ""
        parameters = self.signature.parameters.values()
        return f"({', '.join(str(p.replace(annotation=p.empty)) for p in parameters)})"
