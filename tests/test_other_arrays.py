"""Losses and training on the arrays of other libraries: Dask, and CuPy where there is a GPU.

Expected values are NumPy's. ``strict_array.py`` stands in for CuPy where there is none: see
``test_strict_array.py``, ``test_strict_losses.py`` and ``test_strict_training.py``.
"""

import importlib
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import tinygrad_loss
from tinygrad_loss import Tensor, gradients, losses
from tinygrad_loss.nn import MLP, load, save
from tinygrad_loss.optim import SGD, Adam

from .loss_cases import LOSS_ROWS, LOSSES
from .op_cases import CASES

# What Dask itself does not do: lists of positions along several axes, or along one as a place to
# write to; selections whose size depends on the values; reshapes that cut through a chunk.
BEYOND_DASK = {
    "getitem-empty", "getitem-newaxis", "getitem-rows", "getitem-list", "getitem-repeated",
    "getitem-matrix", "getitem-mask", "getitem-maskandcolumn", "getitem-maskandrepeatedcolumns",
    "getitem-oneperrow", "getitem-pairs", "getitem-negativepairs", "getitem-broadcastpairs",
    "getitem-outer", "getitem-rowsofaslice", "getitem-rows,newaxis", "getitem-ellipsis,repeated",
    "scatter-repeated", "reshape-(2,-1)", "reshape-(4,1,3)", "reshape--1", "diff-5,1",
    "einsum-ii->i", "einsum-ii", "einsum-...ii->...i", "einsum-iij,j->i",
}  # fmt: skip

# Functions that find their elements by lists of positions, or by np.argsort, or that solve stacks.
FUNCTIONS_BEYOND_DASK = {
    "diag", "diagonal", "flip", "inv", "median", "repeat", "roll", "slogdet", "solve", "sort",
    "take_along_axis", "tile", "trace",
}  # fmt: skip


@pytest.fixture(scope="module")
def da():
    return pytest.importorskip("dask.array")


def chunked(da, x):
    """A Dask array whose axes are cut in two."""
    return da.from_array(x, chunks=tuple(max(1, (n + 1) // 2) for n in np.shape(x)))


def value_and_gradients(f, inputs, n):
    """Of f, weighted to a scalar, with respect to the first n inputs: arrays, maybe of Dask."""
    variables = [Tensor(x, requires_grad=True, copy=False) for x in inputs[:n]]
    value = f(*variables, *inputs[n:])
    start = np.cos(np.arange(value.size)).reshape(value.shape)
    return [value.data, *(slope.data for slope in gradients(value, variables, start))]


def assert_same_on_dask(da, f, inputs, n):
    expected = value_and_gradients(f, inputs, n)
    lazy = value_and_gradients(f, [chunked(da, x) for x in inputs], n)
    assert all(isinstance(x, da.Array) for x in lazy)  # nothing was computed on the way
    for actual, desired in zip(da.compute(*lazy), expected, strict=True):
        assert (actual.shape, actual.dtype) == (desired.shape, desired.dtype)
        np.testing.assert_allclose(actual, desired, rtol=1e-10, atol=1e-10)


def test_the_table_holds_every_loss():
    # gradient_penalty takes a critic and is below.
    assert set(LOSSES) == set(losses.__all__) - {"gradient_penalty"}


@pytest.mark.parametrize(("name", "draws", "n", "options"), LOSS_ROWS)
def test_every_loss_on_dask(da, name, draws, n, options):
    inputs = [draw(np.random.default_rng(0)) for draw in draws]
    loss = getattr(losses, name)
    assert_same_on_dask(da, lambda *xs: loss(*xs, **options), inputs, n)


def test_gradient_penalty_on_dask(da):
    rng = np.random.default_rng(0)
    critic = MLP([2, 4, 1], activation="tanh", rng=rng)
    real, fake = rng.standard_normal((2, 6, 2))

    def penalty(real, fake):
        loss = losses.gradient_penalty(critic, real, fake, rng=np.random.default_rng(1))
        return [loss.data, *(slope.data for slope in gradients(loss, critic.parameters()[:3]))]

    lazy = penalty(chunked(da, real), chunked(da, fake))
    for actual, desired in zip(da.compute(*lazy), penalty(real, fake), strict=True):
        np.testing.assert_allclose(actual, desired, rtol=1e-10, atol=1e-12)


ROWS = [
    case
    for case in CASES
    if case.shapes and str(case) not in BEYOND_DASK and case.name not in FUNCTIONS_BEYOND_DASK
]


@pytest.mark.parametrize("case", ROWS[::7], ids=str)  # all of them take half a minute
def test_ops_on_dask(da, case):
    assert_same_on_dask(da, case.f, case.inputs(), len(case.shapes))


def test_what_is_beyond_dask_is_named_in_the_table():
    assert {str(case) for case in CASES} >= BEYOND_DASK
    assert {case.name for case in CASES} >= FUNCTIONS_BEYOND_DASK


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "gelu", "leaky_relu"])
@pytest.mark.parametrize("loss", [losses.mean_squared_error, losses.cross_entropy])
def test_training_on_dask_takes_numpys_path(da, loss, activation):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((50, 3))
    y = rng.integers(0, 3, 50)
    if loss is losses.mean_squared_error:
        y = np.eye(3)[y]
    models = [MLP([3, 5, 3], activation=activation, rng=np.random.default_rng(1)) for _ in range(2)]
    optimizers = [SGD(model.parameters(), lr=0.1, momentum=0.9) for model in models]
    chunks = da.from_array(x, chunks=(20, 3)), da.from_array(y, chunks=(20, *y.shape[1:]))
    for _ in range(5):
        values = []
        for model, optimizer, (inputs, target) in zip(
            models, optimizers, [(x, y), chunks], strict=True
        ):
            value = loss(model(inputs), target)
            slopes = gradients(value, model.parameters())
            number, *arrays = da.compute(value.data, *(slope.data for slope in slopes))
            for p, g in zip(model.parameters(), arrays, strict=True):
                p.grad = g
            optimizer.step()
            values.append(number)
        assert values[1] == pytest.approx(values[0], rel=1e-12)
    for p, q in zip(*(model.parameters() for model in models), strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-10, atol=1e-12)


def test_wrong_labels_are_found_in_chunks_too(da):
    logits, labels = da.zeros((4, 3), chunks=2), da.from_array(np.array([0, 1, 2, 3]), chunks=2)
    with pytest.raises(ValueError, match="class index 3 is out of range for 3 classes"):
        losses.cross_entropy(Tensor(logits, requires_grad=True), labels)


def test_backward_leaves_lazy_gradients(da):
    model = MLP([3, 4, 1], rng=np.random.default_rng(0))
    x = np.random.default_rng(1).standard_normal((6, 3))
    (model(chunked(da, x)) ** 2).mean().backward()
    lazy = [p.grad for p in model.parameters()]
    for p in model.parameters():
        p.zero_grad()
    (model(x) ** 2).mean().backward()
    for g, p in zip(lazy, model.parameters(), strict=True):
        assert isinstance(g, da.Array)
        np.testing.assert_allclose(g.compute(), p.grad, rtol=1e-12, atol=1e-12)


def test_the_example_trains_on_more_data_than_it_holds(monkeypatch, capsys, tmp_path):
    pytest.importorskip("dask.array")
    pytest.importorskip("matplotlib").use("agg")
    pytest.importorskip("tqdm")
    examples = Path(__file__).parents[1] / "examples"
    monkeypatch.setattr(sys, "path", [str(examples), *sys.path])
    monkeypatch.setattr(importlib.import_module("_common"), "OUTPUT", tmp_path)
    example = importlib.import_module("dask_training")
    with importlib.import_module("dask").config.set(scheduler="synchronous"):
        result = example.main(quick=True)  # with few threads, so few chunks at a time
    assert result["difference"] < 1e-12
    assert result["losses"][-1] < np.log(3) < result["losses"][0]  # what guessing costs
    assert result["accuracy"] > 0.45
    assert result["peak"] < 0.75 * result["bytes"]
    assert (tmp_path / "dask_training.png").stat().st_size > 5000
    assert "chunk" in capsys.readouterr().out


def test_no_other_library_is_named_in_the_engine():
    package = Path(tinygrad_loss.__file__).parent
    for file in package.glob("*.py"):
        imports = [line for line in file.read_text("utf-8").splitlines() if "import" in line]
        assert not [line for line in imports if "dask" in line or "cupy" in line], file


# --- CuPy ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cupy():
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed: it needs a GPU")
    try:
        cupy.zeros(1)
    except cupy.cuda.runtime.CUDARuntimeError as error:
        pytest.skip(f"CuPy finds no GPU: {error}")
    return cupy


def differences(cupy, rows):
    """What is not as on NumPy's arrays: pairs of (row, the error), of rows (name, f, inputs, n)."""
    found = []
    for name, f, inputs, n in rows:
        expected = value_and_gradients(f, inputs, n)
        try:
            actual = value_and_gradients(f, [cupy.asarray(x) for x in inputs], n)
            for x, desired in zip(actual, expected, strict=True):
                assert (x.shape, x.dtype) == (desired.shape, desired.dtype)
                np.testing.assert_allclose(x.get(), desired, rtol=1e-8, atol=1e-10)
        except Exception as error:  # all rows that differ, not only the first one
            found.append((name, repr(error)))
    return found


def test_every_op_on_a_gpu(cupy):
    rows = [(str(c), c.f, c.inputs(), len(c.shapes)) for c in CASES if c.shapes]
    assert differences(cupy, rows) == []


def test_every_loss_on_a_gpu(cupy):
    """With weights and targets on the GPU, and with those options that are NumPy's arrays."""
    rows = [
        (name, partial(getattr(losses, name), **options),
         [draw(np.random.default_rng(0)) for draw in draws], n)
        for name, draws, n, options in LOSS_ROWS
    ]  # fmt: skip
    assert differences(cupy, rows) == []


@pytest.mark.parametrize("optimizer", [SGD, Adam])
@pytest.mark.parametrize("loss", [losses.mean_squared_error, losses.cross_entropy])
def test_training_on_a_gpu_takes_numpys_path(cupy, loss, optimizer, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((50, 3)), rng.integers(0, 3, 50)
    if loss is losses.mean_squared_error:
        y = np.eye(3)[y]
    paths = []
    for array in (np.asarray, cupy.asarray):
        rng = np.random.default_rng(1)
        model = MLP([3, 5, 3], activation="gelu", dropout=0.2, rng=rng)
        for p in model.parameters():
            p.data = array(p.data)
        steps = optimizer(model.parameters(), lr=0.1)
        path = []
        for _ in range(5):
            value = loss(model(array(x)), array(y))
            steps.zero_grad()
            value.backward()
            steps.step()
            path.append(value.item())
        save(tmp_path / "weights.npz", model)
        load(tmp_path / "weights.npz", model)
        assert isinstance(model.parameters()[0].data, type(array(x)))
        path.append(model.eval()(array(x)).sum().item())
        paths.append(path)
    np.testing.assert_allclose(paths[1], paths[0], rtol=1e-10)
