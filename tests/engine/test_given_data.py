"""What users hand over beside Tensors: pandas' objects, and data that is not made of real numbers.

faults.md A1, F1. Expected values are those of the same call with arrays.
"""

import operator
import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import tinygrad_loss as tl
from tinygrad_loss import Op, Tensor, nn, no_grad

A = np.array([[1.0, 2.0], [3.0, 5.0], [0.5, 4.0]])

# Shuffled labels: whoever aligned rows by the index would mix them up.
SHUFFLED = pd.DataFrame(A).sample(frac=1, random_state=0)[1]
FRAMES = {
    "DataFrame": (pd.DataFrame(A, columns=["a", "b"], index=[7, 2, 0]), A),
    "DataFrame of integers": (pd.DataFrame({"a": [1, 3]}), np.array([[1], [3]])),
    "DataFrame, float32": (pd.DataFrame(A.astype(np.float32)), A.astype(np.float32)),
    "Series": (pd.Series([2.0, 3.0], index=[1, 0]), np.array([2.0, 3.0])),
    "Series of a frame": (SHUFFLED, SHUFFLED.to_numpy()),
    "Series of booleans": (pd.Series([True, True], index=["x", "y"]), np.array([True, True])),
    "Series, nullable": (pd.Series([2.0, 3.0], dtype="Float64"), np.array([2.0, 3.0])),
    "Index": (pd.Index([2.0, 3.0]), np.array([2.0, 3.0])),
}  # fmt: skip

BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.pow,
    np.add, np.subtract, np.multiply, np.divide, np.power, np.maximum, np.minimum, np.logaddexp,
    tl.add, tl.subtract, tl.maximum,
]  # fmt: skip


def both(f, given, array, t):
    """Value and gradient of f(given, t), and those with the array in its place."""
    results = []
    for x in (given, array):
        t.zero_grad()
        y = f(x, t)
        assert isinstance(y, Tensor)
        assert type(y.data) is np.ndarray
        y.backward(np.cos(np.arange(y.size)).reshape(y.shape))
        results.append((y.data, t.grad))
    return results


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("f", BINARY, ids=lambda f: f.__name__)
@pytest.mark.parametrize("name", FRAMES)
def test_pandas_objects_are_taken_as_their_arrays(name, f, side):
    given, array = FRAMES[name]
    if name == "Index" and side == "left" and isinstance(f, np.ufunc):
        with pytest.raises(
            RuntimeError, match=r"t\.data"
        ):  # pandas makes another Index of the result
            f(given, Tensor([1.0, 2.0], requires_grad=True))
        return
    if f in (operator.sub, np.subtract, tl.subtract) and array.dtype == bool:
        array = array.astype(float)  # NumPy refuses to subtract booleans; the Tensor is floating
    t = Tensor(np.linspace(1, 2, array.size).reshape(array.shape), requires_grad=True)
    call = f if side == "left" else lambda x, t: f(t, x)
    (y, g), (expected_y, expected_g) = both(call, given, array, t)
    np.testing.assert_array_equal(y, expected_y)
    np.testing.assert_array_equal(g, expected_g)
    assert (y.dtype, g.dtype) == (expected_y.dtype, expected_g.dtype)


@pytest.mark.parametrize(
    "f",
    [
        lambda x, t: tl.where(x > 1, t, 0.0),
        lambda x, t: np.where(x > 1, t, x),
        lambda x, t: tl.clip(t, None, x),
        lambda x, t: t @ np.ones((2, 3)) @ x,
        lambda x, t: tl.matmul(x.T, t),
        lambda x, t: np.concatenate([x, t]),
        lambda x, t: tl.stack([x, t]),
        lambda x, t: tl.einsum("ij,ij->i", x, t),
        lambda x, t: tl.var(t * x),
        lambda x, t: nn.Linear(2, 3, rng=np.random.default_rng(0))(x) * t.sum(),
        lambda x, t: tl.mean_squared_error(t, x),
        lambda x, t: tl.huber(t, x),
        lambda x, t: Tensor(x) * t,
    ],
)
def test_functions_and_losses_take_frames_too(f):
    frame, array = FRAMES["DataFrame"]
    t = Tensor(np.linspace(1, 2, 6).reshape(3, 2), requires_grad=True)
    (y, g), (expected_y, expected_g) = both(f, frame, array, t)
    np.testing.assert_array_equal(y, expected_y)
    np.testing.assert_array_equal(g, expected_g)


def test_data_of_a_tensor_is_an_array_even_from_a_series():
    t = Tensor(pd.Series([1.0, 2.0]), requires_grad=True)
    t.data = pd.Series([3.0, 4.0], index=[5, 5])
    assert type(t.data) is np.ndarray
    assert t.tolist() == [3, 4]


def test_a_model_learns_from_the_residual_with_a_series():
    """faults.md A1: `y - model(x)` with a Series never learned; w must be 3, b 1."""
    frame = pd.DataFrame({"x": np.linspace(-1, 1, 20)}).sample(frac=1, random_state=1)
    frame["y"] = 3 * frame["x"] + 1
    w, b = Tensor(0.0, requires_grad=True), Tensor(0.0, requires_grad=True)
    for _ in range(300):
        for p in (w, b):
            p.zero_grad()
        loss = ((frame["y"] - (w * frame["x"] + b)) ** 2).mean()
        loss.backward()
        with no_grad():
            w -= 0.3 * w.grad
            b -= 0.3 * b.grad
    assert (w.item(), b.item()) == pytest.approx((3, 1))


def test_a_product_with_a_frame_on_the_left_says_what_to_write():
    """pandas' own @ makes an array of the right side, and gives nobody else a chance."""
    W = Tensor(np.ones((2, 1)), requires_grad=True)
    with pytest.raises(RuntimeError, match=r"df\.to_numpy\(\) @ t"):
        FRAMES["DataFrame"][0] @ W


# --- refused, with what to write instead ----------------------------------------------------------

with warnings.catch_warnings():  # NumPy would rather have no one use them
    warnings.simplefilter("ignore", PendingDeprecationWarning)
    MATRIX = np.asmatrix([[1.0, 2.0]])

REFUSED = {
    "masked array": (np.ma.array([1.0, 2.0], mask=[0, 1]), r"x\.filled\(value\)"),
    "masked array without a mask": (np.ma.array([1.0, 2.0]), r"x\.filled\(value\)"),
    "matrix": (MATRIX, r"np\.asarray\(x\)"),
    "complex": (np.array([1j, 2.0]), r"complex128.*x\.real"),
    "a complex number": (1j, r"complex128.*x\.real"),
    "objects": (np.array([True, 2.5], dtype=object), r"object.*\.to_numpy\(float\)"),
    "text": (np.array(["cat", "dog"]), r"return_inverse=True"),
    "text, as objects": (np.array(["cat", "dog"], dtype=object), r"return_inverse=True"),
    "a word": ("cat", "return_inverse=True"),
    "bytes": (np.array([b"cat", b"dog"]), "return_inverse=True"),
    "dates": (np.array(["2026-01-01", "2026-01-03"], "datetime64[D]"), "timedelta64"),
    "times": (np.array([1, 2], "timedelta64[s]"), "timedelta64"),
    "fields": (np.zeros(2, [("a", float), ("b", int)]), r"x\['name'\]"),
    "None": (None, "None.*a number, a list or an array"),
    "a list with None": ([1.0, None], "object"),
    "a set": ({1.0, 2.0}, "set"),
    "ragged": ([[1.0, 2.0], [3.0]], "differ in length"),
    "sparse": (scipy.sparse.csr_array(np.eye(2)), r"x\.toarray\(\)"),
    "Fraction": (Fraction(1, 2), r"float\(x\)"),
    "Decimal": (Decimal("1.5"), r"float\(x\)"),
    "frame of mixed columns": (
        pd.DataFrame({"a": [True, False], "b": [1.5, 2.5]}).astype({"a": object}),
        r"to_numpy\(float\)",
    ),
    "Series of text": (pd.Series(["cat", "dog"]), "return_inverse=True"),
    "Series of dates": (pd.Series(pd.to_datetime(["2026-01-01", "2026-01-02"])), "timedelta64"),
    "a list of masked arrays": ([np.ma.array([1.0, 2.0], mask=[0, 1])], r"x\.filled\(value\)"),
}

CALLS = {
    "x * t": lambda x, t: x * t,
    "t * x": lambda x, t: t * x,
    "t - x": lambda x, t: t - x,
    "x / t": lambda x, t: x / t,
    "t ** x": lambda x, t: t**x,
    "np.add(x, t)": lambda x, t: np.add(x, t),
    "tl.maximum(t, x)": lambda x, t: tl.maximum(t, x),
    "tl.exp(x)": lambda x, t: tl.exp(x),
    "tl.sum(x)": lambda x, t: tl.sum(x),
    "t @ x": lambda x, t: t @ x,
    "tl.var(x)": lambda x, t: tl.var(x),
    "Tensor(x)": lambda x, t: Tensor(x),
    "Linear": lambda x, t: nn.Linear(2, 3, rng=np.random.default_rng(0))(x),
    "loss": lambda x, t: tl.mean_squared_error(t, x),
    "prediction": lambda x, t: tl.mean_squared_error(x, t),
}

# What Python or NumPy decides before a Tensor is asked; all raise, each with words of its own.
NOT_OURS = {
    ("x * t", "masked array"), ("x / t", "masked array"), ("x * t", "ragged"),
    ("x * t", "masked array without a mask"), ("x / t", "masked array without a mask"),
    ("np.add(x, t)", "sparse"), ("x * t", "sparse"), ("x / t", "sparse"),
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_made_of_real_numbers_is_refused(name, call):
    given, advice = REFUSED[name]
    t = Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises((TypeError, ValueError, RuntimeError)) as error:
        CALLS[call](given, t)
    if (call, name) not in NOT_OURS:
        assert error.match(advice)


@pytest.mark.parametrize("torch_grad", [False, True])
@pytest.mark.parametrize("call", ["t * x", "tl.exp(x)", "Tensor(x)", "loss", "Linear"])
def test_tensors_of_pytorch_are_refused(call, torch_grad):
    torch = pytest.importorskip("torch")
    x = torch.tensor([1.0, 2.0], requires_grad=torch_grad)
    with pytest.raises(TypeError, match=r"x\.detach\(\)\.numpy\(\)"):
        CALLS[call](x, Tensor([1.0, 2.0], requires_grad=True))


def test_a_list_of_tensors_is_joined_only_if_no_graph_would_be_lost():
    """faults.md A2."""
    c, t = Tensor(2.0), Tensor(3.0, requires_grad=True)
    assert Tensor([c, 1.0, (c, 4.0)[0]]).tolist() == [2, 1, 2]
    assert (t * [c, c]).tolist() == [6, 6]
    for call in (
        lambda: Tensor([c, t]),
        lambda: t * [c, t],
        lambda: np.ones(2) * [t, t],
        lambda: np.where([True, False], [t, t], 0),
        lambda: np.dot(np.ones(2), [t, t]),
        lambda: np.r_[t, t],
        lambda: np.sum([t, t]),
        lambda: np.linalg.norm([t, t]),
        lambda: tl.mean_squared_error([t, t], [1.0, 2.0]),
    ):
        with pytest.raises((TypeError, RuntimeError), match=r"tl\.stack\(\[...\]\)"):
            call()


@pytest.mark.parametrize("dtype", [complex, object, "U3", "datetime64[D]"])
def test_a_dtype_that_is_not_real_is_refused(dtype):
    with pytest.raises(TypeError, match=r"dtype is .*real numbers"):
        Tensor([1.0], dtype=dtype)


def test_memory_maps_and_other_subclasses_are_plain_arrays(tmp_path):
    given = np.memmap(tmp_path / "x", dtype=np.float64, mode="w+", shape=(2,))
    given[:] = [1, 2]
    t = Tensor([3.0, 4.0], requires_grad=True)
    y = given * t
    assert type(y.data) is np.ndarray
    y.sum().backward()
    assert t.grad.tolist() == [1, 2]


def test_an_option_that_is_a_series_or_a_number_of_numpy():
    x = Tensor(np.array([-1.0, 3.0], np.float32), requires_grad=True)
    for y in (tl.leaky_relu(x, np.float64(0.1)), x.clip(np.float64(0), np.float64(1))):
        assert y.dtype == np.float32  # faults.md E6
    y = tl.clip(x, pd.Series([0.0, 0.0], index=[1, 0], dtype=np.float32))
    assert type(y.data) is np.ndarray
    with pytest.raises(TypeError, match=r"clip: max: .*filled"):
        tl.clip(x, None, np.ma.array([1.0, 2.0]))


def test_an_op_of_ones_own_gets_arrays():
    double = Op(lambda x: 2 * x, lambda g, y, x: 2 * g, name="double")
    assert type(double(pd.Series([1.0, 2.0]))) is np.ndarray
    assert type(double([1.0, 2.0])) is np.ndarray


@pytest.mark.parametrize(
    "seed",
    [
        np.ma.array([1.0, 2.0], mask=[0, 1]), np.array(["1", "2"]), [1.0, None],
        np.array([1j, 2.0]), np.array(["2026-01-01", "2026-01-02"], "datetime64[D]"),
        [[1.0], [2.0, 3.0]], pd.Series(["a", "b"]),
    ],
)  # fmt: skip
def test_a_gradient_to_start_from_is_made_of_real_numbers(seed):
    x = Tensor([1.0, 2.0], requires_grad=True)
    for start in ((x * 1).backward, lambda grad: tl.gradients(x * 1, [x], grad)):
        with pytest.raises((TypeError, ValueError), match=r"backward: grad: "):
            start(seed)
    (x * 1).backward(pd.Series([3.0, 4.0]))
    assert x.grad.tolist() == [3, 4]


def test_a_seed_of_tensors_in_a_list_would_lose_them():
    x, s = Tensor([0.3, -0.7], requires_grad=True), Tensor(2.0, requires_grad=True)
    with pytest.raises(TypeError, match=r"backward: grad: got Tensors.*tl\.stack"):
        tl.gradients(tl.exp(x), [x], grad=[s, s], create_graph=True)
    seed = tl.stack([s, s])
    (g,) = tl.gradients(tl.exp(x), [x], grad=seed, create_graph=True)
    (slope,) = tl.gradients(g.sum(), [s])
    assert slope.item() == pytest.approx(np.exp(x.data).sum())


def test_a_gradient_that_was_assigned_is_added_to_in_the_dtype_of_its_tensor():
    p = Tensor(np.ones(2, np.float32), requires_grad=True)
    for given in (np.zeros(2), Tensor(np.zeros(2, np.float32)), np.zeros(2, np.float32)):
        p.grad = given
        (p * 3).sum().backward()
        assert type(p.grad) is np.ndarray
        assert p.grad.dtype == np.float32
    q = Tensor([1.0, 1.0], requires_grad=True)
    p.grad = np.zeros((3, 2))
    with pytest.raises(ValueError, match=r"a .grad has shape \(3, 2\), its Tensor \(2,\)"):
        (p * q).sum().backward()
    assert q.grad is None


def test_options_that_require_grad_are_refused_by_functions_too():
    M, t = Tensor(np.ones((3, 3)), requires_grad=True), Tensor(1.0, requires_grad=True)
    for call in (lambda: tl.roll(M, t), lambda: tl.repeat(M, [t] * 9), lambda: tl.flip(M, t)):
        with pytest.raises(TypeError, match="an option requires grad"):
            call()
