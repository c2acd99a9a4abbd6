"""The functions composed from ops mean what NumPy's of the same name mean, and differentiate."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as npst

import tinygrad_loss as tl
from tinygrad_loss import Tensor, gradients
from tinygrad_loss.inspection.check import check_gradients

from ..op_cases import grad_of
from ..op_cases_of_shapes import EINSUMS
from ..op_inputs import real
from .numpys import (
    NAN,
    ONE,
    ORDER,
    RNG,
    A,
    C,
    V,
    W,
    X,
    assert_equal,
    numpys,
    ours,
    value_and_slopes,
)

# (name, inputs, options): tl.name(*inputs, **options) is NumPy's. The floating arrays among them
# take part in the graph, those in lists too.
FORMS = [
    ("ravel", (X,), {}),
    ("ravel", (ONE,), {}),
    ("dot", (2.0, X), {}),
    ("dot", (X, 2.0), {}),
    ("dot", (V, V), {}),
    ("dot", (X, V), {}),
    ("dot", (V, W), {}),
    ("dot", (X, W), {}),
    ("dot", (C, W), {}),
    ("dot", (X, C.reshape(3, 4, 2)), {}),
    ("dot", (V, C.reshape(3, 4, 2)), {}),
    ("dot", (C, C.reshape(3, 4, 2)), {}),
    ("inner", (V, V), {}),
    ("inner", (X, V), {}),
    ("inner", (X, C), {}),
    ("inner", (2.0, X), {}),
    ("outer", (V, X), {}),
    ("outer", (2.0, V), {}),
    ("tensordot", (X, W, 1), {}),
    ("tensordot", (X, W), {"axes": ([1], [0])}),
    ("tensordot", (C, C), {"axes": ([0, -1], [0, 2])}),
    ("tensordot", (C, C), {"axes": (1, 1)}),
    ("tensordot", (C, X), {}),
    ("tensordot", (V, W, 0), {}),
    ("hstack", ([X, X[:, :1]],), {}),
    ("hstack", ([V, 3.0, V],), {}),
    ("hstack", ((C, C),), {}),
    ("vstack", ([V, X, X],), {}),
    ("vstack", ([ONE, 2.0],), {}),
    ("column_stack", ([V, W, V],), {}),
    ("column_stack", ([ONE, 2.0],), {}),
    ("repeat", (X, 2), {}),
    ("repeat", (X, 3, 1), {}),
    ("repeat", (X, [1, 0, 2]), {"axis": 0}),
    ("repeat", (X, np.array([2])), {"axis": -1}),
    ("atleast_1d", (ONE,), {}),
    ("atleast_1d", (X,), {}),
    ("atleast_2d", (ONE,), {}),
    ("atleast_2d", (V,), {}),
    ("atleast_2d", (C,), {}),
    ("tile", (X, 2), {}),
    ("tile", (V, (2, 1, 3)), {}),
    ("tile", (C, (2, 1)), {}),
    ("tile", (ONE, 3), {}),
    ("diag", (V,), {}),
    ("diag", (V, 1), {}),
    ("diag", (V,), {"k": -2}),
    ("diag", (X,), {}),
    ("diag", (X, -1), {}),
    ("diagonal", (X,), {}),
    ("diagonal", (C, 1, 2, 0), {}),
    ("diagonal", (C,), {"offset": -1, "axis1": 1, "axis2": 2}),
    ("trace", (X,), {}),
    ("trace", (X, 1), {}),
    ("trace", (C,), {"axis1": 1, "axis2": -1}),
    ("roll", (X, 1), {}),
    ("roll", (X, -2), {"axis": 0}),
    ("roll", (X, (1, 5), (0, 1)), {}),
    ("split", (X, 2, 1), {}),
    ("split", (X, 3), {}),
    ("split", (X, [1]), {}),
    ("split", (X, (1, 3, 9)), {"axis": -1}),
    ("average", (X,), {}),
    ("average", (X, 1), {}),
    ("average", (X, 1, V), {}),
    ("average", (X,), {"weights": X[::-1]}),
    ("average", (X,), {"axis": 0, "weights": X[::-1], "keepdims": True}),
    ("average", (C,), {"axis": (2, 0), "weights": W}),
    ("reciprocal", (X,), {}),
    ("cumsum", (X,), {}),
    ("cumsum", (X, 1), {}),
    ("cumsum", (C,), {"axis": -2}),
    ("sort", (X,), {}),
    ("sort", (X, 0), {}),
    ("sort", (X,), {"axis": None}),
    ("sort", (NAN,), {}),
    ("median", (X,), {}),
    ("median", (X, 0), {}),
    ("median", (C,), {"axis": (0, -1), "keepdims": True}),
    ("median", (X[:, :3],), {"axis": -1}),
    ("median", (NAN, 0), {}),
    ("median", (np.array([np.inf, 1.0, np.inf]),), {}),
    ("diff", (X,), {}),
    ("diff", (X, 2), {}),
    ("diff", (X, 1, 0), {}),
    ("diff", (X,), {"n": 9}),
    ("diff", (C,), {"n": 0, "axis": 1}),
    ("take_along_axis", (X, ORDER, 1), {}),
    ("take_along_axis", (X, np.argsort(X, 0)[:2]), {"axis": 0}),
    ("take_along_axis", (X, ORDER[:1]), {"axis": 1}),
    ("take_along_axis", (X, np.array([3, 3, -1])), {"axis": None}),
    ("flip", (X,), {}),
    ("flip", (C, 1), {}),
    ("flip", (C,), {"axis": (0, -1)}),
    ("nansum", (NAN,), {}),
    ("nansum", (NAN, 1), {"keepdims": True}),
    ("nanmean", (NAN,), {}),
    ("nanmean", (NAN,), {"axis": 0}),
    ("linalg.inv", (A,), {}),
    ("linalg.inv", (np.stack([A, A.T]),), {}),
    ("linalg.solve", (A, V[:3]), {}),
    ("linalg.solve", (A, X), {}),
    ("linalg.solve", (np.stack([A, A.T]), X), {}),
    ("linalg.solve", (np.stack([A, A.T]), V[:3]), {}),
    ("linalg.norm", (X,), {}),
    ("linalg.norm", (V, 2), {}),
    ("linalg.norm", (V, 1), {}),
    ("linalg.norm", (-V, np.inf), {}),
    ("linalg.norm", (X, "fro"), {}),
    ("linalg.norm", (X - 1, 1), {}),
    ("linalg.norm", (X - 1, np.inf), {}),
    ("linalg.norm", (C, 1, (0, 2), True), {}),
    ("linalg.norm", (C, np.inf, (2, 0)), {}),
    ("linalg.norm", (C,), {"ord": "fro", "axis": (1, 2)}),
    ("linalg.norm", (X,), {"axis": 1, "keepdims": True}),
    *(
        ("einsum", (subscripts, *(np.asarray(RNG.normal(size=shape)) for shape in shapes)), {})
        for subscripts, *shapes in EINSUMS
    ),
]  # fmt: skip


def every_form(test):
    ids = [f"{i}-{name}" for i, (name, _, _) in enumerate(FORMS)]
    return pytest.mark.parametrize(("name", "inputs", "options"), FORMS, ids=ids)(test)


def by_our_names(name, inputs, options):
    """np.linalg.norm takes ord before axis; all else is the same."""
    if name == "linalg.norm":
        names = dict(zip(("ord", "axis", "keepdims"), inputs[1:], strict=False))
        return inputs[:1], names | options
    return inputs, options


def converted(x, dtype):
    """The same arguments with floating arrays in another dtype."""
    if isinstance(x, list | tuple):
        return type(x)(converted(part, dtype) for part in x)
    if isinstance(x, dict):
        return {key: converted(value, dtype) for key, value in x.items()}
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":
        return (x if dtype is not int else np.nan_to_num(x, posinf=9)).astype(dtype)
    return x


def axes(data, shape, several=True):
    one = st.integers(-len(shape), len(shape) - 1)
    return data.draw(
        st.one_of(one, npst.valid_tuple_axes(len(shape), min_size=1)) if several else one
    )


@every_form
def test_on_arrays_it_is_numpys(name, inputs, options):
    expected = numpys(name)(*inputs, **options)
    inputs, options = by_our_names(name, inputs, options)
    assert_equal(ours(name)(*inputs, **options), expected)


@every_form
def test_on_tensors_numpys_function_is_ours(name, inputs, options):
    got = value_and_slopes(numpys(name), inputs, options)
    inputs, options = by_our_names(name, inputs, options)
    expected = value_and_slopes(ours(name), inputs, options)
    for part, wanted in zip(got, expected, strict=True):
        for a, b in zip(part, wanted, strict=True):
            np.testing.assert_array_equal(a, b)


@every_form
def test_float32_stays_float32(name, inputs, options):
    """In the gradients too. Where NumPy widens the value, so do we."""
    inputs, options = converted(inputs, np.float32), converted(options, np.float32)
    expected = numpys(name)(*inputs, **options)
    inputs, options = by_our_names(name, inputs, options)
    assert_equal(ours(name)(*inputs, **options), expected, rtol=1e-4)
    _, slopes = value_and_slopes(ours(name), inputs, options)
    assert {slope.dtype for slope in slopes} == {np.dtype(np.float32)}


@every_form
def test_of_integers_it_is_numpys(name, inputs, options):
    if name in {"reciprocal", "linalg.inv", "linalg.solve"}:
        return  # of integers NumPy's reciprocal is 0; and the matrices here become singular
    inputs, options = converted(inputs, int), converted(options, int)
    expected = numpys(name)(*inputs, **options)
    inputs, options = by_our_names(name, inputs, options)
    assert_equal(ours(name)(*inputs, **options), expected)


@every_form
def test_lists_instead_of_arrays(name, inputs, options):
    listed = [x.tolist() if isinstance(x, np.ndarray) else x for x in inputs]
    listed, options = by_our_names(name, listed, options)
    inputs, _ = by_our_names(name, inputs, {})
    assert_equal(ours(name)(*listed, **options), ours(name)(*inputs, **options))


@every_form
def test_gradients_equal_differences_of_the_values(name, inputs, options):
    if np.isnan(np.sum([np.sum(x) for x in inputs if isinstance(x, np.ndarray)])):
        return
    inputs, options = by_our_names(name, inputs, options)
    places = [i for i, x in enumerate(inputs) if isinstance(x, np.ndarray) and x.dtype.kind == "f"]

    def f(*arrays):
        given = list(inputs)
        for i, x in zip(places, arrays, strict=True):
            given[i] = x
        y = ours(name)(*given, **options)
        return y if isinstance(y, Tensor) else tl.stack([part.sum() for part in y])

    if places:
        check_gradients(f, *(inputs[i] for i in places), directions=1)


def test_booleans_and_short_integers_are_counted_in_long_ones_as_in_numpy():
    for x in ([True, True], np.full(3, 100, np.int8), np.full(3, 200, np.uint8)):
        for f, numpys_own in (
            (tl.cumsum, np.cumsum),
            (tl.nansum, np.nansum),
            (tl.median, np.median),
        ):
            assert_equal(f(x), np.asarray(numpys_own(x)))


def test_numpys_transpose_of_a_vector_may_name_its_axis():
    t = Tensor(V, requires_grad=True)
    (slope,) = gradients(np.transpose(t, 0), [t], V)
    assert slope.data.tolist() == V.tolist()


# --- any shape, any axis --------------------------------------------------------------------------


# name: a draw of the arguments after x, of the shape given
ARGUMENTS = {
    "ravel": lambda data, shape: (),
    "flip": lambda data, shape: (axes(data, shape),),
    "roll": lambda data, shape: (data.draw(st.integers(-9, 9)), axes(data, shape)),
    "repeat": lambda data, shape: (data.draw(st.integers(0, 3)), axes(data, shape, False)),
    "tile": lambda data, shape: (tuple(data.draw(st.lists(st.integers(0, 3), max_size=4))),),
    "cumsum": lambda data, shape: (axes(data, shape, False),),
    "sort": lambda data, shape: (axes(data, shape, False),),
    "diff": lambda data, shape: (data.draw(st.integers(0, 3)), axes(data, shape, False)),
    "median": lambda data, shape: (axes(data, shape),),
    "nansum": lambda data, shape: (axes(data, shape),),
    "nanmean": lambda data, shape: (axes(data, shape),),
    "average": lambda data, shape: (axes(data, shape),),
    "split": lambda data, shape: (
        data.draw(st.lists(st.integers(-5, 5), max_size=3)),
        axes(data, shape, False),
    ),
    "inner": lambda data, shape: (np.linspace(1, 2, 2 * shape[-1]).reshape(2, shape[-1]),),
    "outer": lambda data, shape: (np.linspace(1, 2, 3),),
    "atleast_2d": lambda data, shape: (),
    "diag": lambda data, shape: (data.draw(st.integers(-4, 4)),),
    "trace": lambda data, shape: (data.draw(st.integers(-4, 4)), 0, -1),
}


@settings(max_examples=200, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(ARGUMENTS)))
def test_any_shape_any_axis_any_dtype(data, name):
    least, most = {"diag": (1, 2), "trace": (2, 4)}.get(name, (1, 4))
    shape = data.draw(npst.array_shapes(min_dims=least, max_dims=most, max_side=4))
    arguments = ARGUMENTS[name](data, shape)
    dtype = data.draw(st.sampled_from([np.float16, np.float32, np.float64, np.int64]))
    x = real(np.random.default_rng(0), shape).astype(dtype)
    expected = numpys(name)(x, *arguments)
    tolerance = 1e-2 if dtype == np.float16 else 1e-5
    # Some of NumPy's sums of float16 are rough; and differences of differences are.
    if getattr(expected, "dtype", None) == np.float16 and name != "diff":
        expected = numpys(name)(x.astype(np.float64), *arguments).astype(np.float16)
    assert_equal(ours(name)(x, *arguments), expected, tolerance)
    if dtype != np.int64:
        y = numpys(name)(Tensor(x, requires_grad=True), *arguments)
        assert_equal([t.data for t in y] if isinstance(y, list) else y.data, expected, tolerance)
    if dtype == np.float64 and name != "split":
        check_gradients(lambda t: ours(name)(t, *arguments), x, directions=1)


# --- kinks, ties and NaN --------------------------------------------------------------------------


def test_equal_elements_keep_their_order_and_their_gradients():
    x = np.array([2.0, 1.0, 2.0, 1.0])
    weights = np.array([1.0, 10.0, 100.0, 1000.0])
    assert grad_of(lambda t: tl.sort(t) * weights, x).tolist() == [100, 1, 1000, 10]


def test_median_of_an_odd_and_an_even_number():
    assert grad_of(tl.median, np.array([3.0, 1.0, 2.0])).tolist() == [0, 0, 1]
    assert grad_of(tl.median, np.array([3.0, 1.0, 2.0, 9.0])).tolist() == [0.5, 0, 0.5, 0]


def test_nan_travels_through_the_median_and_not_through_nansum():
    x = np.array([[1.0, np.nan, 3.0], [4.0, 5.0, 6.0]])
    t = Tensor(x, requires_grad=True)
    np.testing.assert_array_equal(tl.median(t, axis=1).data, [np.nan, 5])
    assert grad_of(tl.nansum, x).tolist() == [[1, 0, 1], [1, 1, 1]]
    np.testing.assert_allclose(grad_of(lambda t: tl.nanmean(t, axis=1), x)[0], [0.5, 0, 0.5])
    check_gradients(lambda t: tl.nanmean(tl.where(np.isnan(x), np.nan, t), axis=1), X[:2, :3])


def test_median_of_nothing_is_the_mean_of_nothing():
    with pytest.warns(RuntimeWarning, match="invalid value"):
        assert np.isnan(tl.median(Tensor(np.ones((2, 0))), axis=1).data).all()


def test_norms_at_zero_and_in_ties():
    zero = np.zeros((2, 2))
    for order in (None, "fro", 1, np.inf):
        assert not grad_of(lambda t, o=order: tl.norm(t, ord=o), zero).any()
    ones = grad_of(lambda t: tl.norm(t, ord=np.inf), np.array([1.0, -1.0]))
    assert ones.tolist() == [0.5, -0.5]


def test_slogdet_is_a_pair_with_a_constant_sign():
    a = np.stack([A, A[::-1]])
    t = Tensor(a, requires_grad=True)
    for f in (tl.slogdet, np.linalg.slogdet):
        sign, logabsdet = f(t)
        np.testing.assert_array_equal(sign, np.linalg.slogdet(a).sign)
        np.testing.assert_array_equal(logabsdet.data, np.linalg.slogdet(a).logabsdet)
        assert isinstance(sign, np.ndarray)
    slope = gradients(logabsdet, [t], np.ones(2))[0].data
    np.testing.assert_allclose(slope, np.linalg.inv(a).swapaxes(-1, -2), rtol=1e-12)


def test_a_gaussian_process_needs_solve_and_slogdet():
    """The log marginal likelihood and its derivative by the length scale, against differences."""
    x, y = RNG.uniform(0, 5, 8), RNG.normal(size=8)

    def likelihood(scale):
        kernel = np.exp(-np.square(np.subtract.outer(x, x)) / (2 * scale**2)) + 0.1 * np.eye(8)
        return -0.5 * (y @ np.linalg.solve(kernel, y) + np.linalg.slogdet(kernel)[1])

    check_gradients(likelihood, np.array(1.3), order=2)
