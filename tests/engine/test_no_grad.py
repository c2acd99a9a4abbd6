"""When ops record: no_grad as a block, as a decorator, and in generators."""

import asyncio
import functools
import gc
import inspect
import weakref

import pytest

from tinygrad_loss import (
    Tensor,
    exp,
    grad,
    gradients,
    no_grad,
    value_and_grad,
)
from tinygrad_loss.engine.mode import Observer, mode, set_mode

pytestmark = pytest.mark.usefixtures("no_block_left_behind")

W = Tensor(3.0, requires_grad=True, name="W")


def recording():
    """Whether an op is recorded, here and now."""
    return (W * 2).requires_grad


# --- no_grad: blocks and functions ----------------------------------------------------------------


def test_inside_nothing_is_recorded():
    with no_grad():
        y = exp(W * 2)
    assert not y.requires_grad
    assert y.origin is None
    assert recording()


def test_blocks_nest():
    with no_grad():
        with no_grad():
            assert not recording()
        assert not recording()
    assert recording()


def test_the_innermost_block_decides():
    with no_grad():
        with set_mode(recording=True):
            assert recording()
            with set_mode():  # has no opinion
                assert recording()
                with no_grad():
                    assert not recording()
            assert recording()
        assert not recording()


def test_the_same_block_twice_in_a_row_and_inside_itself():
    block = no_grad()
    for _ in range(2):
        with block:
            assert not recording()
        assert recording()
    with block:
        with block:
            assert not recording()
        assert not recording()
    assert recording()


def test_a_block_ends_with_an_exception():
    """Trap 23."""
    with pytest.raises(KeyError), no_grad():
        raise KeyError("inside")
    assert recording()


def test_a_decorated_function():
    @no_grad()
    def predict(t, times=1):
        """Doc."""
        return (t * times).requires_grad

    assert predict(W) is predict(t=W, times=3) is False
    assert (predict.__name__, predict.__doc__) == ("predict", "Doc.")
    assert str(inspect.signature(predict)) == "(t, times=1)"
    assert recording()


def test_a_decorated_function_that_calls_itself():
    @no_grad()
    def depth(n):
        before = recording()
        return [before, *(depth(n - 1) if n else []), recording()]

    assert depth(3) == [False] * 8
    assert recording()


def test_a_decorated_function_that_fails():
    @no_grad()
    def fail():
        raise KeyError("inside")

    with pytest.raises(KeyError):
        fail()
    assert recording()


def test_decorated_methods():
    class Model:
        @no_grad()
        def predict(self, x):
            return self, (x * W).requires_grad

        @staticmethod
        @no_grad()
        def static():
            return recording()

        @classmethod
        @no_grad()
        def of_class(cls):
            return cls, recording()

        @property
        @no_grad()
        def value(self):
            return recording()

    model = Model()
    assert model.predict(2.0) == (model, False)
    assert model.static() is model.value is False
    assert model.of_class() == (Model, False)


def test_decorated_lambdas_partials_and_callable_objects():
    assert no_grad()(recording)() is False
    assert no_grad()(lambda x: (x * 2).requires_grad)(W) is False
    assert no_grad()(functools.partial(recording))() is False

    class Callable:
        def __call__(self):
            return recording()

    assert no_grad()(Callable())() is False


@pytest.mark.parametrize("what", [3.0, W, "f", None])
def test_what_cannot_be_decorated(what):
    with pytest.raises(TypeError, match=r"is no function.*with no_grad\(\):"):
        no_grad()(what)


def test_two_decorators():
    @no_grad()
    @set_mode(recording=True)
    def inner_decides():
        return recording()

    @set_mode(recording=True)
    @no_grad()
    def inner_decides_again():
        return recording()

    assert inner_decides() is True
    assert inner_decides_again() is False


def test_backward_runs_under_no_grad():
    w = Tensor(3.0, requires_grad=True)
    y = w * w
    with no_grad():
        y.backward()
        assert gradients(y, [w])[0].item() == 6
    assert w.grad == 6


def test_what_must_record_does_so_under_no_grad():
    x = Tensor(2.0, requires_grad=True)
    y = x**3
    with no_grad():
        (first,) = gradients(y, [x], create_graph=True)
        assert grad(grad(lambda x: x**3))(2.0) == 12
        assert value_and_grad(lambda x: x**3)(2.0) == (8, 12)
        assert not recording()
    assert gradients(first, [x])[0].item() == 12


def test_a_function_that_turns_recording_off_inside_grad():
    def f(x):
        with no_grad():
            constant = x * x
        return constant * x

    assert grad(f)(3.0) == 9


# --- no_grad: generators --------------------------------------------------------------------------


@no_grad()
def counting(n):
    """Yields whether its body records; adds up what it is sent."""
    total = 0
    for _ in range(n):
        total += (yield recording()) or 0
    return total, recording()


def test_a_decorated_generator_does_not_record_in_its_body_but_outside():
    for inside in counting(3):
        assert inside is False
        assert recording()
    assert counting.__name__ == "counting"
    assert inspect.isgeneratorfunction(counting)


def test_a_decorated_generator_receives_what_is_sent_and_returns_its_value():
    steps = counting(2)
    assert next(steps) is False
    assert steps.send(5) is False
    assert recording()
    with pytest.raises(StopIteration) as end:
        steps.send(7)
    assert end.value.value == (12, False)

    def delegating():
        result = yield from counting(1)
        yield result

    assert list(delegating()) == [False, (0, False)]


class Stop(BaseException):
    """As KeyboardInterrupt is, which would stop the tests."""


@pytest.mark.parametrize("kind", [ValueError, Stop, asyncio.CancelledError])
def test_a_decorated_generator_is_told_of_exceptions_thrown_in(kind):
    @no_grad()
    def patient():
        while True:
            try:
                yield recording()
            except kind as error:
                yield type(error), error.args, recording()

    steps = patient()
    assert next(steps) is False
    assert steps.throw(kind("stop")) == (kind, ("stop",), False)
    assert recording()
    assert next(steps) is False


def test_an_exception_that_a_decorated_generator_does_not_catch():
    steps = counting(3)
    next(steps)
    with pytest.raises(ValueError, match="stop"):
        steps.throw(ValueError("stop"))
    assert recording()
    assert list(steps) == []

    @no_grad()
    def fails():
        yield 1
        raise KeyError("inside")

    with pytest.raises(KeyError, match="inside"):
        list(fails())
    assert recording()


def test_a_decorated_generator_is_closed_inside_its_mode():
    seen = []

    @no_grad()
    def cleaning():
        try:
            yield 1
        finally:
            seen.append(recording())

    steps = cleaning()
    next(steps)
    steps.close()
    assert seen == [False]

    steps = cleaning()
    next(steps)
    del steps  # abandoned
    gc.collect()
    assert seen == [False, False]

    cleaning().close()  # was not begun
    assert seen == [False, False]
    assert recording()


def test_an_abandoned_generator_frees_what_it_held():
    """Trap 26: without the garbage collector."""

    @no_grad()
    def holding():
        t = Tensor([1.0])
        yield weakref.ref(t)
        yield t

    gc.collect()
    gc.disable()
    try:
        steps = holding()
        alive = next(steps)
        assert alive() is not None
        del steps
        assert alive() is None
    finally:
        gc.enable()


def test_a_decorated_generator_that_refuses_to_be_closed():
    @no_grad()
    def stubborn():
        try:
            yield 1
        except GeneratorExit:
            yield 2

    steps = stubborn()
    next(steps)
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        steps.close()
    assert recording()


def test_two_decorated_generators_in_turn():
    for pair in zip(counting(3), counting(2), strict=False):
        assert pair == (False, False)
        assert recording()


def test_a_generator_with_two_decorators_has_both_in_its_body():
    observer = Observer()

    def body():
        yield mode.get().recording, mode.get().observers

    watched = set_mode(observer=observer)
    for function in (no_grad()(watched(body)), watched(no_grad()(body))):
        assert list(function()) == [(False, (observer,))]


def test_a_block_in_a_generator_holds_until_the_generator_goes_on():
    """As in PyTorch: the block is open while the generator waits, also for its caller."""

    def g():
        with no_grad():
            yield
        yield

    steps = g()
    next(steps)
    assert not recording()
    next(steps)
    assert recording()


def test_blocks_of_generators_that_end_in_another_order_than_they_began():
    """faults.md A9: recording was off for good after these."""

    def g():
        with no_grad():
            yield recording()

    assert list(zip(g(), g(), strict=True)) == [(False, False)]
    assert recording()

    first, second = g(), g()
    next(first), next(second)
    assert list(first) == []
    assert not recording()  # the second is still open
    second.close()
    assert recording()

    def h(on):
        with set_mode(recording=on):
            yield

    outer, inner = h(False), h(True)
    next(outer), next(inner)
    outer.close()
    assert recording()
    inner.close()
    assert recording()


def test_an_abandoned_generator_takes_its_block_along():
    def g():
        with no_grad():
            yield

    steps = g()
    next(steps)
    del steps
    gc.collect()
    assert recording()
