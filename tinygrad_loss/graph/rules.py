"""The text of a rule, read off the code that runs."""

from __future__ import annotations

import inspect

from ..tensor import Op


def argument_names(op: Op, count: int) -> list[str]:
    """The names that the op's rules (or its forward function) have for its positional arguments."""
    for function, skipped in [(rule, 2) for rule in op.rules if rule] + [(op.forward, 0)]:
        try:
            parameters = list(inspect.signature(function).parameters.values())[skipped:]
        except (TypeError, ValueError):  # a function written in C may have no signature
            continue
        names = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        if len(names) >= count:
            return names[:count]
    return [f"x{i}" for i in range(count)]
