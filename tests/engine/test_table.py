"""The rows of the table of derivatives: each docstring has its derivative and a true example."""

import inspect
import re

import numpy as np
import pytest

import tinygrad_loss as tl
from tinygrad_loss.engine import functions, numpy_protocol, ops

# --- the docstrings -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ops.__all__)
def test_docstrings_of_ops_state_the_derivative_and_an_example_that_holds(name):
    doc = inspect.getdoc(getattr(ops, name))
    assert "Derivative" in doc
    examples = re.findall(r"^>>> (.+)  # (.+)$", doc, flags=re.MULTILINE) or re.findall(
        r">>> (.+)  # (.+)", doc
    )
    if not isinstance(getattr(ops, name), ops.Op):  # a function, whose example is a doctest
        assert ">>> " in doc
        return
    assert examples
    for call, value in examples:
        assert call.startswith(f"{getattr(ops, name).__name__}(")
        got = eval(call, vars(ops) | {"np": np})
        np.testing.assert_allclose(got, eval(value), rtol=1e-7)


@pytest.mark.parametrize("name", functions.__all__)
def test_docstrings_of_functions_have_an_example(name):
    function = getattr(functions, name)
    assert ">>> " in inspect.getdoc(function)
    assert getattr(tl, name) is function


def test_numpys_functions_of_our_names_are_all_in_the_table():
    """But np.clip, which has two names for each limit, and those of one array that take several."""
    for name in [*ops.__all__, *functions.__all__]:
        if hasattr(np, name):
            f = numpy_protocol.DIFFERENTIABLE[getattr(np, name)]
            assert f is getattr(tl, name) or name in {"clip", "atleast_1d", "atleast_2d"}
