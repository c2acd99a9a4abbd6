"""Operators between a Tensor and anything: a Tensor with its graph, an error, or a comparison.

faults.md A1, A7: `series - t`, `t * series`, masked arrays, `out[i] = t`.
"""

import array
import collections
import datetime
import operator
import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import scipy.sparse.linalg

from tinygrad_loss import Tensor, gradients

from .search_for_losses import is_loss

X = [0.3, 0.6, 0.9]
DIAGONAL = np.diag(X)
FRAME = {"a": X, "b": [0.1, 0.2, 0.4], "c": [0.5, 0.7, 0.8]}


class Subclass(np.ndarray):
    """A subclass of NumPy's, such as the arrays with units of Astropy."""


# What is made of real numbers, so that operators take it as its array.
REAL = {
    "int": lambda: 3,
    "float": lambda: 0.3,
    "bool": lambda: True,
    **{f"scalar {c}": lambda c=c: np.dtype(c).type(1) for c in "?bBhHiIlLqQefdg"},
    "0-d": lambda: np.array(0.3),
    "1-d": lambda: np.array(X),
    "2-d": lambda: DIAGONAL + 0.1,
    "integers": lambda: np.array([1, 2, 3]),
    "bools": lambda: np.array([True, True, True]),
    "float32": lambda: np.array(X, np.float32),
    "big-endian": lambda: np.array(X, ">f8"),
    "longdouble": lambda: np.array(X, np.longdouble),
    "subclass": lambda: np.array(X).view(Subclass),
    "read-only": lambda: np.broadcast_to(0.3, 3),
    "list": lambda: list(X),
    "tuple": lambda: tuple(X),
    "range": lambda: range(1, 4),
    "array.array": lambda: array.array("d", X),
    "memoryview": lambda: memoryview(np.array(X)),
    "deque": lambda: collections.deque(X),
    "Series": lambda: pd.Series(X),
    "Series with an index": lambda: pd.Series(X, index=[2, 0, 1]),
    "Series of int": lambda: pd.Series([1, 2, 3]),
    "Series of Float64": lambda: pd.Series(X, dtype="Float64"),
    "Series of sparse": lambda: pd.Series(pd.arrays.SparseArray(X)),
    "DataFrame": lambda: pd.DataFrame(FRAME),
    "Index": lambda: pd.Index(X),
    "RangeIndex": lambda: pd.RangeIndex(1, 4),
}

# What is not, so that each operator refuses it, but for comparisons.
OTHERS = {
    "complex": lambda: 0.3 + 1j,
    "text": lambda: "a",
    "bytes": lambda: b"a",
    "None": lambda: None,
    "Fraction": lambda: Fraction(1, 3),
    "Decimal": lambda: Decimal("0.3"),
    **{f"scalar {c}": lambda c=c: np.dtype(c).type(1) for c in "FDG"},
    "datetime64": lambda: np.datetime64("2020-01-01"),
    "timedelta64": lambda: np.timedelta64(3, "D"),
    "str_": lambda: np.str_("a"),
    "void": lambda: np.void(b"abc"),
    "object": lambda: np.array(0.3, object),
    "complex numbers": lambda: np.array([0.3, 0.6, 0.9j]),
    "objects": lambda: np.array(X, object),
    "texts": lambda: np.array(["a", "b", "c"]),
    "dates": lambda: np.array(["2020-01-01"] * 3, "M8[D]"),
    "durations": lambda: np.array([1, 2, 3], "m8[D]"),
    "fields": lambda: np.array([(1.0, 2)] * 3, [("a", float), ("b", int)]),
    "records": lambda: np.rec.array([(1.0, 2)] * 3, [("a", float), ("b", int)]),
    "matrix": lambda: np.array([X]).view(np.matrix),
    "masked": lambda: np.ma.array(X, mask=[0, 1, 0]),
    "masked 0-d": lambda: np.ma.array(0.3),
    "masked constant": lambda: np.ma.masked,
    "masked list": lambda: [np.ma.array(0.3), 1.0, 2.0],
    "set": lambda: set(X),
    "dict": lambda: {"a": 0.3},
    "generator": lambda: (x for x in X),
    "Counter": lambda: collections.Counter("a"),
    "Series of objects": lambda: pd.Series(X, dtype=object),
    "Series of text": lambda: pd.Series(["a", "b", "c"]),
    "Series of dates": lambda: pd.Series(pd.to_datetime(["2020-01-01"] * 3)),
    "Series of durations": lambda: pd.Series(pd.to_timedelta([1, 2, 3], unit="D")),
    "Series of categories": lambda: pd.Series(list("aba"), dtype="category"),
    "DataFrame with text": lambda: pd.DataFrame({"a": X, "b": list("abc")}),
    "MultiIndex": lambda: pd.MultiIndex.from_tuples([(1, 2), (3, 4), (5, 6)]),
    "DatetimeIndex": lambda: pd.date_range("2020-01-01", periods=3),
    "Timestamp": lambda: pd.Timestamp("2020-01-01"),
    "Timedelta": lambda: pd.Timedelta("1D"),
    "NA": lambda: pd.NA,
    "NaT": lambda: pd.NaT,
    "Interval": lambda: pd.Interval(0, 1),
    "groups": lambda: pd.Series(X).groupby([0, 0, 1]),
    "date": lambda: datetime.datetime(2020, 1, 1),
    "duration": lambda: datetime.timedelta(3),
    "Polynomial": lambda: np.polynomial.Polynomial(X),
    **{
        kind: lambda kind=kind: getattr(scipy.sparse, kind)(DIAGONAL)
        for kind in ("csr_matrix", "csr_array", "coo_matrix", "dia_array", "dok_array", "lil_array")
    },
    "linear operator": lambda: scipy.sparse.linalg.aslinearoperator(DIAGONAL),
    "function": lambda: np.sin,
    "type": lambda: float,
    "slice": lambda: slice(1, 2),
    "Ellipsis": lambda: ...,
}

DIFFERENTIABLE = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
IN_PLACE = [operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow]
FURTHER = [
    operator.matmul, operator.imatmul,
    operator.floordiv, operator.mod, divmod, operator.and_, operator.or_, operator.xor,
    operator.lshift, operator.rshift, operator.ifloordiv, operator.imod, operator.iand,
    operator.concat, operator.iconcat, operator.contains, operator.getitem, operator.indexOf,
]  # fmt: skip
COMPARISONS = [
    operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge,
]  # fmt: skip


def assignment(index):
    def assigned(target, value):
        target[index] = value
        return target

    return assigned


ASSIGNMENTS = [
    assignment(i) for i in (0, slice(None), ..., [0, 1], [True, False, True], "a", (slice(None), 0))
]
EVERY = [*DIFFERENTIABLE, *IN_PLACE, *FURTHER, *COMPARISONS, *ASSIGNMENTS]


def both_orders(op, make):
    """Op with a Tensor left and right of what ``make`` makes, which is a part of the result."""
    return (
        lambda t: (op(t, other := make()), other),
        lambda t: (op(other := make(), t), other),
    )


@pytest.mark.parametrize("other", [*REAL, *OTHERS])
def test_no_operator_loses_a_graph(other):
    make = (OTHERS | REAL)[other]
    lost = [
        (op, order, form)
        for op in EVERY
        for order, f in enumerate(both_orders(op, make))
        for form in ("scalar", "vector", "matrix", "list", "mixed list", "objects")
        if is_loss(f, ((form,), {}))
    ]
    assert lost == []


def plain(make):
    value = make()
    return value if isinstance(value, int | float) else np.asarray(value)


def check_as_its_array(op, make, order):
    """Value and gradient, by differences, of the same operator on arrays."""
    data, other = np.array([0.4, 0.7, 1.1]), plain(make)

    def on_arrays(x):
        return op(x, other) if order == 0 else op(other, x)

    t = Tensor(data, requires_grad=True)
    y = op(t, make()) if order == 0 else op(make(), t)
    assert isinstance(y, Tensor)
    assert type(y.data) is np.ndarray
    np.testing.assert_allclose(y.data, np.asarray(on_arrays(data), y.dtype), rtol=1e-6)
    (slope,) = gradients(y.sum(), [t])
    for i in range(3):
        h = 1e-6 * (np.arange(3) == i)
        difference = float(np.sum(on_arrays(data + h)) - np.sum(on_arrays(data - h))) / 2e-6
        np.testing.assert_allclose(slope.data[i], difference, rtol=2e-3, atol=1e-6)


@pytest.mark.parametrize("other", REAL)
@pytest.mark.parametrize("op", [*DIFFERENTIABLE, operator.matmul])
def test_what_is_made_of_real_numbers_is_taken_as_its_array(op, other):
    """By position, not by label: faults.md A1."""
    make = REAL[other]
    if op is not operator.matmul:
        for order in (0, 1):
            check_as_its_array(op, make, order)
    elif np.ndim(plain(make)):
        check_as_its_array(op, make, 0)
        if isinstance(make(), pd.Series | pd.DataFrame):  # do not ask the Tensor
            with pytest.raises(RuntimeError, match=r"df\.to_numpy\(\) @ t"):
                make() @ Tensor(X, requires_grad=True)
        else:
            check_as_its_array(op, make, 1)


@pytest.mark.parametrize("other", REAL)
def test_in_place_the_result_is_another_tensor(other):
    """Or an error, and what cannot hold a graph keeps its values: `array += t`, `series -= t`."""
    t = Tensor(X, requires_grad=True)
    for op, plain_op in zip(IN_PLACE, DIFFERENTIABLE, strict=True):
        x = REAL[other]()
        if isinstance(x, np.ndarray | pd.Series | pd.DataFrame):
            # (pandas' own in-place operators take no NotImplemented, and raise AttributeError.)
            with pytest.raises((TypeError, AttributeError)):
                op(x, t)
            np.testing.assert_array_equal(x, REAL[other]())
        else:
            y = op(x, t)
            assert isinstance(y, Tensor)
            assert y.requires_grad
            np.testing.assert_array_equal(y.data, plain_op(plain(REAL[other]), t).data)


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("op", [*DIFFERENTIABLE, operator.matmul])
def test_what_is_not_made_of_real_numbers_is_refused(op, other):
    for order, f in enumerate(both_orders(op, OTHERS[other])):
        if (op, other, order) == (operator.pow, "Fraction", 1):
            continue  # Fraction gives float(1 / 3) to the Tensor, which is right
        for data in ([0.4, 0.7, 1.1], 0.4):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of t.item(), before their error
                with pytest.raises((TypeError, ValueError, RuntimeError)):
                    f(Tensor(data, requires_grad=True))


@pytest.mark.parametrize("requires_grad", [False, True])
def test_pytorchs_tensors_are_refused(requires_grad):
    torch = pytest.importorskip("torch")
    other = torch.tensor(X, dtype=torch.float64, requires_grad=requires_grad)
    for op in [*DIFFERENTIABLE, operator.matmul]:
        for f in both_orders(op, lambda: other):
            with pytest.raises((TypeError, RuntimeError)) as error:
                f(Tensor(X, requires_grad=True))
            assert "x.detach().numpy()" in str(error.value) or "t.data" in str(error.value)
    for f in (torch.tensor, torch.as_tensor, torch.sum, torch.exp, torch.stack, torch.dot):
        for given in ((Tensor(X, requires_grad=True),), (other, Tensor(X, requires_grad=True))):
            with pytest.raises((TypeError, RuntimeError)):
                f(*given)
