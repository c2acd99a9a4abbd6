"""Lists, tuples and dicts of Tensors, to any depth; and the seed as a part of the graph."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tinygrad_loss import Tensor, check_gradients, exp, gradients, nn, sin
from tinygrad_loss.engine.arrays import flattened, mapped, parameters_in

Pair = namedtuple("Pair", ["left", "right"])


def leaf(data, name=None):
    return Tensor(data, requires_grad=True, name=name)


# --- leaves and mapped ----------------------------------------------------------------------------


nests = st.recursive(
    st.integers() | st.text(max_size=2) | st.none() | st.just(np.float64(1.5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=2), inner, max_size=3),
        st.tuples(inner, inner).map(lambda pair: Pair(*pair)),
    ),
    max_leaves=12,
)


@given(nests)
def test_a_nest_mapped_by_identity_is_the_nest(nest):
    again = mapped(lambda x: x, nest)
    assert again == nest
    assert repr(again) == repr(nest)  # the types and the order too
    if isinstance(nest, list | dict):
        assert again is not nest


@given(nests)
def test_the_leaves_of_a_mapped_nest_are_the_mapped_leaves(nest):
    assert list(flattened(mapped(repr, nest))) == [repr(x) for x in flattened(nest)]


@given(nests)
def test_mapped_visits_in_the_order_of_leaves(nest):
    visited = []
    mapped(visited.append, nest)
    assert visited == list(flattened(nest))


@given(nests)
def test_there_is_no_container_among_leaves(nest):
    assert not any(isinstance(x, list | tuple | dict) for x in flattened(nest))


def test_a_tensor_or_array_is_a_leaf_and_not_iterated_over():
    t, x = Tensor([1.0, 2.0]), np.ones((2, 2))
    assert [type(y) for y in flattened([t, {"x": x}])] == [Tensor, np.ndarray]
    assert next(flattened(t)) is t


def test_parameters_in_whatever_holds_them():
    a, b = leaf(1.0), leaf(2.0)
    for given_as in ([a, b], (a, b), {"a": a, "b": b}, [[a], {"b": b}], iter([a, b]),
                     {"a": a, "b": b}.values(), (x for x in (a, b)), Pair(a, b)):  # fmt: skip
        found = parameters_in("f: params", given_as)
        assert [id(x) for x in found] == [id(a), id(b)]
    assert parameters_in("f: params", []) == []
    for none in (a, 3.0, None):
        with pytest.raises(TypeError, match=r"^f: params is a .*; expected a list of Tensors"):
            parameters_in("f: params", none)


# --- gradients with respect to nests --------------------------------------------------------------


def pair():
    a, b = leaf(2.0, "a"), leaf([3.0, 4.0], "b")
    return a, b, (a * a * b).sum()  # da = 2 a sum(b) = 28, db = a^2 = 4


def test_a_dict_gives_a_dict():
    a, b, y = pair()
    found = gradients(y, {"a": a, "b": b})
    assert list(found) == ["a", "b"]
    assert type(found) is dict
    assert found["a"].item() == 28
    assert found["b"].data.tolist() == [4, 4]
    assert (a.grad, b.grad) == (None, None)


@pytest.mark.parametrize("kind", ["list", "tuple", "iterator", "dict view"])
def test_what_is_flat_gives_a_tuple(kind):
    a, b, y = pair()
    inputs = {
        "list": [a, b],
        "tuple": (a, b),
        "iterator": iter([a, b]),
        "dict view": {"a": a, "b": b}.values(),
    }
    found = gradients(y, inputs[kind])
    assert type(found) is tuple
    assert found[0].item() == 28
    assert found[1].data.tolist() == [4, 4]


def test_nests_give_nests():
    a, b, y = pair()
    nested = gradients(y, [a, [b, (a,)]])
    assert type(nested) is list
    assert type(nested[1]) is list
    assert type(nested[1][1]) is tuple
    assert nested[0].item() == nested[1][1][0].item() == 28
    assert nested[1][0].data.tolist() == [4, 4]

    deep = gradients(y, {"layers": [{"w": a}, {"w": b}], "none": [], "pair": Pair(a, b)})
    assert deep["layers"][0]["w"].item() == 28
    assert deep["none"] == []
    assert type(deep["pair"]) is Pair
    assert deep["pair"].right.data.tolist() == [4, 4]

    ordered = gradients(y, OrderedDict(b=b, a=a))
    assert list(ordered) == ["b", "a"]


def test_empty_nests():
    _, _, y = pair()
    assert gradients(y, []) == ()
    assert gradients(y, ()) == ()
    assert gradients(y, {}) == {}
    assert gradients(y, [[], {}]) == [[], {}]


def test_zeros_in_a_nest_for_what_the_output_does_not_depend_on():
    a, _, y = pair()
    other = Tensor(np.ones((2, 3), np.float32), requires_grad=True)
    found = gradients(y, {"a": a, "more": [other]})
    assert found["more"][0].data.tolist() == [[0, 0, 0]] * 2
    assert found["more"][0].dtype == np.float32


def test_a_nest_with_create_graph_can_be_differentiated_again():
    a, b, y = pair()
    first = gradients(y, {"a": a, "rest": [b]}, create_graph=True)
    second = gradients(first["a"] + first["rest"][0].sum(), {"a": a, "rest": [b]})
    assert second["a"].item() == 2 * 7 + 4 * 2  # of 2 a sum(b) + 2 a^2
    assert second["rest"][0].data.tolist() == [4, 4]


def test_the_parameters_of_a_model_in_a_dict():
    model = nn.MLP([2, 3, 1], activation="tanh", rng=np.random.default_rng(0))
    loss = (model(np.ones((4, 2))) ** 2).mean()
    named = dict(model.named_parameters())
    found = gradients(loss, named)
    loss.backward()
    assert list(found) == list(named)
    for name, p in named.items():
        np.testing.assert_array_equal(found[name].data, p.grad)


@pytest.mark.parametrize(
    ("make", "place", "shown"),
    [
        (lambda a, b: [a, 1.0], 1, "1.0"),
        (lambda a, b: {"a": a, "b": None}, 1, "None"),
        (lambda a, b: [[a], [b, "w"]], 2, "'w'"),
        (lambda a, b: [np.ones(2)], 0, "array"),
        (lambda a, b: {"a": [a, Tensor(1.0)]}, 1, "Tensor"),
        (lambda a, b: "ab", 0, "'a'"),
        (lambda a, b: np.ones(2), 0, "1.0"),
        (lambda a, b: [a.detach()], 0, "Tensor"),
    ],
)
def test_leaves_that_are_no_inputs(make, place, shown):
    a, b, y = pair()
    with pytest.raises(ValueError) as error:
        gradients(y, make(a, b))
    assert f"inputs[{place}] is " in str(error.value)
    assert shown in str(error.value)
    assert "requires_grad=True" in str(error.value)


@pytest.mark.parametrize("inputs", [3.0, None, len])
def test_what_is_no_collection(inputs):
    with pytest.raises(TypeError, match=r"gradients: inputs is a .*expected a list"):
        gradients(pair()[2], inputs)


# --- the seed -------------------------------------------------------------------------------------

X = np.array([0.3, -0.7, 1.2])
WEIGHTS = np.array([1.0, 2.0, -1.0])


def slope(x):
    return np.exp(x) * (np.sin(x) + np.cos(x))  # of exp(x) sin(x)


def test_a_seed_that_requires_grad_is_part_of_the_graph():
    """faults.md A3. The gradient is V y'(x), so d/dV of sum(w V y') is w y'; and by x, w V y''."""
    x, V = leaf(X), leaf([2.0, -1.0, 0.5])
    (g,) = gradients(exp(x) * sin(x), [x], grad=V, create_graph=True)
    np.testing.assert_allclose(g.data, V.data * slope(X), rtol=1e-14)
    dV, dx = gradients((WEIGHTS * g).sum(), [V, x])
    np.testing.assert_allclose(dV.data, [1.6885, 0.1198, -4.2975], atol=5e-5)
    np.testing.assert_allclose(dV.data, WEIGHTS * slope(X), rtol=1e-14)
    np.testing.assert_allclose(dx.data, WEIGHTS * V.data * 2 * np.exp(X) * np.cos(X), rtol=1e-13)

    (WEIGHTS * g).sum().backward()
    np.testing.assert_allclose(V.grad, WEIGHTS * slope(X), rtol=1e-14)


def test_a_computed_seed_and_one_that_depends_on_the_input():
    x, u = leaf(X), leaf(2.0)
    (g,) = gradients(exp(x), [x], grad=u * x, create_graph=True)  # u x e^x: the seed is not derived
    np.testing.assert_allclose(g.data, 2 * X * np.exp(X), rtol=1e-14)
    du, dx = gradients(g.sum(), [u, x])
    assert du.item() == pytest.approx((X * np.exp(X)).sum(), rel=1e-14)
    np.testing.assert_allclose(dx.data, 2 * (1 + X) * np.exp(X), rtol=1e-14)


def test_the_seed_of_a_leaf_itself_comes_back():
    x, V = leaf(X), leaf(WEIGHTS)
    (g,) = gradients(x, [x], grad=V, create_graph=True)
    np.testing.assert_array_equal(g.data, WEIGHTS)
    np.testing.assert_array_equal(gradients(g.sum(), [V])[0].data, [1, 1, 1])


def test_forward_mode_by_two_reverse_passes():
    """The derivative of V -> J^T V is J: J u, the derivative along u (the trick of Townsend)."""
    x, u, A = leaf(X), np.array([1.0, 0.5, -2.0]), np.arange(6.0).reshape(2, 3)
    y = sin(Tensor(A) @ x)
    V = leaf(np.zeros(2))
    (g,) = gradients(y, [x], grad=V, create_graph=True)
    (along,) = gradients((g * u).sum(), [V])
    np.testing.assert_allclose(along.data, np.cos(A @ X) * (A @ u), rtol=1e-14)


def test_check_gradients_through_a_seed():
    def f(x, V):
        (g,) = gradients(exp(x) * sin(x), [x], grad=V, create_graph=True)
        return g

    check_gradients(f, X, WEIGHTS, order=2)


def test_a_seed_without_create_graph_is_a_number_and_stays_untouched():
    x, V = leaf(X), leaf(WEIGHTS)
    y = exp(x)
    (g,) = gradients(y, [x], grad=V)
    assert not g.requires_grad
    np.testing.assert_allclose(g.data, WEIGHTS * np.exp(X))
    y.backward(V)
    np.testing.assert_allclose(x.grad, g.data)
    assert V.grad is None


@pytest.mark.parametrize(
    "seed", [WEIGHTS, [1, 2, -1], Tensor(WEIGHTS), WEIGHTS.astype("f4"), Tensor([1, 2, -1])]
)
@pytest.mark.parametrize("create_graph", [False, True])
def test_seeds_that_are_constants(seed, create_graph):
    x = leaf(X)
    (g,) = gradients(exp(x), [x], grad=seed, create_graph=create_graph)
    np.testing.assert_allclose(g.data, WEIGHTS * np.exp(X), rtol=1e-14)
    assert g.requires_grad is create_graph
    assert g.dtype == np.float64


@pytest.mark.parametrize(("of_x", "of_seed"), [("f4", "f8"), ("f8", "f4")])
def test_a_seed_of_another_precision_keeps_its_graph_too(of_x, of_seed):
    x, V = leaf(X.astype(of_x)), leaf(WEIGHTS.astype(of_seed))
    (g,) = gradients(exp(x), [x], grad=V, create_graph=True)
    assert g.dtype == of_x
    (dV,) = gradients(g.sum(), [V])
    assert dV.dtype == of_seed
    np.testing.assert_allclose(dV.data, np.exp(X), rtol=1e-6)


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_seed_of_another_shape(create_graph):
    x = leaf(X)
    for seed in (leaf(1.0), leaf([1.0, 2.0]), np.ones((1, 3)), 1.0):
        with pytest.raises(ValueError, match=r"grad has shape .*expected \(3,\)"):
            gradients(exp(x), [x], grad=seed, create_graph=create_graph)
