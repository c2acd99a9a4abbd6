"""Blocks that end in any order, and who hears what: observers of ops and rules."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from tinygrad_loss import (
    Tensor,
    detect_anomaly,
    draw,
    exp,
    gradients,
    nn,
    no_grad,
    scope,
    watch,
)
from tinygrad_loss.engine.mode import Mode, Observer, mode, set_mode

pytestmark = pytest.mark.usefixtures("no_block_left_behind")

W = Tensor(3.0, requires_grad=True, name="W")


def recording():
    """Whether an op is recorded, here and now."""
    return (W * 2).requires_grad


# --- all orders -----------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_blocks_in_any_order_equal_a_list_of_them(data):
    """The model: blocks that are open, the last opened last; ending one takes its last entry."""
    mode.set(Mode())
    observers = [Observer() for _ in range(3)]
    kinds = st.tuples(
        st.sampled_from([None, True, False]), st.sampled_from([None, *observers]), st.booleans()
    )
    blocks = [set_mode(*kind) for kind in data.draw(st.lists(kinds, min_size=1, max_size=4))]
    opened = []
    for _ in range(data.draw(st.integers(1, 12))):
        if opened and data.draw(st.booleans()):
            block = data.draw(st.sampled_from(opened))
            block.__exit__(None, None, None)
            del opened[len(opened) - 1 - opened[::-1].index(block)]
        else:
            block = data.draw(st.sampled_from(blocks))
            assert block.__enter__() is block.observer
            opened.append(block)

        said = [block.recording for block in opened if block.recording is not None]
        assert mode.get().recording is recording() is ([True, *said][-1])
        alone = [i for i, block in enumerate(opened) if block.alone]
        heard = opened[alone[-1] :] if alone else opened
        assert mode.get().observers == tuple(x.observer for x in heard if x.observer)
    for block in data.draw(st.permutations(opened)):
        block.__exit__(None, None, None)
    assert mode.get().blocks == ()
    assert mode.get().recording
    assert mode.get().observers == ()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=20))
def test_generators_advanced_in_any_order_do_not_touch_each_other(steps):
    """Each advance of a decorated one records in its body as decorated; outside nothing changes."""
    mode.set(Mode())

    def body():
        while True:
            yield recording()

    running = {}
    for which, close in steps:
        expected = which % 2 == 0
        running.setdefault(which, set_mode(recording=expected)(body)())
        if close:
            running.pop(which).close()
        else:
            assert next(running[which]) is expected
        assert recording()


def test_a_block_that_was_not_entered_ends_without_harm():
    with no_grad():
        no_grad().__exit__(None, None, None)
        assert not recording()


# --- observers ------------------------------------------------------------------------------------


class Log(Observer):
    """Writes down all that it hears, under its name, into a list that several may share."""

    def __init__(self, heard=None, name=""):
        self.heard = [] if heard is None else heard
        self.name = name

    def after_forward(self, output, op, inputs, arrays):
        self.heard.append((self.name, op.name, output, inputs, arrays))

    def after_rule(self, node, position, g, part):
        self.heard.append((self.name, node.origin[0].name, position, g, part))


def names(log):
    return [(name, op) for name, op, *_ in log.heard]


def test_an_observer_hears_of_values_with_their_inputs():
    log, x = Log(), np.array([1.0, 2.0])
    w = Tensor([3.0, 4.0], requires_grad=True)
    with set_mode(observer=log) as given_back:
        y = w * x
        total = y.sum()
        constant = np.exp(Tensor([0.0]))
        array = exp(x)  # no Tensor, nobody is told
    _ = w * x
    assert given_back is log
    assert isinstance(array, np.ndarray)
    assert names(log) == [("", "multiply"), ("", "sum"), ("", "exp")]
    (_, _, output, inputs, arrays), (_, _, second, *_), (_, _, third, *_) = log.heard
    assert output is y
    assert inputs[0] is w
    assert inputs[1] is x
    assert [type(a) for a in arrays] == [np.ndarray, np.ndarray]
    assert arrays[0] is w.data
    assert arrays[1] is x
    assert second is total
    assert third is constant


@pytest.mark.parametrize("create_graph", [False, True])
def test_an_observer_hears_of_gradients_where_from_where_to_and_what(create_graph):
    a, b = Tensor([2.0, 3.0], requires_grad=True), Tensor(5.0, requires_grad=True)
    product = a * b
    y = product.sum()
    log = Log()
    with set_mode(observer=log):
        gradients(y, [a, b], 7.0, create_graph=create_graph)
    rules = [entry for entry in log.heard if isinstance(entry[2], int)]
    assert len(log.heard) > len(rules) if create_graph else len(log.heard) == len(rules)
    plain = [
        (op, position, np.asarray(g if not create_graph else g.data).tolist(),
         np.asarray(part if not create_graph else part.data).tolist())
        for _, op, position, g, part in rules
    ]  # fmt: skip
    assert plain == [
        ("sum", 0, 7, [7, 7]),
        ("multiply", 0, [7, 7], [35, 35]),
        ("multiply", 1, [7, 7], 35),  # in the shape of b: the sum of [14, 21]
    ]
    assert {type(part) for *_, part in rules} <= (
        {Tensor} if create_graph else {np.ndarray, np.float64}
    )


def test_rules_that_do_not_run_are_not_heard_of():
    x, w = Tensor([1.0, 2.0]), Tensor(2.0, requires_grad=True)
    y = (x * w).sum()
    log = Log()
    with set_mode(observer=log):
        y.backward()
    assert [(op, position) for _, op, position, *_ in log.heard] == [("sum", 0), ("multiply", 1)]


def test_observers_add_up_outermost_first():
    heard = []
    with set_mode(observer=Log(heard, "outer")), set_mode(), set_mode(observer=Log(heard, "inner")):
        y = W * W
    y.backward()
    assert [(name, op) for name, op, *_ in heard] == [("outer", "multiply"), ("inner", "multiply")]
    W.zero_grad()


def test_alone_replaces_those_around_and_not_those_inside():
    heard = []
    with set_mode(observer=Log(heard, "around")):
        with set_mode(observer=Log(heard, "alone"), alone=True):
            with set_mode(observer=Log(heard, "inside")):
                _ = W * 2
            with set_mode(alone=True):
                _ = W / 2
        _ = W + 2
    assert [(name, op) for name, op, *_ in heard] == [
        ("alone", "multiply"),
        ("inside", "multiply"),
        ("around", "add"),
    ]


def test_observers_hear_under_no_grad_too():
    log = Log()
    with set_mode(observer=log), no_grad():
        _ = W * 2
    assert names(log) == [("", "multiply")]


def test_an_observer_that_raises_leaves_nothing_behind():
    class Angry(Observer):
        def after_forward(self, output, op, inputs, arrays):
            raise KeyError(op.name)

    with pytest.raises(KeyError, match="multiply"), set_mode(observer=Angry()):
        _ = W * 2
    assert recording()


def test_the_first_observer_with_a_tracer_answers_for_all():
    class Tracing(Observer):
        def __init__(self, tracer):
            self.tracer = tracer

    with set_mode(observer=Observer()), set_mode(observer=Tracing("outer")):
        assert mode.get().tracer == "outer"
        with set_mode(observer=Tracing("inner"), alone=True):
            assert mode.get().tracer == "inner"
        assert mode.get().tracer == "outer"
    assert mode.get().tracer is None


X = np.random.default_rng(0).normal(size=(4, 3))


@settings(max_examples=40, deadline=None)
@given(
    order=st.permutations(["watch", "anomaly", "scope", "log", "grad"]),
    decorated=st.booleans(),
)
def test_watch_anomaly_scope_and_observers_in_any_nesting(order, decorated):
    model = nn.MLP([3, 4, 1], activation="tanh", rng=np.random.default_rng(0))
    watched, log = watch(model), Log()
    blocks = {
        "watch": watched,
        "anomaly": detect_anomaly(),
        "scope": scope("all of it"),
        "log": set_mode(observer=log),
        "grad": set_mode(recording=True),
    }
    alone = model(X).sum()
    alone.backward()
    expected = [p.grad for p in model.parameters()]
    results = []

    def run():
        for p in model.parameters():
            p.zero_grad()
        loss = model(X).sum()
        loss.backward()
        results.append(loss)
        with np.errstate(divide="ignore"), pytest.raises(FloatingPointError, match=r"^log: "):
            np.log(model.parameters()[0] * 0)

    for name in order:
        block = blocks[name]

        def run(inner=run, block=block):
            if decorated and isinstance(block, set_mode):
                return block(inner)()
            with block:
                return inner()

    run()
    (loss,) = results
    for p, g in zip(model.parameters(), expected, strict=True):
        np.testing.assert_array_equal(p.grad, g)
    seen = {layer.name: layer.gradient for layer in watched.layers}
    assert all(seen[name] > 0 for name in ("layers.0", "layers.1", "layers.2"))
    assert ("", "tanh") in names(log)
    assert 'label="all of it"' in draw(loss).dot()
