"""Which module computed what, and its names: read off the marks that ``Module.__call__`` leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..tensor import Tensor


@dataclass(eq=False, slots=True)
class Scope:
    """One call of a module, or a pass: a group of ops that belong together."""

    id: str
    label: str
    kind: str  # the class of the module
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

    Parameters
    ----------
    nodes
        The Tensors of the graph, oldest first.
    """

    def __init__(self, nodes: list[Tensor]) -> None:
        self.all: list[Scope] = []
        self.of: dict[Tensor, Scope] = {}
        self.names: dict[int, str] = {}  # of parameters, by id
        self.owned: set[int] = set()  # the ids of the modules' parameters
        # Outermost first: an outer call starts no later and ends no earlier than the calls
        # inside it.
        calls = [
            (start, -x.stamp, -i, x, module)
            for x in nodes
            for i, (module, start) in enumerate(x.scopes or ())
            if x.stamp >= start
        ]
        calls.sort(key=lambda call: call[:3])
        modules: list[Any] = []
        for start, _, _, x, module in calls:
            number = len(self.all)
            scope = Scope(f"s{number}", "", type(module).__name__, self.of.get(x), number)
            self.all.append(scope)
            modules.append(module)
            for inside in _computed_since(x, start):
                self.of[inside] = scope
        self._name(modules)

    def _name(self, modules: list[Any]) -> None:
        """Give parameters and scopes their path in the outermost module as their name."""
        roots = {id(m): m for m, s in zip(modules, self.all, strict=True) if s.parent is None}
        kinds = [type(module).__name__ for module in roots.values()]
        for i, module in enumerate(roots.values()):
            number = kinds[: i + 1].count(kinds[i]) if kinds.count(kinds[i]) > 1 else ""
            prefix = f"{kinds[i]}{number}." if len(kinds) > 1 else ""
            for path, parameter in module.named_parameters():
                self.names.setdefault(id(parameter), prefix + path)
        paths = {id(m): path for root in roots.values() for path, m in root.named_modules()}
        called: Counter[int] = Counter()
        for module, scope in zip(modules, self.all, strict=True):
            called[id(module)] += 1
            if called[id(module)] == 1:
                self.owned.update(id(parameter) for parameter in module.parameters())
            path = paths.get(id(module)) or _common_prefix(module)
            again = f", call {called[id(module)]}" if called[id(module)] > 1 else ""
            scope.label = (f"{path}: {scope.kind}" if path else scope.kind) + again


def _common_prefix(module: Any) -> str:
    """The path of a module by its parameters' names, if no outer module is in the graph."""
    for path, parameter in module.named_parameters():
        name = parameter.name or ""
        return name.removesuffix(f".{path}") if name.endswith(f".{path}") else ""
    return ""


def _computed_since(output: Tensor, start: int) -> set[Tensor]:
    """What was computed on the way to the output since ``start``, by the engine's clock."""
    found, stack = {output}, [output]
    while stack:
        origin = stack.pop().origin
        for x in origin[1] if origin else ():
            if isinstance(x, Tensor) and x.origin and x.stamp >= start and x not in found:
                found.add(x)
                stack.append(x)
    return found
