"""Where a module finds its layers and parameters; elsewhere they are refused by name.

The sources are faults.md A5, A10 and F4.
"""

import copy
import functools
import itertools
import os
from collections import ChainMap, OrderedDict, UserList, defaultdict, deque, namedtuple
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest

import tinygrad_loss as tl
from tinygrad_loss import Tensor
from tinygrad_loss.nn import MLP, Dropout, Linear, Module, Sequential
from tinygrad_loss.optim import SGD

Pair = namedtuple("Pair", ["first", "second"])


def rng(seed=0):
    return np.random.default_rng(seed)


def linear(n_in=2, n_out=2):
    return Linear(n_in, n_out, rng=rng())


class Holds(Module):
    """Holds what it is given as ``inside``; whatever that is, forward returns its input."""

    def __init__(self, inside):
        self.inside = inside

    def forward(self, x):
        return x


def names(module):
    return [name for name, _ in module.named_parameters()]


def dropout_and_layer():
    return Dropout(0.5, rng=rng()), linear()


# --- where layers are found, and where they are refused -------------------------------------------


@pytest.mark.parametrize(
    ("hold", "keys"),
    [
        (list, "01"),
        (tuple, "01"),
        (lambda layers: Pair(*layers), "01"),
        (lambda layers: dict(zip("ab", layers, strict=True)), "ab"),
        (lambda layers: OrderedDict(zip("ab", layers, strict=True)), "ab"),
        (lambda layers: defaultdict(list, zip("ab", layers, strict=True)), "ab"),
    ],
)
def test_layers_are_found_in_lists_tuples_and_dicts(hold, keys):
    model = Holds(hold(dropout_and_layer()))
    assert names(model) == [f"inside.{keys[1]}.weight", f"inside.{keys[1]}.bias"]
    model.eval()
    assert not any(m.training for _, m in model.named_modules())
    assert len(list(model.named_modules())) == 3


class Block:
    """A plain object with layers, that can be called."""

    def __init__(self, layers):
        self.layers = layers

    def __call__(self, x):
        return x


class Slots:
    __slots__ = ("layers",)

    def __init__(self, layers):
        self.layers = layers


def objects(layers):
    array = np.empty(2, object)
    array[:] = layers
    return array


def with_attribute(layers):
    def function(x):
        return function.layer(x)

    function.layer = layers[1]
    return function


def parameter_in_a_closure(_):
    w = Tensor(1.0, requires_grad=True)
    return lambda x: w * x


HIDDEN = {
    "set": set,
    "frozenset": frozenset,
    "deque": deque,
    "values": lambda layers: dict(enumerate(layers)).values(),
    "items": lambda layers: dict(enumerate(layers)).items(),
    "keys": lambda layers: dict.fromkeys(layers).keys(),
    "mapping proxy": lambda layers: MappingProxyType(dict(enumerate(layers))),
    "user list": UserList,
    "chain map": lambda layers: ChainMap(dict(enumerate(layers))),
    "list iterator": iter,
    "generator": lambda layers: (layer for layer in layers),
    "unstarted generator": lambda _: (linear() for _ in range(2)),
    "map": lambda layers: map(copy.copy, layers),
    "map that makes layers": lambda _: map(linear, range(1, 3)),
    "starmap that makes layers": lambda _: itertools.starmap(linear, [(2, 2)]),
    "key": lambda layers: {layers[1]: "a"},
    "key of an ordered dict": lambda layers: OrderedDict([(layers[1], "a")]),
    "key in a tuple": lambda layers: {(0, layers[1]): "a"},
    "parameter as a key": lambda _: {Tensor(1.0, requires_grad=True): "a"},
    "closure": lambda layers: lambda x: layers[1](x),
    "closure in a closure": lambda layers: functools.wraps(len)(lambda x: lambda: layers),
    "default": lambda layers: lambda x, layer=layers[1]: layer(x),
    "keyword default": lambda layers: lambda x, *, layer=layers[1]: layer(x),
    "attribute of a function": with_attribute,
    "parameter in a closure": parameter_in_a_closure,
    "zip": lambda layers: zip(layers, "ab", strict=True),
    "chain": lambda layers: itertools.chain(layers),
    "object array": objects,
    "plain object": Block,
    "slots": Slots,
    "namespace": lambda layers: SimpleNamespace(a=SimpleNamespace(b={"c": layers})),
    "bound method": lambda layers: layers[1].forward,
    "partial": lambda layers: functools.partial(layers[1]),
    "parameter in an object": lambda _: SimpleNamespace(w=Tensor(1.0, requires_grad=True)),
    "parameter in a set": lambda _: {Tensor(1.0, requires_grad=True)},
}


@pytest.mark.parametrize("hold", HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize(
    "ask",
    [
        lambda model: model.parameters(),
        lambda model: list(model.named_modules()),
        lambda model: model.eval(),
        lambda model: model.state_dict(),
        lambda model: model.load_state_dict({}),
    ],
    ids=["parameters", "modules", "eval", "state", "load"],
)
def test_layers_elsewhere_are_refused_by_name(hold, ask):
    """faults.md A10: they had 0 parameters, and eval() left their Dropout on."""
    held = hold(dropout_and_layer())
    model = Holds([linear(), {"here": held}])
    with pytest.raises(TypeError, match=r"Holds: inside\.1\.here is a .*Use a list, tuple or dict"):
        ask(model)


def test_an_object_with_layers_is_refused_where_a_sequential_gets_it():
    with pytest.raises(
        TypeError, match=r"Sequential: layers\.1 is a Block; .*a Module of your own"
    ):
        Sequential(linear(), Block([linear()])).parameters()


@pytest.mark.parametrize(
    "held",
    [
        {1, 2}, deque([1.0]), itertools.count(), range(9), "text", b"bytes", rng(),
        np.ones(3), np.array([None, "a"], object), Block(3), Slots([]), tl.tanh, np.tanh, MLP, np,
        lambda x: x, len, [].append, SimpleNamespace(constant=Tensor([1.0, 2.0])), frozenset(),
        functools.partial(tl.leaky_relu, slope=0.1), tl.losses.huber, 3.5, None, {"a": {1: []}},
        {1: 2, (0, "a"): [3]}, open(os.devnull), functools.cache(lambda x: x),  # noqa: SIM115
        tl.grad(tl.tanh), tl.no_grad()(tl.gelu), *map(tl.__dict__.get, tl.__all__),
    ],
    ids=lambda held: type(held).__name__,
)  # fmt: skip
def test_what_holds_no_layers_is_no_concern(held):
    model = Holds([linear(), held])
    assert names(model) == ["inside.0.weight", "inside.0.bias"]
    assert list(model.eval().state_dict()) == names(model)


def test_an_object_may_hold_what_the_module_itself_holds():
    """An optimizer, a method of its own, and a trainer that points back."""
    model = Holds(linear())
    model.optimizer = SGD(model.parameters(), lr=0.1)
    model.trainer = SimpleNamespace(model=model, layers={model.inside})
    model.method = model.forward
    assert names(model.train()) == ["inside.weight", "inside.bias"]


def test_a_caught_exception_is_not_searched():
    """It refers to the variables of the functions that it went through."""
    model, unrelated = Holds(linear()), linear()
    try:
        unrelated(np.ones(7))
    except ValueError as error:
        model.error = SimpleNamespace(last=error)
    assert names(model) == ["inside.weight", "inside.bias"]


def test_a_graph_in_an_object_is_not_searched():
    """A plain object that keeps a computed Tensor keeps no parameter, though its graph has one."""
    model = Holds(linear())
    model.log = SimpleNamespace(loss=Tensor([1.0], requires_grad=True) * 2)
    assert names(model) == ["inside.weight", "inside.bias"]


def test_a_function_may_hold_what_the_model_owns():
    """Also what the model owns around a part of it, which is complete before the model is."""

    class Model(Module):
        def __init__(self):
            self.scale = Tensor([1.0, 2.0], requires_grad=True)
            self.head = linear()
            shared = self.head
            self.net = Sequential(
                linear(),
                lambda x: shared(x) * self.scale,
                self.activate,
                lambda x, m=self: m.activate(x),
            )
            self.again = {"f": lambda x, head=self.head: head(x)}

        def activate(self, x):
            return x

    model = Model()
    own = [f"net.layers.0.{name}" for name in ("weight", "bias")]
    assert names(model) == ["scale", "head.weight", "head.bias", *own]
    assert len(model.net.eval().parameters()) == 2


def test_functions_of_the_class_may_close_over_what_init_assigns():
    layer = linear()

    class Model(Module):
        def __init__(self):
            self.layer = layer

        def forward(self, x):
            return layer(x)

    assert names(Model()) == ["layer.weight", "layer.bias"]


@pytest.mark.parametrize("held", [linear(), [linear()], {"a": (linear(),)}, {linear()}], ids=repr)
def test_a_layer_in_the_class_is_refused(held):
    message = r"Wrong: layer holds a Linear in the class.*self\.layer"
    function = lambda self, x, layer=held: x  # noqa: E731
    inherited = type("Mixin", (), {"layer": held})
    for bases, inside in (
        ((Module,), {"layer": held}), ((Module,), {"layer": function}), ((inherited, Module), {})
    ):  # fmt: skip
        with pytest.raises(TypeError, match=message):
            type("Wrong", bases, inside)


@pytest.mark.parametrize("mixed_in", [False, True])
def test_slots_are_refused(mixed_in):
    """faults.md A10: what is in them is in no __dict__, so it was neither trained nor saved."""
    inside = {"__slots__": ("w",)}
    with pytest.raises(TypeError, match="Wrong: __slots__ are neither trained nor saved; omit"):
        type("Wrong", (type("Mixin", (), inside), Module) if mixed_in else (Module,), inside)
    type("Right", (type("Mixin", (), {"__slots__": ()}), Module), {"__slots__": ()})


def test_a_parameter_in_the_class_is_refused_and_a_constant_is_not():
    with pytest.raises(TypeError, match="w holds a Tensor in the class"):
        type("Wrong", (Module,), {"w": Tensor(1.0, requires_grad=True)})
    assert type("Right", (Module,), {"w": Tensor(1.0), "f": tl.tanh})().parameters() == []


# --- what is computed is no parameter -------------------------------------------------------------


class Scaled(Module):
    def __init__(self, make):
        self.layer = linear()
        self.scale = make()

    def forward(self, x):
        return self.layer(x) * self.scale


@pytest.mark.parametrize(
    "make",
    [
        lambda: Tensor(2.0, requires_grad=True) * 0.1,
        lambda: Tensor(np.ones((2, 2)), requires_grad=True).T,
        lambda: [Tensor(1.0), {"a": Tensor(2.0, requires_grad=True).exp()}],
    ],
)
@pytest.mark.parametrize("ask", [Module.parameters, Module.state_dict], ids=["train", "save"])
def test_a_computed_parameter_is_refused(make, ask):
    """faults.md A5: it was never trained and never saved."""
    model = Scaled(make)
    with pytest.raises(
        ValueError, match=r"Scaled: scale.* was computed, by .* make the result a l"
    ):
        ask(model)


def test_a_computed_parameter_is_refused_in_the_way_the_message_says():
    model = Scaled(lambda: Tensor(np.float64(2.0) * 0.1, requires_grad=True))
    assert names(model) == ["layer.weight", "layer.bias", "scale"]


def test_a_parameter_replaced_by_a_computed_one_is_refused():
    """Tied weights; or an update that rebinds the attribute while recording."""
    model = Sequential(linear(), linear())
    model.layers[1].weight = model.layers[0].weight.T
    with pytest.raises(ValueError, match=r"Linear: layers\.1\.weight was computed, by .*transpose"):
        model.parameters()


def test_a_computed_constant_is_an_ordinary_part_of_the_state():
    model = Scaled(lambda: Tensor([1.0, 2.0]) * 0.1)
    assert list(model.state_dict()) == ["layer.weight", "layer.bias", "scale"]


# --- names that collide ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "name"),
    [
        ({0: linear(2, 3), "0": linear(2, 4)}, r"inside\.0"),
        ({"a": {"b": linear(2, 3)}, "a.b": linear(2, 4)}, r"inside\.a\.b"),
        ({"a": [linear(2, 3)], "a.0": linear(2, 4)}, r"inside\.a\.0"),
        ({1.0: linear(2, 3), "1.0": linear(2, 4)}, r"inside\.1\.0"),
    ],
)
def test_two_layers_of_one_name_are_refused(held, name):
    """faults.md F4: the second took the place of the first in the file."""
    for ask in (Module.state_dict, Module.parameters, Module.eval):
        with pytest.raises(ValueError, match=rf"two are named '{name}', Linear\(2, 3\) and Lin.*4"):
            ask(Holds(held))


def test_two_tensors_of_one_name_are_refused():
    model = Holds({None: Tensor([1.0], requires_grad=True), "None": Tensor([2.0])})
    with pytest.raises(ValueError, match=r"'inside\.None', Tensor\(\[1\.\].*Tensor\(\[2\.\]"):
        model.state_dict()
    model = Holds(linear())
    setattr(model, "inside.weight", Tensor([1.0], requires_grad=True))
    with pytest.raises(ValueError, match=r"'inside\.weight'"):
        list(model.named_parameters())


def test_names_with_dots_that_are_alone_are_fine():
    model = Holds({"a.b": linear(), 0: linear(), "x": {}})
    assert len(model.state_dict()) == 4
