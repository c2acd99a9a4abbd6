"""Every public name says what it takes, what it is, and shows itself at work."""

import inspect
import pydoc
from types import FunctionType, ModuleType

import numpy as np
import pytest

import tinygrad_loss as tl
from tinygrad_loss.engine.ops import Op

MODULES = {"tl": tl} | {
    f"tl.{name}": getattr(tl, name) for name in ("losses", "regularizers", "nn", "optim", "data")
}


def own_names(module: ModuleType) -> list[str]:
    """The public names of a module: those that it lists, or else those that it defines."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [
        name
        for name, x in vars(module).items()
        if not name.startswith("_") and getattr(x, "__module__", None) == module.__name__
    ]


# Once each, by its shortest name: tl.nn.MLP, tl.exp, tl.cross_entropy.
PUBLIC = {
    id(x): (f"{where}.{name}", x)
    for where, module in reversed(MODULES.items())
    for name in own_names(module)
    if not isinstance(x := getattr(module, name), ModuleType)
    and (isinstance(x, type | Op) or inspect.isroutine(x))
}.values()
METHODS = [
    (f"{kind.__name__}.{name}", member)
    for kind in (tl.Tensor, tl.nn.Module, tl.optim.Optimizer)
    for owner in kind.__mro__[:-1]
    for name, member in vars(owner).items()
    if not name.startswith("_") and isinstance(member, FunctionType | property)
]


def every(pairs):
    pairs = list(pairs)
    return pytest.mark.parametrize(
        ("name", "x"), pairs, ids=[name.removeprefix("tl.") for name, _ in pairs]
    )


def test_there_are_as_many_as_there_should_be():
    assert len(PUBLIC) > 140
    assert len(METHODS) > 70
    names = [name for name, _ in PUBLIC]
    for name in ("tl.exp", "tl.Tensor", "tl.draw", "tl.cross_entropy", "tl.nn.MLP", "tl.optim.SGD"):
        assert name in names


@every(PUBLIC)
def test_it_has_a_docstring(name, x):
    text = inspect.getdoc(x) or ""
    assert len(text) >= 10
    if isinstance(x, Op) and isinstance(x.forward, np.ufunc):  # or help() would show NumPy's
        assert inspect.getdoc(x.forward)[:60] not in text
        assert "out=" not in text


@every(PUBLIC)
def test_it_has_a_signature_that_says_what_it_takes(name, x):
    parameters = inspect.signature(x).parameters.values()
    assert not [p for p in parameters if p.kind is p.VAR_KEYWORD]
    # Layers, or operands, may be given one by one; then they have a name of their own.
    assert not [p for p in parameters if p.kind is p.VAR_POSITIONAL and p.name == "args"]
    assert parameters or isinstance(x, type) or name in ("tl.no_grad", "tl.detect_anomaly")


@every((name, x) for name, x in PUBLIC if not isinstance(x, type))
def test_every_function_and_op_shows_an_example(name, x):
    assert ">>> " in (inspect.getdoc(x) or "")


@every(METHODS)
def test_every_method_has_a_docstring(name, x):
    assert len(inspect.getdoc(x) or "") > 10


def test_what_no_one_knows_is_refused():
    t = tl.Tensor([1.0, 2.0])
    with pytest.raises(TypeError, match="unexpected keyword argument 'op'"):
        t.sum(op=np.add)
    with pytest.raises(TypeError, match=r"sum: got .*op=; expected"):
        tl.sum(t, op=np.add)


@pytest.mark.parametrize(
    ("x", "signature", "says"),
    [
        (tl.exp, "exp = <op exp(x)>", "Derivative: the slope is e^x"),
        (tl.sum, "sum = <op sum(x, axis=None, keepdims=False)>", "whole gradient"),
        (tl.Tensor.exp, "exp(self) -> 'Tensor'", "e^x: see ``tl.exp``."),
        (
            tl.Tensor.sum,
            "sum(self, axis: 'Any' = None, keepdims: 'bool' = False)",
            "see ``tl.sum``",
        ),
        (tl.cross_entropy, "cross_entropy(logits", ">>> "),
    ],
)
def test_help_shows_the_signature_and_the_docstring(x, signature, says):
    # Python 3.12 and later write annotations without the quotes.
    shown = pydoc.render_doc(x, renderer=pydoc.plaintext).replace("'", "")
    assert signature.replace("'", "") in shown
    assert says in shown
