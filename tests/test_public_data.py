"""Programs as people publish them: where the data come from, and where predictions go.

How they are chosen and checked: see ``test_public_programs.py``.
(faults.md A1, A2, A7, A11, A14, F1)
"""

import csv
import io
import math
import sys

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, mean_squared_error, r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import tinygrad_loss as tl
from tinygrad_loss import nn, optim

from . import (
    test_public_gradients,
    test_public_modules,
    test_public_penalties,
    test_public_programs,
)
from .test_public_programs import OLS, X, assert_fitted, parameters, y

COLUMNS = ["rooms", "age", "area"]
# Shuffled: whoever takes labels of the index for positions, or aligns by it, mixes the rows up.
HOUSES = pd.DataFrame(X, columns=COLUMNS).assign(price=y).sample(frac=1, random_state=0)
TEXT = HOUSES.to_csv(index=False)


def generator(seed=0):
    return np.random.default_rng(seed)


def linear_model():
    return nn.Linear(3, 1, rng=generator())


def trained(model, batches, loss_of, epochs=200, lr=0.2):
    optimizer = optim.SGD(model.parameters(), lr=lr)
    for _ in range(epochs):
        for rows, targets in batches():
            loss = loss_of(model(rows), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model


def squared(pred, target):
    return ((pred[:, 0] - target) ** 2).mean()


# --- sources of a regression, whose least squares solution is known -------------------------------


def of_frame():
    return HOUSES[COLUMNS], HOUSES["price"]


def of_sliced_frame():
    return HOUSES.iloc[:, :-1], HOUSES.iloc[:, -1]


def of_loc():
    return HOUSES.loc[:, "rooms":"area"], HOUSES.loc[:, "price"]


def of_dropped_column():
    return HOUSES.drop(columns="price"), HOUSES.price


def of_popped_column():
    table = HOUSES.copy()
    target = table.pop("price")
    return table, target


def of_values():
    return HOUSES[COLUMNS].values, HOUSES["price"].values


def of_to_numpy():
    return HOUSES[COLUMNS].to_numpy(), HOUSES["price"].to_numpy()


def of_lists():
    return X.tolist(), y.tolist()


def of_tuples():
    return [tuple(row) for row in X], tuple(y)


def of_rows():
    return list(X), list(y)


def of_tensors():
    return tl.Tensor(X.tolist()), tl.Tensor(y.tolist())


def of_records():
    records = HOUSES.to_dict("records")
    return [[r[name] for name in COLUMNS] for r in records], [r["price"] for r in records]


def of_loadtxt():
    table = np.loadtxt(io.StringIO(TEXT), delimiter=",", skiprows=1)
    return table[:, :-1], table[:, -1]


def of_genfromtxt():
    table = np.genfromtxt(io.StringIO(TEXT), delimiter=",", names=True)
    return np.stack([table[name] for name in COLUMNS], axis=1), table["price"]


def of_read_csv():
    table = pd.read_csv(io.StringIO(TEXT))
    return table[COLUMNS], table["price"]


def of_csv_reader():
    rows = list(csv.reader(io.StringIO(TEXT)))[1:]
    return [[float(v) for v in row[:3]] for row in rows], [float(row[3]) for row in rows]


def of_scaler():
    return StandardScaler(with_mean=False, with_std=False).fit_transform(
        HOUSES[COLUMNS]
    ), of_frame()[1]


def of_split():
    first, second, y_first, y_second = train_test_split(*of_frame(), random_state=0)
    return pd.concat([first, second]), pd.concat([y_first, y_second])


def of_nullable():
    return HOUSES[COLUMNS].to_numpy(), HOUSES["price"].astype("Float64")


def of_fortran_order():
    return np.asfortranarray(X)[::-1], y[::-1]


SOURCES = [
    of_frame, of_sliced_frame, of_loc, of_dropped_column, of_popped_column, of_values, of_to_numpy,
    of_lists, of_tuples, of_rows, of_tensors, of_records, of_loadtxt, of_genfromtxt, of_read_csv,
    of_csv_reader, of_scaler, of_split, of_nullable, of_fortran_order,
]  # fmt: skip
WAYS = {
    "pred - y": lambda pred, y: ((pred[:, 0] - y) ** 2).mean(),
    "y - pred": lambda pred, y: ((y - pred[:, 0]) ** 2).mean(),
    "mse(pred, y)": lambda pred, y: tl.mean_squared_error(pred[:, 0], y),
    "np.square": lambda pred, y: np.mean(np.square(np.subtract(y, np.ravel(pred)))),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("source", SOURCES, ids=lambda f: f.__name__)
def test_trains_on_data(source, way):
    """Kaggle, scikit-learn, NumPy: the least squares solution, whatever holds the rows."""
    data = source()
    model = trained(linear_model(), lambda: [data], way, epochs=150)
    assert_fitted(model.weight, model.bias)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_trains_in_the_precision_of_the_columns(dtype):
    """``df.astype("float32")``: the pass, the gradients and the weights stay float32."""
    table = HOUSES.astype(dtype)
    model = nn.Linear(3, 1, rng=generator(), dtype=dtype)
    loss = squared(model(table[COLUMNS]), table["price"])
    loss.backward()
    assert loss.dtype == model.weight.grad.dtype == dtype
    trained(model, lambda: [(table[COLUMNS], table["price"])], squared)
    assert model.weight.dtype == dtype
    assert_fitted(model.weight, model.bias, rtol=1e-4 if dtype == "float32" else 1e-6)


TITANIC = pd.DataFrame(
    {"age": generator(5).integers(1, 60, 80), "alone": generator(6).random(80) < 0.5,
     "fare": generator(7).normal(0, 1, 80).round(2), "port": generator(8).choice(list("SCQ"), 80)}
)  # fmt: skip
TITANIC["survived"] = TITANIC["age"] - 20 * TITANIC["alone"] + 9 * generator(9).normal(size=80) < 20


@pytest.mark.parametrize(
    "columns",
    [
        TITANIC[["age"]] / 60,
        TITANIC[["alone"]],
        TITANIC[["alone"]].astype(int),
        TITANIC[["alone", "fare"]].astype(float),
        TITANIC[["alone", "fare"]].to_numpy(float),
        pd.get_dummies(TITANIC["port"]),
        pd.get_dummies(TITANIC[["fare", "port"]], dtype=float),
        OneHotEncoder(sparse_output=False).fit_transform(TITANIC[["port"]]),
        TITANIC[["port"]].apply(lambda c: c.astype("category").cat.codes),
    ],
    ids=["int", "bool", "bool as int", "astype", "to_numpy", "dummies", "float dummies", "one-hot",
         "codes"],
)  # fmt: skip
def test_trains_logistic_regression_on_columns_of(columns):
    """Kaggle, Titanic: int, bool, one-hot columns, a bool target; scikit-learn's probabilities."""
    target, n = TITANIC["survived"], len(TITANIC)
    model = nn.Linear(np.shape(columns)[1], 1, rng=generator())

    def penalized(pred, t):
        error = tl.binary_cross_entropy_with_logits(pred[:, 0], t.astype(float))
        return error + tl.l2(model.weight, 1 / (2 * n))

    trained(model, lambda: [(columns, target)], penalized, epochs=600, lr=0.8)
    expected = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000).fit(
        np.asarray(columns, float), target
    )
    ours = tl.sigmoid(model(columns))[:, 0].data
    np.testing.assert_allclose(
        ours, expected.predict_proba(np.asarray(columns, float))[:, 1], atol=1e-3
    )


def test_trains_per_sample_over_rows():
    """``for xi, yi in zip(X, y)`` in plain loops: NumPy's numbers stand on the left of a Tensor."""
    w, b = parameters()
    rows, targets = HOUSES[COLUMNS].to_numpy(), HOUSES["price"].to_numpy()
    for epoch in range(40):
        for xi, yi in zip(rows, targets, strict=True):
            loss = (yi - (xi @ w + b)) ** 2
            loss.backward()
            for p in (w, b):
                p.data -= 0.1 / (1 + epoch) * p.grad
                p.grad = None
    assert_fitted(w, b, rtol=0.02)


# --- batches --------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [of_frame, of_split, of_lists, of_nullable, of_tensors])
def test_trains_on_minibatches_made_before_the_loop(source):
    """faults.md A11, A14: empty from the second epoch on; rows met the targets of other rows."""
    batches = tl.data.minibatches(*source(), 60, rng=generator())
    model = trained(linear_model(), lambda: batches, squared, epochs=200)
    assert len(batches) == 1
    assert_fitted(model.weight, model.bias)
    small = tl.data.minibatches(*source(), 10, rng=generator())
    model = trained(linear_model(), lambda: small, squared, epochs=150, lr=0.02)
    assert_fitted(model.weight, model.bias, rtol=0.05)


@pytest.mark.parametrize("take", ["iloc", "sample", "array_split", "groupby"])
def test_trains_on_batches_of_a_users_own_generator(take):
    """Kaggle: DataFrames are cut in pieces by pandas itself, shuffled anew in each epoch."""
    if take == "groupby":  # each piece alone, weighted by its rows
        table = HOUSES.assign(fold=np.arange(60) % 3)

    def batches():
        if take == "iloc":
            for i in range(0, 60, 20):
                yield HOUSES[COLUMNS].iloc[i : i + 20], HOUSES["price"].iloc[i : i + 20]
        elif take == "sample":
            shuffled = HOUSES.sample(frac=1, random_state=1)
            for i in range(0, 60, 20):
                yield shuffled[i : i + 20][COLUMNS], shuffled[i : i + 20]["price"]
        elif take == "array_split":
            for rows in np.array_split(np.arange(60), 3):
                yield HOUSES[COLUMNS].values[rows], HOUSES["price"].values[rows]
        else:
            for _, part in table.groupby("fold"):
                yield part[COLUMNS], part["price"]

    model = linear_model()
    optimizer = optim.SGD(model.parameters(), lr=0.2)
    for _ in range(200):
        optimizer.zero_grad()
        for rows, targets in batches():
            (squared(model(rows), targets) / 3).backward()
        optimizer.step()
    assert_fitted(model.weight, model.bias)


# --- scikit-learn's data sets and pipelines -------------------------------------------------------


def test_trains_on_iris_as_a_frame():
    """``load_iris(as_frame=True)``, split and scaled: the coefficients of LogisticRegression."""
    data, target = load_iris(as_frame=True, return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(data, target, random_state=0)
    scaler = StandardScaler().fit(X_train)
    model = nn.Linear(4, 3, rng=generator())

    def penalized(logits, t):
        return tl.cross_entropy(logits, t) + tl.l2(model.weight, 1 / (2 * len(t)))

    trained(model, lambda: [(scaler.transform(X_train), y_train)], penalized, epochs=600, lr=1.0)
    expected = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000).fit(
        scaler.transform(X_train), y_train
    )
    np.testing.assert_allclose(model.weight.data.T, expected.coef_, atol=5e-3)
    predicted = model(scaler.transform(X_test)).data.argmax(1)
    assert accuracy_score(y_test, predicted) == expected.score(scaler.transform(X_test), y_test)


def test_trains_on_digits_behind_a_pipeline():
    """PCA in a pipeline, then an MLP on its output: the accuracy of the test set, over seeds."""
    X_train, X_test, y_train, y_test = train_test_split(
        *load_digits(return_X_y=True, as_frame=True), random_state=0
    )
    pipeline = make_pipeline(StandardScaler(), PCA(20, random_state=0)).fit(X_train)
    for seed in range(2):
        model = nn.MLP([20, 32, 10], rng=generator(seed))
        rows = pipeline.transform(X_train).astype(np.float32)
        batches = tl.data.minibatches(rows, y_train, 64, rng=generator(seed))
        trained(model, lambda: batches, tl.cross_entropy, epochs=15)  # noqa: B023
        assert (model(pipeline.transform(X_test)).data.argmax(1) == y_test).mean() > 0.93


# --- data that are refused, with what to write instead --------------------------------------------

MIXED = TITANIC[["alone", "fare"]]
REFUSED_DATA = {
    "bool and float": (MIXED, r"bool and float columns mixed\? Use df\.to_numpy\(float\)"),
    "bool and float, values": (MIXED.values, r"df\.to_numpy\(float\)"),
    "dummies": (pd.get_dummies(TITANIC[["fare", "port"]]), r"df\.to_numpy\(float\)"),
    "text column": (TITANIC[["age", "port"]], r"np\.unique\(labels, return_inverse=True\)\[1\]"),
    "category": (TITANIC[["port"]].astype("category"), r"np\.unique\(labels"),
    "csv.reader": ([["1", "2"], ["3", "4"]], r"x\.astype\(float\) numbers"),
    "dates": (pd.DataFrame({"d": pd.date_range("2026-01-01", periods=2)}), "timedelta64"),
    "nullable": (HOUSES[COLUMNS].astype("Float64"), r"df\.to_numpy\(float\)"),
    "missing": (pd.DataFrame({"a": [1.5, None]}, dtype=object), "object"),
    "masked": (np.ma.masked_greater(X[:, :2], 1), r"x\.filled\(value\)"),
    "matrix": (X[:, :2].view(np.matrix), r"np\.asarray\(x\)"),
    "csr": (scipy.sparse.csr_matrix(X[:, :2]), r"x\.toarray\(\)"),
    "coo": (scipy.sparse.coo_array(X[:, :2]), r"x\.toarray\(\)"),
    "CountVectorizer": (CountVectorizer().fit_transform(["a big", "big cat"]), r"toarray\(\)"),
    "OneHotEncoder": (OneHotEncoder().fit_transform(TITANIC[["port"]]), r"toarray\(\)"),
    "complex": (np.fft.fft(X[:, :2]), r"x\.real and x\.imag"),
    "records": (np.genfromtxt(io.StringIO(TEXT), delimiter=",", names=True), r"x\['name'\]"),
    "ragged": ([[1.0, 2.0], [3.0]], "rows differ in length"),
    "dict": ({"a": [1.0]}, "dict"),
    "the table's name": ("train.csv", "str"),
}


@pytest.mark.parametrize(("data", "advice"), REFUSED_DATA.values(), ids=REFUSED_DATA)
def test_refused_inputs(data, advice):
    """faults.md A1, F1, as the input of a model, in a product, and as a Tensor."""
    n_in = getattr(data, "shape", (2,))[-1]
    W, layer = (
        tl.Tensor(np.ones((n_in, 1)), requires_grad=True),
        nn.Linear(n_in, 1, rng=generator()),
    )
    for use in (layer, nn.Sequential(layer), tl.Tensor, lambda x: tl.matmul(x, W)):
        with pytest.raises((TypeError, ValueError), match=advice):
            use(data)


def test_refused_tensors_of_pytorch():
    torch = pytest.importorskip("torch")
    given, w = torch.ones(60, 3), tl.Tensor(np.ones(3), requires_grad=True)
    for use in (linear_model(), tl.Tensor, lambda x: x @ w, lambda x: w * x, lambda x: x * w):
        with pytest.raises(TypeError, match=r"x\.detach\(\)\.numpy\(\)"):
            use(given)
    model = trained(linear_model(), lambda: [(torch.tensor(X).numpy(), y)], squared)
    assert_fitted(model.weight, model.bias)


W = tl.Tensor(np.ones(3), requires_grad=True)
REFUSED_MEETINGS = {
    "df @ w": lambda: HOUSES[COLUMNS] @ W,
    "df.dot(w)": lambda: HOUSES[COLUMNS].dot(W),
    "row of iterrows": lambda: [row[COLUMNS] @ W for _, row in HOUSES.iterrows()],
    "masked - pred": lambda: np.ma.masked_invalid(y) - X @ W,
    "matrix @ w": lambda: X.view(np.matrix) @ W,
    "csr @ w": lambda: scipy.sparse.csr_matrix(X) @ W,
    "csr.dot(w)": lambda: scipy.sparse.csr_array(X).dot(W),
    "apply": lambda: HOUSES[COLUMNS].apply(lambda row: row @ W, axis=1),
    "DataFrame of a prediction": lambda: pd.DataFrame(X @ W),
    "new column": lambda: HOUSES.assign(prediction=X @ W),
    "r2_score": lambda: r2_score(y, X @ W),
    "scikit-learn's error": lambda: mean_squared_error(y, X @ W),
    "fit on features": lambda: Ridge().fit(X * W, y),
    "predict of features": lambda: OLS.predict(X * W),
    "LinearRegression of both": lambda: LinearRegression().fit(X, X @ W),
}


@pytest.mark.parametrize("meet", REFUSED_MEETINGS.values(), ids=REFUSED_MEETINGS)
def test_refused_meetings_of_a_tensor_with(meet):
    """faults.md A1: pandas, SciPy and scikit-learn made arrays without a gradient of it."""
    with pytest.raises((RuntimeError, TypeError), match=r"t\.data or t\.detach\(\)|np\.asarray"):
        meet()


# --- predictions that are collected in arrays -----------------------------------------------------


def filled_by_slices(n):
    out = np.zeros(n)
    out[:] = X[:n] @ W
    return out


def filled_by_plus(n):
    out = np.zeros(n)
    out += X[:n] @ W
    return out


REFUSED_COLLECTIONS = {
    "out[:] = t": filled_by_slices,
    "out += t": filled_by_plus,
    "out[i, :] = t": lambda n: [
        np.zeros((n, 3)).__setitem__((i, slice(None)), W) for i in range(n)
    ],
    "np.array": lambda n: np.array([x @ W for x in X[:n]]),
    "np.asarray": lambda n: np.asarray([x @ W for x in X[:n]]),
    "np.mean": lambda n: np.mean([x @ W for x in X[:n]]),
    "np.append": lambda n: np.append(np.zeros(n), X @ W),
    "np.copy": lambda n: np.copy(X[:n] @ W),
    "Series": lambda n: pd.Series(X[:n] @ W),
    "t[i] = x": lambda n: tl.Tensor(np.zeros(n), requires_grad=True).__setitem__(0, W[0]),
}


@pytest.mark.parametrize("collect", REFUSED_COLLECTIONS.values(), ids=REFUSED_COLLECTIONS)
def test_refused_predictions_in_an_array(collect):
    """faults.md A2, A7: no error, and the gradient was None."""
    with pytest.raises((RuntimeError, TypeError), match=r"t\.data|where\(mask, value, t\)"):
        collect(60)


def test_refused_predictions_written_one_by_one_warn():
    """faults.md A7: ``out[i] = w @ x[i]``; what one can write instead trains."""
    out = np.zeros(60)
    for i in range(60):
        with pytest.warns(UserWarning, match=r"without a gradient.*tl\.stack\(\[\.\.\.\]\)"):
            out[i] = X[i] @ W
    np.testing.assert_allclose(out, X @ W.data)

    w, b = parameters()
    for _ in range(100):
        out = [X[i] @ w + b for i in range(60)]
        loss = tl.mean_squared_error(tl.stack(out), y)
        for p in (w, b):
            p.zero_grad()
        loss.backward()
        for p in (w, b):
            p.data -= 0.3 * p.grad
    assert_fitted(w, b)


# --- how many -------------------------------------------------------------------------------------


def programs(beginning):
    """The number of programs whose test begins so and passes; each row of a table is one."""
    others = (test_public_programs, test_public_gradients, test_public_penalties)
    return sum(
        math.prod(len(mark.args[1]) if mark.name == "parametrize" else 0 for mark in marks)
        for file in (*others, test_public_modules, sys.modules[__name__])
        for name, test in vars(file).items()
        if name.startswith(beginning)
        for marks in [getattr(test, "pytestmark", [])]
    )


def test_there_are_30_programs_that_train_and_30_that_raise():
    assert programs("test_trains") >= 30
    assert programs("test_refused") >= 30
