"""A model that goes on in another process, from a pickle or as a copy, computes what it would here.

The sources are faults.md C1 and C2. What is compared is exact: the same operations on the same
numbers, with generators in the same state.
"""

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

import tinygrad_loss as tl
from tinygrad_loss.nn import MLP, Linear, Sequential, load, save

from .process_models import make_model, start, train


def assert_same_training(actual, expected):
    assert actual[0] == expected[0]
    a, b = actual[1].state_dict(), expected[1].state_dict()
    assert list(a) == list(b)
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], strict=True)


def test_training_goes_on_in_another_process_and_comes_back():
    """C1: backward() said there that a parameter "was changed after it was used"."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = pool.submit(train, *start()).result(timeout=120)
    everything = start()
    here = train(*everything)
    assert_same_training(there, here)
    model = there[1]  # which came back in a pickle, and goes on here
    model(np.ones((2, 3))).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, *(lambda x, n=n: pickle.loads(pickle.dumps(x, n)) for n in (2, 5))],
    ids=["deepcopy", "protocol 2", "protocol 5"],
)
def test_copies_train_as_the_original_does(copied):
    model, optimizer, batches = start()
    others = copied((model, optimizer, batches))
    before = model.state_dict()
    there = train(*others)
    for name, array in model.state_dict().items():  # nothing is shared
        np.testing.assert_array_equal(array, before[name])
    assert_same_training(there, train(model, optimizer, batches))


@pytest.mark.parametrize(
    "function", [tl.tanh, tl.gelu, tl.relu, np.sin, tl.softmax], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_functions_of_the_library_pickle_by_their_names(function, copied):
    model = Sequential(Linear(2, 2, rng=np.random.default_rng(0)), function)
    other = copied(model)
    assert other.layers[1] is function
    assert other.layers[0].weight.name == "layers.0.weight"
    x = np.ones((2, 2))
    np.testing.assert_array_equal(other(x).data, model(x).data)


def test_what_parts_share_they_share_in_a_copy():
    """A weight in two places, and one generator for all dropouts."""
    rng = np.random.default_rng(0)
    layer = Linear(3, 3, rng=rng)
    model = Sequential(layer, layer, MLP([3, 3, 3, 3], dropout=0.5, rng=rng))
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other.layers[0] is other.layers[1]
        assert other.layers[2].layers[2].rng is other.layers[2].layers[5].rng
        assert len(other.parameters()) == len(model.parameters())


def test_weights_saved_from_a_copy_are_those_of_the_original(tmp_path):
    model = start()[0]
    save(tmp_path / "a.npz", pickle.loads(pickle.dumps(model)))
    loaded = load(tmp_path / "a.npz", make_model())
    assert_same_training(([], loaded), ([], model))


def test_a_lambda_in_a_model_is_refused_by_pickle_itself():
    """Python cannot pickle it; deepcopy keeps it."""
    model = MLP([2, 2, 2], activation=lambda x: x * 2, rng=np.random.default_rng(0))
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(model)
    assert copy.deepcopy(model).layers[1] is model.layers[1]
