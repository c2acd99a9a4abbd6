"""einsum means what NumPy's means, and differentiates."""

import re

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tinygrad_loss as tl
from tinygrad_loss import Tensor
from tinygrad_loss.engine.copies import ancestors
from tinygrad_loss.inspection.check import check_gradients

from ..op_inputs import real
from .numpys import X, assert_equal

# --- einsum ---------------------------------------------------------------------------------------

SIZES = {"a": 2, "b": 3, "c": 1, "d": 4, "e": 2, "f": 0}


@st.composite
def einsums(draw):
    """Subscripts of one to three operands, and their shapes; some sizes of 1 broadcast."""
    terms, shapes = [], []
    for _ in range(draw(st.integers(1, 3))):
        letters = draw(st.lists(st.sampled_from("abcdef"), max_size=3))
        shape = [SIZES[letter] for letter in letters]
        if shape and len(set(letters)) == len(letters) and draw(st.booleans()):
            shape[draw(st.integers(0, len(shape) - 1))] = 1
        if draw(st.booleans()):
            i = draw(st.integers(0, len(letters)))
            letters.insert(i, "...")
            shape[i:i] = draw(st.sampled_from([(), (3,), (1,), (2, 3), (2, 1)]))
        terms.append("".join(letters))
        shapes.append(shape)
    subscripts = draw(st.sampled_from([",", " , "])).join(terms)
    if draw(st.booleans()):
        known = sorted({*subscripts} - {*"., "})
        kept = draw(st.permutations(known))[: draw(st.integers(0, len(known)))]
        subscripts += "->" + "..." * ("..." in subscripts) + "".join(kept)
    return subscripts, shapes


@settings(max_examples=200, deadline=None)
@given(einsums())
def test_any_einsum(case):
    subscripts, shapes = case
    arrays = [real(np.random.default_rng(i), shape) for i, shape in enumerate(shapes)]
    expected = np.asarray(np.einsum(subscripts, *arrays))
    assert_equal(tl.einsum(subscripts, *arrays), expected)
    check_gradients(lambda *xs: np.einsum(subscripts, *xs), *arrays, directions=1)


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("ij->ii", [(3, 3)]),
        ("ij->ik", [(3, 3)]),
        ("ii->i", [(2, 3)]),
        ("ii->i", [(1, 3)]),
        ("i->i", [(3, 3)]),
        ("ijk->i", [(3, 3)]),
        ("...ijk->i", [(3, 3)]),
        ("i...->i", [(3, 3)]),
        ("i..j->i", [(3, 3)]),
        ("i1->i", [(3, 3)]),
        ("i->j->i", [(3,)]),
        ("i,i->i", [(3,)]),
        ("i->i", [(3,), (3,)]),
        ("i,i->", [(2,), (3,)]),
        ("ij,jk->ik", [(2, 3), (2, 3)]),
    ],
)
def test_einsum_refuses_what_numpys_refuses(subscripts, shapes):
    arrays = [np.ones(shape) for shape in shapes]
    with pytest.raises(ValueError):
        np.einsum(subscripts, *arrays)
    with pytest.raises(ValueError, match=re.escape(f'einsum: "{subscripts}" of {shapes[0]}')):
        tl.einsum(subscripts, *arrays)


def test_einsum_takes_letters_only():
    with pytest.raises(TypeError, match=r'einsum: expected letters .* "ij,jk->ik"'):
        np.einsum(Tensor(X), [0, 1], [0])


@pytest.mark.parametrize(
    ("subscripts", "shapes", "largest"),
    [
        ("ij,jk->ik", [(8, 9), (9, 7)], 56),
        ("bij,bjk->bik", [(2, 8, 9), (2, 9, 7)], 112),
        ("ij,kl,jk->il", [(8, 8)] * 3, 64),
        ("i,j,ij->", [(8,), (8,), (8, 8)], 8),
        ("ij,jk->", [(8, 8), (8, 8)], 8),
    ],
)
def test_einsum_makes_no_array_larger_than_it_must(subscripts, shapes, largest):
    xs = [Tensor(np.ones(shape), requires_grad=True) for shape in shapes]
    computed = [node for node in ancestors(tl.einsum(subscripts, *xs)) if node.origin]
    made = [node for node in computed if node.origin[0].name not in {"reshape", "transpose"}]
    assert max(node.size for node in made) <= largest


def test_einsum_of_two_matrices_is_one_matrix_product():
    a, b = (Tensor(np.ones((3, 3)), requires_grad=True) for _ in range(2))
    (node,) = (node for node in ancestors(tl.einsum("ij,jk->ik", a, b)) if node.origin)
    assert node.origin[0].name == "matmul"
