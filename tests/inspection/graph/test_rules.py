"""The text of a rule is the rule: evaluated, it gives the numbers that the rule gives."""

import inspect

import numpy as np
import pytest

from tinygrad_loss import Op, Tensor, concatenate
from tinygrad_loss.engine import ops
from tinygrad_loss.inspection.graph.rules import (
    argument_names,
    derivative,
    forward_text,
    helpers,
    reason,
    rule_text,
    with_numbers,
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
    assert forward_text(ops.multiply, ["a", "b"]) == "a * b"
    assert forward_text(ops.exp, ["x"]) == "np.exp(x)"
    assert forward_text(ops.relu, ["x"]) == "np.maximum(x, 0)"
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


def test_arithmetic_with_numbers():
    assert with_numbers(ops.multiply.rules[0], {"g": "2", "b": "-3"}) == "2 * (-3)"
    assert with_numbers(ops.divide.rules[1], {"g": "1", "y": "2", "b": "4"}) == "-1 * 2 / 4"
    assert with_numbers(ops.multiply.rules[0], {"g": "2"}) is None
    assert with_numbers(ops.add.rules[0], {"g": "2"}) is None  # it hands g on
    assert with_numbers(ops.reshape.rules[0], {"g": "2", "x": "1"}) is None  # asks x for its shape


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
