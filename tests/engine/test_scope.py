"""scope: what is computed in a block is marked, for pictures and for watch."""

import asyncio
import threading

import numpy as np
import pytest

from tinygrad_loss import (
    Tensor,
    draw,
    grad,
    gradients,
    nn,
    no_grad,
    scope,
    unroll,
)
from tinygrad_loss.engine.mode import set_mode

pytestmark = pytest.mark.usefixtures("no_block_left_behind")

W = Tensor(3.0, requires_grad=True, name="W")


def recording():
    """Whether an op is recorded, here and now."""
    return (W * 2).requires_grad


# --- scope ----------------------------------------------------------------------------------------


def clusters(output, **options):
    """The labels of the boxes of a picture, each with the labels of those around it."""
    found, around = [], []
    for line in draw(output, **options).dot().splitlines():
        line = line.strip()
        if line.startswith("subgraph"):
            around.append(None)
        elif line.startswith("id=") and " label=" in line:
            label = line.split(" label=")[1].split(" labeljust")[0]
            around[-1] = label.strip('"')
            found.append("/".join(around))
        elif line == "}" and around:
            around.pop()
    return found


def x0():
    return Tensor(2.0, requires_grad=True, name="x")


def test_a_scope_is_a_box_around_what_was_computed_in_it():
    x = x0()
    before = x * 2
    with scope("neuron"):
        inside = (3.0 * before + 1.0).tanh()
    after = inside * 2
    assert clusters(after) == ["neuron"]
    assert [len(t.scopes) for t in (before, inside, after)] == [0, 1, 0]
    text = draw(after).dot()
    box = text[text.index("subgraph") : text.index("}", text.index("subgraph"))]
    assert "tanh" in box
    assert "multiply2" in box
    assert "multiply1" not in box
    assert "multiply3" not in box


def test_scopes_nest_and_names_may_be_used_again():
    x = x0()
    with scope("layer"):
        with scope("affine"):
            y = x * 3
        with scope("activation"):
            y = y.tanh()
        y = y * 2
    with scope("layer"):
        y = y.sin()
    assert clusters(y) == ["layer", "layer/affine", "layer/activation", "layer, call 2"]


def test_one_scope_object_again_and_inside_itself():
    x, cell = x0(), scope("cell")
    with cell:
        y = x * 3
        with cell:
            y = y + 1
        y = y.tanh()
    with cell:
        y = y * 2
    assert clusters(y) == ["cell", "cell/cell, call 2", "cell, call 3"]
    text = draw(y).dot()
    assert text.index("op2 [label=tanh") < text.index("cell, call 2")  # that of the first call


def test_a_decorated_function_has_a_scope_for_each_call():
    @scope("cell")
    def cell(x):
        return (x * 3.0).tanh()

    assert clusters(cell(cell(cell(x0())))) == ["cell", "cell, call 2", "cell, call 3"]


def test_a_decorated_function_that_calls_itself_has_a_scope_in_each_scope():
    @scope("level")
    def level(x, n):
        y = x * 2.0
        return level(y, n - 1).sin() if n else y

    assert clusters(level(x0(), 2)) == [
        "level",
        "level/level, call 2",
        "level/level, call 2/level, call 3",
    ]


def test_a_decorated_generator_and_coroutine():
    @scope("step")
    def steps(x):
        while True:
            x = x * 2
            x = yield x.tanh()

    walk = steps(x0())
    y = next(walk).sin()
    y = walk.send(y).cos()
    walk.close()
    # Each stretch has its own: between them, what is outside was computed from what is inside.
    assert clusters(y) == ["step", "step, call 2"]

    @scope("cell")
    async def cell(x):
        y = x * 2
        await asyncio.sleep(0)
        return y.tanh()

    assert clusters(asyncio.run(cell(x0()))) == ["cell"]


class Scaled(nn.Module):
    def __init__(self):
        self.w = Tensor(3.0, requires_grad=True)

    def forward(self, x):
        with scope("inner"):
            y = x * self.w
        return y + 1.0


def test_scopes_around_modules_and_modules_around_scopes():
    module = Scaled()
    with scope("outer"):
        y = module(x0().tanh())
    assert clusters(y.sin()) == ["outer", "outer/Scaled", "outer/Scaled/inner"]
    net = nn.Sequential(Scaled(), Scaled())
    assert clusters(net(x0())) == [
        "Sequential",
        "Sequential/layers.0: Scaled",
        "Sequential/layers.0: Scaled/inner",
        "Sequential/layers.1: Scaled",
        "Sequential/layers.1: Scaled/inner, call 2",
    ]


def test_a_scope_does_not_change_names_values_and_gradients():
    def loss(named):
        module, x = Scaled(), x0()
        with scope("outer") if named else set_mode():
            return module(x) ** 2

    with_scope, without = loss(True), loss(False)
    assert draw(with_scope).text() == draw(without).text()


def test_scopes_that_repeat_fold_into_one_node():
    @scope("cell")
    def cell(h, w):
        return (h * w + 1.0).tanh() * 0.5

    h, w = x0(), Tensor(0.3, requires_grad=True, name="w")
    for _ in range(20):
        h = cell(h, w)
    graph = draw(h, max_nodes=20)
    assert "cell x 20" in graph.dot()
    assert "80 ops" in graph.dot()
    assert "cell" not in draw(h * 1.0, max_nodes=200).dot().split("label=")[0]


def test_scopes_of_generators_in_turn_can_be_drawn_and_folded():
    """Blocks that overlap in time: no circle, nothing lost."""

    def part(name, x):
        with scope(name):
            for _ in range(4):
                x = x * 2.0
                x = yield x.tanh()

    x = x0()
    a, b = part("a", x), part("b", x)
    x, y = next(a), next(b)
    for _ in range(3):
        x, y = a.send(y), b.send(x)
    a.close()
    total = x + y
    b.close()
    assert "a" in clusters(total)
    for size in (2, 5, 10, 200):
        assert draw(total, max_nodes=size).dot()


def test_a_scope_ends_with_an_exception_and_lives_in_its_thread():
    with pytest.raises(KeyError), scope("cell"):
        raise KeyError("inside")
    assert (W * 2).scopes == ()
    seen = []
    with scope("cell"):
        thread = threading.Thread(target=lambda: seen.append((W * 2).scopes))
        thread.start()
        thread.join(10)
        assert [mark.name for mark, _ in (W * 2).scopes] == ["cell"]
    assert seen == [()]


def test_a_scope_under_no_grad_and_no_grad_in_a_scope():
    x = x0()
    with no_grad(), scope("constant"):
        c = x * 2
    with scope("cell"):
        with no_grad():
            d = x * 3
        y = (x * c * d).tanh()
    assert not c.requires_grad
    assert not d.requires_grad
    assert clusters(y) == ["cell"]


def test_a_scope_around_grad_records_as_without():
    with scope("slope"):
        assert grad(grad(lambda x: x**3))(2.0) == 12
        (dx,) = gradients(W**3, [W], create_graph=True)
    assert gradients(dx, [W])[0].item() == 18


def test_scopes_inside_and_around_unroll():
    w = Tensor([1.0, -2.0], requires_grad=True, name="w")

    @scope("cell")
    def cell(x):
        return (x * w).tanh()

    def loss(x):
        with scope("loss"):
            return (cell(x) ** 2).sum()

    x = np.array([0.5, 0.25])
    expected = loss(x)
    (slope,) = gradients(expected, [w])
    with scope("around"):
        step = unroll(loss, x, wrt=[w])
    value, (found,) = step(x)
    assert value == pytest.approx(expected.item(), rel=1e-14)
    np.testing.assert_allclose(found, slope.data, rtol=1e-13)
    assert "scope" not in step.source


@pytest.mark.parametrize("name", [None, 3, b"cell", ["cell"], len])
def test_names_that_are_no_strings(name):
    with pytest.raises(TypeError, match=r"scope: name is .*expected a string, such as 'neuron'"):
        scope(name)


def test_a_name_is_required():
    with pytest.raises(TypeError, match="name"):
        scope()


@pytest.mark.parametrize("name", ["", 'a "quoted" <name>', "two\nlines", "Größe", "cluster_s0"])
def test_any_string_is_a_name(name):
    with scope(name):
        y = x0() * 2
    graph = draw(y)
    assert "subgraph" in graph.dot()
    assert graph.text()
