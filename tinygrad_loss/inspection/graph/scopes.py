"""Which module or ``scope`` computed each Tensor, found from the marks that these leave."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from ...engine.copies import ancestors
from ...engine.mode import Mark
from ...engine.tensor import Tensor


@dataclass(eq=False, slots=True)
class Scope:
    """Ops that belong together: one call of a module, a ``scope`` block, or the backward pass."""

    id: str
    kind: str  # the class of the module, or the name of the block
    label: str = ""
    parent: "Scope | None" = None
    module: Any = None

    def path(self) -> "list[Scope]":
        """List this scope and those around it, innermost first."""
        return [self, *(self.parent.path() if self.parent else ())]


class Scopes:
    """The scopes of a graph, the innermost scope of each Tensor, and the names of the parameters.

    ``nodes`` are the Tensors of the graph, oldest first.
    """

    def __init__(self, nodes: list[Tensor]) -> None:
        self.of: dict[Tensor, Scope] = {}
        self.names: dict[int, str] = {}  # of the modules' parameters, by id
        marks = [(x, i, *mark) for x in nodes for i, mark in enumerate(x.scopes)]
        known: dict[tuple[int, int], Scope] = {}  # a call can have several outputs, as (h, c)
        # Outermost first: an outer call starts before the calls inside it and ends after them.
        for x, _, maker, start in sorted(marks, key=lambda m: (m[3], -m[0].stamp, -m[1])):
            block, key = isinstance(maker, Mark), (id(maker), start)
            if key not in known:
                kind, module = (maker.name, None) if block else (type(maker).__name__, maker)
                known[key] = Scope(f"s{len(known)}", kind, "", self.of.get(x), module)
            # A block marks all that is computed in it, a module only its outputs.
            for inside in (x,) if block else ancestors(x, start):
                self.of[inside] = known[key]
        self.all = list(known.values())  # outer ones first, then in the order of their calls
        # Parameters and scopes are named by their path in the outermost module.
        outermost = (s for s in self.all if [x for x in s.path() if x.module is not None] == [s])
        roots = list({id(scope.module): scope.module for scope in outermost}.values())
        kinds = [type(module).__name__ for module in roots]
        for i, module in enumerate(roots):
            number = kinds[: i + 1].count(kinds[i]) if kinds.count(kinds[i]) > 1 else ""
            prefix = f"{kinds[i]}{number}." if len(kinds) > 1 else ""
            for path, parameter in module.named_parameters():
                self.names.setdefault(id(parameter), prefix + path)
        paths = {id(m): path for root in roots for path, m in root.named_modules()}
        called: Counter[Any] = Counter()
        for scope in self.all:
            own = scope.kind if scope.module is None else id(scope.module)
            called[own] += 1
            path = paths.get(id(scope.module))
            scope.label = f"{path}: {scope.kind}" if path else scope.kind
            scope.label += f", call {called[own]}" if called[own] > 1 else ""
