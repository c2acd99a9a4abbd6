"""Words of other libraries: the error says what is said here. faults.md F6, F8."""

import copy
import pickle
import re

import numpy as np
import pytest

import tinygrad_loss as tl
from tinygrad_loss import Tensor
from tinygrad_loss.engine.words import WORDS, meant, missing, taught

ARGUMENTS = {
    "axis", "keepdims", "argnums", "x", "b", "lr", "ord", "min", "max", "ddof", "shape", "rng",
}  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_what_is_said_here_exists(word):
    said = set(re.findall(r"\w+|[@+]", WORDS[word]))
    assert said & {*dir(Tensor), *dir(tl), *dir(np), *ARGUMENTS, "@", "+", "graph"}
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


def test_several_words_and_none():
    assert meant(["axis", "dim"]) == "; here dim= is axis="
    assert meant([]) == meant(["foo"]) == ""
    assert str(missing("'Tensor' object", "foo")) == "'Tensor' object has no attribute 'foo'"
