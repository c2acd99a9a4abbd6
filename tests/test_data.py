"""Minibatches are a partition of the rows; the ring of Gaussians is where it says."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import assume, given, settings, strategies as st

from tinygrad_loss import Tensor
from tinygrad_loss.data import minibatches, ring_of_gaussians
from tinygrad_loss.losses import mean_squared_error
from tinygrad_loss.nn import Linear
from tinygrad_loss.optim import SGD


def rng(seed=0):
    return np.random.default_rng(seed)


@settings(max_examples=50, deadline=None)
@given(n=st.integers(1, 40), batch_size=st.integers(1, 50), drop_last=st.booleans())
def test_minibatches_partition_the_rows_and_keep_pairs_together(n, batch_size, drop_last):
    assume(not drop_last or batch_size <= n)
    X, y = np.arange(2 * n).reshape(n, 2), np.arange(n)
    data = minibatches(X, y, batch_size, rng=rng(), drop_last=drop_last)
    batches = list(data)
    sizes = [len(rows) for rows, _ in batches]
    assert len(data) == len(sizes)
    assert sizes == [batch_size] * (n // batch_size) + (
        [] if drop_last or n % batch_size == 0 else [n % batch_size]
    )
    for rows, labels in batches:
        np.testing.assert_array_equal(rows[:, 0], 2 * labels)
    seen = [label for _, labels in batches for label in labels]
    assert len(set(seen)) == len(seen) == sum(sizes)


def test_each_pass_has_an_order_of_its_own_that_the_seed_determines():
    X = y = np.arange(50)
    generator = rng()
    first, second = (
        np.concatenate([rows for rows, _ in minibatches(X, y, 8, rng=generator)]) for _ in range(2)
    )
    again = np.concatenate([rows for rows, _ in minibatches(X, y, 8, rng=rng())])
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, again)


def passes(batches, n):
    return [np.concatenate([labels for _, labels in batches]).tolist() for _ in range(n)]


@pytest.mark.parametrize("drop_last", [True, False])
def test_one_object_for_all_epochs_gives_what_one_per_epoch_gives(drop_last):
    """faults.md A11: made before the loop over epochs, it was empty from the second on."""
    y = np.arange(50)
    generator = rng()
    before = passes(minibatches(y, y, 8, rng=rng(), drop_last=drop_last), 3)
    inside = [
        passes(minibatches(y, y, 8, rng=generator, drop_last=drop_last), 1)[0] for _ in range(3)
    ]
    assert before == inside
    assert len({tuple(order) for order in before}) == 3


def test_the_first_order_is_the_generators_first_permutation():
    """The published figures of the examples depend on it."""
    (order,) = passes(minibatches(np.arange(20), np.arange(20), 6, rng=rng(3)), 1)
    assert order == rng(3).permutation(20).tolist()


def test_two_loops_over_one_object_do_not_disturb_each_other():
    y = np.arange(6)
    batches = minibatches(y, y, 4, rng=rng())
    pairs = [(a, b) for (_, a), (_, b) in zip(batches, batches, strict=True)]
    for order in zip(*pairs, strict=True):
        assert sorted(np.concatenate(order)) == y.tolist()
    rows, _ = next(iter(batches))
    assert len(rows) == 4
    assert [i for i, _ in enumerate(batches)] == [0, 1]
    assert len(batches) == len(list(batches)) == 2


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_go_on_as_the_original_does(copied):
    batches = minibatches(np.arange(9), np.arange(9), 2, rng=rng())
    list(batches)
    other = copied(batches)
    assert passes(batches, 2) == passes(other, 2)


def test_every_order_is_equally_likely():
    generator, y = rng(), np.arange(3)
    counts = {}
    for _ in range(6000):
        order = tuple(int(labels[0]) for _, labels in minibatches(y, y, 1, rng=generator))
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 6
    chi_squared = sum((c - 1000) ** 2 / 1000 for c in counts.values())
    assert chi_squared < 20.5  # 99.9 % of chi-squared with 5 degrees of freedom


def test_batches_keep_their_dtype_and_are_copies():
    X = np.ones((4, 2), np.float32)
    for rows, labels in minibatches(X, np.arange(4, dtype=np.uint8), 2, rng=rng()):
        assert (rows.dtype, labels.dtype) == (np.float32, np.uint8)
        rows[:] = 0
    assert (X == 1).all()


# --- what the rows are in -------------------------------------------------------------------------


def test_rows_of_a_shuffled_table_meet_their_own_targets():
    """faults.md A14: y[rows] took labels of the index for positions: y = 3x + 1 gave w = -.04."""
    x = np.linspace(-1, 1, 40)
    table = pd.DataFrame({"x": x, "y": 3 * x + 1}).sample(frac=1, random_state=0)
    layer = Linear(1, 1, rng=rng())
    optimizer = SGD(layer.parameters(), lr=0.2)
    batches = minibatches(table[["x"]], table["y"], 8, rng=rng())
    for _ in range(60):
        for rows, targets in batches:
            loss = mean_squared_error(layer(rows)[:, 0], targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert layer.weight.item() == pytest.approx(3, abs=1e-6)
    assert layer.bias.item() == pytest.approx(1, abs=1e-6)


N = 7
TABLE = pd.DataFrame({"x": np.arange(N) * 2.0, "y": np.arange(N)}, index=[3, 3, 0, -1, 9, 1, 2])
KINDS = {
    "array": (np.asarray, np.ndarray),
    "list": (np.ndarray.tolist, np.ndarray),
    "tuple": (lambda a: tuple(a.tolist()), np.ndarray),
    "list of arrays": (list, np.ndarray),
    "series": (lambda a: pd.Series(a, index=TABLE.index), np.ndarray),
    "slice of a series": (lambda a: pd.Series([0, *a.tolist()]).iloc[1:], np.ndarray),
    "index": (pd.Index, np.ndarray),
    "Tensor": (Tensor, Tensor),
    "float32": (lambda a: a.astype(np.float32), np.ndarray),
    "bool": (lambda a: a % 2 == 0, np.ndarray),
    "uint8": (lambda a: a.astype(np.uint8), np.ndarray),
    "columns": (lambda a: np.stack([a, a, a], axis=1), np.ndarray),
    "fortran": (lambda a: np.asfortranarray(np.stack([a, a], axis=1)), np.ndarray),
    "table": (lambda a: pd.DataFrame({"a": a, "b": a}, index=TABLE.index), np.ndarray),
}


@pytest.mark.parametrize(("make", "kind"), KINDS.values(), ids=KINDS)
def test_every_kind_of_data_is_taken_by_position(make, kind):
    data = make(np.arange(N))
    expected = data.data if kind is Tensor else np.asarray(data)
    for as_x, as_y in ((data, np.arange(N)), (np.arange(N), data)):
        for rows, targets in minibatches(as_x, as_y, 3, rng=rng()):
            batch, positions = (rows, targets) if as_x is data else (targets, rows)
            assert type(batch) is kind
            assert batch.dtype == expected.dtype
            np.testing.assert_array_equal(np.asarray(batch), expected[positions])


def test_a_tensor_keeps_its_graph():
    embedding = Tensor(np.ones((4, 2)), requires_grad=True)
    for rows, numbers in minibatches(embedding * 2, np.arange(4.0), 3, rng=rng()):
        (rows * numbers[:, None]).sum().backward()
    np.testing.assert_array_equal(embedding.grad, 2 * np.arange(4.0)[:, None] * [1, 1])


def test_the_arrays_of_another_library_stay_its_own():
    da = pytest.importorskip("dask.array")
    X = da.from_array(np.arange(12.0).reshape(6, 2), chunks=2)
    for rows, labels in minibatches(X, da.from_array(np.arange(6)), 4, rng=rng()):
        assert isinstance(rows, da.Array)
        np.testing.assert_array_equal(rows.compute()[:, 0], 2.0 * labels.compute())


ONES = np.ones((3, 2))
REFUSED = {
    "text": (["a", "b", "c"], r"np\.unique\(labels, return_inverse=True\)\[1\]"),
    "text column": (pd.Series(["a", "b", "c"]), r"np\.unique\(labels"),
    "category": (pd.Series(["a", "b", "c"]).astype("category"), r"np\.unique\(labels"),
    "bool and float columns": (pd.DataFrame({"a": [True] * 3, "b": [0.5] * 3}), r"\.to_numpy\(flo"),
    "objects": (np.array([1, None, 2.0], object), "object"),
    "ragged": ([[1.0], [1.0, 2.0], []], "rows differ in length"),
    "masked": (np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0]), "filled"),
    "matrix": (ONES.view(np.matrix), r"np\.asarray"),
    "sparse": (scipy.sparse.csr_array(ONES), r"toarray\(\)"),
    "complex": (ONES * 1j, r"\.real"),
    "dates": (pd.Series(pd.date_range("2026-01-01", periods=3)), "timedelta64"),
    "fields": (np.zeros(3, [("a", float)]), "'name'"),
    "None": (None, "None"),
    "dict": ({"a": [1.0]}, "dict"),
    "set": ({1.0, 2.0, 3.0}, "set"),
    "iterator": (iter([1.0, 2.0, 3.0]), "list or an array"),
    "number": (3.0, r"is the number 3\.0; expected rows"),
    "Tensors in a list": ([Tensor(1.0, requires_grad=True)] * 3, r"stack\(\[\.\.\.\]\)"),
}


@pytest.mark.parametrize(("data", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_array_of_numbers_is_refused_with_what_to_write(data, message):
    """faults.md A14, F2: lists and tables died of pandas' own errors, or passed."""
    with pytest.raises((TypeError, ValueError), match=rf"^minibatches: X\b.*{message}"):
        minibatches(data, np.ones(3), 2, rng=rng())
    with pytest.raises((TypeError, ValueError), match=rf"^minibatches: y\b.*{message}"):
        minibatches(np.ones(3), data, 2, rng=rng())


def test_pytorchs_tensors_are_refused():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"minibatches: y.*detach\(\)\.numpy\(\)"):
        minibatches(np.ones(3), torch.ones(3), 2, rng=rng())


# --- arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((np.ones(3), np.ones(4), 2), {}, ValueError, "X has 3 rows, y has 4"),
        ((np.ones(0), np.ones(0), 2), {}, ValueError, "no rows"),
        ((np.ones(3), np.ones(3), 0), {}, ValueError, "batch_size is 0"),
        ((np.ones(3), np.ones(3), 1.5), {}, TypeError, r"batch_size is 1\.5"),
        ((np.ones(3), np.ones(3), True), {}, TypeError, "batch_size is True"),
        ((np.ones(3), np.ones(3), "2"), {}, TypeError, "batch_size is '2'; expected an int"),
        ((np.ones(3), np.ones(3), 2.0), {}, TypeError, r"batch_size is 2\.0"),
        ((np.ones(3), np.ones(3), None), {}, TypeError, "batch_size is None"),
        (
            (np.ones(3), np.ones(3), -1),
            {},
            ValueError,
            r"batch_size is -1; expected an int in \[1, inf\)",
        ),
        ((np.ones(3), np.ones(3), 2), {"rng": 0}, TypeError, "rng is 0"),
        (
            (np.ones(3), np.ones(3), 2),
            {"drop_last": "no"},
            TypeError,
            "drop_last is 'no'.*or False",
        ),
        ((np.ones(3), np.ones(3), 2), {"drop_last": 0}, TypeError, "drop_last is 0"),
        # faults.md F3: it yielded nothing, silently.
        ((np.ones(3), np.ones(3), 4), {"drop_last": True}, ValueError, "drops all.*3 rows"),
    ],
)
def test_errors_come_at_the_call(arguments, options, error, message):
    with pytest.raises(error, match=message):
        minibatches(*arguments, **({"rng": rng()} | options))


def test_the_ring_is_a_mixture_of_equally_likely_gaussians():
    points, mode = ring_of_gaussians(40_000, modes=5, radius=3.0, std=0.1, rng=rng())
    assert points.shape == (40_000, 2)
    np.testing.assert_allclose(np.bincount(mode), 8000, rtol=0.05)
    for k in range(5):
        of_mode = points[mode == k]
        angle = 2 * np.pi * k / 5
        np.testing.assert_allclose(
            of_mode.mean(axis=0), [3 * np.cos(angle), 3 * np.sin(angle)], atol=0.006
        )
        np.testing.assert_allclose(np.cov(of_mode.T), 0.01 * np.eye(2), atol=0.0006)


def test_the_ring_refuses_what_makes_no_sense():
    with pytest.raises(ValueError, match="std is -1"):
        ring_of_gaussians(3, std=-1, rng=rng())
    with pytest.raises(ValueError, match="modes"):
        ring_of_gaussians(3, modes=0, rng=rng())
    with pytest.raises(ValueError, match="n is -1"):
        ring_of_gaussians(-1, rng=rng())
    with pytest.raises(ValueError, match=r"radius is nan; expected a number in \[0, inf\)"):
        ring_of_gaussians(3, radius=np.nan, rng=rng())
    with pytest.raises(TypeError, match="std is '1'; expected a number"):
        ring_of_gaussians(3, std="1", rng=rng())
    with pytest.raises(TypeError, match=r"n is 2\.5; expected an int"):
        ring_of_gaussians(2.5, rng=rng())
    with pytest.raises(TypeError, match="rng is 1"):
        ring_of_gaussians(3, rng=1)
    assert ring_of_gaussians(0, rng=rng())[0].shape == (0, 2)
