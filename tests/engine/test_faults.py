"""Faults that a review found, each with the right value: NumPy's where no source is named."""

import numpy as np
import pytest

import tinygrad_loss as tl
from tinygrad_loss import Op, Tensor, no_grad, optim


def leaf(data):
    return Tensor(data, requires_grad=True)


@pytest.mark.parametrize(
    "f", [lambda p: p.squeeze(), np.squeeze, Op(lambda x: x, lambda g, y, x: -g, name="reversal")]
)
def test_an_op_that_returns_its_input_does_not_lock_it(f):
    p = leaf([1.0, 2.0, 3.0])
    f(p).sum().backward()
    optim.SGD([p], lr=0.5).step()
    assert np.abs(p.data - [1, 2, 3]).tolist() == [0.5] * 3
    own = np.ones(3)
    f(Tensor(own, copy=False))
    own[0] = 2  # still the caller's to write into


@pytest.mark.parametrize(
    "view", [lambda p: p[::-1], lambda p: p.T, lambda p: p.reshape(2, 1)[:, 0], lambda p: p[:]]
)
def test_a_constant_that_is_a_view_of_a_leaf_does_not_change_with_it(view):
    p, w = leaf([1.0, 2.0]), leaf([1.0, 1.0])
    with no_grad():
        c = view(p)
    expected = c.data.copy()
    y = (w * c).sum()
    with no_grad():
        p -= 1
    y.backward()
    assert w.grad.tolist() == expected.tolist()


def test_a_computed_view_still_shares_its_memory():
    p = leaf(np.ones((100, 100)))
    assert np.shares_memory(p.T.data, p.data)


@pytest.mark.parametrize("container", [list, tuple, lambda x: {"s": x[0]}, lambda x: [{"s": x}]])
def test_a_tensor_anywhere_in_an_option_is_refused(container):
    op = Op(lambda x, cfg: x, lambda g, y, x, cfg: g, name="scaled")
    with pytest.raises(TypeError, match=r"scaled: .* requires grad, .* with respect to cfg"):
        op(Tensor([1.0]), cfg=container([leaf(2.0)]))


def test_a_constant_tensor_in_a_dict_is_its_data():
    op = Op(lambda x, cfg: x * cfg["s"], lambda g, y, x, cfg: g * cfg["s"], name="scaled")
    x = leaf([1.0, 2.0])
    y = op(x, cfg={"s": Tensor(3.0)})
    assert type(y.data) is np.ndarray
    y.sum().backward()
    assert x.grad.tolist() == [3, 3]


def test_an_option_with_its_default_value_is_not_recorded():
    x = leaf([1.0, -2.0])
    for y in (x.leaky_relu(), tl.leaky_relu(x), tl.leaky_relu(x, float("0.01")), x.sum()):
        _, _, _, options = y.origin
        assert options == {}
    _, _, _, options = tl.leaky_relu(x, 0.1).origin
    assert options == {"slope": 0.1}


def test_ops_of_ones_own_with_every_kind_of_parameter():
    x, z = leaf([2.0]), leaf([5.0])

    def check(y, expected, *slopes):
        for p in (x, z):
            p.zero_grad()
        y.sum().backward()
        assert y.tolist() == expected
        assert [None if p.grad is None else p.grad.item() for p in (x, z)] == list(slopes)

    scaled = Op(lambda x, /, k=2.0: x * k, lambda g, y, x, k=2.0: g * k, name="scaled")
    check(scaled(x), [4], 2, None)
    check(scaled(x, k=3.0), [6], 3, None)
    check(scaled(x, 3.0), [6], 3, None)
    named = Op(lambda x, **k: x * k["s"], lambda g, y, x, **k: g * k["s"], name="named")
    check(named(x, s=3.0), [6], 3, None)
    first, second = (lambda g, y, *xs, axis=0, i=i: g[i : i + 1] for i in (0, 1))
    joined = Op(lambda *xs, axis=0: np.concatenate(xs, axis), first, second, name="joined")
    check(joined(x, z), [2, 5], 1, 1)
    check(joined(x, z, axis=-1), [2, 5], 1, 1)


def test_an_input_that_is_left_out_is_missed_at_once():
    op = Op(lambda x, k=2.0: x * k, lambda g, y, x, k=2.0: g * k, lambda g, y, x, k=2.0: g * x)
    with pytest.raises(TypeError, match="expected 2 inputs"):
        op(leaf([1.0]))
    with pytest.raises(TypeError, match=r"multiply: .*expected 2 inputs"):
        tl.multiply(leaf([1.0]))


def test_lists_work_in_gradients_of_gradients():
    W, b = leaf([[1.0], [2.0]]), leaf([0.5])
    y = tl.linear([[3.0, 4.0]], W, b)
    (dW,) = tl.gradients((y * y).sum(), [W], create_graph=True)
    (twice,) = tl.gradients(dW.sum(), [W])  # of 2 x (x W + b): 2 sum(x) x
    assert twice.data.ravel().tolist() == [2 * 7 * 3, 2 * 7 * 4]
    with pytest.raises(ValueError, match="exp: "):
        tl.exp([[1.0], [1.0, 2.0]])


@pytest.mark.parametrize(
    ("ours", "numpys", "inputs"),
    [
        (tl.nanmean, np.nanmean, (np.ones(300, np.uint8),)),
        (tl.nanmean, np.nanmean, ([True, True],)),
        (tl.average, np.average, (np.full(3, 200, "u1"), None, np.full(3, 2, "u1"))),
        (tl.norm, np.linalg.norm, (np.array([16, 16], np.uint8),)),
        (tl.prod, np.prod, (np.array([200, 2], np.uint8),)),
        (tl.prod, np.prod, ([True, False],)),
    ],
)
def test_short_dtypes_do_not_overflow(ours, numpys, inputs):
    expected = np.asarray(numpys(*inputs))
    np.testing.assert_allclose(ours(*inputs), expected, rtol=1e-3)
    assert np.asarray(ours(*inputs)).dtype == expected.dtype


@pytest.mark.parametrize("draw", [lambda g: g.dot(), lambda g: g.text()])
def test_a_dtype_among_the_options_can_be_drawn(draw):
    logits = leaf(np.ones((2, 2), np.float16))
    loss = tl.cross_entropy(logits, [0, 1], weight=[1, 2], sample_weight=[1.0, 3.0])
    assert "float16" in draw(tl.draw(loss))


def test_a_power_of_booleans():
    p = leaf([3.0, 4.0])
    (p ** np.array([True, False])).sum().backward()
    assert p.grad.tolist() == [1, 0]


@pytest.mark.parametrize("argnums", [(0, 0), ()])
def test_argnums_are_some_and_different(argnums):
    with pytest.raises(TypeError, match="argnums="):
        tl.grad(lambda x, y: x * y, argnums)(2.0, 3.0)


def test_the_gradient_of_a_number_stays_an_array():
    p = leaf(2.0)
    for _ in range(3):
        (p * p).backward()
    assert type(p.grad) is np.ndarray
    p.grad.fill(0)
    assert p.grad == 0


def test_watch_shows_scopes_of_the_module_only():
    layer = tl.nn.Linear(2, 1, rng=np.random.default_rng(0))
    with tl.watch(layer) as watched:
        with tl.scope("train"):
            loss = tl.mean(layer(np.ones((3, 2))) ** 2)
        loss.backward()
    assert [row.name for row in watched.layers] == ["Linear"]
