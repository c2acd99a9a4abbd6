"""The text of a rule is the rule: evaluated, it gives the numbers that the rule gives."""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_loss import Op, Tensor, concatenate
from tinygrad_loss.engine import ops
from tinygrad_loss.inspection.graph.rules import (
    argument_names,
    arithmetic,
    derivative,
    forward_text,
    helpers,
    reason,
    rule_text,
    written,
)
from tinygrad_loss.inspection.graph.trace import trace

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
    for name, op in TABLE.items():
        for i, rule in enumerate(op.rules):
            if rule is not None:
                yield pytest.param(op, i, id=f"{name}-{i}")


def arguments_of(op):
    return ARGUMENTS.get(op.name, ((M, N)[: len(op.rules)], {}))


def evaluate(rule, text, g, y, inputs, options):
    """Run the text with the rule's own globals, and its arguments bound as the rule binds them."""
    bound = inspect.signature(rule).bind(g, y, *inputs, **options)
    bound.apply_defaults()
    names = rule.__globals__ | bound.arguments
    *statements, expression = text.split("\n")
    exec("\n".join(statements), names)
    return eval(expression, names)


@pytest.mark.parametrize(("op", "i"), list(cases()))
def test_the_text_of_every_rule_computes_what_the_rule_computes(op, i):
    inputs, options = arguments_of(op)
    y = op.forward(*inputs, **options)
    g = np.random.default_rng(1).normal(size=np.shape(y))
    rule = op.rules[i]
    text = rule_text(rule)
    assert text is not None
    expected = rule(g, y, *inputs, **options)
    np.testing.assert_array_equal(evaluate(rule, text, g, y, inputs, options), expected)


def test_every_op_of_the_table_is_tried_and_explained():
    assert len(TABLE) > 40
    for name, op in TABLE.items():
        names = argument_names(op, len(op.rules))
        for i, rule in enumerate(op.rules):
            sentence = derivative(op, names[i])
            assert rule is None or (sentence and sentence[-1] == "." and ">>>" not in sentence), (
                name
            )


def test_the_sentence_on_a_derivative_is_read_off_the_docstring():
    assert derivative(ops.divide, "a") == "The quotient is a times 1 / b, so the slope is 1 / b."
    assert derivative(ops.divide, "b").startswith("The quotient y = a / b shrinks")
    assert derivative(TABLE["matmul"], "a").startswith("Elements were multiplied")

    def forward(x):
        """Twice x. Derivative: 2."""
        return 2 * x

    assert derivative(Op(forward, lambda g, y, x: 2 * g), "x") == "2."
    assert derivative(Op(lambda x: 2 * x, lambda g, y, x: 2 * g, name="double"), "x") is None


def test_rules_take_what_the_op_takes():
    """g and y, then the inputs and options by the names and with the defaults of the definition."""
    for name, op in TABLE.items():
        if op.arguments.inputs:
            for rule in filter(None, op.rules):
                g, y, *others = inspect.signature(rule).parameters.values()
                assert (g.name, y.name) == ("g", "y")
                expected = [*op.arguments.inputs, *op.arguments.defaults]
                taken = [p.name for p in others]
                if rule.__name__ == "<lambda>":
                    assert taken == expected, name
                assert len(taken) == len(expected), name
                assert [p.default for p in others[len(op.rules) :]] == list(
                    op.arguments.defaults.values()
                )


def test_texts_as_one_would_write_them():
    assert [rule_text(rule) for rule in ops.multiply.rules] == ["g * b", "g * a"]
    assert [rule_text(rule) for rule in ops.exp.rules] == ["g * y"]
    assert forward_text(ops.multiply, ["a", "b"]) == "np.multiply(a, b)"
    assert forward_text(ops.exp, ["x"]) == "np.exp(x)"
    assert forward_text(ops.relu, ["h"]) == "np.maximum(h, 0)"
    assert forward_text(ops.clip, ["h"]) is not None  # with options it keeps the names of the op
    another_add = Op(lambda x: x + 1, lambda g, y, x: g, name="add")
    assert forward_text(another_add, ["x"]) == "x + 1"


def test_a_users_op_with_its_rule_on_the_same_line_as_another():
    f, g = (Op(lambda x: x, lambda g, y, x: g * 2, name="f"), Op(lambda x: x, lambda g, y, x: g * 3, name="g"))  # fmt: skip # noqa: E501
    assert rule_text(f.rules[0]) == "g * 2"
    assert rule_text(g.rules[0]) == "g * 3"


def test_a_rule_that_closes_over_a_variable():
    def scaled(k):
        def rule(g, y, x):
            """The docstring is not part of it."""
            slope = k * x
            return g * slope

        return Op(lambda x: k * x**2 / 2, rule, name="scaled")

    assert rule_text(scaled(3.0).rules[0]) == "slope = k * x\ng * slope"
    assert argument_names(scaled(3.0), 1) == ["x"]


def test_a_rule_without_source_has_no_text_and_is_drawn_all_the_same():
    rule = eval("lambda g, y, x: g * 2")
    assert rule_text(rule) is None
    op = Op(lambda x: x * 2, rule, name="double")
    found = trace(op(Tensor(1.0, requires_grad=True)))
    assert found.uses[0].gradient == 2.0


def test_a_rule_is_written_with_other_names_or_numbers():
    assert written(ops.multiply.rules[0], {"g": "2", "b": "-3"}) == "2 * (-3)"
    assert written(ops.divide.rules[1], {"g": "1", "y": "2", "b": "4"}) == "-1 * 2 / 4"
    assert written(ops.multiply.rules[0], {"g": "2"}) is None
    assert written(ops.add.rules[0], {"g": "g"}) == "g"
    names = {"g": "g", "y": "h", "x": "x", "W": "layers.2.weight", "b": "layers.2.bias"}
    assert written(ops._linear.rules[0], names) == "g @ layers.2.weight.T"
    # What is a number is worked out, so that no helper is seen (pictures.md, 2).
    assert written(ops.power.rules[0], {"g": "g", "a": "d", "b": "2"}) == "g * (2 * d)"
    assert written(ops.power.rules[0], {"g": "g", "a": "d", "b": "c"}) is None
    assert (
        written(ops.mean.rules[0], {"g": "g", "y": "y", "x": "x", "axis": "0", "keepdims": "False"})
        is None
    )


def check_arithmetic(op, position, inputs, g=1.0):
    """What is written, worked out by Python, prints as what is written behind it."""
    arrays = [np.asarray(x) for x in inputs]
    y = op.forward(*arrays)
    rule = op.rules[position]
    line = arithmetic(rule, [np.asarray(g), y, *arrays], {}, np.asarray(rule(g, y, *arrays)))
    left, _, right = line.rpartition(" = " if " = " in line else " ≈ ")
    with np.errstate(all="ignore"):
        value = eval(left, {"np": np})
    assert float(f"{value:.4g}") == float(right)
    return line


def test_the_written_arithmetic_is_true():
    """pictures.md, 3: it said 1 * (1 - 1 * 1) = 2.458e-05 (tanh at 6)."""
    line = check_arithmetic(ops.tanh, 0, [6.0])
    assert line == "1 * (1 - 0.99998771 * 0.99998771) ≈ 2.458e-05"
    assert check_arithmetic(ops.multiply, 0, [2.0, 3.0], 0.5) == "0.5 * 3 = 1.5"
    assert check_arithmetic(ops.subtract, 1, [2.0, 3.0], -6.942) == "-(-6.942) = 6.942"
    assert check_arithmetic(ops.power, 0, [-7.0, 2.0], 0.49585) == "0.49585 * (2 * (-7)) ≈ -6.942"
    assert arithmetic(ops.add.rules[0], [np.ones(())] * 4, {}, np.ones(())) is None  # hands g on
    assert arithmetic(ops.multiply.rules[0], [np.ones(3)] * 4, {}, np.ones(3)) is None  # arrays
    with np.errstate(all="ignore"):
        zero = np.zeros(())
        assert (
            arithmetic(ops.divide.rules[0], [np.ones(()), zero, zero, zero], {}, 1 / zero)
            == "1 / 0 = inf"
        )
        nan = np.asarray(np.nan)
        assert arithmetic(ops.multiply.rules[0], [nan, nan, nan, nan], {}, nan) == "NaN * NaN = NaN"


@settings(max_examples=60, deadline=None)
@given(st.floats(-30, 30), st.floats(-5, 5).filter(lambda x: abs(x) > 1e-3), st.sampled_from(
    [(ops.tanh, 0), (ops.sigmoid, 0), (ops.exp, 0), (ops.multiply, 0), (ops.divide, 1)]
))  # fmt: skip
def test_the_written_arithmetic_is_true_of_any_numbers(x, y, row):
    op, position = row
    check_arithmetic(op, position, [x, y][: len(op.rules)], g=y)


def test_a_broadcast_is_explained():
    b = Tensor([1.0, 2.0], requires_grad=True, name="b")
    found = trace((b + np.ones((3, 2))).sum())
    assert "b was broadcast from (2,) to (3, 2)" in reason(found.uses[0])
    found = trace((b + np.ones(2)).sum())
    assert "broadcast" not in reason(found.uses[0])


def test_helpers_of_a_rule_say_what_they_do():
    assert set(helpers(ops.sum.rules[0])) == {"spread", "full_like"}
    assert helpers(ops.multiply.rules[0]) == {}
    assert "b - 1" in helpers(ops.power.rules[0])["_one_less"]
