"""The source reads like a textbook, and computes nothing that no one reads."""

import ast
import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygrad_loss import (
    Tensor,
    exp,
    losses,
)
from tinygrad_loss.unroll import unroll

from ..loss_cases import LOSS_ROWS
from .agreement import assert_same, batch, eager, mlp, weighted


def textbook(**options):
    model = mlp(2, 3, 2)
    x, y = batch(n_in=2, n_classes=2, n=4)
    f = lambda x, y: losses.cross_entropy(model(x), y)  # noqa: E731
    return unroll(f, x, y, wrt=model.parameters(), **options), model, x, y


def test_the_source_fits_on_a_screen_and_has_the_names_of_a_textbook():
    source = textbook()[0].source
    assert len(textbook(comments=False)[0].source.splitlines()) <= 54
    assert len(source.splitlines()) <= 64
    assert max(map(len, source.splitlines())) <= 80
    body = source[source.index("def step(x, y, W0, b0, W1, b1):") :]
    for line in (
        "x.dot(W0, out=h1)",
        "np.add(h1, b0, out=h1)",
        "np.maximum(h1, zero, out=a1)",
        "d_h2[rows, y] -= 0.25",
        "a1_T.dot(d_h2, out=d_W1)  # d_W1 = a1.T @ d_h2",
        "ones_4.dot(d_h1, out=d_b0)  # d_b0 = d_h1.sum(axis=0)",
        "return loss, (d_W0, d_b0, d_W1, d_b1)",
    ):
        assert f"\n    {line}\n" in body, line
    assert body.index("# forward") < body.index("loss =") < body.index("# backward")


def test_the_source_of_a_binary_classifier_fits_on_a_screen_too():
    model = mlp(2, 3, 1)
    x, y = np.ones((4, 2)), np.array([[0], [1], [1], [0]])
    f = lambda x, y: losses.binary_cross_entropy_with_logits(model(x), y)  # noqa: E731
    step = unroll(f, x, y, wrt=model.parameters(), comments=False)
    assert len(step.source.splitlines()) <= 66
    assert step.source.count("np.exp(") == 1  # softplus and sigmoid, of z and of -z, share it
    assert step.source.count("np.log1p(") == 1
    namespace = {}
    exec(step.source, namespace)
    result = namespace["step"](x, y, *(p.data for p in model.parameters()))
    assert_same(result, eager(f, (x, y), model.parameters()))


def test_the_source_runs_on_its_own():
    step, model, x, y = textbook()
    namespace = {}
    exec(step.source, namespace)
    result = namespace["step"](x, y, *(p.data for p in model.parameters()))
    assert_same(result, step(x, y))


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(("name", "draws", "n", "options"), LOSS_ROWS[::3])
def test_nothing_is_computed_that_no_one_reads(name, draws, n, options, order):
    inputs = [draw(np.random.default_rng(0)) for draw in draws]
    inputs = [Tensor(x, requires_grad=True) if i < n else x for i, x in enumerate(inputs)]
    arrays = [x.data if isinstance(x, Tensor) else x for x in inputs]
    loss = getattr(losses, name)
    f = weighted(lambda *xs: loss(*xs, **options), np.random.default_rng(0), arrays, order)
    step = unroll(f, *inputs, wrt=inputs[:n])
    tree = ast.parse(step.source)
    (function,) = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    written, read = set(), set()
    for node in ast.walk(function):
        if isinstance(node, ast.keyword) and node.arg == "out":
            written.add(node.value.id)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            written.add(node.targets[0].id)
    outs = {
        id(n.value) for n in ast.walk(function) if isinstance(n, ast.keyword) and n.arg == "out"
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in outs:
            read.add(node.id)
    assert written <= read


def test_calls_made_twice_are_shared_and_constants_folded():
    w = Tensor([1.0, 2.0], requires_grad=True, name="w")
    c = np.array([1.0, 2.0])
    step = unroll(
        lambda: (exp(w) * exp(w) * np.exp(c).sum() * 2.0 * 0.25).sum(), wrt=[w], comments=False
    )
    assert step.source.count("np.exp(") == 1
    assert_same(step(), eager(lambda: (exp(w) * exp(w) * np.exp(c).sum() * 0.5).sum(), (), [w]))


def test_views_of_buffers_are_made_once():
    model = mlp(2, 3, 3, 1)
    x = np.ones((4, 2))
    step = unroll(lambda x: model(x).sum(), x, wrt=model.parameters(), comments=False)
    before, body = step.source.split("def step(")
    assert "a1_T = a1.T" in before
    assert "a1.T" not in body
    assert "W1.T" in body  # another array may come at each call


def test_a_deep_graph_needs_no_recursion():
    w = Tensor(1.0, requires_grad=True)

    def f(x):
        y = w * x
        for _ in range(3000):
            y = y + x
        return y

    step = unroll(f, np.array(2.0), wrt=[w])
    assert_same(step(np.array(3.0)), (np.asarray(3.0 + 3000 * 3.0), [np.asarray(3.0)]))


# --- the example ---------------------------------------------------------------------------------


def test_the_printed_program_descends_as_the_engine_does(monkeypatch, capsys, tmp_path):
    pytest.importorskip("matplotlib").use("agg")
    pytest.importorskip("tqdm")
    examples = Path(__file__).parents[2] / "examples"
    monkeypatch.setattr(sys, "path", [str(examples), *sys.path])
    monkeypatch.setattr(importlib.import_module("_common"), "OUTPUT", tmp_path)
    result = importlib.import_module("backprop_by_hand").main(quick=True)
    assert result["errors"][0] < 1e-14
    assert result["errors"][1] < 1e-8
    paths, engine = result["paths"], result["engine"]
    np.testing.assert_allclose(paths[: len(engine)], engine, rtol=1e-6, atol=1e-12)
    last = paths[:, -1]  # most of 20 nets learn XOR; in the others two of four answers are 1/2
    assert 14 <= np.sum(last < 1e-3) < 20
    np.testing.assert_allclose(last[last > 1e-3], 1 / 8, rtol=0.05)
    assert len(result["source"].splitlines()) <= 56
    assert result["source"] in capsys.readouterr().out
    assert (tmp_path / "backprop_by_hand.png").stat().st_size > 5000
