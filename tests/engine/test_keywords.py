"""What goes forward goes back: a call of NumPy's is right, with its gradient, or it is refused.

Every function that takes Tensors is called as NumPy's, as ours and as a method, with every argument
that NumPy's has, by position and by name, in all sorts of values. Either value, shape, dtype and
gradient are right (the value is NumPy's, the gradient agrees with differences of it), or an error
names the function and the argument. faults.md D1.
"""

import inspect
import warnings

import numpy as np
import pytest

from tinygrad_loss import Tensor, gradients
from tinygrad_loss.engine import functions, ops
from tinygrad_loss.engine.numpy_protocol import DIFFERENTIABLE

from .numpys import ORDER, A, C, V, W, X, numpys, ours, recorded, tensors_in

# The ufuncs with a row in the table, or made of such.
UFUNCS = [
    name
    for name in (*ops.__all__, *functions.__all__)
    if isinstance(getattr(np, name, None), np.ufunc) and name != "matmul"
]
# NumPy's function: its inputs, and the arguments with which it is called otherwise.
CALLS = {
    **{name: ([X, X[::-1] + 0.1][: getattr(np, name).nin], {}) for name in UFUNCS},
    **{name: ([X], {}) for name in (
        "sum", "mean", "max", "min", "amax", "amin", "prod", "var", "std", "median", "nansum",
        "nanmean", "cumsum", "average", "diff", "ravel", "flip", "sort", "trace", "diagonal",
        "diag", "transpose", "atleast_1d", "atleast_2d", "linalg.norm", "squeeze",
    )},
    **{name: ([[X, X]], {}) for name in (
        "concatenate", "stack", "vstack", "hstack", "column_stack",
    )},
    "matmul": ([X, W], {}), "dot": ([X, W], {}), "inner": ([X, V], {}), "outer": ([V, V], {}),
    "tensordot": ([C, X], {"axes": 2}), "where": ([X > 1, X, X + 1], {}),
    "clip": ([X], {"a_min": 0.5, "a_max": 1.5}), "linalg.inv": ([A], {}),
    "linalg.solve": ([A, V[:3]], {}), "reshape": ([X], {"shape": (4, 3)}),
    "broadcast_to": ([X], {"shape": (2, 3, 4)}), "expand_dims": ([X], {"axis": 0}),
    "swapaxes": ([X], {"axis1": 0, "axis2": 1}), "roll": ([X], {"shift": 1}),
    "repeat": ([X], {"repeats": 2}), "tile": ([X], {"reps": 2}),
    "take_along_axis": ([X], {"indices": ORDER, "axis": 1}),
    "split": ([X], {"indices_or_sections": 2, "axis": 1}),
    **({"astype": ([X, np.float32], {})} if hasattr(np, "astype") else {}),  # since NumPy 2.1
}  # fmt: skip
ELSEWHERE = {"einsum", "linalg.slogdet"}  # in test_einsum.py; its sign has no gradient

NUMBERS = [0, 1, -1, 2, 5, -4, np.int64(1), np.array(0), True, 1.0, 0.5, "1", None, [1], (0, 1)]
ZERO = np.array(0)
AXES = [
    0, 1, -1, 2, 5, -4, np.int64(1), ZERO, 1.0, 0.5, "1", None, (0, 1), (), [], [0], [0, 1], (0,),
    (-1, 0), (0, 0), (0, -2), (1.0,), np.array([0, 1]), (np.int64(0), np.int8(1)), slice(None),
    ((0, 1), (1, 0)),
]  # fmt: skip
FLAGS = [True, False, 1, 0, np.True_, np.False_, None, "yes", 0.5]
SHAPES = [
    (4, 3), [4, 3], 12, -1, (2, -1), (-1, -1), (2, 3, 4), (3, 4), (5, 3, 4), np.array([4, 3]),
    (np.int64(12),), (), (4.0, 3), "a", None, np.int64(12),
]  # fmt: skip
VALUES = {
    "axis": AXES, "axes": [x for x in AXES if x is not ZERO], "axis1": NUMBERS, "axis2": NUMBERS,
    "offset": NUMBERS, "k": NUMBERS, "n": NUMBERS, "shift": NUMBERS, "device": [None, "cpu", "X"],
    "repeats": [*NUMBERS, [1, 2, 3], np.array([2, 0, 1])], "ddof": NUMBERS[:-2],
    "reps": [*NUMBERS, (2, 1), [1, 2], (2, 1, 1)], "correction": NUMBERS[:-2],
    "indices_or_sections": [1, 2, 4, 3, 0, -1, np.int64(2), True, [1], [1, 3], (2,),
        np.array([1, 2]), [3, 1], [-1], (0, 1), [], "1", None],
    "indices": [ORDER, ORDER[:, :2], [[0], [1], [2]], ORDER.astype(float), ORDER[0], None],
    "shape": SHAPES, "newshape": SHAPES, "keepdims": FLAGS, "returned": FLAGS, "subok": FLAGS,
    "copy": FLAGS, "overwrite_input": FLAGS, "stable": FLAGS,
    "dtype": [None, float, "f8", np.float32, "f4", np.float16, ">f8", int, complex, object, "x"],
    "order": ["C", "F", "A", "K", None, "X", ["a"], np.inf, 2, 1, 3, "fro", "nuc", -np.inf, 0],
    "ord": [None, 2, 1, 3, 0, -1, -2, np.inf, -np.inf, "fro", "nuc", "X", 2.0, 1.5, np.int64(1)],
    "out": [None, (None,), "zeros"],
    "where": [True, np.True_, False, X > 1, X.tolist(), np._NoValue, None, Tensor(X > 1)],
    "initial": [None, 0, 1.0, np.float64(0.5), np._NoValue, "a"],
    "casting": ["same_kind", "unsafe", "no", "X"], "kind": [None, "quicksort", "stable", "X"],
    "weights": [None, V, V.tolist(), X, X + 1, V[:3], 1.0, "a"],
    "mean": [np._NoValue, None, np.float64(0.3), X.mean(keepdims=True), 0.5],
    **{name: [None, 0.6, -1, X + 0.01, X[0] + 0.01, "a", np.float32(0.7)] for name in (
        "a_min", "a_max", "min", "max", "prepend", "append")},
    "signature": ["d->d", "dd->d"], "extobj": [None, [1, 2, 3]],
    "optimize": FLAGS, "mode": ["raise", "wrap", "clip"], "like": [None, X],
}  # fmt: skip
OURS = {"a_min": "min", "a_max": "max"}
OF_UFUNCS = [
    "out", "where", "casting", "order", "dtype", "subok", "signature", "axes", "axis", "keepdims",
]  # fmt: skip


def arguments_of(name):
    """What NumPy's function takes besides its inputs, in its order."""
    f, (inputs, given) = numpys(name), CALLS[name]
    if isinstance(f, np.ufunc):
        return OF_UFUNCS
    try:
        return list(inspect.signature(f).parameters)[len(inputs) :]
    except ValueError:  # NumPy before 2.4 does not tell it of functions in C
        return [*given, "axis", "out", "dtype", "casting"]


def cases(name):
    """Every argument in all its values: its name, and the options to call with."""
    f, (inputs, given) = numpys(name), CALLS[name]
    for argument in arguments_of(name):
        for value in VALUES.get(argument, []):
            if (name, argument) == ("std", "axis") and isinstance(value, tuple) and not value:
                continue  # the slope of the root of 0 is infinite
            out = np.zeros_like(f(*inputs, **given)) if is_text(value, "zeros") else value
            yield argument, given | {argument: out}


def is_text(x, text):
    return isinstance(x, str) and x == text


def by_position(name, options):
    """The options in NumPy's order, or None where it takes one of them by name only."""
    try:
        parameters = inspect.signature(numpys(name)).parameters
    except ValueError:
        return None
    given = []
    for p in list(parameters.values())[len(CALLS[name][0]) :]:
        value = options.get(p.name, p.default)
        if p.kind is not p.POSITIONAL_OR_KEYWORD or value is p.empty:
            return None
        given.append(value)
        if options.keys() <= set(list(parameters)[: len(given) + len(CALLS[name][0])]):
            return given
    return None


def plain(x):
    """The same with arrays in the place of Tensors, as NumPy is to see it."""
    if isinstance(x, dict):
        return {key: plain(part) for key, part in x.items()}
    if isinstance(x, list | tuple):
        return type(x)(map(plain, x))
    return x.data if isinstance(x, Tensor) else x


def moved(x, step):
    """Floating arrays, each a step further along a direction of its own."""
    if isinstance(x, list):
        return [moved(part, step) for part in x]
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
        return x
    return np.asarray(x + step * np.cos(1 + np.arange(x.size)).reshape(x.shape))


def in_list(y):
    return list(y) if isinstance(y, list | tuple) else [y]


def weighted(values):
    return sum((y * np.sin(1 + np.arange(y.size)).reshape(y.shape)).sum() for y in values)


def check(f, on_arrays, inputs):
    """Value, shape and dtype are those on arrays; the gradient agrees with their differences."""
    tensors = recorded(inputs)
    got, expected = in_list(f(*tensors)), [np.asarray(y) for y in in_list(on_arrays(*inputs))]
    assert all(isinstance(y, Tensor) for y in got)
    for y, wanted in zip(got, expected, strict=True):
        assert (y.shape, y.dtype) == (wanted.shape, wanted.dtype)
        np.testing.assert_allclose(y.data, wanted, rtol=10 * np.finfo(y.dtype).eps)
    leaves = tensors_in(tensors)
    slopes = gradients(weighted(got), leaves)
    assert all(
        (s.shape, s.dtype) == (t.shape, t.dtype) for s, t in zip(slopes, leaves, strict=True)
    )
    if expected[0].dtype == np.float64 and all(np.isfinite(y).all() for y in expected):
        along = sum((s.data * moved(np.zeros(s.shape), 1)).sum() for s in slopes)
        h = 1e-6
        after, before = (
            weighted(in_list(on_arrays(*(moved(x, step) for x in inputs)))) for step in (h, -h)
        )
        np.testing.assert_allclose(along, (after - before) / (2 * h), rtol=1e-6, atol=1e-7)


def error_of(f, inputs):
    try:
        f(*inputs)
    except Exception as error:
        return error
    return None


def check_or_refusal(f, on_arrays, inputs, name, argument):
    """Either the call is right, or it is refused: by name, unless NumPy refuses it too."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        refused_by_numpy, error = error_of(on_arrays, inputs), error_of(f, recorded(inputs))
        if error is None:
            check(f, on_constants(f) if refused_by_numpy else on_arrays, inputs)
        elif not refused_by_numpy:
            assert isinstance(error, TypeError | ValueError | IndexError)
            assert name in str(error)
            assert argument in str(error)


def on_constants(f):
    """What the library says itself, where NumPy refuses, such as ``keepdims=np.True_``."""
    return lambda *x: [y.data for y in in_list(f(*constants(x)))]


def constants(x):
    if isinstance(x, list | tuple):
        return type(x)(map(constants, x))
    return Tensor(x) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x


# Of one input of any shape, and what they are called with.
ANY_SHAPE = [
    name
    for name, (inputs, given) in CALLS.items()
    if len(inputs) == 1 and inputs[0] is X and not given
] + ["clip"]
SHAPED = [
    *((name, CALLS[name][0]) for name in CALLS),
    *((name, [x]) for name in ANY_SHAPE for x in (V, C)),
    *((name, [np.ones((0, 4))]) for name in ANY_SHAPE if name != "linalg.norm"),
    # The slope of std is infinite at 0; NumPy's diff takes a number if n = 0, and then returns it.
    *((name, [np.array(1.2)]) for name in ANY_SHAPE if name not in ("std", "diff")),
]
IN_OUR_NAMES = [(name, inputs) for name, inputs in SHAPED if name not in ("amax", "amin")]


IDS = {"ids": lambda x: x if isinstance(x, str) else str(np.shape(x[0]))}


def with_arguments(f, *given, **named):
    return lambda *inputs: f(*inputs, *given, **named)


def test_every_function_is_called():
    assert set(DIFFERENTIABLE) == {numpys(name) for name in [*CALLS, *ELSEWHERE]}


@pytest.mark.parametrize(("name", "inputs"), SHAPED, **IDS)
def test_numpys_function(name, inputs):
    f, word = numpys(name), name.rpartition(".")[2]
    for argument, options in cases(name):
        on_arrays = with_arguments(f, **plain(options))
        check_or_refusal(with_arguments(f, **options), on_arrays, inputs, word, argument)
        given = by_position(name, options)
        if given is not None:
            check_or_refusal(with_arguments(f, *given), on_arrays, inputs, word, argument)


@pytest.mark.parametrize(("name", "inputs"), IN_OUR_NAMES, **IDS)
def test_our_function(name, inputs):
    word = name.rpartition(".")[2]
    for argument, options in cases(name):
        named = {OURS.get(key, key): value for key, value in options.items()}
        on_arrays = with_arguments(numpys(name), **plain(options))
        check_or_refusal(with_arguments(ours(name), **named), on_arrays, inputs, word, argument)


@pytest.mark.parametrize(
    ("name", "inputs"), [x for x in SHAPED if hasattr(Tensor, x[0].rpartition(".")[2])], **IDS
)
def test_method(name, inputs):
    word, given = name.rpartition(".")[2], CALLS[name][1]
    for argument, options in cases(name):
        before = [value for key, value in given.items() if key != argument]
        if argument in given and before:
            continue  # in another order than here
        named = {OURS.get(argument, argument): options[argument]}
        on_arrays = with_arguments(numpys(name), **plain(options))
        called = with_arguments(lambda t, *x, **y: getattr(t, word)(*x, **y), *before, **named)
        check_or_refusal(called, on_arrays, inputs, word, argument)


# --- unusual arrays -------------------------------------------------------------------------------

KINDS = {
    "float16": lambda x: x.astype(np.float16),
    "float32": lambda x: x.astype(np.float32),
    "longdouble": lambda x: x.astype(np.longdouble),
    "big-endian": lambda x: x.astype(">f8"),
    "big-endian float32": lambda x: x.astype(">f4"),
    "column by column": np.asfortranarray,
    "every other": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "backwards": lambda x: x[..., ::-1].copy()[..., ::-1],
    "read-only": lambda x: np.broadcast_to(x, x.shape),
}


def in_kind(kind, x):
    if isinstance(x, list):
        return [in_kind(kind, part) for part in x]
    return KINDS[kind](x) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CALLS)
def test_unusual_arrays(name, kind):
    """faults.md D1: max of a big-endian array. Gradients are those of float64, row by row."""
    inputs, options = CALLS[name]
    f = with_arguments(numpys(name), **options)
    if name.startswith("linalg.") and kind in ("float16", "longdouble") and name != "linalg.norm":
        with pytest.raises(TypeError, match=f"solve.*{KINDS[kind](X).dtype} is unsupported"):
            f(*recorded_as_they_are(in_kind(kind, inputs)))
        return
    unusual, usual = in_kind(kind, inputs), recorded(inputs)
    with np.errstate(all="ignore"):
        tensors = recorded_as_they_are(unusual)
        got = in_list(f(*tensors))
        for y, wanted in zip(got, in_list(f(*unusual)), strict=True):
            native = np.asarray(wanted).dtype.newbyteorder("=")  # as the data of every Tensor
            assert (y.shape, y.dtype) == (np.shape(wanted), native)
            close = 10 * max(np.finfo(y.dtype).eps, np.finfo(float).eps)
            np.testing.assert_allclose(y.data, wanted, rtol=close, atol=close)
        slopes = gradients(weighted(got), tensors_in(tensors))
        true = gradients(weighted(in_list(f(*usual))), tensors_in(usual))
    for slope, wanted, t in zip(slopes, true, tensors_in(tensors), strict=True):
        assert (slope.shape, slope.dtype) == (t.shape, t.dtype)
        close = 100 * max(np.finfo(t.dtype).eps, np.finfo(float).eps)
        np.testing.assert_allclose(slope.data, wanted.data, rtol=close, atol=close)


def recorded_as_they_are(x):
    """As Tensors that share the arrays, and so keep their order in memory."""
    if isinstance(x, list):
        return [recorded_as_they_are(part) for part in x]
    floating = isinstance(x, np.ndarray) and x.dtype.kind == "f"
    return Tensor(x, requires_grad=True, copy=False) if floating else x
