"""What pictures show of labels, indices and options; and what a Graph says of itself."""

import re
from pathlib import Path

import numpy as np
import pytest

from tests.inspection.graph.test_page import data_of
from tinygrad_loss import (
    Op,
    Tensor,
    binary_cross_entropy_with_logits,
    cross_entropy,
    draw,
    getitem,
)
from tinygrad_loss.inspection.graph.svg import STYLE
from tinygrad_loss.inspection.graph.text import in_brackets


def logits(*shape):
    values = np.random.default_rng(0).normal(size=shape)
    return Tensor(values, requires_grad=True, name="z")


@pytest.mark.parametrize("dtype", [float, int, bool])
def test_the_labels_are_shown_as_they_are(dtype):
    """pictures.md, point 2: so that p - t can be seen. A mean of labels says nothing."""
    y = np.array([[0], [1], [1], [0]], dtype)
    graph = draw((logits(4, 1) * Tensor(y)).sum())
    shown = ", ".join(map(str, y.ravel())) if dtype is bool else "0, 1, 1, 0"
    assert f"[{shown}]" in graph.text()
    assert f"value [{shown}]" in graph.dot()
    data = data_of(graph.html())
    (label,) = (x for x in data["tensors"].values() if x["name"].startswith("input"))
    assert data["arrays"][label["value"]]["text"] == f"[{shown}]"
    draw(binary_cross_entropy_with_logits(logits(4, 1), y.astype(float))).html()


def test_other_numbers_of_the_data_are_summarized():
    text = draw((logits(4) * np.array([0.5, 1.0, 2.0, 3.0])).sum()).text()
    assert "mean 1.62, max abs 3" in text
    assert "[0.5, 1, 2, 3]" not in text
    assert "mean 5, max abs 10" in draw((logits(11) * np.arange(11.0)).sum()).text()
    assert "4 of 4 NaN" in draw((logits(4) * np.full(4, np.nan)).sum()).text()


def test_an_index_is_shown_without_what_nobody_asked_for():
    """pictures.md: no internals, such as ``once = True`` and ``index = (array (32,), ...)``."""
    graph = draw(cross_entropy(logits(4, 3), [0, 2, 1, 2]))
    for shown in (graph.text(), graph.dot(), graph.html()):
        assert "[0, 2, 1, 2]" in shown
        assert "array (4,)" not in shown
    assert "unique_indices" not in graph.text() + graph.dot()
    data = data_of(graph.html())
    for step in data["steps"]:
        given = [step, *step.get("sends", [])]
        assert all("unique_indices" not in x.get("constants", {}) for x in given)
    many = draw(cross_entropy(logits(32, 3), np.arange(32) % 3))
    assert "index=([0, 1, 2, ...], [0, 1, 2, ...])" in many.text()
    mask = np.array([True, False, True])
    assert "index=[True, False, True]" in draw(getitem(logits(3), mask).sum()).text()


def test_a_graph_says_what_it_is():
    a = Tensor(2.0, requires_grad=True, name="a")
    graph = draw((a * a).exp())
    assert repr(graph) == "<Graph: Computation of exp1 by 2 ops>"
    assert str(graph) == graph.text()
    hostile = Tensor(1.0, requires_grad=True, name="w\n\u202e") * 1.0
    hostile.name = "w\n\u202e"
    assert repr(draw(hostile)) == r"<Graph: Computation of w\n\u202e by 1 op>"


# --- what a hostile reader found -----------------------------------------------------------------


def own(forward, *rules, name):
    return Op(forward, *rules, name=name)


def test_an_own_op_is_written_as_a_call_whatever_its_name():
    x, y = (Tensor(v, requires_grad=True, name=n) for v, n in ((1.0, "x"), (2.0, "y")))
    cases = {
        "linear(x)": own(lambda x: x * 2, lambda g, y, x: g * 2, name="linear")(x),
        "negative(x, y)": own(lambda a, b: a - b, *[lambda g, y, a, b: g] * 2, name="negative")(
            x, y
        ),
        "add(x, y, alpha=5)": own(
            lambda a, b, alpha=1: a + alpha * b,
            lambda g, y, a, b, alpha=1: g,
            lambda g, y, a, b, alpha=1: g * alpha,
            name="add",
        )(x, y, alpha=5.0),
    }
    for formula, output in cases.items():
        assert f"= {formula}" in draw(output).html()


def test_a_rule_of_ones_own_may_do_anything():
    """Raise for other inputs, count its calls, bind names of its own."""
    x = Tensor(1 / 3, requires_grad=True, name="x")
    calls = []
    rules = {
        "table": lambda g, y, x: g * {1 / 3: 2.0}[float(x)],
        "counts": lambda g, y, x: (calls.append(1), g * len(calls))[1],
        "binds": lambda g, y, x: sum([x * g for x in (1.0, 1.0)]),
    }
    for name, rule in rules.items():
        data = data_of(draw(own(lambda x: x * 2, rule, name=name)(x)).html())
        (send,) = (send for step in data["steps"] for send in step.get("sends", []))
        assert data["arrays"][send["gives"]]["numbers"] == [{"counts": 1.0}.get(name, 2.0)]
        if name == "table":  # it asks for the number itself
            assert send["program"] is None
            assert data["fixed"].startswith("table1 = table(x) ")
        else:
            assert data["fixed"] == ""
    assert len(calls) == 2  # once for the numbers, and once to be recorded


def test_names_that_are_no_words_stand_in_brackets():
    a = Tensor(2.5, requires_grad=True, name="a-b")
    page = draw(a**3).html()
    assert "= (a-b) ** 3" in page
    assert [x["text"] for x in data_of(page)["programs"]] == ["{0} ** 3", "{0} * (3 * {2} ** 2)"]


def test_a_dtype_as_an_option_is_named():
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    assert "astype(x, dtype=float32)" in draw(x.astype(np.float32).sum()).text()


def test_numbers_and_names_as_operands():
    assert [in_brackets(x) for x in ("a", "layers.2.weight", "2.5", "1e-05", "-3", "a-b")] == [
        "a", "layers.2.weight", "2.5", "1e-05", "(-3)", "(a-b)",
    ]  # fmt: skip


def test_a_rule_without_a_module_has_a_page():
    made = {}
    exec("rule = lambda g, y, x: g * 2", made)
    assert made["rule"].__module__ is None
    x = Tensor(1.0, requires_grad=True, name="x")
    assert "own1" in draw(own(lambda x: x * 2, made["rule"], name="own")(x)).html()


def test_the_styles_of_a_picture_are_for_it_alone():
    """pictures.md, 9: inline SVG leaked its CSS into the page that it was put in."""
    selectors = re.findall(r"[\n}]\s*([^@{}\n]+) \{", STYLE.replace("}", "}}"))
    assert len(selectors) > 15
    for selector in ", ".join(selectors).split(", "):
        assert selector.startswith(".computation "), selector
    root = draw(Tensor(1.0, requires_grad=True) * 2).svg().partition(">")[0]
    assert 'class="computation"' in root


def test_a_file_name_in_the_place_of_the_gradient_leads_to_save():
    loss = Tensor(2.0, requires_grad=True) * 3.0
    for name in ("graph.png", Path("graph.png")):
        with pytest.raises(TypeError, match=r"Write draw\(output\)\.save\('graph\.png'\)"):
            draw(loss, name)
