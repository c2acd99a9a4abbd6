"""Search for a call that takes numbers out of a Tensor, with no gradient and no word.

A call is a *loss* if it returns (or writes into what it was given) numbers that change when the
Tensors change a little, raises nothing, warns of nothing, and leaves no Tensor that requires grad
in its result. So shapes, text, truth values, and what is constant almost everywhere (floor, argmax)
are none.
"""

import itertools
import random
import warnings
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse

from tinygrad_loss import Tensor

from .everything_public import parameters

MATRIX = np.array([[0.9, 0.3, 0.2], [0.3, 0.8, 0.1], [0.2, 0.1, 0.6]])
ROW = [0.25, 0.72, 0.45]

# Arguments in which no Tensor is.
PLAIN: dict[str, Callable[[], Any]] = {
    "vector": lambda: np.array([0.2, 0.7, 0.4]),
    "number": lambda: 0.5,
    "matrix": MATRIX.copy,
    "integer": lambda: 1,
    "shape": lambda: (3,),
    "function": lambda: np.sin,
    "list": lambda: [0.2, 0.7, 0.4],
    "mask": lambda: np.array([True, False, True]),
    "text": lambda: "f8",
}
FOR_THREE = ("vector", "number", "matrix", "integer")
FOR_FOUR = ("vector", "number", "integer")


def tensor(values: Any) -> Tensor:
    return Tensor(values, requires_grad=True)


def tensors(values: Any) -> list[Tensor]:
    return [tensor(x) for x in values]


def objects(values: Any) -> Any:
    array = np.empty(len(values), object)
    array[:] = [None] * len(values)
    for i, x in enumerate(values):
        array[i] = tensor(x)
    return array


# What stands for a number, a vector or a matrix; its Tensors have these values plus a small step.
# (No value is among the plain ones: max and floor jump where two are equal.)
NUMBER, THREE, NINE = 0.47, np.array([0.21, 0.71, 0.41]), MATRIX + 0.01
FORMS: dict[str, Callable[[float], Any]] = {
    "scalar": lambda h: tensor(NUMBER + h),
    "vector": lambda h: tensor(THREE + h),
    "matrix": lambda h: tensor(NINE + h),
    "list": lambda h: tensors(THREE + h),
    "list of one": lambda h: [tensor(NUMBER + h)],
    "list of vectors": lambda h: tensors(NINE + h),
    "mixed list": lambda h: [0.25, tensor(0.71 + h), 0.45],
    "mixed rows": lambda h: [ROW, tensor(THREE + h), ROW],
    "tuple": lambda h: tuple(tensors(THREE + h)),
    "nested list": lambda h: [tensors(row) for row in NINE + h],
    "dict": lambda h: {"a": tensor(THREE + h)},
    "set": lambda h: set(tensors(THREE + h)),
    "generator": lambda h: (t for t in tensors(THREE + h)),
    "objects": lambda h: objects(THREE + h),
    "Series": lambda h: pd.Series(tensors(THREE + h)),
    "function": lambda h: lambda *given, **named: tensor(NUMBER + h),
}
# In which forms Tensors take the place of a plain argument that works.
INSTEAD = {
    "number": ("scalar", "list of one"),
    "integer": ("scalar",),
    "vector": ("vector", "list", "mixed list"),
    "list": ("list", "mixed list"),
    "shape": ("vector",),
    "mask": ("vector",),
    "matrix": ("matrix", "list of vectors", "nested list", "mixed rows"),
    "function": ("function",),
    "text": (),
}
# Ways to call any function, whether it is made for them or not.
FIXED = [
    *((form,) for form in FORMS),
    *(("=vector", form) for form in ("scalar", "vector", "list", "mixed list", "matrix")),
    *((form, "=vector") for form in ("scalar", "vector", "list", "mixed list", "matrix")),
    ("=number", "scalar"), ("=number", "vector"), ("scalar", "=number"), ("vector", "=integer"),
    ("=list", "vector"), ("vector", "=list"), ("=vector", "=vector", "vector"),
    ("=vector", "=number", "scalar"), ("scalar", "scalar"), ("vector", "vector"),
    ("matrix", "matrix"), ("list", "list"), ("vector", "vector", "vector"),
]  # fmt: skip
FOR_KEYWORDS = ("scalar", "vector", "list")

Way = tuple[tuple[str, ...], dict[str, str]]  # forms by position ("=kind" for a plain one), by name


def plain_calls(f: Callable[..., Any], most: int) -> Iterator[tuple[str, ...]]:
    """Kinds of plain arguments that f takes, a few for each number of them."""
    for n, kinds in enumerate([(), PLAIN, PLAIN, FOR_THREE, FOR_FOUR]):
        working = (given for given in itertools.product(kinds, repeat=n) if takes(f, given))
        yield from itertools.islice(working, most)


def takes(f: Callable[..., Any], kinds: tuple[str, ...]) -> bool:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            f(*(PLAIN[kind]() for kind in kinds))
        except Exception:
            return False
    return True


def ways(f: Callable[..., Any], most: int = 3) -> Iterator[Way]:
    """The fixed ways; plain calls with Tensors in each place in turn, and by each name."""
    calls = list(plain_calls(f, most))
    for fixed in FIXED:
        yield fixed, {}
    for call in calls:
        plain = tuple(f"={kind}" for kind in call)
        for i, kind in enumerate(call):
            for form in INSTEAD[kind]:
                yield (*plain[:i], form, *plain[i + 1 :]), {}
    for name in parameters(f):
        for call in [("vector",), *calls[:1], *calls[-1:]]:
            for form in FOR_KEYWORDS:
                yield tuple(f"={kind}" for kind in call), {name: form}


ARRAYS = (
    np.ndarray, np.generic, pd.Series, pd.Index, pd.api.extensions.ExtensionArray, memoryview,
)  # fmt: skip


class Kept(Exception):
    """A Tensor that requires grad was found in a result."""


def numbers(x: Any, depth: int = 0) -> Iterator[Any]:
    """All numbers in x, but no truth values and no text. Raises Kept at a Tensor with a graph."""
    if isinstance(x, Tensor):
        if x.requires_grad:
            raise Kept
        x = x.data
    if isinstance(x, bool | np.bool_ | str | bytes | bytearray | type | None) or depth > 4:
        return
    if isinstance(x, int | float | complex | Fraction | Decimal):
        yield np.array(complex(x))
    elif isinstance(x, np.ma.MaskedArray):
        yield from numbers(x.compressed(), depth + 1)
    elif isinstance(x, ARRAYS):
        yield from of_array(np.asarray(x), depth)
    elif isinstance(x, pd.DataFrame):
        yield from numbers([x.iloc[:, i] for i in range(x.shape[1])], depth + 1)
    elif scipy.sparse.issparse(x):
        yield x.toarray()
    elif isinstance(x, dict):
        yield from numbers(list(x.values()), depth + 1)
    elif isinstance(x, list | tuple | set | frozenset) or hasattr(x, "__next__"):
        for part in itertools.islice(x, 30):
            yield from numbers(part, depth + 1)
    elif hasattr(x, "__dict__") and not callable(x):
        yield from numbers(list(vars(x).values()), depth + 1)


def of_array(x: Any, depth: int) -> Iterator[Any]:
    if x.dtype.names:
        yield from numbers([x[name] for name in x.dtype.names], depth + 1)
    elif x.dtype.kind in "iufc":
        yield x
    elif x.dtype.kind in "mM":
        yield x.astype(np.int64)
    elif x.dtype.kind == "O":
        yield from numbers(list(x.flat), depth + 1)


def numbers_of_call(f: Callable[..., Any], way: Way, step: float, alive: list[Any]) -> list[Any]:
    """The numbers that come out of a call; none if it raises, warns, or keeps the graph."""
    by_position, by_name = way
    given = [PLAIN[x[1:]]() if x[0] == "=" else FORMS[x](step) for x in by_position]
    named = {name: FORMS[form](step) for name, form in by_name.items()}
    alive += [given, named]  # or another object may get the same id()
    random.seed(0)
    np.random.seed(0)
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            result = f(*given, **named)
            plain = [x for x, form in zip(given, by_position, strict=True) if form[0] == "="]
            found = list(numbers([result, plain]))
        except Exception:
            return []
    warned = any(w.category is UserWarning and "t.item()" in str(w.message) for w in caught)
    return [] if warned else found


def differ(a: list[Any], b: list[Any]) -> bool:
    return len(a) != len(b) or not all(
        np.array_equal(x, y, equal_nan=True) for x, y in zip(a, b, strict=True)
    )


def is_loss(f: Callable[..., Any], way: Way) -> bool:
    alive: list[Any] = []
    found = numbers_of_call(f, way, 0.0, alive)
    if not found or not differ(found, numbers_of_call(f, way, 1e-4, alive)):
        return False
    # What differs from call to call anyway, such as memory that nobody has written to, is no loss.
    return not any(differ(found, numbers_of_call(f, way, 0.0, alive)) for _ in range(3))


def losses_of(f: Callable[..., Any], most: int = 3) -> list[Way]:
    return [way for way in ways(f, most) if is_loss(f, way)]
