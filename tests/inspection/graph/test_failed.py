"""The picture of a computation that failed: ``draw(error)`` shows what there was so far."""

import re
from traceback import walk_tb

import numpy as np
import pytest

from tests.inspection.graph.test_page import data_of
from tests.inspection.graph.test_pictures import HOSTILE
from tinygrad_loss import (
    Op,
    Tensor,
    concatenate,
    cross_entropy,
    draw,
    linear,
    mean_squared_error,
    nn,
)


def leaf(*shape, name="W"):
    values = np.random.default_rng(0).normal(size=shape)
    return Tensor(values, requires_grad=True, name=name)


def failure(computation):
    with pytest.raises(BaseException) as caught:
        computation()
    return caught.value


def failed(computation):
    """The picture, the error's own words, and what is said of the call that failed."""
    error = failure(computation)
    graph = draw(error)
    row = next(line for line in graph.text().splitlines() if line.startswith("not computed"))
    return graph, error, re.split(r"  +", row)[1]


def depth(error):
    return sum(1 for _ in walk_tb(error.__traceback__))


def own(forward, *rules):
    return Op(forward, *rules, name="own")


def divided(a, b):
    half = a / 2
    raise ZeroDivisionError(f"{half.ndim} axes")


def keep(g, y, *inputs):
    return g


CALLS = {
    "matmul": (lambda W: Tensor(np.ones((2, 3)), name="x") @ W.exp(), "matmul(x, exp1)"),
    "add": (lambda W: W.exp() + leaf(3, name="v"), "add(exp1, v)"),
    "an array": (lambda W: W.exp() + np.ones(3), "add(exp1, input1)"),
    "an array before it": (lambda W: np.ones(3) + W.exp(), "add(input1, exp1)"),
    "reshape": (lambda W: W.exp().reshape(3, 3), "reshape(exp1)"),
    "index": (lambda W: W.exp()[7], "getitem(exp1)"),
    "axis": (lambda W: W.exp().sum(axis=5), "sum(exp1)"),
    "concatenate": (
        lambda W: concatenate([W, W.exp(), Tensor(np.ones((2, 3)), name="x")]),
        "concatenate(W, exp1, x)",
    ),
    "linear": (
        lambda W: linear(np.ones((2, 3)), W.exp(), leaf(2, name="b")),
        "linear(input1, exp1, b)",
    ),
    "a loss": (
        lambda W: mean_squared_error(W.exp(), np.zeros(4)),
        "mean_squared_error(exp1, input1)",
    ),
    "labels": (lambda W: cross_entropy(W.exp(), [0, 1, 2, 0]), "cross_entropy(exp1, input1)"),
    "own op": (lambda W: own(divided, keep, keep)(W.exp(), np.ones((4, 2))), "own(exp1, input1)"),
    "backward": (lambda W: W.exp().backward(np.ones(3)), "backward(exp1, input1)"),
    "draw": (lambda W: draw(W.exp(), grad=np.ones(3)), "backward(exp1, input1)"),
}


@pytest.mark.parametrize(("computation", "call"), CALLS.values(), ids=CALLS)
def test_the_call_that_failed_is_shown_with_what_it_was_given(computation, call):
    W = leaf(4, 2)
    graph, error, said = failed(lambda: computation(W))
    assert said == call
    table = graph.text()
    assert table.endswith(f"{type(error).__name__}: {error}\n")
    rows = {line.split("  ")[0]: line for line in table.splitlines()}
    assert "parameter" in rows["W"]
    assert "exp(W)" in rows["exp1"]
    assert f"max abs {np.exp(W.data).max():.3g}" in rows["exp1"]  # computed, so it has its value
    assert rows["exp1"].endswith("-")  # and no gradient
    assert "1 op" not in repr(graph)


def test_in_modules_the_parameters_have_their_paths():
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(3, 4, rng=rng), nn.ReLU(), nn.Linear(5, 2, rng=rng))
    graph, _, said = failed(lambda: model(np.ones((2, 3))))
    assert said == "linear(relu1, layers.2.weight, layers.2.bias)"
    assert "linear(input1, layers.0.weight, layers.0.bias)" in graph.text()
    assert "inner sizes 4 and 5 differ" in graph.text()


def test_an_own_function_that_raises_is_a_failed_call_of_what_it_held():
    def checked(W):
        h = W * 2
        both = [h, h.tanh()]
        if both:
            raise RuntimeError("I want three axes")

    graph, _, said = failed(lambda: checked(leaf(4, 2)))
    assert said == "failed call(W, multiply1, tanh1)"
    assert graph.text().endswith("RuntimeError: I want three axes\n")


def test_an_own_module_that_raises():
    class Doubled(nn.Module):
        def __init__(self):
            self.W = leaf(3, 2, name=None)

        def forward(self, x):
            h = x @ self.W
            raise RuntimeError(f"{h.ndim} axes")

    assert failed(lambda: Doubled()(Tensor(np.ones((2, 3)), name="x")))[2] == (
        "failed call(x, matmul1)"
    )


def test_a_function_without_tensors_is_not_the_one_that_failed():
    def check(size):
        raise ValueError(f"{size} is too much")

    def computed(W):
        h = W.exp()
        check(h.size)

    assert failed(lambda: computed(leaf(4, 2)))[2] == "failed call(W, exp1)"


def test_inputs_that_do_not_require_grad_have_no_history():
    x, C = (Tensor(np.ones(shape), name=name) for name, shape in (("x", (2, 3)), ("C", (4, 2))))
    graph, _, said = failed(lambda: x @ C)
    assert said == "matmul(x, C)"
    assert "parameter" not in graph.text()
    assert failed(lambda: x.tanh() @ C)[2] == "matmul(input1, C)"


@pytest.mark.parametrize(
    "cell", ["h = W.tanh() * 2\nh @ U", "def f():\n    return (W.tanh() * 2) @ U\nf()"]
)
def test_in_a_notebook_the_names_are_global(cell):
    """Else every Tensor of the notebook would be drawn as an input of the call that failed."""
    names = {"W": leaf(4, 2), "U": leaf(5, 5, name="U"), "others": leaf(7, name="others")}
    graph, _, said = failed(lambda: exec(compile(cell, "cell", "exec"), names))
    assert said == "matmul(multiply1, U)"
    assert "others" not in graph.text()


def test_what_a_notebook_holds_is_no_computation():
    names = {"W": leaf(4, 2)}
    error = failure(lambda: exec("h = W.tanh()\nraise ValueError('at the top')", names))
    with pytest.raises(TypeError, match=r"^draw: no function with Tensors"):
        draw(error)


def test_arrays_and_numbers_that_the_function_held():
    def computed(W):
        labels, empty, mask, small = np.arange(20), np.zeros((0, 3)), np.ones(5, bool), 0.5
        y = W.exp() * small
        raise ValueError(f"{labels.size + empty.size + mask.size + y.size}")

    graph, _, said = failed(lambda: computed(leaf(4, 2)))
    assert said == "failed call(W, input1, input2, input3, multiply1)"
    for shown in ("(20,) int64", "(0, 3)  empty", "[True, True, True, True, True]"):
        assert re.sub(" +", " ", shown) in re.sub(" +", " ", graph.text())


@pytest.mark.parametrize(
    "held",
    [
        np.array(["cat", "dog", "eel", "fox", "gnu"]),
        np.array([None, "a", {}, 3, 4], dtype=object),
        np.array(["2020-01-01"] * 5, dtype="datetime64[D]"),
        np.ones(5) * 1j,
        np.zeros(5, dtype=[("a", float), ("b", int)]),
    ],
    ids=["strings", "objects", "dates", "complex", "records"],
)
def test_arrays_that_hold_no_real_numbers_are_no_obstacle(held):
    """A function of the user's can hold anything beside its Tensors."""

    def computed(W, names):
        y = W.exp()
        raise ValueError(f"{len(names)} names, {y.size} numbers")

    graph, _, said = failed(lambda: computed(leaf(4, 2), held))
    assert "exp1" in said
    graph.dot()
    assert "5 names, 8 numbers" in graph.html()


# --- the error -----------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ValueError("no reason"), KeyError("x"), KeyboardInterrupt()])
def test_an_error_without_a_computation_is_refused(error):
    with pytest.raises(TypeError, match=r"^draw: no function with Tensors failed with .*; give a"):
        draw(error)


def test_an_error_of_a_computation_without_tensors_is_refused():
    with pytest.raises(TypeError, match=r"^draw: no function with Tensors"):
        draw(failure(lambda: np.ones(2) @ np.ones(3)))


@pytest.mark.parametrize("given", [ValueError, [ValueError("x")]])
def test_the_type_of_an_error_or_a_list_of_errors_is_refused(given):
    with pytest.raises(TypeError, match=r"^draw: got .*; expected a Tensor or a sequence"):
        draw(given)


def test_there_is_no_quiz_about_it():
    graph = draw(failure(lambda: leaf(4, 2) @ np.ones((5, 5))))
    with pytest.raises(
        ValueError, match=r"^html: quiz=True asks for gradients, and this graph has"
    ):
        graph.html(quiz=True)


class Stopped(BaseException):
    """As KeyboardInterrupt, which would end the tests."""


def interrupted(W):
    y = W.exp()
    raise Stopped(f"after {y.size} numbers")


def test_a_run_that_was_interrupted(tmp_path):
    graph, _, said = failed(lambda: interrupted(leaf(4, 2)))
    assert said == "failed call(W, exp1)"
    assert graph.text().endswith("Stopped: after 8 numbers\n")
    for ending in ("dot", "svg", "html"):
        assert graph.save(tmp_path / f"x.{ending}").stat().st_size > 0


@pytest.mark.parametrize("message", [*HOSTILE.values(), "a\nb", "\u202e", ""])
def test_messages_are_inert(message):
    def computed(W):
        y = W.exp()
        raise ValueError(message if y.size else "")

    graph, *_ = failed(lambda: computed(leaf(4, 2)))
    shown = "".join(x if x.isprintable() else x.encode("unicode_escape").decode() for x in message)
    assert graph.text().endswith(f"ValueError: {shown}\n".replace(": \n", ":\n"))
    assert f"ValueError: {shown}" in data_of(graph.html())["fixed"]
    assert len(re.findall("<script", graph.html())) == 2
    assert "<svg" in graph.svg()


def test_a_long_message_is_cut():
    def computed(W):
        raise ValueError(f"{W.ndim}" + "z" * 5000)

    assert len(failed(lambda: computed(leaf(4, 2)))[0].text().splitlines()[-1]) == 400


# --- pictures ------------------------------------------------------------------------------------


def multiplied(W):
    return Tensor(np.ones((2, 3)), name="x").tanh() @ (W * 2)


def test_the_failed_call_alone_is_red():
    graph, *_ = failed(lambda: multiplied(leaf(4, 2)))
    red = re.findall(r'label="?([^"\\]+?)(?:"|\\n| class).*notfinite', graph.dot())
    assert sorted(red) == ["matmul", "not computed"]
    assert graph.dot().count("#D00000") == 2
    assert "inner sizes 3 and 4 differ" in graph.dot()
    classes = re.findall(r'class="node (\w+) notfinite"', graph.svg())
    assert sorted(classes) == ["op", "output"]


def test_what_is_folded_with_the_failure_is_red():
    def deep(y):
        for _ in range(100):
            y = (y * 1.5).tanh()
        return y @ y

    graph = draw(failure(lambda: deep(leaf(4, 2))), max_nodes=5)
    assert "notfinite" in graph.dot()
    assert "inner sizes 2 and 4 differ" in graph.dot()
    assert "inner sizes 2 and 4 differ" in graph.html()


def test_the_page_steps_to_the_failure_and_says_it(chromium, tmp_path):
    from tests.inspection.graph.browser import Page

    graph, error, _ = failed(lambda: multiplied(leaf(4, 2)))
    page = Page(chromium, graph.save(tmp_path / "failed.html"))
    assert str(error) in page.js("document.getElementById('read-only').textContent")
    assert page.js("steps.map((x) => x.kind)") == ["start", "forward", "forward", "end"]
    for step in range(page.count):
        page.show(step)
    assert str(error) in page.panel()
    assert page.js("document.getElementById('update').hidden")
    page.show(2)
    assert page.js("document.querySelector('.node.active.notfinite') !== null")
    red = page.js("[...document.querySelectorAll('.node.notfinite')].map((x) => x.dataset.tensor)")
    assert red == ["not computed"]
    for node in page.js("nodes.map(idOf)"):
        page.js("void look(arguments[0])", node)
    assert page.problems() == []


# --- nothing of the user's is changed ------------------------------------------------------------


def test_tensors_arrays_and_gradients_stay():
    W, x = leaf(4, 2), np.ones((2, 3))
    (W * W).sum().backward()
    before = W.data.copy(), W.grad.copy(), W.origin, W.stamp, W.name
    error = failure(lambda: x @ W)
    graph = draw(error)
    for _ in range(2):
        graph.text(), graph.dot(), graph.svg(), graph.html()
    np.testing.assert_array_equal(W.data, before[0])
    np.testing.assert_array_equal(W.grad, before[1])
    assert (W.origin, W.stamp, W.name) == before[2:]
    assert x.flags.writeable
    assert (W * 2).requires_grad  # and the next computation is recorded as before


def test_the_error_stays_as_it_was_raised():
    """One can draw it, and still read its traceback, or raise it again."""
    error = failure(lambda: multiplied(leaf(4, 2)))
    before = depth(error), error.args, error.__cause__, error.__context__
    first, page = draw(error).text(), draw(error).html()
    assert (depth(error), error.args, error.__cause__, error.__context__) == before
    assert draw(error).text() == first
    assert draw(error).html() == page


def test_the_cause_is_drawn_whoever_raised_it_again():
    def run():
        try:
            leaf(4, 2).exp() @ np.ones((5, 5))
        except ValueError as error:
            raise RuntimeError("epoch 3") from error

    graph, *_, said = failed(run)
    assert said.startswith("matmul(exp1, ")
    assert graph.text().endswith("RuntimeError: epoch 3\n")
    error = failure(lambda: leaf(4, 2) @ np.ones((5, 5)))
    error.__cause__ = error
    assert "matmul" in draw(error).text()
