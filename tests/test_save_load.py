"""State dicts, and weights in a file: what is wrong is refused, and then nothing has changed."""

import os
import pickle
import zipfile

import numpy as np
import pytest

from tinygrad_loss import Tensor, optim, tanh
from tinygrad_loss.nn import MLP, Linear, Module, load, save


def model(seed=0, sizes=(3, 4, 2), **options):
    return MLP(list(sizes), rng=np.random.default_rng(seed), **options)


def assert_equal_states(a, b):
    assert list(a) == list(b)
    for name in a:
        assert a[name].dtype == b[name].dtype
        np.testing.assert_array_equal(a[name], b[name])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_saved_module_comes_back(tmp_path, dtype):
    saved, loaded = model(dtype=dtype), model(seed=1, dtype=dtype)
    save(tmp_path / "weights.npz", saved)
    assert load(str(tmp_path / "weights.npz"), loaded) is loaded
    assert_equal_states(saved.state_dict(), loaded.state_dict())
    assert {x.dtype for x in loaded.state_dict().values()} == {np.dtype(dtype)}


def test_numpy_reads_the_file_without_pickle(tmp_path):
    save(tmp_path / "weights.npz", model())
    with np.load(tmp_path / "weights.npz", allow_pickle=False) as archive:
        assert_equal_states(dict(archive), model().state_dict())


def test_a_file_that_numpy_wrote_can_be_loaded(tmp_path):
    np.savez_compressed(tmp_path / "weights.npz", **model(seed=1).state_dict())
    loaded = load(tmp_path / "weights.npz", model())
    assert_equal_states(loaded.state_dict(), model(seed=1).state_dict())


def test_any_name_of_a_parameter_can_be_saved(tmp_path):
    class Odd(Module):
        def __init__(self, value):
            self.file = Tensor(value, requires_grad=True)
            self.allow_pickle = Tensor(value, requires_grad=True)
            self.empty = Tensor(np.zeros((0, 3)))

    save(tmp_path / "odd.npz", Odd(1.0))
    loaded = load(tmp_path / "odd.npz", Odd(2.0))
    assert loaded.file.item() == loaded.allow_pickle.item() == 1.0


def test_equal_weights_make_equal_files(tmp_path):
    save(tmp_path / "a", model())
    save(tmp_path / "b", model())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_state_is_a_copy_both_ways():
    m = model()
    state = m.state_dict()
    m.layers[0].weight.data += 1
    assert not np.array_equal(state["layers.0.weight"], m.layers[0].weight.data)
    m.load_state_dict(state)
    state["layers.0.weight"] += 1
    assert not np.array_equal(state["layers.0.weight"], m.layers[0].weight.data)


def test_loading_keeps_the_dtype_of_the_model():
    m = model(dtype=np.float32)
    m.load_state_dict(model(seed=1).state_dict())
    assert {p.dtype for p in m.parameters()} == {np.dtype(np.float32)}


def test_loading_makes_an_older_graph_stale():
    m = model()
    loss = m(np.ones((1, 3))).sum()
    m.load_state_dict(m.state_dict())
    with pytest.raises(RuntimeError, match="changed"):
        loss.backward()


def wrong_states(state):
    missing = {k: v for k, v in state.items() if k != "layers.0.bias"}
    yield ValueError, r"missing \['layers\.0\.bias'\], unexpected \[\]", missing
    yield ValueError, r"missing \[\], unexpected \['more'\]", state | {"more": np.ones(1)}
    yield (
        ValueError,
        r"layers\.2\.bias has shape \(3,\); expected \(2,\)",
        state | {"layers.2.bias": np.ones(3)},
    )
    yield (
        TypeError,
        r"layers\.2\.bias has dtype int64",
        state | {"layers.2.bias": np.ones(2, np.int64)},
    )
    yield (
        TypeError,
        r"layers\.2\.bias: .*dtype object",
        state | {"layers.2.bias": np.array([None, 1.0])},
    )
    masked = np.ma.array(np.ones(2), mask=[True, False])  # the mask would be ignored
    yield TypeError, r"layers\.2\.bias: .*MaskedArray.*filled", state | {"layers.2.bias": masked}
    yield TypeError, r"layers\.2\.bias has dtype int64", state | {"layers.2.bias": Tensor([1, 2])}
    yield TypeError, "expected a dict of arrays, got list", list(state.items())


def test_a_wrong_state_is_refused_by_name_and_changes_nothing():
    m, other = model(), model(seed=1)
    before = m.state_dict()
    for error, message, state in wrong_states(other.state_dict()):
        with pytest.raises(error, match=message):
            m.load_state_dict(state)
        assert_equal_states(m.state_dict(), before)


def damaged_files(good):
    yield "empty", b""
    yield "text", b"these are no weights"
    yield "pickle", pickle.dumps({"layers.0.weight": [1, 2]})
    for share in (0.3, 0.6, 0.9, 0.999):
        yield f"truncated to {share}", good[: int(share * len(good))]
    for i in range(0, len(good), 31):
        yield f"byte {i} flipped", good[:i] + bytes([good[i] ^ 0xFF]) + good[i + 1 :]


def test_a_damaged_file_is_refused_or_its_damage_is_harmless(tmp_path):
    """Every byte of the arrays is under a checksum; fields such as dates may differ."""
    path = tmp_path / "weights.npz"
    save(path, model())
    expected = model().state_dict()
    refused = 0
    for what, content in damaged_files(path.read_bytes()):
        path.write_bytes(content)
        m = model(seed=1)
        try:
            load(path, m)
        except ValueError:
            refused += 1
            assert_equal_states(m.state_dict(), model(seed=1).state_dict())
        else:
            assert "flipped" in what
            assert_equal_states(m.state_dict(), expected)
    assert refused > 7


def test_the_checksum_covers_what_is_not_read(tmp_path):
    """With '<f8' turned into '<f4', half of the first matrix would be read as the whole."""
    path = tmp_path / "weights.npz"
    sizes = (30, 60, 2)  # more than what a zip file reads at once
    save(path, model(sizes=sizes))
    path.write_bytes(path.read_bytes().replace(b"<f8", b"<f4", 1))
    with pytest.raises(ValueError, match="CRC"):
        load(path, model(sizes=sizes))


def test_a_single_array_is_no_saved_module(tmp_path):
    np.save(tmp_path / "a.npy", np.ones(3))
    with pytest.raises(ValueError, match=r"a\.npy is damaged, or was not written by save"):
        load(tmp_path / "a.npy", model())


def test_objects_in_a_file_are_not_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    with zipfile.ZipFile(tmp_path / "evil.npz", "w") as archive, archive.open("a.npy", "w") as f:
        np.lib.format.write_array(f, np.array([Trap()], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="evil"):
        load(tmp_path / "evil.npz", model())
    assert not (tmp_path / "sprung").exists()


def test_the_weights_of_another_model_are_refused(tmp_path):
    save(tmp_path / "weights.npz", model(sizes=(3, 5, 2)))
    with pytest.raises(ValueError, match=r"weights\.npz: layers\.0\.weight has shape \(3, 5\)"):
        load(tmp_path / "weights.npz", model())


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nothing.npz", model())
    with pytest.raises(FileNotFoundError):
        save(tmp_path / "no folder" / "weights.npz", model())


@pytest.mark.parametrize("moment", ["write_array", "fsync", "replace"])
def test_a_crash_while_saving_leaves_the_former_file_and_no_other(tmp_path, monkeypatch, moment):
    path = tmp_path / "weights.npz"
    save(path, model())
    before = path.read_bytes()

    def crash(*_, **__):
        raise OSError("no space left on device")

    target = {
        "write_array": "numpy.lib.format.write_array",
        "fsync": "os.fsync",
        "replace": "pathlib.Path.replace",
    }[moment]
    monkeypatch.setattr(target, crash)
    with pytest.raises(OSError, match="no space left"):
        save(path, model(seed=1))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_is_complete_before_it_takes_its_name(tmp_path, monkeypatch):
    steps = []
    replace, fsync = type(tmp_path).replace, os.fsync

    def watched_replace(self, target):
        steps.append(("replace", load(self, model(seed=1)).state_dict()["layers.0.bias"].shape))
        assert self.parent == target.parent  # a rename is atomic only within a file system
        return replace(self, target)

    def watched_fsync(fd):
        steps.append("fsync")
        fsync(fd)

    monkeypatch.setattr("pathlib.Path.replace", watched_replace)
    monkeypatch.setattr("os.fsync", watched_fsync)
    save(tmp_path / "weights.npz", model())
    assert steps == ["fsync", ("replace", (4,))]


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_the_file_has_the_usual_permissions(tmp_path):
    save(tmp_path / "weights.npz", Linear(1, 1, rng=np.random.default_rng(0)))
    (tmp_path / "other").touch()
    assert (tmp_path / "weights.npz").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize(
    "part", [optim.SGD([Tensor(1.0, requires_grad=True)], lr=0.1), 3, "epoch", np.ones(2)], ids=str
)
def test_a_nest_with_what_would_not_be_saved_is_refused(tmp_path, part):
    """It was left out without a word, and a checkpoint lost its optimizer."""
    path, layer = tmp_path / "all.npz", Linear(2, 1, rng=np.random.default_rng(0))
    save(path, {"layer": layer, "weight": Tensor(1.0, requires_grad=True)})
    before = path.read_bytes()
    for nest in ([layer, part], {"layer": layer, "other": part}, {"a": {"b": [layer, part]}}):
        for function in (save, load):
            kind, name = type(part).__name__, function.__name__
            with pytest.raises(
                TypeError, match=f"^{name}: got {kind} .*an optimizer to optim.{name}"
            ):
                function(path, nest)
    assert path.read_bytes() == before


def test_a_nest_may_hold_what_has_nothing_to_save(tmp_path):
    layer = Linear(2, 1, rng=np.random.default_rng(0))
    for nest in ([layer, np.tanh, None], {"layer": layer, "bias": None, "f": tanh}):
        save(tmp_path / "nest.npz", nest)
        assert len(np.load(tmp_path / "nest.npz").files) == 2
        assert load(tmp_path / "nest.npz", nest) is nest


def test_a_state_can_be_what_numpy_loads(tmp_path):
    """np.load returns a mapping that is no dict, and reads each array when it is asked for."""
    path, saved, loaded = tmp_path / "weights.npz", model(), model(seed=1)
    save(path, saved)
    with np.load(path) as state:
        loaded.load_state_dict(state)
    assert_equal_states(saved.state_dict(), loaded.state_dict())
    with pytest.raises(TypeError, match="expected a dict of arrays, got list"):
        loaded.load_state_dict([np.ones(2)])
