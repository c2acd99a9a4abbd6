"""Why a rule is what it is: the sentences of the page come from the docstrings of the ops."""

import inspect

import numpy as np

from tests.inspection.graph.test_record import TABLE
from tinygrad_loss import Op, Tensor
from tinygrad_loss.engine import ops
from tinygrad_loss.inspection.graph.text import argument_names, derivative, reason
from tinygrad_loss.inspection.graph.trace import trace


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


def test_the_names_of_the_inputs():
    def scaled(k):
        return Op(lambda x: k * x, lambda g, y, x: g * k, name="scaled")

    assert argument_names(scaled(3.0), 1) == ["x"]
    assert argument_names(ops.divide, 2) == ["a", "b"]
    assert argument_names(TABLE["linear"], 2) == ["x", "W"]
    assert argument_names(TABLE["concatenate"], 3) == ["x0", "x1", "x2"]


def test_a_broadcast_is_explained():
    b = Tensor([1.0, 2.0], requires_grad=True, name="b")
    found = trace((b + np.ones((3, 2))).sum())
    assert "b was broadcast from (2,) to (3, 2)" in reason(found.uses[0])
    found = trace((b + np.ones(2)).sum())
    assert "broadcast" not in reason(found.uses[0])
