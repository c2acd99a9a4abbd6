"""What examples/migration.md says of other libraries is so: both sides of each row are run.

The side of this library is compared with NumPy's numbers, whatever is installed; the other side
with this one, where its library is. Each side gets a namespace with the same arrays, runs the cell
of the page, and then what its case says. A cell that is left out must change the outcome.
"""

import inspect
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from .migration_cases import CASES, NET
from .migration_numbers import wavy
from .migration_sides import (
    IMPORTS,
    PAGE,
    PEERS,
    ROWS,
    A,
    arrays,
    boxes,
    differ,
    drawn,
    helpers,
    numbers,
)


@pytest.fixture(autouse=True)
def _folder_of_its_own(tmp_path, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))  # DeZero writes into it


@pytest.fixture
def row_with_peer(request, monkeypatch):
    """A row whose library is installed, as it was when it was released."""
    row = name, _ = request.param
    if name == "DeZero":  # its last release reads np.int, which NumPy 1.24 dropped
        monkeypatch.setattr(np, "int", int, raising=False)
    for module in (PEERS[name], *CASES[row].needs):
        pytest.importorskip(module)
    if "svg" in ROWS[row]["there"] and shutil.which("dot") is None:
        pytest.skip("they draw with Graphviz's program dot, which is not installed")
    if name != "PyTorch":
        yield row
        return
    import torch

    before, compiled = torch.get_default_dtype(), torch.compile
    torch.set_default_dtype(torch.float64)  # on both sides
    # The default would need a C++ compiler, and half a minute.
    monkeypatch.setattr(torch, "compile", lambda f: compiled(f, backend="eager"))
    yield row
    torch.set_default_dtype(before)


def namespace(row, side, cell):
    """The names that a cell meets, and two functions that run it once more."""
    name, case = row[0] if side == "there" else None, CASES[row]
    names = dict(vars(arrays()))
    exec(IMPORTS["here" if name is None else name], names)
    names |= helpers(name) | {"drawn": drawn, "boxes": boxes}

    def again(**changes):
        """The names after the cell has run once more."""
        copy = names | changes
        exec(cell, copy)
        return copy

    def raised(**changes):
        """The name of the error that the cell raises with other values of some names, or None."""
        try:
            with np.errstate(all="ignore"):
                again(**changes)
        except Exception as error:
            return type(error).__name__
        return None

    names |= {"again": again, "raised": raised}
    exec(inspect.cleandoc(case.given), names)
    return names


def outcome(row, side, cell=None):
    """What comes out of a side of a row: a list of arrays."""
    case = CASES[row]
    cell = ROWS[row][side] if cell is None else cell
    names = namespace(row, side, cell)
    exec(compile(cell, f"{row[0]}: {row[1]} ({side})", "exec"), names)
    exec(inspect.cleandoc(case.then), names)
    return numbers(eval(case.there if side == "there" and case.there else case.value, names))


def name_of(row):
    return f"{row[0]}: {row[1]}"


def test_every_row_has_its_case():
    assert list(CASES) == list(ROWS)
    assert len(ROWS) >= 50


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_what_one_writes_here(row):
    if "scipy" in CASES[row].needs:
        pytest.importorskip("scipy")
    found, case = outcome(row, "here"), CASES[row]
    expected = numbers(tuple(case.expected()))
    assert not differ(found, expected, case.tolerance)
    assert depends_on_the_cell(row, "here", found)


# What theirs say of themselves: PyTorch's func.hessian, its detect_anomaly(), and torchviz.
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled:UserWarning")
@pytest.mark.filterwarnings("ignore::SyntaxWarning")  # DeZero's, when Python first compiles it
@pytest.mark.filterwarnings("ignore:distutils Version classes are deprecated:DeprecationWarning")
@pytest.mark.parametrize("row_with_peer", ROWS, ids=name_of, indirect=True)
def test_what_one_writes_there_gives_the_same(row_with_peer):
    row = row_with_peer
    here, there = outcome(row, "here"), outcome(row, "there")
    assert not differ(there, here, CASES[row].tolerance)
    assert depends_on_the_cell(row, "there", there)


def depends_on_the_cell(row, side, found):
    """Whether something else comes out, or an error, when the cell is left out."""
    for path in Path().iterdir():
        path.unlink()
    try:
        without = outcome(row, side, "pass")
    except Exception:
        return True
    return differ(found, without, 1e-6)


def test_what_differs_is_so_here():
    import tinygrad_loss as tl
    from tinygrad_loss import nn, optim

    w, rng = tl.Tensor(A.w, requires_grad=True), np.random.default_rng(0)
    with pytest.raises(TypeError, match="int"):
        tl.Tensor([1, 2], requires_grad=True)
    assert tl.Tensor(np.float32([1.0])).dtype == np.float32
    assert not np.shares_memory(w.detach().data, w.data)
    with pytest.raises(RuntimeError, match="requires grad"):
        np.asarray(w)
    (w**2).sum().backward()
    w.data -= 0.1 * w.grad
    assert np.allclose(w.data, 0.8 * A.w)
    assert type(w.grad) is np.ndarray
    w.grad *= np.nan
    with pytest.raises(FloatingPointError):
        optim.clip_grad_norm([w], 1.0)
    (of_other,) = tl.gradients((w**2).sum(), [tl.Tensor(1.0, requires_grad=True)])
    assert of_other.item() == 0
    with pytest.raises(ValueError, match="shape"):
        tl.mean_squared_error(A.z[:, :1], A.z[:, 0])
    with pytest.raises(ValueError, match="scalar"):
        (w**2).backward()

    model = nn.MLP([3, 4, 2], rng=rng)
    assert isinstance(model.layers[1], nn.ReLU)
    assert [p.shape for p in model.parameters()] == [v.shape for v in NET]
    assert not any(p.data.any() for p in model.parameters()[1::2])  # biases
    model.layers[0].weight.requires_grad = False
    assert len(model.parameters()) == 3
    assert [type(x) for x in model.state_dict().values()] == [np.ndarray] * 4
    assert optim.Adam([w]).weight_decay == 0
    assert np.allclose(tl.leaky_relu(-1.0), -0.01)

    half = 1e300 * tl.Tensor([1.0], requires_grad=True)
    with tl.detect_anomaly(), np.errstate(all="ignore"), pytest.raises(FloatingPointError):
        half * half  # the inf of a forward pass
    assert isinstance(tl.grad(wavy)(A.w), np.ndarray)
    assert isinstance(tl.grad(wavy)(w), tl.Tensor)


def test_every_link_leads_somewhere():
    links = [x for x in re.findall(r"\]\(([^)#]+)\)", PAGE.read_text("utf-8")) if "://" not in x]
    assert links
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
