"""grad and value_and_grad: type in, type out; nested in each other; in other people's programs."""

import inspect
from collections import namedtuple

import numpy as np
import pytest

import tinygrad_loss as tl
from tinygrad_loss import Tensor, grad, gradients, no_grad, value_and_grad
from tinygrad_loss.engine.ops import Op


def leaf(data, name=None):
    return Tensor(data, requires_grad=True, name=name)


def cube(x):
    return (x**3).sum()


def plain(x):
    """Whether x is an array, and one's own: nobody else's, and not frozen."""
    return type(x) is np.ndarray and x.flags.writeable and x.flags.owndata


# --- what comes out: arrays -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "x",
    [2.0, np.float64(2), np.float32(2), np.float16(2), np.array(2.0), np.array(2, np.float32),
     np.array([1.0, 2.0]), np.array([[1.0], [2.0]], np.float32), np.zeros((0, 3))],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("under_no_grad", [False, True])
def test_of_arrays_and_numbers_arrays(x, under_no_grad):
    kept = np.array(x)
    with no_grad() if under_no_grad else np.errstate():
        value, slope = value_and_grad(cube)(x)
        alone = grad(cube)(x)
    for found in (value, slope, alone):
        assert plain(found)
        assert found.dtype == np.asarray(x).dtype
    assert value.shape == ()
    assert slope.shape == np.shape(x)
    np.testing.assert_allclose(value, np.sum(kept**3))
    np.testing.assert_array_equal(slope, 3 * kept**2)
    np.testing.assert_array_equal(alone, slope)
    np.testing.assert_array_equal(x, kept)


def test_the_function_is_given_tensors_and_the_caller_keeps_his_array():
    given_to = []
    x = np.array([1.0, 2.0])

    def f(x, label, *, factor):
        given_to.extend([x, label, factor])
        return (x * label * factor).sum()

    slope = grad(f)(x, x, factor=2)
    assert [type(t) for t in given_to] == [Tensor, np.ndarray, int]
    assert given_to[1] is x
    assert slope.tolist() == [2, 4]
    assert not np.shares_memory(slope, x)


def test_results_are_shared_with_nobody():
    x, c = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    value, (a, b) = value_and_grad(lambda x, y: ((x + y) * c).sum(), (0, 1))(x, x)
    for one in (value, a, b):
        for other in (value, a, b, x, c):
            assert one is other or not np.shares_memory(one, other)
    number, slope = value_and_grad(lambda x: x)(2.0)
    assert plain(number)
    assert plain(slope)
    assert (number, slope) == (2, 1)


def test_steps_with_plain_arrays_stay_plain():
    """faults.md A13: w dragged every earlier step along, ever slower."""
    X = np.random.default_rng(0).normal(size=(20, 3))
    y = X @ [1.0, -2.0, 0.5]
    graph = []

    def loss(w):
        value = tl.mean_squared_error(X @ w, y)
        graph.append(len(tl.engine.copies.ancestors(value)))
        return value

    w = np.zeros(3)
    for _ in range(200):
        w = w - 0.2 * grad(loss)(w)
        assert type(w) is np.ndarray
    np.testing.assert_allclose(w, [1, -2, 0.5], atol=1e-6)
    assert len(set(graph)) == 1

    w -= 0.2 * grad(loss)(w)  # in place, too
    number = 3.0
    for _ in range(50):
        number = number - 0.25 * grad(lambda x: x * x)(number)
    assert isinstance(number, np.ndarray | float)
    assert abs(number) < 1e-12


def kinds_that_rules_see():
    seen = []

    def rule(g, y, x):
        seen.append(type(x))
        return g * 2 * x

    return Op(np.square, rule, name="watched"), seen


def test_no_graph_of_the_gradient_is_made_unless_it_is_needed():
    square, seen = kinds_that_rules_see()
    grad(square)(3.0)
    grad(square)(Tensor(3.0))
    with no_grad():
        grad(square)(leaf(3.0))
        grad(lambda x: square(x) * leaf(2.0))(3.0)
    assert seen == [np.ndarray] * 4
    grad(square)(leaf(3.0))
    grad(lambda x: square(x) * leaf(2.0))(3.0)
    assert seen[4:] == [Tensor] * 2


# --- what comes out: Tensors ----------------------------------------------------------------------


def test_of_a_tensor_that_requires_grad_tensors_with_a_graph():
    x = leaf([1.0, 2.0])
    value, slope = value_and_grad(cube)(x)
    assert type(value) is type(slope) is Tensor
    assert slope.data.tolist() == [3, 12]
    assert gradients(value, [x])[0].data.tolist() == [3, 12]
    assert gradients(slope.sum(), [x])[0].data.tolist() == [6, 12]
    assert x.grad is None


def test_of_a_computed_tensor_too():
    w = leaf([0.5, 1.0])
    slope = grad(cube)(w * 2)
    assert slope.data.tolist() == [3, 12]
    assert gradients(slope.sum(), [w])[0].data.tolist() == [12, 24]  # 2 * 6 x


def test_of_a_tensor_that_does_not_tensors_without_a_graph():
    x = Tensor(np.array([1.0, 2.0], np.float32))
    value, slope = value_and_grad(cube)(x)
    assert type(value) is type(slope) is Tensor
    assert (value.requires_grad, slope.requires_grad) == (False, False)
    assert (value.dtype, slope.dtype) == (np.float32, np.float32)
    assert slope.data.tolist() == [3, 12]
    assert (x.requires_grad, x.grad) == (False, None)


def test_under_no_grad_tensors_without_a_graph():
    x, w = leaf([1.0, 2.0]), leaf(2.0)
    with no_grad():
        value, slope = value_and_grad(lambda x: cube(x) * w)(x)
        closure_value, closure_slope = value_and_grad(lambda x: cube(x) * w)(x.data)
    assert type(value) is type(slope) is Tensor
    assert (value.requires_grad, slope.requires_grad) == (False, False)
    assert slope.data.tolist() == closure_slope.tolist() == [6, 24]
    assert plain(closure_value)
    assert plain(closure_slope)


@pytest.mark.parametrize("how", ["closure", "argument", "option", "through an op"])
def test_a_value_that_depends_on_another_tensor_keeps_the_graph(how):
    w = leaf(5.0)
    f = lambda x, w: w * x * x  # noqa: E731
    value, slope = {
        "closure": lambda: value_and_grad(lambda x: f(x, w))(3.0),
        "argument": lambda: value_and_grad(f)(3.0, w),
        "option": lambda: value_and_grad(f)(3.0, w=w),
        "through an op": lambda: value_and_grad(f)(3.0, w * 1),
    }[how]()
    assert type(value) is type(slope) is Tensor
    assert (value.item(), slope.item()) == (45, 30)
    assert gradients(value, [w])[0].item() == 9
    assert gradients(slope, [w])[0].item() == 6


@pytest.mark.parametrize(
    "constant", [Tensor(5.0), np.array(5.0), 5.0, leaf(5.0).detach()], ids=repr
)
def test_a_value_that_depends_on_constants_only_is_plain(constant):
    value, slope = value_and_grad(lambda x: constant * x * x)(3.0)
    assert plain(value)
    assert plain(slope)
    assert (value, slope) == (45, 30)


@pytest.mark.parametrize(
    "f",
    [lambda x: Tensor(5.0), lambda x: x.detach() * 2, lambda x: Tensor(x.item())],
    ids=["constant", "detached", "item"],
)
def test_a_value_that_does_not_depend_on_the_argument(f):
    value, slope = value_and_grad(f)(2.0)
    assert plain(value)
    assert plain(slope)
    assert slope == 0
    value, slope = value_and_grad(f)(Tensor(2.0))
    assert type(value) is type(slope) is Tensor
    assert slope.item() == 0


def test_a_tensor_that_the_value_does_not_depend_on_does_not_matter():
    unused = leaf(2.0)
    slope = grad(lambda x, y: x * x)(3.0, unused)
    assert plain(slope)
    both = grad(lambda x, y: x * x, (0, 1))(3.0, unused)
    assert plain(both[0])
    assert type(both[1]) is Tensor
    assert both[1].item() == 0


def test_mixed_arguments():
    def f(a, b, c):
        return (a * b**2 * c).sum()

    a, b, c = np.array([2.0, 1.0]), Tensor(3.0), 5.0
    da, db, dc = grad(f, (0, 1, 2))(a, b, c)
    assert plain(da)
    assert type(db) is Tensor
    assert plain(dc)
    assert (da.tolist(), db.item(), dc) == ([45, 45], 90, 27)
    value, (db,) = value_and_grad(f, (1,))(a, b, c)
    assert type(value) is Tensor
    assert plain(value_and_grad(f)(a, b, c)[0])

    b.requires_grad = True
    for found in grad(f, (0, 1, 2))(a, b, c):
        assert type(found) is Tensor
        assert found.requires_grad
    assert b.grad is None


def test_argnums():
    f = lambda a, b, c: a * b**2 * c  # noqa: E731
    assert grad(f)(2.0, 3.0, 5.0) == 45
    assert grad(f, 1)(2.0, 3.0, 5.0) == 60
    dc, da = grad(f, (2, 0))(2.0, 3.0, 5.0)
    assert (dc, da) == (18, 45)
    assert grad(f, (1,))(2.0, 3.0, 5.0) == (60,)
    value, (db,) = value_and_grad(f, (1,))(2.0, 3.0, 5.0)
    assert (value, db) == (90, 60)


def test_the_same_tensor_as_two_arguments():
    x = leaf(3.0)
    da, db = grad(lambda a, b: a * a * b, (0, 1))(x, x)
    assert (da.item(), db.item()) == (18, 9)
    assert x.grad is None


def test_a_closure_over_the_argument_itself_is_another_variable():
    x = leaf(3.0)
    slope = grad(lambda y: x * y)(x)
    assert slope.item() == 3
    assert gradients(slope, [x])[0].item() == 1


def test_what_is_returned_looks_like_the_function():
    def loss(weights, scale=1.0):
        """Doc."""
        return cube(weights) * scale

    for transformed in (grad(loss), value_and_grad(loss)):
        assert (transformed.__name__, transformed.__doc__) == ("loss", "Doc.")
        assert str(inspect.signature(transformed)) == "(weights, scale=1.0)"
    assert grad(loss)(1.0, scale=2.0) == 6


# --- nests ----------------------------------------------------------------------------------------

Layer = namedtuple("Layer", ["weight", "bias"])


def total(nest):
    return sum((x * x).sum() for x in tl.engine.arrays.flattened(nest))


@pytest.mark.parametrize(
    "nest",
    [
        [1.0, 2.0],
        (1.0, 2.0),
        {"w": 1.0, "b": np.array([2.0, 3.0], np.float32)},
        [(np.ones((2, 2)), np.ones(2)), (np.ones((2, 1)), 1.0)],
        {"layers": [{"w": 1.0}, {"w": np.ones(3)}], "scale": (2.0,)},
        Layer(np.ones((2, 2)), 3.0),
        [Layer(1.0, 2.0), Layer(3.0, 4.0)],
        [[], 1.0, {}],
    ],
    ids=repr,
)
def test_a_nest_has_a_gradient_of_its_own_structure(nest):
    def check(found, x):
        assert type(found) is type(x) or not isinstance(x, list | tuple | dict)
        if isinstance(x, dict):
            assert list(found) == list(x)
            found, x = list(found.values()), list(x.values())
        if isinstance(x, list | tuple):
            assert len(found) == len(x)
            for f, y in zip(found, x, strict=True):
                check(f, y)
        else:
            assert plain(found)
            assert found.dtype == np.asarray(x).dtype
            np.testing.assert_array_equal(found, 2 * np.asarray(x))

    value, slope = value_and_grad(total)(nest)
    check(slope, nest)
    assert plain(value)
    check(grad(total, (0,))(nest)[0], nest)


def test_the_empty_nest():
    assert grad(lambda nest: Tensor(1.0))({}) == {}
    assert value_and_grad(lambda nest: Tensor(1.0))([]) == (1, [])


def test_a_nest_of_tensors_and_arrays():
    w, x = leaf([1.0, 2.0]), Tensor(3.0)
    found = grad(total)({"x": x, "array": np.ones(2)})
    assert type(found["x"]) is Tensor
    assert not found["x"].requires_grad
    assert plain(found["array"])
    found = grad(total)({"w": w, "array": np.ones(2)})
    assert [type(g) for g in found.values()] == [Tensor, Tensor]
    assert gradients(found["w"].sum(), [w])[0].data.tolist() == [2, 2]


def test_the_same_array_twice_in_a_nest_counts_twice():
    x = np.array([1.0, 2.0])
    assert [g.tolist() for g in grad(lambda p: (p[0] * p[1] * 3).sum())([x, x])] == [[3, 6]] * 2


def test_two_nests_and_a_label():
    def f(a, label, b):
        return a["w"] * b[0] * label

    da, db = grad(f, (0, 2))({"w": 2.0}, 10, [3.0])
    assert (da, db) == ({"w": 30}, [20])


def test_a_nested_grad_of_nests():
    """d/dw of |grad_x(w x^2)|^2 at w = 3, x = 2: 2 (2 w x) (2 x) = 96."""
    inner = lambda p: grad(lambda q: p["w"] * q[0] ** 2)([2.0])[0]  # noqa: E731
    assert grad(lambda p: inner(p) ** 2)({"w": 3.0})["w"] == 96
