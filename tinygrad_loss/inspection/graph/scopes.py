"""Which module or ``scope`` computed each Tensor, found from the marks that these leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...engine.mode import Mark
from ...engine.tensor import Tensor


@dataclass(eq=False, slots=True)
class Scope:
    """Ops that belong together: one call of a module, a ``scope`` block, or the backward pass."""

    id: str
    label: str
    kind: str  # the class of the module, or the name of the block
    parent: Scope | None = None
    order: int = 0  # outer scopes first, then in the order of their calls

    def path(self) -> Iterator[Scope]:
        """Yield this scope and those around it, innermost first."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent


class Scopes:
    """The scopes of a graph, the innermost scope of each Tensor, and the names of the parameters.

    ``nodes`` are the Tensors of the graph, oldest first.
    """

    def __init__(self, nodes: list[Tensor]) -> None:
        self.all: list[Scope] = []
        self.of: dict[Tensor, Scope] = {}
        self.names: dict[int, str] = {}  # of parameters, by id
        self.owned: set[int] = set()  # the ids of the modules' parameters
        # Outermost first: an outer call starts before the calls inside it and ends after them.
        marks = [
            (start, -x.stamp, -i, x, maker)
            for x in nodes
            for i, (maker, start) in enumerate(x.scopes)
            if x.stamp >= start
        ]
        marks.sort(key=lambda mark: mark[:3])
        makers: list[Any] = []
        blocks: dict[tuple[int, int], Scope] = {}
        for start, _, _, x, maker in marks:
            # A block marks all that is computed in it, a module only its output.
            block = isinstance(maker, Mark)
            known = blocks.get((id(maker), start)) if block else None
            if known is None:
                number = len(self.all)
                kind = maker.name if block else type(maker).__name__
                known = Scope(f"s{number}", "", kind, self.of.get(x), number)
                self.all.append(known)
                makers.append(maker)
            if block:
                blocks[id(maker), start] = self.of[x] = known
            else:
                for inside in _computed_since(x, start):
                    self.of[inside] = known
        self._name(makers)

    def _name(self, makers: list[Any]) -> None:
        """Name parameters and scopes by their path in the outermost module."""
        modules = {s: m for m, s in zip(makers, self.all, strict=True) if not isinstance(m, Mark)}
        roots = {
            id(m): m
            for s, m in modules.items()
            if not any(outer in modules for outer in s.path() if outer is not s)
        }
        kinds = [type(module).__name__ for module in roots.values()]
        for i, module in enumerate(roots.values()):
            number = kinds[: i + 1].count(kinds[i]) if kinds.count(kinds[i]) > 1 else ""
            prefix = f"{kinds[i]}{number}." if len(kinds) > 1 else ""
            for path, parameter in module.named_parameters():
                self.names.setdefault(id(parameter), prefix + path)
        paths = {id(m): path for root in roots.values() for path, m in root.named_modules()}
        called: Counter[Any] = Counter()
        for maker, found in zip(makers, self.all, strict=True):
            key = id(maker) if found in modules else found.kind
            called[key] += 1
            again = f", call {called[key]}" if called[key] > 1 else ""
            path = ""
            if found in modules:
                if called[key] == 1:
                    self.owned.update(id(parameter) for parameter in maker.parameters())
                path = paths.get(id(maker)) or _common_prefix(maker)
            found.label = (f"{path}: {found.kind}" if path else found.kind) + again


def _common_prefix(module: Any) -> str:
    """The path of a module, found from its parameters' names: no outer module is in the graph."""
    for path, parameter in module.named_parameters():
        name = parameter.name or ""
        return name.removesuffix(f".{path}") if name.endswith(f".{path}") else ""
    return ""


def _computed_since(output: Tensor, start: int) -> set[Tensor]:
    """The Tensors on the way to the output that are not older than the stamp ``start``."""
    found, stack = {output}, [output]
    while stack:
        _, inputs, _, _ = stack.pop().origin or (None, (), [], {})
        for x in inputs:
            if isinstance(x, Tensor) and x.origin and x.stamp >= start and x not in found:
                found.add(x)
                stack.append(x)
    return found
