"""What a traced function keeps outside of itself: found, put back, and named."""

import sys
from collections import deque
from collections.abc import Container, Iterator
from functools import cache, partial
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ..engine.node import Node
from .array import TracedArray

PLAIN = (str, bytes, int, float, complex, np.ndarray, np.generic, np.dtype, ModuleType)
COLLECTIONS: Any = (dict, list, tuple, set, frozenset, deque)
# What the instances of a class hold that is not in their __dict__, if not what has __slots__.
MEMBERS: dict[type, list[str]] = {
    Node: ["_array", "grad", "stamp"], CellType: ["cell_contents"], TracedArray: [],
    MethodType: ["__self__", "__func__"], partial: ["func", "args", "keywords"],
}  # fmt: skip


class Outside:
    """The objects that a function can reach, and what each held before the function was traced."""

    def __init__(self, **roots: Any) -> None:
        self.before = {id(x): (path, x, held) for path, x, held in _reached(roots, {})}
        self.drawn: list[str] = []  # generators of random numbers that were used, without dropout

    def put_back(self) -> list[str]:
        """Put back what now holds traced arrays; return the paths to these."""
        found = []
        for path, x, held in self.before.values():
            now = _held_by(x) or {}
            if isinstance(x, np.random.Generator) and str(held) != str(now):
                x.bit_generator.state = held["state"]
                self.drawn.append(path)
            new = {_path(path, x, k): y for k, y in now.items() if held.get(k) is not y}
            traced = [at for at, y, _ in _reached(new, self.before) if isinstance(y, TracedArray)]
            if traced:
                _fill(x, held, now)
            found += traced
        return found


def _reached(roots: dict[str, Any], known: Container[int]) -> Iterator[tuple[str, Any, Any]]:
    """All objects that can hold a traced array, from the roots on: path, object, what it holds."""
    waiting, seen = deque(roots.items()), set[int]()
    while waiting:
        path, x = waiting.popleft()
        held = None if id(x) in seen or id(x) in known else _held_by(x)
        if held is not None:
            seen.add(id(x))
            yield path, x, held
            waiting += [(_path(path, x, key), part) for key, part in held.items()]


def _held_by(x: Any) -> dict[Any, Any] | None:
    """What an object holds, by key, position or attribute; None if it can hold no traced array."""
    if isinstance(x, PLAIN) or (isinstance(x, FunctionType | type) and _of_library(x.__module__)):
        return None
    if isinstance(x, COLLECTIONS):
        return dict(x if isinstance(x, dict) else enumerate(x))
    if isinstance(x, np.random.Generator):
        return {"state": x.bit_generator.state}
    if isinstance(x, FunctionType):
        cells = zip(x.__code__.co_freevars, x.__closure__ or (), strict=True)
        used = {name: x.__globals__[name] for name in _names(x.__code__) if name in x.__globals__}
        return used | dict(cells) | {"": x.__defaults__, "__dict__": x.__dict__}
    held = {"__class__": type(x), **getattr(x, "__dict__", {})}
    for kind in type(x).__mro__:
        names = MEMBERS.get(kind, vars(kind).get("__slots__", ()))
        held |= {name: getattr(x, name) for name in names if hasattr(x, name)}
    return held


@cache
def _of_library(module: str | None) -> bool:
    """Whether functions and classes of this module keep nothing of what they are given."""
    top = str(module).partition(".")[0]
    installed = "-packages" in str(getattr(sys.modules.get(top), "__file__", ""))  # site-, dist-
    return installed or top in sys.stdlib_module_names or top == "tinygrad_loss"


def _names(code: CodeType) -> Iterator[str]:
    """The names that code looks up, also in functions inside it."""
    yield from code.co_names
    for inner in (x for x in code.co_consts if isinstance(x, CodeType)):
        yield from _names(inner)


def _path(path: str, x: Any, key: Any) -> str:
    """What a reader calls what x, at this path, holds at this key."""
    if isinstance(x, COLLECTIONS):
        return f"{path}[{key!r}]" if isinstance(key, str | int) else f"{path}[...]"
    if isinstance(x, FunctionType):
        return key or path
    if isinstance(x, CellType | MethodType):
        return path
    return type(x).__name__ if key == "__class__" else f"{path}.{key.replace('_array', 'data')}"


def _fill(x: Any, held: dict[Any, Any], now: dict[Any, Any]) -> None:
    """Let x hold again what it held."""
    if isinstance(x, COLLECTIONS):
        x.clear()
        fill = x.extend if isinstance(x, list | deque) else x.update
        fill(held if isinstance(x, dict) else held.values())
    elif isinstance(x, FunctionType):
        x.__globals__.update({key: held[key] for key in held if held[key] is not now[key]})
    else:
        kind = type if isinstance(x, type) else object
        for key in now.keys() - held.keys():
            kind.__delattr__(x, key)
        for key, part in held.items():
            if now.get(key) is not part:
                kind.__setattr__(x, key, part)
