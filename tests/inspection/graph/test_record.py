"""What is recorded of a rule is the rule: evaluated, its text gives the numbers of the rule."""

import json
import re

import numpy as np
import pytest

from tinygrad_loss import Op, Tensor, concatenate
from tinygrad_loss.engine import ops
from tinygrad_loss.inspection.graph.record import NotRecordable, Record

rng = np.random.default_rng(0)
M = rng.uniform(0.1, 2.0, size=(3, 4))  # within the domain of all ops
N = rng.uniform(0.1, 2.0, size=(3, 4))

# What the ops with more than arrays for arguments are called with.
ARGUMENTS = {
    "where": ((M > 1, M, N), {}),
    "clip": ((M,), {"min": 0.5, "max": 1.5}),
    "sum": ((M,), {"axis": 1}),
    "mean": ((M,), {"axis": (0, 1)}),
    "max": ((M,), {"axis": 0, "keepdims": True}),
    "min": ((M,), {}),
    "norm": ((M,), {"axis": -1}),
    "logsumexp": ((M,), {}),
    "reshape": ((M,), {"shape": (4, 3)}),
    "transpose": ((M,), {"axes": (1, 0)}),
    "swapaxes": ((M,), {"axis1": 0, "axis2": 1}),
    "expand_dims": ((M,), {"axis": 1}),
    "squeeze": ((M[None],), {"axis": 0}),
    "broadcast_to": ((M,), {"shape": (2, 3, 4)}),
    "astype": ((M,), {"dtype": np.float32}),
    "getitem": ((M,), {"index": (slice(None), [0, 2, 2])}),
    "scatter": ((M[0],), {"index": (slice(0, 4),), "shape": (5,)}),
    "matmul": ((M, N.T), {}),
    "linear": ((M, N.T, np.ones(3)), {}),
    "cumsum": ((M,), {"axis": 1}),
    "solve": ((M[:, :3], N), {}),
    "logabsdet": ((M[:, :3],), {}),
}

TABLE = {f.name: f for f in vars(ops).values() if isinstance(f, Op)}
TABLE["concatenate"] = concatenate([Tensor(M, requires_grad=True), N]).origin[0]
ARGUMENTS["concatenate"] = ((M, N), {})


def cases():
    """Each op with its forward function, and with each of its rules."""
    for name, op in TABLE.items():
        yield pytest.param(op, None, id=f"{name}-forward")
        for i, rule in enumerate(op.rules):
            if rule is not None:
                yield pytest.param(op, i, id=f"{name}-{i}")


def arguments_of(op):
    return ARGUMENTS.get(op.name, ((M, N)[: len(op.rules)], {}))


def recorded(function, given, options=None):
    """What the page gets, and the arrays that go with it."""
    stored = []

    def store(array):
        stored.append(array)
        return len(stored) - 1

    return Record(function, given, options or {}, store).data, stored


def kept(function):
    """A reduction that keeps its axes, as the texts have it; who reads them sees the shapes."""
    return lambda x, axis=None: function(x, axis=axis, keepdims=True)


def scatter(x, index, base=0.0, *, shape):
    made = np.full(shape, base)
    np.add.at(made, index, x)
    return made


def evaluate(data, given, shape):
    """Run the text as Python with NumPy's names."""
    reductions = {name: kept(getattr(np, name)) for name in ("sum", "max", "min", "prod", "mean")}
    own = {
        "solve": np.linalg.solve,
        "inv": np.linalg.inv,
        "erf": ops.erf.forward,
        "logabsdet": ops._logabsdet.forward,
        "at": np.s_,
        "scatter": lambda *inputs: scatter(*inputs, shape=shape),
    }
    constants = {f"c{i}": np.asarray(x) for i, x in enumerate(map(full, data["constants"]), 1)}
    names = vars(np) | reductions | own | constants
    names |= {f"x{i}": x for i, x in enumerate(given)}
    text = re.sub(r"\{(\d+)\}", r"x\1", data["text"]).replace("axis ", "axis=")
    *statements, expression = re.sub(r"\{(c\d+)\}", r"\1", text).split("\n")
    exec("\n".join(statements), names)
    return eval(expression, names)


def full(constant):
    return constant["full"] if isinstance(constant, dict) else float(constant)


@pytest.mark.parametrize(("op", "i"), list(cases()))
def test_the_text_of_every_rule_computes_what_the_rule_computes(op, i):
    inputs, options = arguments_of(op)
    y = op.forward(*inputs, **options)
    g = np.random.default_rng(1).normal(size=np.shape(y))
    function, given = op.forward, list(inputs)
    if i is not None:
        function, given = op.rules[i], [g, np.asarray(y), *inputs]
    expected = np.asarray(function(*given, **options))
    data, _ = recorded(function, given, options)
    found = np.asarray(evaluate(data, given, expected.shape))
    if found.size == expected.size:  # axes of one element are not written
        found = found.reshape(expected.shape)
    found = np.broadcast_to(found, expected.shape)
    rtol = 1e-6 if op.name == "astype" else 1e-14  # the page computes in float64
    np.testing.assert_allclose(found, expected, rtol=rtol)


@pytest.mark.parametrize(("op", "i"), list(cases()))
def test_what_is_recorded_is_data(op, i):
    """It is JSON, reads no register before it is written, and shows no helper by its name."""
    inputs, options = arguments_of(op)
    y = np.asarray(op.forward(*inputs, **options))
    given = list(inputs) if i is None else [y, y, *inputs]
    data, stored = recorded(op.forward if i is None else op.rules[i], given, options)
    assert json.loads(json.dumps(data)).keys() == {"calls", "constants", "result", "text"}
    for k, (_, registers, *others) in enumerate(data["calls"]):
        assert all(-len(data["constants"]) <= r < len(given) + k for r in registers)
        if data["calls"][k][0] in ("take", "put"):
            assert stored[others[0]].dtype.kind == "i"
    assert data["result"] < len(given) + len(data["calls"])
    assert not re.search(r"(?<![\w}])_\w", data["text"])


X = np.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (lambda x: x if (x > 0).all() else -x, "if"),
        (lambda x: x * float(x.sum()), "float"),
        (lambda x: np.sort(x), "sort"),
        (lambda x: x.astype(int), "converts numbers to int"),
        (lambda x: x * 1j, "complex|1j"),
        (lambda x: np.cbrt(x), "cbrt"),
        (lambda x: np.var(x), "it calls"),
        (lambda x: 1 / 0 * x, "division by zero"),
    ],
    ids=["if", "float", "sort", "int", "complex", "cbrt", "var", "error"],
)
def test_what_cannot_be_recorded_says_why(function, why):
    with pytest.raises(NotRecordable, match=why):
        recorded(function, [X])


def texts(op, *inputs, g=None):
    y = np.asarray(op.forward(*inputs))
    g = y if g is None else g
    return [recorded(rule, [g, y, *inputs])[0]["text"] for rule in op.rules if rule]


def test_texts_as_one_would_write_them():
    x, m, n, b = np.asarray(3.0), M, N.T, np.ones(3)
    assert texts(ops.multiply, x, x) == ["{0} * {3}", "{0} * {2}"]
    assert texts(ops.add, x, x) == ["{0}", "{0}"]
    assert texts(ops.divide, x, x) == ["{0} / {3}", "-{0} * {1} / {3}"]
    assert texts(ops.exp, x) == ["{0} * {1}"]
    assert texts(ops.tanh, x) == ["{0} * (1 - {1} * {1})"]
    assert texts(ops._linear, m, n, b) == ["{0} @ {3}.T", "{2}.T @ {0}", "sum({0}, axis 0)"]
    assert texts(TABLE["softmax"], m) == ["{1} * ({0} - sum({0} * {1}, axis 1))"]
    assert recorded(ops.mean.forward, [m])[0]["text"] == "sum({0}) / 12"
    assert recorded(ops.relu.forward, [x])[0]["text"] == "maximum({0}, 0)"


def test_a_power_with_a_number_needs_no_helper():
    """pictures.md, 2: it said g * (b * a ** _one_less(b))."""
    rule, x = ops.power.rules[0], np.asarray(2.0)
    assert recorded(rule, [x, x, x, 3.0])[0]["text"] == "{0} * (3 * {2} ** 2)"
    assert recorded(rule, [x, x, x, 2.0])[0]["text"] == "{0} * (2 * {2})"


def test_a_constant_with_many_digits_is_kept_with_all_of_them():
    data, _ = recorded(ops.log2.rules[0], [X, X, X])
    assert data["text"] == "{0} / ({2} * {c1})"
    assert data["constants"] == [np.log(2)]


def test_what_a_users_rule_closes_over_is_recorded():
    def scaled(k):
        def rule(g, y, x):
            """The docstring is not part of it."""
            slope = k * x
            return g * slope

        return Op(lambda x: k * x**2 / 2, rule, name="scaled")

    op = scaled(3.0)
    assert texts(op, X) == ["{0} * (3 * {2})"]
    weights = np.array([1.0, 2.0, 4.0])
    data, stored = recorded(lambda x: x * weights, [X])
    assert data["constants"] == [{"array": 0}]
    np.testing.assert_array_equal(stored[0], weights)


def test_a_rule_without_source_is_recorded_all_the_same():
    data, _ = recorded(eval("lambda g, y, x: g * 2"), [X, X, X])
    assert data["text"] == "{0} * 2"


def test_what_is_used_twice_gets_a_name():
    for function in (
        lambda x: (e := np.exp(x)) / (1 + e),
        lambda x: np.exp(x) / (1 + np.exp(x)),  # the same call is made once
    ):
        data, _ = recorded(function, [X])
        assert data["text"] == "part1 = exp({0})\npart1 / (1 + part1)"
        assert [name for name, *_ in data["calls"]] == ["exp", "add", "divide"]


def test_what_is_not_needed_is_not_recorded():
    data, _ = recorded(lambda x: (np.exp(x), x * 2)[1], [X])
    assert [name for name, *_ in data["calls"]] == ["multiply"]


def test_numbers_that_json_lacks_become_words_or_arrays():
    data, stored = recorded(lambda x: np.where(x > 2, x, -np.inf) + np.nan, [X])
    assert data["constants"] == [2.0, "-inf", {"array": 0}]
    np.testing.assert_array_equal(stored[0], np.nan)
    json.dumps(data, allow_nan=False)
