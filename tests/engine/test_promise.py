"""The strongest promise: nothing takes numbers out of a Tensor that requires grad in silence.

Whatever is public of Python's, NumPy's, pandas' and SciPy's functions, and of this library's own,
is called with such Tensors in its arguments, in dozens of ways: see search_for_losses.py.
"""

import functools
import io
import math

import numpy as np
import pandas as pd
import pytest
import scipy.integrate
import scipy.optimize

from tinygrad_loss import Tensor

from .everything_public import NUMPY, OURS, PANDAS, PYTHON, SCIPY, is_called
from .search_for_losses import FIXED, is_loss, losses_of, ways

# What may give numbers that depend on a Tensor, without a gradient and without a warning.
ALLOWED = {
    # Their names say it: the values alone.
    "Tensor.item", "Tensor.tolist", "Tensor.numpy", "Tensor.detach",
}  # fmt: skip


@pytest.fixture(autouse=True)
def an_empty_folder(tmp_path, monkeypatch):
    """Nothing that is called may write a file, for which it could take an argument to be a name."""
    monkeypatch.chdir(tmp_path)
    yield
    assert list(tmp_path.iterdir()) == []


def losses_in(targets, most=3):
    called = {name: f for name, f in targets.items() if is_called(name) and name not in ALLOWED}
    return {name: found for name, f in called.items() if (found := losses_of(f, most))}


def test_a_function_is_called_in_at_least_17_ways():
    assert len(FIXED) >= 17
    assert len(list(ways(np.average))) > 100


def test_the_search_finds_losses(monkeypatch):
    """What it would say if Tensors turned into arrays and numbers as arrays do."""
    assert losses_in({"np.log": np.log, "math.log": math.log, "np.cov": np.cov}) == {}
    monkeypatch.setattr(Tensor, "__array__", lambda t, dtype=None, copy=None: t.data.copy())
    monkeypatch.setattr(Tensor, "__float__", lambda t: t.item())
    found = losses_in(NUMPY["polynomial"]() | PYTHON["math"]() | {"put": ndarray_put})
    assert len(found) > 150
    assert {"np.polynomial.polynomial.polyval", "math.log", "math.fsum", "put"} <= found.keys()


def ndarray_put(array, value):
    array[0] = value


@pytest.mark.parametrize("targets", PYTHON.values(), ids=PYTHON)
def test_python(targets):
    assert losses_in(targets()) == {}


@pytest.mark.parametrize("targets", NUMPY.values(), ids=NUMPY)
def test_numpy(targets):
    assert losses_in(targets()) == {}


@pytest.mark.parametrize("targets", PANDAS.values(), ids=PANDAS)
def test_pandas(targets):
    assert losses_in(targets(), most=1) == {}


@pytest.mark.parametrize("targets", SCIPY.values(), ids=SCIPY)
def test_scipy(targets):
    assert losses_in(targets()) == {}


@pytest.mark.parametrize("targets", OURS.values(), ids=OURS)
def test_this_library(targets):
    assert losses_in(targets()) == {}


def changed(target, change):
    change(target)
    return target


def written(write, t):
    file = io.BytesIO()
    write(file, t)
    return np.frombuffer(file.getvalue(), np.uint8)


X, FRAME = np.array([0.2, 0.7, 0.4]), pd.DataFrame({"a": [0.2, 0.7, 0.4], "b": [0.1, 0.3, 0.5]})

# What no list of public functions has: indexing, what is built by brackets, functions of functions.
FURTHER = {
    "r_": lambda t: np.r_[X, t],
    "c_": lambda t: np.c_[X, t],
    "s_": lambda t: X[np.s_[t:]],
    "mgrid": lambda t: np.mgrid[0:t],
    "ogrid": lambda t: np.ogrid[t : t + 3],
    "mr_": lambda t: np.ma.mr_[X, t],
    "set an element": lambda t: changed(X.copy(), lambda x: x.__setitem__(1, t)),
    "set a slice": lambda t: changed(X.copy(), lambda x: x.__setitem__(slice(None), t)),
    "set by a mask": lambda t: changed(X.copy(), lambda x: x.__setitem__(X > 0.3, t)),
    "set a list": lambda t: changed(X.copy(), lambda x: x.__setitem__([0, 1, 2], [t, t, t])),
    "set flat": lambda t: changed(X.copy(), lambda x: x.flat.__setitem__(1, t)),
    "set real": lambda t: changed(X + 0j, lambda x: setattr(x, "real", t)),
    "set masked": lambda t: changed(np.ma.array(X), lambda x: x.__setitem__(1, t)),
    "set a field": lambda t: changed(np.zeros(3, "f8,f8"), lambda x: x.__setitem__("f0", t)),
    "set a record": lambda t: changed(np.zeros(3, "f8,f8"), lambda x: x.__setitem__(0, (t, 1))),
    "iloc": lambda t: changed(FRAME.copy(), lambda x: x.iloc.__setitem__(1, t)),
    "iat": lambda t: changed(FRAME.copy(), lambda x: x.iat.__setitem__((1, 1), t)),
    "loc": lambda t: changed(FRAME.copy(), lambda x: x.loc.__setitem__((0, "a"), t)),
    "new column": lambda t: changed(FRAME.copy(), lambda x: x.__setitem__("c", t)),
    "concat": lambda t: pd.concat([FRAME, t]),
    "assign": lambda t: FRAME.assign(c=t),
    "map": lambda t: FRAME["a"].map(lambda x: t * x),
    "apply": lambda t: FRAME.apply(lambda column: t * column),
    "agg": lambda t: FRAME.agg(lambda column: t.sum() * column.sum()),
    "groupby": lambda t: FRAME.groupby([0, 0, 1]).apply(lambda rows: t.sum() * rows.size),
    "rolling": lambda t: FRAME["a"].rolling(2).apply(lambda rows: t.sum()),
    "vectorize": lambda t: np.vectorize(lambda x: t * x)(X),
    "vectorize a Tensor": lambda t: np.vectorize(lambda x: x * 2)(t),
    "vectorize to floats": lambda t: np.vectorize(lambda x: t * x, otypes=[float])(X),
    "frompyfunc": lambda t: np.frompyfunc(lambda x: t * x, 1, 1)(X),
    "frompyfunc to floats": lambda t: np.frompyfunc(lambda x: t * x, 1, 1)(X).astype(float),
    "apply_along_axis": lambda t: np.apply_along_axis(lambda row: t.sum(), 0, np.eye(3)),
    "apply_along_axis of t": lambda t: np.apply_along_axis(np.sum, 0, t),
    "apply_over_axes": lambda t: np.apply_over_axes(np.sum, t, 0),
    "fromfunction": lambda t: np.fromfunction(lambda i, j: i * t.sum(), (2, 3)),
    "piecewise": lambda t: np.piecewise(X, [X > 0.3], [t, 0.0]),
    "piecewise function": lambda t: np.piecewise(X, [X > 0.3], [lambda x: t.sum(), 0.0]),
    "select": lambda t: np.select([X > 0.3], [t]),
    "choose": lambda t: np.choose([0, 1, 0], [t, X]),
    "fromiter": lambda t: np.fromiter((part for part in [t, t]), float),
    "nditer": lambda t: [float(x) for x in np.nditer(t)],
    "ndenumerate": lambda t: list(np.ndenumerate(t)),
    "block": lambda t: np.block([[t, X]]),
    "linspace": lambda t: np.linspace(0, t, 3),
    "power to a list": lambda t: X ** [t, t, t],
    "reduce": lambda t: functools.reduce(np.add, [t, X, t]),
    "at": lambda t: changed(X.copy(), lambda x: np.add.at(x, [0, 1, 2], t)),
    "frexp": lambda t: np.frexp(t),
    "memoryview": lambda t: np.asarray(memoryview(t)),
    "quad": lambda t: scipy.integrate.quad(lambda x: t.sum() * x, 0, 1),
    "minimize": lambda t: scipy.optimize.minimize(lambda x: ((t - x) ** 2).sum(), X).x,
    "root": lambda t: scipy.optimize.root(lambda x: t - x, X).x,
    "curve_fit": lambda t: scipy.optimize.curve_fit(lambda x, a: a * x, X, t),
    "save": lambda t: written(np.save, t),
    "savez": lambda t: written(np.savez, t),
    "savetxt": lambda t: written(np.savetxt, t),
    "tofile": lambda t: written(lambda file, t: file.write(t), t),
}


@pytest.mark.parametrize("f", FURTHER.values(), ids=FURTHER)
def test_further_ways(f):
    for form in ("scalar", "vector", "matrix", "list", "mixed list"):
        assert not is_loss(f, ((form,), {}))
