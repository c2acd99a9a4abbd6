"""Words of other libraries: the error says what is said here. faults.md F6, F8."""

import copy
import pickle
import pydoc
import re
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
import pytest

import tinygrad_loss as tl
from tinygrad_loss import Tensor, data, nn, optim
from tinygrad_loss.engine.words import OF_MODULES, WORDS, meant, missing, taught

ARGUMENTS = {
    "axis", "keepdims", "argnums", "x", "b", "lr", "ord", "min", "max", "ddof", "shape", "rng",
}  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_what_is_said_here_exists(word):
    said = set(re.findall(r"\w+|[@+]", WORDS[word]))
    public = {name for module in (tl, nn, optim, data, np) for name in dir(module)}
    assert said & {*dir(Tensor), *public, *ARGUMENTS, "@", "+", "graph", "attribute"}
    assert not hasattr(Tensor, word) or not hasattr(tl, word)
    assert word not in dir(Tensor(1.0)) or word not in dir(tl)


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("view", "reshape"),
        ("cpu", "t.data"),
        ("numel", "size"),
        ("permute", "transpose"),
        ("unsqueeze", "expand_dims"),
        ("clone", "t itself"),
        ("argsort", "np.argsort(t)"),
        ("round", "np.round(t)"),
        ("cumprod", "np.cumprod(t)"),
        ("fill", "t.data.fill"),
        ("nbytes", "t.data.nbytes"),
    ],
)
def test_attributes_of_tensors(name, ours):
    t = Tensor([1.0, 2.0], requires_grad=True)
    assert not hasattr(t, name)
    with pytest.raises(AttributeError) as error:
        getattr(t, name)
    assert str(error.value).startswith(
        f"'Tensor' object has no attribute '{name}'; here it is {ours}"
    )


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("tensor", "Tensor"),
        ("cat", "concatenate"),
        ("zeros", "np.zeros"),
        ("jit", "unroll"),
        ("functional", "tl.relu"),
        ("from_numpy", "Tensor"),
        ("hessian", "gradients"),
    ],
)
def test_attributes_of_the_module(name, ours):
    assert not hasattr(tl, name)
    with pytest.raises(
        AttributeError, match=f"'tinygrad_loss' has no attribute '{name}'; .*{ours}"
    ):
        getattr(tl, name)


RNG = np.random.default_rng(0)
MODEL = nn.MLP([2, 3, 1], rng=RNG)


@pytest.mark.parametrize(
    ("owner", "name", "ours"),
    [
        (nn, "MSELoss", "tl.mean_squared_error"),
        (nn, "SmoothL1Loss", "tl.huber(delta=beta) / beta"),
        (tl, "gradcheck", "check_gradients"),
        (MODEL, "predict", "model.eval()(X)"),
        (nn, "ModuleList", "a list"),
        (nn, "Parameter", "Tensor(array, requires_grad=True)"),
        (nn, "Softmax", "none before cross_entropy"),
        (nn, "SGD", "optim.SGD"),
        (optim, "AdamW", "Adam(weight_decay=)"),
        (optim, "lr_scheduler", "optimizer.lr"),
        (optim, "RMSprop", "subclass of Optimizer"),
        (data, "DataLoader", "data.minibatches"),
        (tl, "Linear", "nn.Linear"),
        (tl, "Module", "nn.Module"),
        (tl, "Adam", "optim.Adam"),
        (tl, "save", "nn.save(path, model)"),
        (tl, "mse", "tl.mean_squared_error"),
        (MODEL, "zero_grad", "optimizer.zero_grad()"),
        (MODEL, "to", "NumPy's arrays have no device"),
        (MODEL, "save", "nn.save(path, model)"),
        (MODEL, "modules", "named_modules()"),
        (MODEL, "fit", "a loop"),
    ],
)
def test_what_users_of_pytorch_type_first(owner, name, ours):
    """torch.nn, torch.optim, torch.utils.data and methods of torch.nn.Module, version 2.13."""
    assert not hasattr(owner, name)
    assert name not in dir(owner)
    with pytest.raises(AttributeError) as error:
        getattr(owner, name)
    assert f"has no attribute '{name}'; here it is" in str(error.value)
    assert ours in str(error.value)


class Saver:
    def save(self):
        return "mixed in"


def test_a_mixin_and_an_abstract_method_are_not_shadowed():
    class Saving(nn.Module, Saver):
        def load(self):
            return super().save()

    class Predictor(ABC):
        @abstractmethod
        def predict(self): ...

    class Silent(nn.Module, Predictor):
        pass

    assert Saving().save() == Saving().load() == "mixed in"
    with pytest.raises(TypeError, match="abstract"):
        Silent()
    assert not {"save", "fit", "predict"} & {*dir(nn.MLP), *dir(MODEL)}


@pytest.mark.parametrize("word", OF_MODULES)
def test_a_module_of_ones_own_may_have_what_modules_lack(word):
    class Net(nn.Module):
        def __init__(self):
            self.weight = Tensor([1.0], requires_grad=True)
            setattr(self, word, nn.ReLU())

    assert isinstance(getattr(Net(), word), nn.ReLU)
    assert [name for name, _ in Net().named_modules()] == ["", word]
    kind = type("Kind", (nn.Module,), {word: lambda self: "mine"})
    assert getattr(kind(), word)() == "mine"
    assert word in dir(kind())


def test_the_error_of_a_property_of_a_module_is_its_own():
    class Net(nn.Module):
        @property
        def to(self):
            return self.missing

    with pytest.raises(AttributeError, match=r"'Net' object has no attribute 'missing'$"):
        _ = Net().to
    with pytest.raises(AttributeError, match=r"^'Net' object has no attribute 'save'; here"):
        _ = Net().save
    assert not hasattr(pickle.loads(pickle.dumps(MODEL)), "save")
    assert not hasattr(copy.deepcopy(MODEL), "weight")


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Linear(2, 3),
        lambda: nn.MLP([2, 3]),
        lambda: nn.Dropout(0.5),
        lambda: data.minibatches([1.0], [1.0], 1),
        lambda: data.ring_of_gaussians(3),
        lambda: tl.dropout([1.0], 0.5),
    ],
)
def test_a_missing_rng_is_said_to_be_a_generator(make):
    with pytest.raises(TypeError, match=r"'rng', such as rng=np\.random\.default_rng\(0\)$"):
        make()


def test_a_path_and_a_model_in_the_wrong_order():
    for swapped in (nn.save, nn.load, optim.save, optim.load):
        with pytest.raises(TypeError) as error:
            swapped(nn.MLP([9] * 30, rng=RNG), "model.npz")
        name = swapped.__name__
        assert str(error.value) == f"{name}: got MLP as path: the path comes first"
    with pytest.raises(
        TypeError, match=r"^load\('model\.npz', \.\.\.\): got int; expected a model"
    ):
        nn.load(Path("model.npz"), 3)


@pytest.mark.parametrize("name", ["_repr_html_", "__array_interface__", "__dask_graph__", "foo"])
def test_what_has_no_word_is_an_ordinary_attribute_error(name):
    t = Tensor([1.0])
    assert not hasattr(t, name)
    for owner in (t, tl):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'$"):
            getattr(owner, name)


def test_protocols_that_ask_for_attributes_work():
    t = Tensor([1.0, 2.0], name="t")
    for other in (copy.copy(t), copy.deepcopy(t), pickle.loads(pickle.dumps(t))):
        assert other.data.tolist() == [1, 2]
    assert np.asarray(t).tolist() == [1, 2]


T = Tensor([[1.0, 2.0]], requires_grad=True)


@pytest.mark.parametrize(
    ("call", "ours"),
    [
        (lambda: tl.sum(T, dim=0), "dim= is axis="),
        (lambda: tl.sum(T, axis=0, keepdim=True), "keepdim= is keepdims="),
        (lambda: tl.sum(input=T), "input= is x="),
        (lambda: tl.add(T, other=T), "other= is b="),
        (lambda: tl.clip(T, a_min=0), "a_min= is min="),
        (lambda: tl.var(T, dim=0), "dim= is axis="),
        (lambda: tl.std(T, unbiased=False), "unbiased= is ddof="),
        (lambda: tl.norm(T, p=1), "p= is ord="),
        (lambda: tl.median(T, dim=0, keepdim=True), "dim= is axis=; here keepdim= is keepdims="),
        (lambda: tl.stack([T, T], dim=0), "dim= is axis="),
        (lambda: tl.grad(lambda x: x, argnum=0), "argnum= is argnums="),
        (lambda: T.sum(dim=0), "dim= is axis="),
        (lambda: T.max(axis=0, keepdim=True), "keepdim= is keepdims="),
        (lambda: T.std(unbiased=False), "unbiased= is ddof="),
        (lambda: T.softmax(dim=0), "dim= is axis="),
        (lambda: T.clip(a_min=0), "a_min= is min="),
        (lambda: T.sum().backward(create_graph=True), "gradients(y, [x], create_graph=True)"),
        (lambda: T.sum().backward(retain_graph=True), "a graph is kept"),
    ],
)
def test_arguments(call, ours):
    with pytest.raises(TypeError) as error:
        call()
    assert ours in str(error.value)


def test_errors_of_what_a_function_calls_are_left_alone():
    @taught
    def function(dim):
        """Docstring."""
        raise TypeError("got an unexpected argument")

    with pytest.raises(TypeError, match=r"argument$"):
        function(dim=1)
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'other_word'$"):
        function(other_word=1)
    assert (function.__name__, function.__doc__) == ("function", "Docstring.")


def test_no_word_is_said_of_an_argument_that_is_there():
    with pytest.raises(TypeError, match=r"'seed'; here seed= is rng=$"):
        tl.dropout([1.0], p=0.5, seed=3)
    with pytest.raises(TypeError, match=r"; here shuffle= is rng=$"):
        data.minibatches([1.0], [1.0], 1, shuffle=True)


def test_the_word_on_rng_is_for_its_own_function_alone():
    @taught
    def make(n):
        raise TypeError("other() missing 1 required keyword-only argument: 'rng'")

    with pytest.raises(TypeError, match=r"'rng'$"):
        make(1)
    with pytest.raises(TypeError, match=r"'n'$"):
        make()


def test_several_words_and_none():
    assert meant(["axis", "dim"]) == "; here dim= is axis="
    assert meant([]) == meant(["foo"]) == ""
    assert str(missing("'Tensor' object", "foo")) == "'Tensor' object has no attribute 'foo'"


def test_the_class_lists_no_words_of_others():
    """For help(), and completion that asks the class."""
    public = {name for name in dir(Tensor) if name[0] != "_"}
    assert public - {"mro"} == {name for name in dir(Tensor(1.0)) if name[0] != "_"}
    assert not public & {*WORDS}
    assert "AdamW" not in pydoc.plain(pydoc.render_doc(Tensor))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: nn.Linear(4, 8, RNG), "by name, as init=,"),
        (lambda: nn.MLP(2, 4, 2), "by name, as activation=,"),
        (lambda: optim.SGD(MODEL.parameters(), 0.1, 0.9), "by name, as momentum=,"),
    ],
)
def test_too_many_positional_arguments_go_by_name(call, named):
    with pytest.raises(TypeError, match=rf"takes \d positional arguments.*; {named} go the others"):
        call()
