"""What pictures show of labels, indices and options; and what a Graph says of itself."""

import numpy as np
import pytest

from tests.inspection.graph.test_page import data_of
from tinygrad_loss import Tensor, binary_cross_entropy_with_logits, cross_entropy, draw, getitem


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
