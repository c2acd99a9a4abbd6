"""Numbers and names in pictures: rounding, masks, equal names, changed data, any kind of rule.

The faults are those of faults.md F7, and D7 for the clusters of modules with several outputs.
"""

import functools
import operator
import re

import numpy as np
import pytest

from tests.inspection.graph.test_page import data_of
from tinygrad_loss import Op, Tensor, concatenate, draw, log_softmax, nn, where
from tinygrad_loss.inspection.graph.trace import trace


def parameter(*shape, name=None, seed=0):
    return Tensor(np.random.default_rng(seed).normal(size=shape), requires_grad=True, name=name)


class BatchNorm(nn.Module):
    def __init__(self, n):
        self.gamma = Tensor(np.ones(n), requires_grad=True)
        self.beta = Tensor(np.zeros(n), requires_grad=True)

    def forward(self, x):
        x = x - x.mean(axis=0)
        return x / ((x**2).mean(axis=0) + 1e-5).sqrt() * self.gamma + self.beta


# --- (e) infinities that come to nothing ---------------------------------------------------------


def reds(output):
    dot = draw(output).dot()
    return dot.count('color="#D00000"'), dot


def causal(mask_value, by_where):
    scores = parameter(4, 4, name="scores")
    visible = np.tril(np.ones((4, 4))) > 0
    if by_where:
        masked = where(visible, scores, mask_value)
    else:
        masked = scores + np.where(visible, 0, mask_value)
    return (masked.softmax(axis=-1) @ parameter(4, 2)).sum()


@pytest.mark.parametrize("by_where", [False, True])
def test_the_mask_of_causal_attention_is_no_error(by_where):
    """faults.md F7: its -inf, by design, got the red frame. The word stays."""
    count, dot = reds(causal(-np.inf, by_where))
    assert count == 0
    assert "6 of 16 -inf" in dot
    data = data_of(draw(causal(-np.inf, by_where)).html())
    assert not any(tensor["wrong"] for tensor in data["tensors"].values())


def test_other_infinities_are_as_loud_as_ever():
    with np.errstate(all="ignore"):
        x = Tensor([0.0, 1.0], requires_grad=True, name="x")
        assert reds(-x.log().sum())[0] > 3  # the loss is inf
        assert reds((x.log() * x).sum())[0] > 2  # and then NaN
        assert reds(causal(np.inf, True))[0] > 0  # softmax of inf is NaN
        big = Tensor(800.0, requires_grad=True)
        assert reds(1 / (1 + big.exp()))[0] > 0  # 1 / inf = 0, but its gradient is inf * 0
        assert reds(Tensor([np.inf, 1.0], requires_grad=True) * 2)[0] == 2
        x = Tensor([-1.0, 1.0], requires_grad=True)
        assert reds(where(x.data > 0, x.log(), 0.0).sum())[0] == 1  # a NaN is never meant


# --- (f) sums that are 0 but for rounding --------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_gradient_through_the_mean_of_a_batch_norm_is_called_rounding(dtype):
    """faults.md F7: it was shown as 1e-17. It is 0: a batch norm does not see a shift."""
    rng = np.random.default_rng(0)
    linear = nn.Linear(3, 3, rng=rng, dtype=dtype)
    norm = BatchNorm(3)
    for p in norm.parameters():
        p.data = p.data.astype(dtype)
    y = norm(linear(rng.normal(size=(5, 3)).astype(dtype)))
    loss = (y * rng.normal(size=(5, 3)).astype(dtype)).sum()
    graph = draw(loss)
    rows = {line.split()[0]: line for line in graph.text().splitlines()}
    assert rows["Linear.bias"].endswith("0 (rounding)")
    assert "rounding" not in rows["Linear.weight"]
    assert "grad 0 (rounding)" in graph.dot()
    assert '" 0 (rounding) "' in graph.dot()  # on the edge
    assert not re.search(r"\de-(1[5-9]|0[89])\b", graph.dot())
    page = data_of(graph.html())
    bias = next(x for x in page["tensors"].values() if x["name"] == "Linear.bias")
    assert page["arrays"][bias["gradient"]]["text"] == "0 (rounding)"
    (bias,) = (x for x in graph.trace.tensors if x.name == "Linear.bias")
    loss.backward()
    np.testing.assert_array_equal(bias.gradient, linear.bias.grad)  # the numbers stay what they are


def test_uses_that_cancel_are_called_rounding_and_so_is_what_comes_of_them():
    a = Tensor(0.7, requires_grad=True, name="a")
    b = a.tanh()
    rows = draw(b * 0.1 + b * 0.7 - b * 0.8).text().splitlines()
    shown = {row.split()[0]: row for row in rows}
    assert 0.1 + 0.7 - 0.8 != 0
    assert shown["a"].endswith("0 (rounding)")
    assert shown["tanh1"].endswith("0 (rounding)")


def test_small_gradients_are_no_rounding():
    """A gradient that vanishes is small by multiplication, not by cancellation."""
    x = y = Tensor([2.0, 3.0], requires_grad=True, name="x")
    for _ in range(40):
        y = (y * 2).sigmoid() * 0.01
    z = Tensor([0.0, -46.0, -50.0], requires_grad=True, name="z")
    b = Tensor(np.full(3, 2.0), requires_grad=True, name="b")
    for output in (
        y.sum(),
        -log_softmax(z)[0],  # the gradient of z is 1e-20 in two places
        (b * (np.ones((5, 3)) * 1e-17)).sum() + b.sum() * 1e-18,
        (x * 1e-30).sum(),
    ):
        assert "rounding" not in draw(output).text()


# --- (g) modules with several outputs, faults.md D7 ----------------------------------------------


class LSTMCell(nn.Module):
    def __init__(self, as_dict):
        self.weight, self.as_dict = parameter(5, 8), as_dict

    def forward(self, x, h, c):
        z = concatenate([x, h], axis=1) @ self.weight
        c = z[:, :2].sigmoid() * c + z[:, 2:4].sigmoid() * z[:, 4:6].tanh()
        h = z[:, 6:].sigmoid() * c.tanh()
        return {"state": [h], "cell": c} if self.as_dict else (h, c)


@pytest.mark.parametrize("as_dict", [False, True])
def test_a_module_with_several_outputs_is_one_cluster(as_dict):
    cell = LSTMCell(as_dict)
    x, h, c = (parameter(4, n, name=name) for n, name in ((3, "x"), (2, "h"), (2, "c")))
    for _ in range(2):
        out = cell(x, h, c)
        h, c = (out["state"][0], out["cell"]) if as_dict else out
    found = trace((h * c).sum())
    assert [s.label for s in found.scopes] == ["LSTMCell", "LSTMCell, call 2"]
    inside = [[op.op.name for op in found.ops if op.scope is s] for s in found.scopes]
    assert inside[0] == inside[1]
    assert len(inside[0]) > 10
    assert [op.op.name for op in found.ops if op.scope is None] == ["multiply", "sum"]


# --- (h) equal names -----------------------------------------------------------------------------


def test_tensors_of_the_same_name_are_told_apart():
    """faults.md F7: two Tensors named "w" were one in text()."""
    a, b = (Tensor(x, requires_grad=True, name="w") for x in (2.0, 3.0))
    c = Tensor(5.0, requires_grad=True, name="multiply1")
    lines = draw(a * b + c).text().splitlines()
    assert [line.split()[0] for line in lines[1:]] == [
        "w", "w#2", "multiply1", "multiply1#2", "add1"
    ]  # fmt: skip
    assert "multiply(w, w#2)" in lines[4]
    assert "add(multiply1#2, multiply1)" in lines[5]


def test_names_that_differ_beyond_what_is_shown_are_told_apart():
    a, b = (Tensor(1.0, requires_grad=True, name="x" * k) for k in (50, 51))
    first, second = (line.split()[0] for line in draw(a - b).text().splitlines()[1:3])
    assert second == f"{first}#2"


# --- (i) rules of every kind ---------------------------------------------------------------------


def scaled(g, y, x, k):
    return g * k


class Rule:
    def __init__(self, k):
        self.k = k

    def __call__(self, g, y, x):
        return g * self.k

    def method(self, g, y, x):
        return g * self.k


RULES = {
    "partial": functools.partial(scaled, k=3.0),
    "method": Rule(3.0).method,
    "object": Rule(3.0),
    "ufunc": lambda g, y, x: np.multiply(g, 3.0),
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_rules_of_every_kind_have_a_page(rule):
    """faults.md F7: html() of an Op whose rule is a functools.partial died of __globals__."""
    triple = Op(lambda x: x * 3.0, rule, name="triple")
    x = Tensor(2.0, requires_grad=True, name="x")
    data = data_of(draw(triple(x)).html())
    (send,) = (send for step in data["steps"] for send in step.get("sends", ()))
    assert data["programs"][send["program"]]["text"] == "{0} * 3"


def test_a_ufunc_and_a_builtin_as_rule_and_forward():
    def three(g, y, x):
        return g * 1.0

    forwards = {
        np.negative: "-{0}",
        operator.neg: "-{0}",
        functools.partial(np.multiply, 2.0): "2 * {0}",
    }
    for forward, text in forwards.items():
        op = Op(forward, three, name="f", definition=lambda x: None)
        page = draw(op(Tensor([2.0], requires_grad=True)), [1.0]).html()
        data = data_of(page)
        (step,) = (s for s in data["steps"] if s["kind"] == "forward")
        assert data["programs"][step["program"]]["text"] == text
    for rule in (np.where, np.vectorize(three)):
        op = Op(lambda x: x * 1.0, rule, name="odd")
        assert "odd" in draw(op(Tensor(1.0, requires_grad=True))).html()


# --- (j) after the step --------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["in place", "assigned", "optimizer"])
def test_after_the_step_the_structure_is_drawn_and_what_is_unknown_left_out(how, tmp_path):
    """faults.md F7: draw(loss) after optimizer.step(), where every script ends, was refused."""
    from tinygrad_loss.optim import GD

    w, b = parameter(3, 2, name="w"), parameter(2, name="b")
    x = np.ones((4, 3))
    loss = ((x @ w + b) ** 2).mean()
    before = sorted(draw(loss).text().splitlines()[1:])
    loss.backward()
    if how == "optimizer":
        GD([w, b], lr=0.1).step()
    elif how == "in place":
        w.data -= 0.1
    else:
        w.data = w.data + 1
    graph = draw(loss)
    after = graph.text().splitlines()
    names = "w, b" if how == "optimizer" else "w"
    note = f"Changed after this pass, as by optimizer.step(): {names}. "
    assert after[-1].startswith(note)
    assert "draw before the step, or compute the output again" in after[-1]
    for old, new in zip(before, sorted(after[1:-1]), strict=True):
        name = new.split()[0]
        assert new.endswith("  -")
        assert old.split()[:3] == new.split()[:3]
        assert ("changed since" in new) == (name in names.split(", "))
    value = re.search(r"mean1 +\S+ +\(\) +(\S+)", after[-2])[1]
    assert value == f"{loss.item():.4g}"
    dot = graph.dot()
    assert note in dot
    assert dot.count("changed since") == len(names.split(", "))
    for ending in ("svg", "png", "html"):
        assert graph.save(tmp_path / f"graph.{ending}").stat().st_size > 1000
    page = data_of(graph.html())
    assert [s["kind"] for s in page["steps"]][-2:] == ["forward", "end"]
    assert note in page["steps"][-1]["say"]
    old = {x.name: x for x in graph.trace.tensors}["w"]
    assert page["arrays"][page["tensors"][old.id]["value"]]["numbers"] == []


def test_a_view_of_what_was_changed_has_changed_too():
    w = parameter(2, 3, name="w")
    loss = (w.reshape(3, 2)[1:] ** 2).sum()
    w.data *= 2
    rows = {row.split()[0]: row for row in draw(loss).text().splitlines()}
    assert all("changed since" in rows[name] for name in ("w", "reshape1", "getitem1"))
    assert "changed since" not in rows["power1"]


def test_a_later_write_does_not_change_a_view_in_the_trace():
    w = Tensor([[2.0, 3.0]], requires_grad=True)
    found = trace((w.reshape(2) * 1.0).sum())
    (view,) = (node for node in found.tensors if node.name == "reshape1")
    w.data *= 10
    np.testing.assert_array_equal(view.value, [2.0, 3.0])


def test_changed_inputs_and_several_outputs():
    x, w = Tensor([1.0, 2.0], name="x"), parameter(2, name="w")
    a, b = x * w, w + 1
    x.data = [3.0, 4.0]
    for output in ((a * b).sum(), [a, b]):
        assert "optimizer.step(): x. " in draw(output).text()
    with pytest.raises(RuntimeError, match=r"the data of x .* was changed"):
        draw((a * b).sum(), backward=True)
    text = draw(b.sum()).text()  # which does not depend on x
    assert "changed" not in text
    assert text.splitlines()[-1].endswith("1")
