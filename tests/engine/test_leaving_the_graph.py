"""What would quietly take a Tensor out of its graph: requires_grad, plain arrays, numbers."""

import math
import warnings

import numpy as np
import pytest

from tinygrad_loss import Tensor, no_grad
from tinygrad_loss.engine.mode import set_mode


def leaf(data, name=None, **options):
    return Tensor(data, requires_grad=True, name=name, **options)


# --- requires_grad --------------------------------------------------------------------------------


def test_requires_grad_can_be_switched_on_and_off_at_a_leaf():
    t = Tensor([1.0, 2.0])
    t.requires_grad = True
    (t * t).sum().backward()
    assert t.grad.tolist() == [2, 4]
    t.requires_grad = False
    assert not (t * t).requires_grad
    t.requires_grad = np.bool_(True)
    assert t.requires_grad is True
    t.requires_grad = np.False_
    assert t.requires_grad is False


@pytest.mark.parametrize("data", [[1, 2], [True, False], 3, np.array([1], np.uint8)])
def test_what_has_no_derivatives_cannot_require_grad_later_either(data):
    """faults.md A8: an int64 gradient, .5 cut to 0."""
    t = Tensor(data)
    with pytest.raises(TypeError, match=rf"{t.dtype} cannot require grad.*dtype=float"):
        t.requires_grad = True
    assert t.requires_grad is False
    t.requires_grad = False


def test_requires_grad_of_a_computed_tensor_stays():
    w = leaf([1.0, 2.0])
    y = w * 2
    y.requires_grad = True  # so it is
    with pytest.raises(RuntimeError, match=r"made by multiply.*cannot be changed.*detach\(\)"):
        y.requires_grad = False
    y.sum().backward()
    assert w.grad.tolist() == [2, 2]


@pytest.mark.parametrize("value", [1, 0, None, "yes", 1.0, [True], np.array(True), Tensor(True)])
def test_requires_grad_is_true_or_false(value):
    t = Tensor([1.0])
    with pytest.raises(TypeError, match=r"requires_grad is .*expected True or False"):
        t.requires_grad = value
    with pytest.raises(TypeError, match=r"requires_grad is .*expected True or False"):
        Tensor([1.0], requires_grad=value)
    assert t.requires_grad is False


def test_a_numpy_bool_in_the_constructor():
    assert Tensor([1.0], requires_grad=np.True_).requires_grad is True


@pytest.mark.parametrize("make", ["detach", "no_grad", "constant", "detach of a leaf"])
def test_what_begins_to_require_grad_has_its_own_writable_data(make):
    w = leaf([1.0, 2.0])
    y = w * 2
    if make == "detach":
        t, source = y.detach(), y
    elif make == "detach of a leaf":
        t, source = w.detach(), w
    elif make == "no_grad":
        with no_grad():
            t, source = w * 2, w
    else:
        t, source = Tensor([2.0, 4.0]) * 1, w
    before = source.data.copy()
    values = t.data.copy()
    t.requires_grad = True
    assert not np.shares_memory(t.data, source.data)
    with no_grad():
        t -= 1
    t.data -= 1
    t.data[0] -= 1
    np.testing.assert_array_equal(t.data, values - [3, 2])
    np.testing.assert_array_equal(source.data, before)
    (t * t).sum().backward()
    np.testing.assert_array_equal(t.grad, 2 * t.data)


# --- out of the graph: arrays ---------------------------------------------------------------------

T = leaf([1.0, 2.0])
NUMBER = leaf(2.0)


def written(shape, index, value):
    out = np.zeros(shape)
    out[index] = value
    return out


TO_ARRAYS = {
    "asarray": lambda t: np.asarray(t),
    "array": lambda t: np.array(t),
    "array copy=False": lambda t: np.array(t, copy=False),
    "asarray dtype": lambda t: np.asarray(t, dtype=np.float32),
    "asanyarray": lambda t: np.asanyarray(t),
    "ascontiguousarray": lambda t: np.ascontiguousarray(t),
    "array of a list": lambda t: np.array([t, t]),
    "array of a tuple": lambda t: np.array((t, t)),
    "array of nested lists": lambda t: np.array([[t], [t]]),
    "array of one": lambda t: np.array([t]),
    "array of objects": lambda t: np.array([t, t], dtype=object),
    "array of floats": lambda t: np.array([t, t], dtype=float),
    "out[:] = t": lambda t: written(t.shape or 2, slice(None), t),
    "out[...] = t": lambda t: written(t.shape, ..., t),
    "out[i, :] = t": lambda t: written((2, *(t.shape or (2,))), (0, slice(None)), t),
    "out[mask] = t": lambda t: written(2, [True, True], t),
    "out[list] = t": lambda t: written(2, [0, 1], t),
    "out[:] = [t]": lambda t: written((1, *t.shape), slice(None), [t]),
    "full": lambda t: np.full((3, *t.shape), t),
    "masked": lambda t: np.ma.array(t),
    "random": lambda t: np.random.default_rng(0).normal(t),
}


@pytest.mark.parametrize("t", [T, NUMBER, T * 2, NUMBER * 2, leaf([3.0])], ids=repr)
@pytest.mark.parametrize("convert", TO_ARRAYS.values(), ids=TO_ARRAYS)
def test_an_array_of_what_requires_grad_is_refused(convert, t):
    for mode in (set_mode(), no_grad()):
        with mode, pytest.raises(RuntimeError) as error:
            convert(t)
        for part in (
            f"{t.name or 'A Tensor'} {t.shape}",
            "t.item()",
            "t.data",
            "t.detach()",
            "tl.stack([...])",
        ):
            assert part in str(error.value)


@pytest.mark.parametrize("data", [[1.0, 2.0], 2.0, [3.0], [1, 2], np.float32(2)], ids=repr)
@pytest.mark.parametrize("convert", TO_ARRAYS.values(), ids=TO_ARRAYS)
def test_an_array_of_what_does_not_require_grad_is_as_that_of_its_data(convert, data, request):
    t = Tensor(data)
    got, expected = convert(t), convert(t.data)
    assert type(got) is type(expected)
    if "objects" not in request.node.name:
        assert np.asarray(got).dtype == np.asarray(expected).dtype
        np.testing.assert_array_equal(got, expected)


def test_the_ways_out_that_the_error_names():
    assert np.asarray(T.detach()).tolist() == np.asarray(T.data).tolist() == [1, 2]
    with no_grad():
        assert np.asarray(T * 2).tolist() == [2, 4]


def test_asarray_shares_and_array_copies():
    t = Tensor([1.0, 2.0])
    assert np.shares_memory(np.asarray(t), t.data)
    assert not np.shares_memory(np.array(t), t.data)
    assert not np.shares_memory(np.asarray(t, copy=True), t.data)


# --- out of the graph: numbers --------------------------------------------------------------------

TO_NUMBERS = {
    "float": lambda t: float(t),
    "int": lambda t: int(t),
    "complex": lambda t: complex(t),
    "math.log": lambda t: math.log(t),
    "math.sqrt": lambda t: math.sqrt(t),
    "math.pow": lambda t: math.pow(2, t),
    "math.floor": lambda t: math.floor(t),
    "percent": lambda t: "%.3f" % t,  # noqa: UP031
    "out[i] = t": lambda t: written(2, 0, t),
    "out[i, j] = t": lambda t: written((2, 2), (0, 1), t),
    "float64": lambda t: np.float64(t),
}


@pytest.mark.parametrize("t", [NUMBER, NUMBER * 1, leaf([2.0])], ids=repr)
@pytest.mark.parametrize("convert", TO_NUMBERS.values(), ids=TO_NUMBERS)
def test_a_number_of_what_requires_grad_warns_where_it_is_written(convert, t):
    with pytest.warns(UserWarning, match=r"t\.item\(\)") as caught:
        got = convert(t)
    np.testing.assert_array_equal(got, convert(t.item()))
    assert len(caught) == 1
    assert "t.item()" in str(caught[0].message)
    assert "tl.stack([...])" in str(caught[0].message)
    assert caught[0].filename == __file__
    # On the line of the caller: of `convert`, or of the assignment that it calls.
    lines = {convert.__code__.co_firstlineno, written.__code__.co_firstlineno + 2}
    assert caught[0].lineno in lines


@pytest.mark.parametrize("t", [Tensor(2.0), Tensor([2.0]), Tensor(2), NUMBER.detach()], ids=repr)
@pytest.mark.parametrize("convert", TO_NUMBERS.values(), ids=TO_NUMBERS)
def test_a_number_of_what_does_not_require_grad_is_silent(convert, t):
    np.testing.assert_array_equal(convert(t), convert(t.item()))


@pytest.mark.parametrize("t", [NUMBER, NUMBER * 1, leaf([2.0])], ids=repr)
def test_what_says_that_it_gives_numbers_is_silent(t):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert t.item() == 2
        assert np.ravel(t.tolist()).tolist() == [2]
        assert f"{t:.2f}" == format(t, ".2f") == "2.00"
        assert f"{t}" == (repr(t) if t.ndim else "2.0")
        assert str(t) == repr(t)
        assert bool(t)
        assert t.data.item() == t.numpy().item() == 2
        assert t == 2
        assert 1 < t <= 2
        assert len(t) == 1 if t.ndim else t.shape == ()


def test_several_elements_are_no_number_with_no_warning_before():
    for f in (float, int, complex, math.log):
        with pytest.raises((ValueError, TypeError), match="size 1"):
            f(T)
    out = np.zeros(3)
    with pytest.raises((ValueError, TypeError, RuntimeError)):
        out[0] = T


def test_integer_things_stay_refused():
    for f in (range, lambda t: [1, 2, 3][t], round, lambda t: "ab" * t):
        with pytest.raises(TypeError):
            f(NUMBER)
