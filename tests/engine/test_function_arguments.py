"""What NumPy's functions take of a Tensor, and what is refused by name."""

import numpy as np
import pytest

import tinygrad_loss as tl
from tinygrad_loss import Tensor

from .numpys import ORDER, A, C, V, W, X, assert_equal, numpys, value_and_slopes

# --- what NumPy's functions take, and what is refused ---------------------------------------------


@pytest.mark.parametrize(
    ("name", "inputs", "numpys_names"),
    [
        ("swapaxes", (X, 0, 1), ("a", "axis1", "axis2")),
        ("sum", (X, 0), ("a", "axis")),
        ("transpose", (X, (1, 0)), ("a", "axes")),
        ("broadcast_to", (V, (2, 4)), ("array", "shape")),
        ("concatenate", ([X, X], 1), (None, "axis")),
        ("average", (X, 1, V), ("a", "axis", "weights")),
        ("tile", (X, 2), ("A", "reps")),
        ("diag", (V, 1), ("v", "k")),
        ("flip", (X, 1), ("m", "axis")),
        ("take_along_axis", (X, ORDER, 1), ("arr", "indices", "axis")),
        ("split", (X, 2, 1), ("ary", "indices_or_sections", "axis")),
        ("vstack", ([X, X],), ("tup",)),
        ("dot", (X, W), ("a", "b")),
        ("linalg.solve", (A, V[:3]), ("a", "b")),
        ("linalg.norm", (X, "fro", (0, 1), True), ("x", "ord", "axis", "keepdims")),
        ("trace", (C, 1, 2, 0), ("a", "offset", "axis1", "axis2")),
        ("clip", (X, 0.5, 1.5), ("a", "a_min", "a_max")),
    ],
)
def test_arguments_by_numpys_order_and_names(name, inputs, numpys_names):
    expected = value_and_slopes(numpys(name), inputs, {})
    by_position = [x for x, key in zip(inputs, numpys_names, strict=True) if key is None]
    by_name = {key: x for x, key in zip(inputs, numpys_names, strict=True) if key is not None}
    got = value_and_slopes(numpys(name), by_position, by_name)
    for part, wanted in zip(got, expected, strict=True):
        assert_equal(part, wanted)
    values = numpys(name)(*inputs)
    assert_equal(expected[0], values if isinstance(values, list) else [values])


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("reshape", ((4, 3),), {"order": "F"}),
        ("reshape", ((4, 3),), {"copy": True}),
        ("ravel", (), {"order": "F"}),
        ("broadcast_to", ((2, 3, 4),), {"subok": True}),
        ("sum", (), {"dtype": np.float32}),
        ("sum", (), {"where": True}),
        ("sum", (), {"initial": 1.0}),
        ("cumsum", (), {"dtype": np.float32}),
        ("trace", (), {"dtype": np.float32}),
        ("nansum", (), {"where": True}),
        ("var", (), {"correction": 1}),
        ("average", (), {"returned": True}),
        ("diff", (), {"prepend": 0.0}),
        ("diff", (), {"append": 0.0}),
        ("median", (), {"overwrite_input": True}),
        ("sort", (), {"kind": "heapsort"}),
        ("sort", (), {"stable": True}),
        ("exp", (), {"where": X > 1}),
        ("reciprocal", (), {"dtype": np.float32}),
        ("matmul", (W,), {"axes": [(0, 1), (0, 1), (0, 1)]}),
        ("clip", (0, 1), {"dtype": np.float32}),
    ],
)
def test_options_without_a_derivative_are_refused_by_name(name, arguments, options):
    ((option, _),) = options.items()
    message = rf"np\.{name}: {option}= cannot be given.*t\.data"
    if (name, option) == ("reshape", "copy"):  # NumPy 2.0 has not got it, and says so itself
        message += "|unexpected keyword argument 'copy'"
    with pytest.raises(TypeError, match=message):
        numpys(name)(Tensor(X, requires_grad=True), *arguments, **options)


def test_options_without_a_derivative_are_refused_by_position_too():
    t = Tensor(X, requires_grad=True)
    for f in (
        lambda: np.sum(t, 0, np.float32),
        lambda: np.trace(t, 0, 0, 1, np.float32),
        lambda: np.average(t, 0, None, True),
        lambda: np.reshape(t, (4, 3), "F"),
        lambda: np.einsum("ij->j", t, optimize=True),
        lambda: np.einsum("ij->j", t, order="F"),
        lambda: np.stack([t, t], dtype=np.float32),
        lambda: np.concatenate([t, t], casting="unsafe"),
        lambda: np.median(t, 0, np.zeros(4)),
    ):
        with pytest.raises(TypeError, match=r"np\.\w+: \w+= cannot be given"):
            f()


def test_limits_are_given_once():
    t = Tensor(X, requires_grad=True)
    assert np.clip(t, min=0.6).data.min() == 0.6
    for f in (
        lambda: np.clip(t, 0.5, 1.5, min=0.6),
        lambda: np.clip(t, 0.5, None, max=1.0),
        lambda: np.clip(t, a_min=0.5, a_max=None, min=0.6, max=1.0),
    ):
        with pytest.raises(TypeError, match=r"clip: got .*min=|clip: got .*max="):
            f()


def test_an_option_that_says_what_is_so_anyway_is_no_option():
    t = Tensor(X, requires_grad=True)
    assert np.reshape(t, (4, 3), order="C").shape == (4, 3)
    assert np.sum(t, dtype=None, out=None, where=np._NoValue).item() == X.sum()


def test_atleast_of_several():
    t = Tensor(1.0, requires_grad=True)
    for f, shape in ((np.atleast_1d, (1,)), (np.atleast_2d, (1, 1))):
        one, two = f(t, 2.0)
        assert isinstance(one, Tensor)
        assert one.shape == two.shape == shape
    for f in (tl.atleast_1d, tl.atleast_2d):
        assert f(t * np.ones((2, 2, 2))).shape == (2, 2, 2)


@pytest.mark.parametrize(
    ("f", "error", "parts"),
    [
        (lambda t: tl.roll(t, 1, 2), ValueError, ["roll: (3, 4), 1, 2", "axis 2 is out of bounds"]),
        (lambda t: tl.flip(t, -3), ValueError, ["flip: (3, 4), -3", "out of bounds"]),
        (lambda t: tl.repeat(t, [1, 2]), ValueError, ["repeat: (3, 4), [1, 2]", "broadcast"]),
        (lambda t: tl.diag(t.reshape(3, 2, 2), 1), ValueError, ["diag: (3, 2, 2), 1"]),
        (lambda t: tl.diag(t.sum()), ValueError, ["diag: ()"]),
        (lambda t: tl.diff(t, -1), ValueError, ["diff: n is -1"]),
        (lambda t: tl.split(t, 3, 1), ValueError, ["split: (3, 4), axis=1: 3 does not divide 4"]),
        (lambda t: tl.split(t, 3, 2), ValueError, ["axis 2 is out of bounds"]),
        (lambda t: tl.split(t, -1), ValueError, ["split: (3, 4), axis=0: -1 does not divide 3"]),
        (lambda t: tl.split(t, 0), ValueError, ["split: (3, 4), axis=0: 0 does not divide 3"]),
        (lambda t: tl.sort(t, 2), ValueError, ["axis 2 is out of bounds"]),
        (lambda t: tl.median(t, 2), ValueError, ["axis 2 is out of bounds"]),
        (lambda t: tl.tensordot(t, t.T), ValueError, ["axes (0, 1) and (0, 1) differ"]),
        (lambda t: tl.tensordot(t, t, 1), ValueError, ["tensordot: (3, 4), (3, 4)", "differ"]),
        (lambda t: tl.tensordot(t, t[:1], ([0], [0])), ValueError, ["(3, 4), (1, 4)", "differ"]),
        (lambda t: tl.dot(t, t), ValueError, ["matmul", "inner sizes 4 and 3"]),
        (lambda t: tl.inner(t, t[0, :3]), ValueError, ["tensordot: (3, 4), (3,)"]),
        (lambda t: tl.average(t, weights=[1.0, 2.0]), ValueError, ["(3, 4)", "(2,)", "axis=None"]),
        (lambda t: tl.average(t, 0, np.ones(4)), ValueError, ["(3, 4)", "(4,)", "axis=0"]),
        (lambda t: tl.norm(t, ord=2), ValueError, ["norm: (3, 4)", "singular values"]),
        (lambda t: tl.norm(t, ord="nuc"), ValueError, ["'nuc'", "singular values"]),
        (lambda t: tl.norm(t, 0, ord="fro"), ValueError, ["axis=0, ord='fro'"]),
        (lambda t: tl.norm(t.sum(), ord=1), ValueError, ["norm: ()"]),
        (lambda t: tl.inv(t), ValueError, ["solve", "square"]),
        (lambda t: tl.inv(t[0]), ValueError, ["solve", "two-dimensional"]),
        (lambda t: tl.inv(np.ones((2, 2)) * t.sum()), ValueError, ["solve", "Singular matrix"]),
        (lambda t: tl.solve(t[:, :3], t[0]), ValueError, ["solve"]),
        (lambda t: tl.hstack([]), ValueError, ["concatenate", "at least one"]),
        (lambda t: tl.vstack([]), ValueError, ["at least one"]),
        (lambda t: tl.column_stack([t, t[0]]), ValueError, ["concatenate: (3, 4), (4, 1)"]),
        (lambda t: tl.take_along_axis(t, [[9]], 1), IndexError, ["take_along_axis: (3, 4)"]),
        (lambda t: tl.ravel([t, t]), TypeError, ["stack([...])"]),
        (lambda t: tl.nansum("text"), TypeError, ["<U4"]),
        (lambda t: np.full_like(t, t[0, 0]), TypeError, ["np.full_like", "broadcast_to"]),
    ],
)
def test_errors_say_what_was_given(f, error, parts):
    with pytest.raises(error) as caught:
        f(Tensor(X, requires_grad=True))
    for part in parts:
        assert part in str(caught.value)


METHODS = {
    "ravel": (), "flatten": (), "cumsum": (1,), "norm": (1, True), "dot": (W,), "repeat": (2, 1),
    "trace": (1,), "prod": (0,),
}  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
def test_methods_are_the_functions(name):
    method = value_and_slopes(lambda t, *others: getattr(t, name)(*others), (X, *METHODS[name]), {})
    function = value_and_slopes(getattr(tl, name), (X, *METHODS[name]), {})
    for got, expected in zip(method, function, strict=True):
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_array_equal(a, b)
