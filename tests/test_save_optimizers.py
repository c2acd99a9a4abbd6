"""faults.md F2, F6: parameters in a nest, and optimizers, are saved too; nothing else is."""

import numpy as np
import pytest

import tinygrad_loss as tl
from tinygrad_loss import Tensor, optim
from tinygrad_loss.nn import Linear, load, save
from tinygrad_loss.optim import SGD, Adam, Optimizer

from .test_optim import MAKERS, parameters, set_gradients
from .test_save_load import model

NOTHING = [{}, [], None, 3, "w.npz", np.ones(3), Tensor([1.0], True), Linear, object()]


@pytest.mark.parametrize("owner", NOTHING, ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("room", [tl.nn, optim], ids=["nn", "optim"])
def test_what_has_no_state_is_refused(tmp_path, owner, room):
    save(tmp_path / "w.npz", model())
    for what, path in (("save", "new.npz"), ("load", "w.npz")):
        with pytest.raises(TypeError, match=rf"{what}\(.*got .*; expected a model or an optimizer"):
            getattr(room, what)(tmp_path / path, owner)
    assert [p.name for p in tmp_path.iterdir()] == ["w.npz"]


def nests(size):
    """As autograd's programs hold parameters; and two models in one file."""
    w, b = (Tensor(np.full(n, size), requires_grad=True) for n in (2, 3))
    layer = Linear(2, 1, rng=np.random.default_rng(int(size)))
    return [([w, b], ["0", "1"]), ({"w": w, "deep": [(b,)]}, ["w", "deep.0.0"]),
            ((layer, b), ["0.weight", "0.bias", "1"])]  # fmt: skip


@pytest.mark.parametrize("which", range(3))
def test_parameters_in_a_nest_are_saved_too(tmp_path, which):
    (one, names), (other, _) = nests(1.0)[which], nests(2.0)[which]
    save(tmp_path / "nest.npz", one)
    assert load(tmp_path / "nest.npz", other) is other
    save(tmp_path / "again.npz", other)
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "nest.npz").read_bytes()
    with np.load(tmp_path / "nest.npz") as archive:
        assert list(archive) == names
    with pytest.raises(ValueError, match=r"nest\.npz: missing \[.*'2'\]"):
        load(tmp_path / "nest.npz", [*nests(1.0)[0][0], Tensor([1.0])])


# --- optimizers (F6) ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("make", MAKERS)
def test_a_training_goes_on_from_files_exactly(tmp_path, make, dtype):
    params, straight = parameters(dtype=dtype), parameters(dtype=dtype)
    optimizer, reference = make(params), make(straight)
    for step in range(6):
        if step == 3:  # the program ends, and another begins
            optimizer.lr = 0.03
            tl.nn.save(tmp_path / "model.npz", params)
            optim.save(str(tmp_path / "optimizer.npz"), optimizer)
            params = parameters(dtype=dtype, seed=9)
            optimizer = make(params)
            tl.nn.load(tmp_path / "model.npz", params)
            assert optim.load(tmp_path / "optimizer.npz", optimizer) is optimizer
            assert optimizer.lr == 0.03
            reference.lr = 0.03
        for own, steps in ((params, optimizer), (straight, reference)):
            set_gradients(own, np.random.default_rng(step))
            steps.step()
    for p, q in zip(params, straight, strict=True):
        np.testing.assert_array_equal(p.data, q.data, strict=True)
    assert repr(optimizer) == repr(reference)


def test_the_file_of_an_optimizer_holds_arrays_with_names(tmp_path):
    optim.save(tmp_path / "sgd.npz", SGD(parameters([(2,), ()]), 0.1, momentum=0.9))
    optim.save(tmp_path / "adam.npz", Adam(parameters([(2,)])))
    with np.load(tmp_path / "sgd.npz", allow_pickle=False) as archive:
        assert list(archive) == [
            "optimizer", "lr", "momentum", "nesterov", "weight_decay", "l1", "velocity.0",
            "velocity.1",
        ]  # fmt: skip
        assert (archive["optimizer"], archive["lr"]) == ("SGD", 0.1)
    with np.load(tmp_path / "adam.npz", allow_pickle=False) as archive:
        assert archive["betas"].tolist() == [0.9, 0.999]
        assert archive["steps"].tolist() == [0]


def test_an_optimizer_without_velocity_takes_and_gives_one(tmp_path):
    with_momentum, without = (SGD(parameters(), 0.1, momentum=m) for m in (0.5, 0.0))
    set_gradients(with_momentum.params, np.random.default_rng(0))
    with_momentum.step()
    optim.save(tmp_path / "with.npz", with_momentum)
    optim.save(tmp_path / "without.npz", without)
    optim.load(tmp_path / "with.npz", without)
    for a, b in zip(without.velocity, with_momentum.velocity, strict=True):
        np.testing.assert_array_equal(a, b)
    optim.load(tmp_path / "without.npz", with_momentum)
    assert (with_momentum.momentum, with_momentum.velocity) == (0.0, [])


def wrong_files(path, arrays):
    yield "expected SGD with", lambda: optim.save(path, Adam(parameters()))
    yield "expected SGD with", lambda: save(path, model())
    yield "velocity holds", lambda: optim.save(path, SGD(parameters()[:2], 0.1, momentum=0.9))
    yield "float32", lambda: optim.save(path, SGD(parameters(dtype="f4"), 0.1, momentum=0.9))
    yield "momentum is 2", lambda: np.savez(path, **(arrays | {"momentum": 2.0}))
    yield "lr is 'fast'", lambda: np.savez(path, **(arrays | {"lr": "fast"}))
    yield "lr is", lambda: np.savez(path, **(arrays | {"lr": [0.1, 0.2]}))
    yield "expected SGD", lambda: np.savez(path, **(arrays | {"lr.0": 0.1}))
    yield "expected SGD", lambda: np.savez(path, lr=0.1)
    yield "velocity holds", lambda: np.savez(path, **(arrays | {"velocity.9": np.ones(2)}))
    yield "velocity holds", lambda: np.savez(path, **(arrays | {"velocity.0": np.ones(2)}))
    yield "damaged", lambda: path.write_bytes(path.read_bytes()[:-30])
    yield "damaged", lambda: np.savez(path, **(arrays | {"l1": np.array([None])}))


def test_a_wrong_file_of_an_optimizer_is_refused_and_changes_nothing(tmp_path):
    path = tmp_path / "file.npz"
    optimizer = SGD(parameters(), 0.1, momentum=0.9)
    set_gradients(optimizer.params, np.random.default_rng(0))
    optimizer.step()
    optim.save(path, optimizer)
    with np.load(path) as archive:
        arrays = dict(archive)
    before = optimizer.state_dict()
    for message, write in wrong_files(path, arrays):
        write()
        with pytest.raises(ValueError, match=rf"^load: .*file\.npz.*{message}"):
            optim.load(path, optimizer)
        after = optimizer.state_dict()
        for a, b in zip(after.pop("velocity"), before["velocity"], strict=True):
            np.testing.assert_array_equal(a, b)
        assert after == {name: x for name, x in before.items() if name != "velocity"}
    with pytest.raises(FileNotFoundError):
        optim.load(tmp_path / "nothing.npz", optimizer)
    with pytest.raises(ValueError, match=r"file\.npz"):
        load(path, model())


class Own(Optimizer):
    settings = ("lr", "betas", "mode", "often")
    buffers = ("averages", "counts")

    def __init__(self, params, lr, **options):
        super().__init__(params, lr)
        self.averages = [np.zeros_like(p.data) for p in self.params]
        self.counts = [0] * len(self.params)
        self.betas, self.mode, self.often = (0.5, 0.25), "signs", True
        vars(self).update(options)


def test_an_optimizer_of_ones_own_is_saved_too(tmp_path):
    one, other = Own(parameters(), 0.1), Own(parameters(), 0.2, mode="?", often=False)
    one.counts[1], one.averages[0][:] = 7, 0.5
    optim.save(tmp_path / "own.npz", one)
    optim.load(tmp_path / "own.npz", other)
    assert (other.lr, *other.betas, other.mode, other.often) == (0.1, 0.5, 0.25, "signs", True)
    assert other.counts == one.counts
    np.testing.assert_array_equal(other.averages[0], one.averages[0])


def test_a_setting_that_no_array_can_hold_is_refused(tmp_path):
    with pytest.raises(TypeError, match="save: mode is None; expected numbers or text"):
        optim.save(tmp_path / "own.npz", Own(parameters(), 0.1, mode=None))
    assert list(tmp_path.iterdir()) == []
