"""The table of derivatives: value, gradient and second derivative of every op and function.

Expected values come from PyTorch where it is installed, and from central differences everywhere.
"""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as npst

from tinygrad_loss import Tensor, gradients
from tinygrad_loss.engine import functions, ops
from tinygrad_loss.engine.copies import ancestors
from tinygrad_loss.engine.ops import Op
from tinygrad_loss.inspection.check import check_gradients

from ..op_cases import (
    BINARY,
    CASES,
    ELEMENTWISE,
    REDUCTIONS,
    SHAPE_PAIRS,
    grad_of,
    public_names,
)
from ..op_cases_of_shapes import INDICES


def every_case(test):
    return pytest.mark.parametrize("case", CASES, ids=str)(test)


def test_every_op_and_function_has_a_row_in_the_table():
    assert public_names() == {case.name for case in CASES}


@every_case
def test_value_gradient_and_second_derivative_equal_pytorchs(case):
    torch = pytest.importorskip("torch")
    arrays = case.inputs()
    tensors = [Tensor(x, requires_grad=True) for x in arrays]
    others = [torch.tensor(x, requires_grad=True) for x in arrays]
    y, expected = case.f(*tensors), case.torch_f(torch, *others)
    assert y.shape == tuple(expected.shape)
    np.testing.assert_allclose(y.data, expected.detach(), rtol=1e-10, atol=1e-10)

    rng = np.random.default_rng(1)
    v = rng.normal(size=y.shape)
    v, other_v = Tensor(v, requires_grad=True), torch.tensor(v, requires_grad=True)
    first = gradients((y * v).sum(), tensors, create_graph=True)
    other_first = torch.autograd.grad((expected * other_v).sum(), others, create_graph=True)
    for slope, other in zip(first, other_first, strict=True):
        np.testing.assert_allclose(slope.data, other.numpy(force=True), rtol=1e-10, atol=1e-10)

    weights = [rng.normal(size=x.shape) for x in arrays]
    total = sum((w * slope).sum() for w, slope in zip(weights, first, strict=True))
    other_total = sum(
        (torch.tensor(w) * slope).sum() for w, slope in zip(weights, other_first, strict=True)
    )
    second = gradients(total, [*tensors, v])
    other_second = torch.autograd.grad(
        other_total, [*others, other_v], allow_unused=True, materialize_grads=True
    )
    for slope, other in zip(second, other_second, strict=True):
        np.testing.assert_allclose(slope.data, other.numpy(force=True), rtol=1e-10, atol=1e-10)


@every_case
def test_gradient_and_second_derivative_equal_differences_of_the_values(case):
    check_gradients(case.f, *case.inputs(), order=2, directions=1)


@every_case
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_results_and_gradients_keep_shape_and_dtype(case, dtype):
    inputs = case.inputs(dtype=dtype)
    variables = [Tensor(x, requires_grad=True) for x in inputs]
    if dtype == np.float16 and case.name in {"solve", "inv", "slogdet"}:
        with pytest.raises(TypeError, match="float16 is unsupported in linalg"):
            case.f(*variables)
        return
    y = case.f(*variables)
    assert y.dtype == (np.float64 if case.name == "astype" else dtype)
    seed = np.full(y.shape, 2.0**-7)  # so small that the product of 24 numbers stays in float16
    recorded = gradients(y, variables, seed, create_graph=True)
    y.backward(seed)
    for x, t, slope in zip(inputs, variables, recorded, strict=True):
        assert type(t.grad) is np.ndarray
        assert (t.grad.shape, t.grad.dtype) == (x.shape, dtype)
        assert (slope.shape, slope.dtype) == (x.shape, dtype)


@every_case
def test_rules_write_neither_into_their_gradient_nor_into_their_inputs(case):
    """Trap 6. Each rule that a case reaches is called with nothing but read-only arrays."""
    tensors = [Tensor(x, requires_grad=True) for x in case.inputs()]
    for t in tensors:
        t.data.setflags(write=False)
    rules_run = 0
    for node in ancestors(case.f(*tensors)):
        op, inputs, values, options = node.origin or (None, (), (), {})
        for rule, x in zip(op.rules if op else (), inputs, strict=False):
            if rule and isinstance(x, Tensor):
                g = np.ones(node.shape)
                g.setflags(write=False)
                rule(g, node.data, *values, **options)
                rules_run += 1
    assert rules_run >= len(tensors)


@every_case
def test_called_with_arrays_an_op_returns_an_array(case):
    inputs = case.inputs()
    y = case.f(*inputs)
    assert not isinstance(y, Tensor)
    np.testing.assert_array_equal(y, case.f(*map(Tensor, inputs)).data)


# --- broadcasting --------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shapes", SHAPE_PAIRS, ids=str)
@pytest.mark.parametrize("name", BINARY)
def test_gradient_of_a_broadcast_input_has_its_shape(name, shapes, dtype):
    """Trap 8. Also when the other input is an array, and when a dimension of size 0 is added."""
    f, _, domains = BINARY[name]
    rng = np.random.default_rng(0)
    a, b = (domain(rng, shape).astype(dtype) for domain, shape in zip(domains, shapes, strict=True))
    both = grad_of(f, a, b)
    for g, x in zip(both, (a, b), strict=True):
        assert (g.shape, g.dtype) == (x.shape, dtype)
    only_a, only_b = grad_of(lambda t: f(t, b), a), grad_of(lambda t: f(a, t), b)
    np.testing.assert_array_equal(only_a, both[0])
    np.testing.assert_array_equal(only_b, both[1])


@pytest.mark.parametrize("shapes", SHAPE_PAIRS, ids=str)
def test_gradient_of_where_with_a_broadcast_condition(shapes):
    a, b = (np.ones(shape) for shape in shapes)
    for condition in (np.array(True), np.ones((2, 1, 1), bool)):
        ga, gb = grad_of(lambda a, b, c=condition: ops.where(c, a, b), a, b)
        assert (ga.shape, gb.shape) == shapes
        assert ga.sum() == np.where(condition, a, b).size
        assert not gb.any()


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(BINARY)),
    shapes=npst.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, min_side=0, max_side=4),
    seed=st.integers(0, 1000),
)
def test_gradient_of_any_broadcast_is_the_sum_over_the_places_of_use(name, shapes, seed):
    """Broadcasting by hand first, then summing by hand, is what the engine must do for itself."""
    f, _, domains = BINARY[name]
    rng = np.random.default_rng(seed)
    inputs = [
        domain(rng, shape) for domain, shape in zip(domains, shapes.input_shapes, strict=True)
    ]
    wide = [np.broadcast_to(x, shapes.result_shape) for x in inputs]
    for g, wide_g, x in zip(grad_of(f, *inputs), grad_of(f, *wide), inputs, strict=True):
        new = wide_g.ndim - x.ndim
        stretched = tuple(i for i, n in enumerate(x.shape) if n == 1)
        expected = wide_g.sum(axis=tuple(range(new))).sum(axis=stretched, keepdims=True)
        assert g.shape == x.shape
        np.testing.assert_allclose(g, expected, rtol=1e-12, atol=1e-12)


# --- reductions, sizes of zero, no dimensions ----------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_reductions_over_any_axes_of_any_shape_equal_numpys(data):
    name = data.draw(st.sampled_from(sorted(set(REDUCTIONS) - {"norm", "logsumexp"})))
    shape = data.draw(npst.array_shapes(min_dims=1, max_dims=4, max_side=4))
    axis = data.draw(
        st.none()
        | st.integers(-len(shape), len(shape) - 1)
        | npst.valid_tuple_axes(len(shape), min_size=0)
    )
    keepdims = data.draw(st.booleans())
    x = np.random.default_rng(0).uniform(0.5, 1.5, shape)
    y = REDUCTIONS[name][0](Tensor(x, requires_grad=True), axis=axis, keepdims=keepdims)
    expected = getattr(np, name)(x, axis=axis, keepdims=keepdims)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y.data, expected, rtol=1e-12, atol=1e-15)
    if name != "std" or y.data.all():
        check_gradients(lambda t: REDUCTIONS[name][0](t, axis=axis, keepdims=keepdims), x)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduction_over_no_axes_keeps_every_element(name):
    """Trap 18: axis=() reduces nothing (in PyTorch it reduces everything)."""
    x = np.array([[0.5, -2.0], [3.0, 1.5]])
    y = REDUCTIONS[name][0](Tensor(x), axis=())
    expected = {"norm": np.abs(x), "var": np.zeros_like(x), "std": np.zeros_like(x)}.get(name, x)
    np.testing.assert_allclose(y.data, expected, rtol=1e-15)
    if name != "std":
        check_gradients(lambda t: REDUCTIONS[name][0](t, axis=()), x, order=2)


@pytest.mark.parametrize("name", ["sum", "prod"])
def test_reductions_of_nothing(name):
    f, _ = REDUCTIONS[name]
    neutral = {"sum": 0.0, "prod": 1.0}[name]
    for axis, shape in ((0, (0,)), (1, (4,)), (None, ())):
        y = f(Tensor(np.ones((4, 0)), requires_grad=True), axis=axis)
        assert y.shape == shape
        assert (y.data == neutral).all()
        assert grad_of(lambda t, axis=axis: f(t, axis=axis), np.ones((4, 0))).shape == (4, 0)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_beside_an_axis_of_size_zero(name):
    f, _ = REDUCTIONS[name]
    y = f(Tensor(np.ones((0, 4)), requires_grad=True), axis=1)
    assert y.shape == (0,)
    assert grad_of(lambda t: f(t, axis=1), np.ones((0, 4))).shape == (0, 4)


@pytest.mark.parametrize("name", ["max", "min"])
def test_the_extreme_of_nothing_is_an_error(name):
    with pytest.raises(ValueError, match=rf"{name}: \(4, 0\), axis=1: zero-size array"):
        REDUCTIONS[name][0](Tensor(np.ones((4, 0))), axis=1)


def test_logsumexp_of_nothing_is_minus_infinity():
    assert ops.logsumexp(Tensor(np.ones((2, 0)))).data.tolist() == [-np.inf, -np.inf]


@pytest.mark.parametrize("axis", [None, 0, -1, ()])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_of_a_tensor_without_dimensions(name, axis):
    f, _ = REDUCTIONS[name]
    if name in {"var", "std"}:
        assert f(Tensor(1.5), axis=axis).item() == 0
        return
    y = f(Tensor(1.5, requires_grad=True), axis=axis)
    assert (y.shape, y.item()) == ((), pytest.approx(1.5))
    assert grad_of(lambda t: f(t, axis=axis), np.array(1.5)) == pytest.approx(1)


@pytest.mark.parametrize("f", [ops.softmax, ops.log_softmax])
@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (3, 1)])
def test_softmax_of_few_elements(f, shape):
    y = f(Tensor(np.ones(shape), requires_grad=True))
    assert y.shape == shape
    assert (y.data == (f is ops.softmax)).all()
    assert not grad_of(f, np.ones(shape)).any()


# --- indexing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", INDICES)
def test_indexing_counts_how_often_each_element_was_picked(label):
    """Trap 19. np.add.at is the definition: an element picked twice receives twice."""
    x, index = np.arange(12.0).reshape(3, 4), INDICES[label]
    t = Tensor(x, requires_grad=True)
    y = t[index]
    np.testing.assert_array_equal(y.data, x[index])
    weights = np.random.default_rng(0).normal(size=y.shape)
    expected = np.zeros_like(x)
    np.add.at(expected, index, weights)
    y.backward(weights)
    np.testing.assert_allclose(t.grad, expected, rtol=1e-15)


def test_an_index_may_be_a_tensor():
    x = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    rows, columns = Tensor([0, 1]), Tensor([1, 1])
    x[rows, columns].sum().backward()
    assert x.grad.tolist() == [[0, 1], [0, 1]]
    x.zero_grad()
    x[Tensor([True, False])].sum().backward()
    assert x.grad.tolist() == [[1, 1], [0, 0]]


def test_a_mask_of_rows_is_not_taken_for_their_numbers():
    """The mask [False, True] picks row 1, here twice; as numbers it would pick rows 0 and 1."""
    x = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    y = x[np.array([False, True]), np.array([1, 1])]
    assert y.data.tolist() == [4, 4]
    y.sum().backward()
    assert x.grad.tolist() == [[0, 0], [0, 2]]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_index_of_any_shape(data):
    shape = data.draw(npst.array_shapes(max_dims=3, max_side=4))
    index = data.draw(
        npst.basic_indices(shape, allow_newaxis=True)
        | npst.integer_array_indices(shape)
        | npst.arrays(bool, shape)
    )
    x = np.random.default_rng(0).normal(size=shape)
    weights = np.random.default_rng(1).normal(size=x[index].shape)
    expected = np.zeros_like(x)
    np.add.at(expected, index, weights)
    t = Tensor(x, requires_grad=True)
    t[index].backward(weights)
    np.testing.assert_allclose(t.grad, expected, rtol=1e-14)


# --- particular ops ------------------------------------------------------------------------------


def test_erf_equals_published_values():
    """Abramowitz & Stegun, table 7.1."""
    y = ops.erf(Tensor([0.0, 0.5, 1.0, 2.0]))
    np.testing.assert_allclose(y.data, [0, 0.5204998778, 0.8427007929, 0.9953222650], atol=5e-11)


def test_astype_returns_the_gradient_in_the_dtype_of_the_input():
    x = Tensor(np.array([1.0, 2.0], np.float32), requires_grad=True)
    y = x.astype(np.float64)
    assert y.dtype == np.float64
    (y * 3).sum().backward()
    assert x.grad.dtype == np.float32
    assert x.grad.tolist() == [3, 3]


def test_mean_of_many_float16_does_not_overflow():
    x = np.full(100_000, 2.0, np.float16)
    t = Tensor(x, requires_grad=True)
    y = t.mean()
    assert (y.dtype, y.item()) == (np.float16, 2.0)


def test_variance_with_one_degree_of_freedom_less():
    x = np.array([[1.0, 2.0, 4.0], [0.0, 5.0, 3.0]])
    for axis in (None, 0, 1, (0, 1)):
        expected = np.var(x, axis=axis, ddof=1)
        np.testing.assert_allclose(
            functions.var(Tensor(x), axis, ddof=1).data, expected, rtol=1e-15
        )
        np.testing.assert_allclose(functions.std(Tensor(x), axis, ddof=1).data, np.sqrt(expected))


def test_concatenate_of_tensors_and_arrays():
    a = Tensor([[1.0, 2.0]], requires_grad=True)
    y = ops.concatenate([a, np.zeros((2, 2)), [[5.0, 6.0]], a])
    assert y.shape == (5, 2)
    y.backward(np.arange(10.0).reshape(5, 2))
    assert a.grad.tolist() == [[0 + 8, 1 + 9]]


def test_stack_of_scalars():
    a, b = Tensor(1.0, requires_grad=True), Tensor(2.0, requires_grad=True)
    y = functions.stack([a, b, 3.0])
    assert y.data.tolist() == [1, 2, 3]
    (y * y).sum().backward()
    assert (a.grad.item(), b.grad.item()) == (2, 4)


def test_an_op_of_ones_own():
    """An Op is a forward function and its rules; nothing else is needed."""
    cube = Op(lambda x: x**3, lambda g, y, x: 3 * g * x**2, name="cube")
    check_gradients(cube, np.array([0.5, -2.0]), order=3)
    assert isinstance(cube(np.array(2.0)), np.floating)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_functions_keep_any_shape(name):
    f, _, domain = ELEMENTWISE[name]
    for shape in ((2, 0, 3), (1, 1), (2, 1, 3)):
        x = domain(np.random.default_rng(0), shape)
        assert f(Tensor(x)).shape == shape
        assert grad_of(f, x).shape == shape
