"""The state of a module is what its ``__init__`` made, in every kind of class and in copies.

The source is faults.md A10: a fresh model must load what a used one saved.
"""

import copy
import inspect
import pickle
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np
import pytest

import tinygrad_loss as tl
from tinygrad_loss import Tensor
from tinygrad_loss.nn import Dropout, Linear, Module, Sequential, load, save

from .test_modules import Holds, linear, names, rng


class Keeps(Module):
    """Keeps what it computed, in every way; has a frozen weight and running averages."""

    def __init__(self):
        self.layer = linear()
        self.frozen = Tensor([2.0, 3.0])
        self.running = {"mean": Tensor([0.0, 0.0])}
        self.hidden = None
        self.cache = []

    def forward(self, x):
        h = self.layer(x) * self.frozen
        self.graph, self.hidden = h, h.detach()
        self.cache.append(h.detach())
        self.cache.append(h)
        self.by_name = {"h": [h.detach()]}
        self.running["mean"] = 0.9 * self.running["mean"] + 0.1 * Tensor(h.data.mean(axis=0))
        return h


STATE = ["layer.weight", "layer.bias", "frozen", "running.mean"]


@pytest.mark.parametrize("call", [Module.__call__, Keeps.forward], ids=["called", "by its forward"])
@pytest.mark.parametrize("recording", [True, False])
def test_what_forward_keeps_is_not_saved(tmp_path, call, recording):
    """faults.md A10: a kept activation was saved as if it were a weight; a fresh model refused."""
    model = Keeps()
    for _ in range(2):
        if recording:
            call(model, np.ones((3, 2)))
        else:
            with tl.no_grad():
                call(model, np.ones((3, 2)))
    assert list(model.state_dict()) == STATE
    assert names(model) == STATE[:2]
    save(tmp_path / "a.npz", model)
    fresh = load(tmp_path / "a.npz", Keeps())
    np.testing.assert_array_equal(fresh.running["mean"].data, model.running["mean"].data)
    assert fresh.running["mean"].data.any()


def test_a_buffer_that_forward_computes_with_its_graph_stays_in_the_state():
    """The state of a recurrent network; detach() is forgotten, but nothing is lost."""

    class Recurrent(Module):
        def __init__(self):
            self.cell = linear()
            self.h = Tensor(np.zeros(2))

        def forward(self, x):
            self.h = tl.tanh(self.cell(self.h + x))
            return self.h

    model = Recurrent()
    out = model(np.ones(2))
    assert names(model) == ["cell.weight", "cell.bias"]
    np.testing.assert_array_equal(model.state_dict()["h"], out.data)
    state = Recurrent().state_dict() | {"cell.weight": np.zeros((2, 2))}
    with pytest.raises(RuntimeError, match="computed by an op and cannot be assigned"):
        model.load_state_dict(state)
    assert model.cell.weight.data.any()  # nothing has been changed


def test_a_buffer_that_forward_keeps_under_another_name_too_is_not_lost():
    class Keeps(Module):
        def __init__(self):
            self.last = None
            self.mean = Tensor(0.0)

        def forward(self, x):
            self.last = self.mean = Tensor(x)
            return x

    model = Keeps()
    model(2.0)
    assert model.state_dict() == {"mean": 2.0}


def test_what_forward_keeps_is_told_from_a_buffer_of_that_name_inside():
    class Outer(Module):
        def __init__(self):
            self.inner = Keeps()

        def forward(self, x):
            self.frozen = self.inner(x).detach()
            return self.frozen

    model = Outer()
    model(np.ones((3, 2)))
    assert list(model.state_dict()) == [f"inner.{name}" for name in STATE]


def test_a_shared_tensor_comes_once_under_its_first_name():
    model = Holds({"a": linear()})
    model.tied = [model.inside["a"].weight]
    model.constant = model.again = Tensor([1.0])
    assert names(model) == ["inside.a.weight", "inside.a.bias"]
    fresh = Holds([Tensor([1.0])])
    fresh.again = fresh.inside[0]
    assert list(fresh.state_dict()) == ["inside.0"]


def test_layers_and_parameters_that_come_later_count():
    model = Holds(linear())
    model.head = linear(2, 3)
    model.more = [linear()]
    model.scale = Tensor(1.0, requires_grad=True)
    model(np.ones(2))
    expected = ["inside", "head", "more.0"]
    expected = [f"{name}.{w}" for name in expected for w in ("weight", "bias")] + ["scale"]
    assert names(model) == expected
    model.scale.requires_grad = model.head.weight.requires_grad = False
    assert len(names(model)) == len(expected) - 2
    assert list(model.state_dict()) == expected  # frozen, not lost


def test_a_model_that_takes_in_a_used_one_does_not_take_in_what_that_kept():
    encoder = Keeps()
    encoder(np.ones((3, 2)))
    assert list(Sequential(encoder, linear()).state_dict())[:5] == [
        *(f"layers.0.{name}" for name in STATE), "layers.1.weight",
    ]  # fmt: skip


class Early(Sequential):
    """Calls super().__init__() first, asks for its parameters, and goes on."""

    def __init__(self):
        super().__init__(linear())
        for p in self.parameters():
            p.data *= 0.5
        self.frozen = Tensor([1.0])


class Late(Holds):
    """Does not call super().__init__() at all."""

    def __init__(self):
        self.frozen = Tensor([1.0])
        self.inside = linear()


class Inherits(Early):
    pass


class Mixin:
    def __init__(self):
        self.frozen = Tensor([1.0])
        super().__init__()


class Mixed(Mixin, Module):
    def forward(self, x):
        self.kept = Tensor(x)
        return self.frozen * x


class MixinAround:
    def __init__(self):
        super().__init__(linear())
        self.frozen = Tensor([1.0])


class MixedAround(MixinAround, Sequential):
    pass


@dataclass(eq=False)
class Data(Module):
    layer: Linear = field(default_factory=linear)
    frozen: Tensor = field(default_factory=lambda: Tensor([1.0]))

    def forward(self, x):
        self.kept = Tensor(x)
        return self.layer(x)


class Base(Module, ABC):
    @abstractmethod
    def make(self): ...

    def __init__(self):
        self.frozen = self.make()


class Concrete(Base):
    def make(self):
        return Tensor([1.0])


@pytest.mark.parametrize("kind", [Early, Late, Inherits, Mixed, MixedAround, Data, Concrete])
def test_the_end_of_construction_is_seen_in_every_kind_of_class(kind):
    model = kind()
    if kind is not Concrete:
        model(np.ones(2))
    model.kept = Tensor([2.0])
    state = list(model.state_dict())
    assert "frozen" in state
    if kind is not Concrete:
        assert "kept" not in state


def test_a_module_without_init_keeps_nothing():
    class Plain(Module):
        def forward(self, x):
            self.kept = Tensor(x)
            return self.kept

    model = Plain()
    model(1.0)
    assert model.state_dict() == {}


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_copies_know_what_init_made(copied):
    model = Keeps()
    model(np.ones((3, 2)))
    model.graph = None  # a graph may be too deep to pickle
    model.cache.clear()
    assert list(copied(model).state_dict()) == STATE
    assert names(copied(model)) == STATE[:2]


def test_classes_may_take_options():
    class Registered:
        def __init_subclass__(cls, key, **options):
            super().__init_subclass__(**options)
            cls.key = key

    class Layer(Module, Registered, key="layer"):
        pass

    assert Layer.key == "layer"


def test_the_signature_of_a_layer_is_that_of_its_init():
    assert (
        str(inspect.signature(Dropout)) == "(p: 'float', *, rng: 'np.random.Generator') -> 'None'"
    )
    assert list(inspect.signature(Linear).parameters)[:3] == ["n_in", "n_out", "rng"]
    assert str(inspect.signature(tl.nn.ReLU)) == "()"
    with pytest.raises(TypeError, match="unexpected keyword argument 'depth'"):
        Linear(2, 2, rng=rng(), depth=3)


def test_asking_for_parameters_notes_nothing_new():
    """What is noted of a module holds its parameters; it is no part of the module itself."""
    layer = Linear(2, 1, rng=np.random.default_rng(0))
    model = Sequential(layer)
    for _ in range(5):
        assert list(dict(model.named_parameters())) == ["layers.0.weight", "layers.0.bias"]
        model.state_dict()
    assert set(layer._made) == {"weight", "bias"}
    assert model._made == {}
