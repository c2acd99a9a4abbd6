"""Rows of the table in op_cases.py for ops that change shapes, pick, join and multiply."""

import numpy as np

from tinygrad_loss.engine import functions, ops, products

from .op_inputs import dims, invertible, positive, real

# What NumPy accepts between brackets, for an array of shape (3, 4).
MASK = np.array([[True, False, True, False], [False] * 4, [True, True, False, True]])
INDICES = {
    "integer": 1,
    "negative": -1,
    "element": (2, -4),
    "slice": slice(1, None),
    "backwards": slice(None, None, -2),
    "slices": (slice(0, 2), slice(None, None, 3)),
    "column": (slice(None), 1),
    "ellipsis": (..., 0),
    "newaxis": (None, slice(None), None, 2),
    "nothing": (),
    "empty": slice(3, 3),
    "rows": np.array([2, 0]),
    "list": [2, 0],
    "repeated": np.array([1, 1, 0, 1]),
    "matrix": np.array([[0, 1], [1, 1]]),
    "mask": MASK,
    "row mask": np.array([True, False, True]),
    "mask and column": (np.array([False, True, True]), 2),
    "mask and repeated columns": (np.array([False, False, True]), np.array([1, 1])),
    "one per row": (np.arange(3), np.array([3, 0, 3])),
    "pairs": (np.array([0, 2, 0]), np.array([1, 1, 1])),
    "negative pairs": (np.array([-3, 0]), np.array([1, 1])),
    "broadcast pairs": (np.arange(3), np.array([[1, 1, 0], [1, 2, 0]])),
    "outer": np.ix_([0, 2, 2], [1, 3]),
    "rows of a slice": (slice(0, 2), np.array([1, 1, 3])),
    "rows, newaxis": (np.array([0, 0]), None, slice(1, 3)),
    "ellipsis, repeated": (..., np.array([3, 3])),
}


def torch_index(torch, index):
    """Flat positions: PyTorch knows no negative steps and no tuples of NumPy arrays."""
    return torch.as_tensor(np.arange(12).reshape(3, 4)[index].copy())


MATMUL_SHAPES = [
    ((3,), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3,)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 1, 2, 3), (6, 3, 4)),
    ((5, 2, 3), (3,)),
    ((3,), (5, 3, 2)),
    ((1, 2, 3), (5, 3, 1)),
    ((0, 3), (3, 4)),
    ((2, 0), (0, 4)),
]


def call(f, *others, **options):
    """f with more arguments, as Case wants it: called with the inputs alone."""
    return lambda *inputs: f(*inputs, *others, **options)


EINSUMS = [
    ("ij->ji", (2, 3)),
    ("ba", (2, 3)),
    ("ij->", (2, 3)),
    ("ij->j", (2, 3)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("...ii->...i", (2, 3, 3)),
    ("...ij->...ji", (2, 3, 4)),
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ij,kj->ki", (2, 3), (4, 3)),
    ("i,i->", (3,), (3,)),
    ("i,j->ij", (2,), (3,)),
    ("ij,ij->ij", (2, 3), (2, 3)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 2)),
    ("bi,bi->b", (2, 3), (2, 3)),
    ("...ij,...jk->...ik", (5, 1, 2, 3), (4, 3, 2)),
    ("...i,i->...", (2, 4, 3), (3,)),
    ("ij,kl->", (2, 3), (4, 2)),
    ("iij,j->i", (2, 2, 3), (3,)),
    (",i->i", (), (3,)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("i,ij,j->", (2,), (2, 3), (3,)),
    ("a,a,a,a->a", (3,), (3,), (3,), (3,)),
]


# name: rows of (label, f, torch_f, shapes), and where inputs must be special, their domains
OTHERS = {
    "softmax": [
        (axis, call(ops.softmax, axis=axis), lambda torch, x, i=axis: x.softmax(i), ((2, 3, 4),))
        for axis in (0, 1, -1)
    ],
    "log_softmax": [
        (
            axis,
            call(ops.log_softmax, axis=axis),
            lambda torch, x, axis=axis: x.log_softmax(axis),
            ((2, 3, 4),),
        )
        for axis in (0, 1, -1)
    ],
    "var": [
        (
            "ddof=1",
            call(functions.var, axis=0, ddof=1),
            lambda torch, x: x.var(0, correction=1),
            ((3, 4),),
        )
    ],
    "std": [
        ("ddof=1", call(functions.std, ddof=1), lambda torch, x: x.std(correction=1), ((3, 4),))
    ],
    "reshape": [
        (
            shape,
            lambda x, s=shape: ops.reshape(x, s),
            lambda torch, x, s=shape: x.reshape(s),
            ((3, 4),),
        )
        for shape in ((12,), (2, -1), (4, 1, 3), -1)
    ],
    "transpose": [
        (
            axes,
            call(ops.transpose, axes=axes),
            lambda torch, x, axes=axes: x.permute(axes or (2, 1, 0)),
            ((2, 3, 4),),
        )
        for axes in (None, (1, 2, 0), (-1, 0, 1))
    ],
    "swapaxes": [
        (
            "0,-1",
            lambda x: ops.swapaxes(x, 0, -1),
            lambda torch, x: x.swapaxes(0, -1),
            ((2, 3, 4),),
        )
    ],
    "expand_dims": [
        (axis, call(ops.expand_dims, axis=axis), lambda torch, x, s=shape: x.reshape(s), ((3, 4),))
        for axis, shape in ((0, (1, 3, 4)), (-1, (3, 4, 1)), ((0, 2), (1, 3, 1, 4)))
    ],
    "squeeze": [
        (axis, call(ops.squeeze, axis=axis), lambda torch, x, s=shape: x.reshape(s), ((1, 3, 1),))
        for axis, shape in ((None, (3,)), (0, (3, 1)), (-1, (1, 3)), ((0, 2), (3,)))
    ],
    "broadcast_to": [
        (
            shape,
            call(ops.broadcast_to, shape=(2, 3, 4)),
            lambda torch, x: x.broadcast_to((2, 3, 4)),
            (shape,),
        )
        for shape in ((), (4,), (3, 1), (1, 3, 4), (2, 3, 4))
    ],
    "astype": [
        ("double", call(ops.astype, dtype=np.float64), lambda torch, x: x.double(), ((3, 4),))
    ],
    "concatenate": [
        (
            axis,
            lambda *xs, axis=axis: ops.concatenate(xs, axis),
            lambda torch, *xs, axis=axis: torch.cat(xs, axis),
            shapes,
        )
        for axis, shapes in ((0, ((2, 3), (1, 3), (0, 3))), (-1, ((2, 3), (2, 1))))
    ],
    "stack": [
        (
            axis,
            lambda *xs, axis=axis: functions.stack(xs, axis),
            lambda torch, *xs, axis=axis: torch.stack(xs, axis),
            ((2, 3), (2, 3)),
        )
        for axis in (0, 1, -1)
    ],
    "getitem": [
        (
            label,
            lambda x, index=index: ops.getitem(x, index),
            lambda torch, x, index=index: x.flatten()[torch_index(torch, index)],
            ((3, 4),),
        )
        for label, index in INDICES.items()
    ],
    "scatter": [
        (
            "repeated",
            call(ops.scatter, index=np.array([1, 1, 0]), shape=(4,)),
            lambda torch, x: x.new_zeros(4).index_add(0, torch.tensor([1, 1, 0]), x),
            ((3,),),
        ),
        (
            "slice",
            call(ops.scatter, index=slice(1, 4), shape=(5,)),
            lambda torch, x: torch.nn.functional.pad(x, (1, 1)),
            ((3,),),
        ),
    ],
    "matmul": [
        (f"{a}@{b}", products.matmul, lambda torch, a, b: a @ b, (a, b)) for a, b in MATMUL_SHAPES
    ],
    "linear": [
        (
            x,
            products.linear,
            lambda torch, x, W, b: torch.nn.functional.linear(x, W.T, b),
            (x, (3, 4), (4,)),
        )
        for x in ((2, 3), (5, 2, 3))
    ],
    "solve": [
        (
            f"{a},{b}",
            products.solve,
            # Not torch.linalg.solve, which takes some matrices b for stacks of vectors.
            lambda torch, a, b: torch.linalg.inv(a) @ b,
            (a, b),
            (invertible, real),
        )
        for a, b in (
            ((3, 3), (3,)),
            ((3, 3), (3, 2)),
            ((2, 3, 3), (2, 3, 4)),
            ((2, 3, 3), (3, 1)),
            ((3, 3), (2, 3, 2)),
            ((2, 3, 3), (3,)),
        )
    ],
    "inv": [
        (shape, functions.inv, lambda torch, x: torch.linalg.inv(x), (shape,), (invertible,))
        for shape in ((1, 1), (3, 3), (2, 2, 3, 3))
    ],
    "slogdet": [
        (
            shape,
            lambda x: products.slogdet(x).logabsdet,
            lambda torch, x: torch.linalg.slogdet(x).logabsdet,
            (shape,),
            (invertible,),
        )
        for shape in ((1, 1), (3, 3), (2, 2, 3, 3))
    ],
    "norm": [
        (
            f"{ord}-{axis}{'-keepdims' * keepdims}",
            call(functions.norm, axis=axis, keepdims=keepdims, ord=ord),
            lambda torch, x, ord=ord, axis=axis, keepdims=keepdims: torch.linalg.norm(
                x, ord, axis, keepdims
            ),
            ((2, 3, 4),),
        )
        for ord, axis in (
            (1, 1), (2, -1), (np.inf, (0,)), ("fro", (0, 1)), (1, (0, 2)), (1, (2, 0)),
            (np.inf, (-1, 1)), (np.inf, (1, -1)),
        )
        for keepdims in (False, True)
    ],
    "average": [
        ("mean", functions.average, lambda torch, x: x.mean(), ((3, 4),)),
        (
            "all",
            lambda x, w: functions.average(x, weights=w),
            lambda torch, x, w: (x * w).sum() / w.sum(),
            ((3, 4), (3, 4)),
            (real, positive),
        ),
        (
            "columns",
            lambda x, w: functions.average(x, 1, w, keepdims=True),
            lambda torch, x, w: (x * w).sum(1, keepdim=True) / w.sum(),
            ((3, 4), (4,)),
            (real, positive),
        ),
        (
            "axes in another order",
            lambda x, w: functions.average(x, (2, 0), w),
            lambda torch, x, w: torch.einsum("abc,ca->b", x, w) / w.sum(),
            ((2, 3, 4), (4, 2)),
            (real, positive),
        ),
    ],
    "cumsum": [
        (
            axis,
            call(functions.cumsum, axis=axis),
            lambda torch, x, i=axis: x.flatten().cumsum(0) if i is None else x.cumsum(i),
            ((2, 3, 4),),
        )
        for axis in (None, 0, 1, -1)
    ],
    "diff": [
        (
            f"{n},{axis}",
            call(functions.diff, n=n, axis=axis),
            lambda torch, x, n=n, axis=axis: torch.diff(x, n, axis),
            ((2, 3, 4),),
        )
        for n, axis in ((0, 0), (1, 0), (1, -1), (2, 2), (5, 1))
    ],
    "sort": [
        (
            axis,
            call(functions.sort, axis=axis),
            lambda torch, x, i=axis: x.flatten().sort()[0] if i is None else x.sort(i)[0],
            ((2, 3, 4),),
        )
        for axis in (None, 0, 1, -1)
    ],
    "ravel": [("", functions.ravel, lambda torch, x: x.ravel(), ((2, 3),))],
    "flatten": [("", functions.flatten, lambda torch, x: x.flatten(), ((2, 3),))],
    "atleast_1d": [
        (shape, functions.atleast_1d, lambda torch, x: torch.atleast_1d(x), (shape,))
        for shape in ((),)
    ],
    "atleast_2d": [
        (shape, functions.atleast_2d, lambda torch, x: torch.atleast_2d(x), (shape,))
        for shape in ((), (3,), (0,))
    ],
    "flip": [
        (axis, call(functions.flip, axis), lambda torch, x, i=axis: x.flip(dims(x, i)), ((3, 4),))
        for axis in (None, (0,), (-1,), (1, 0))
    ],
    "roll": [
        (
            f"{shift},{axis}",
            call(functions.roll, shift, axis),
            lambda torch, x, shift=shift, axis=axis: torch.roll(x, shift, axis),
            ((3, 4),),
        )
        for shift, axis in ((1, None), (-5, 0), (2, -1), ((1, 2), (0, 1)))
    ],
    "repeat": [
        (
            f"{repeats},{axis}",
            call(functions.repeat, repeats, axis),
            lambda torch, x, r=repeats, i=axis: x.repeat_interleave(torch.tensor(r), i),
            ((2, 3),),
        )
        for repeats, axis in ((2, None), (3, 0), ([1, 0, 2], -1))
    ],
    "tile": [
        (
            reps,
            call(functions.tile, reps),
            lambda torch, x, reps=reps: torch.tile(x, (reps,) if isinstance(reps, int) else reps),
            ((2, 3),),
        )
        for reps in (2, (2, 1), (2, 1, 3))
    ],
    "take_along_axis": [
        (
            axis,
            lambda x, i=indices, axis=axis: functions.take_along_axis(x, i, axis),
            lambda torch, x, i=indices, axis=axis: x.take_along_dim(torch.tensor(i), axis),
            ((2, 3),),
        )
        for indices, axis in (([[2, 0, 2, 2], [1, 1, 0, -1]], 1), ([[1, 0, 1]], 0), ([5, 0], None))
    ],
    "diagonal": [
        (
            f"{shape},{options}",
            call(functions.diagonal, *options),
            lambda torch, x, options=options: torch.diagonal(x, *options),
            (shape,),
        )
        for shape, options in (((3, 4), ()), ((3, 4), (-1,)), ((2, 3, 4), (1, 2, 0)))
    ],
    "diag": [
        (
            f"{shape},{k}",
            call(functions.diag, k),
            lambda torch, x, k=k: torch.diag(x, k),
            (shape,),
        )
        for shape in ((3,), (3, 4))
        for k in (0, 2, -1)
    ],
    "trace": [
        (
            f"{shape},{options}",
            call(functions.trace, *options),
            lambda torch, x, options=options: torch.diagonal(x, *options).sum(-1),
            (shape,),
        )
        for shape, options in (((3, 4), ()), ((3, 4), (-1,)), ((2, 3, 4), (1, 2, 0)))
    ],
    "vstack": [
        (shapes, lambda *xs: functions.vstack(xs), lambda torch, *xs: torch.vstack(xs), shapes)
        for shapes in (((3,), (3,)), ((2, 3), (3,), (1, 3)), ((), ()))
    ],
    "hstack": [
        (shapes, lambda *xs: functions.hstack(xs), lambda torch, *xs: torch.hstack(xs), shapes)
        for shapes in (((3,), (2,), ()), ((2, 3), (2, 1)), ((2, 1, 3), (2, 2, 3)))
    ],
    "column_stack": [
        (
            shapes,
            lambda *xs: functions.column_stack(xs),
            lambda torch, *xs: torch.column_stack(xs),
            shapes,
        )
        for shapes in (((3,), (3,)), ((2, 3), (2,), (2, 1)), ((), ()))
    ],
    "split": [
        (
            "equal",
            lambda x: functions.split(x, 2, axis=1)[1],
            lambda torch, x: x.tensor_split(2, 1)[1],
            ((3, 4),),
        ),
        (
            "indices",
            lambda x: functions.split(x, [1, 3], -1)[1],
            lambda torch, x: x.tensor_split([1, 3], -1)[1],
            ((3, 4),),
        ),
        (
            "joined",
            lambda x: ops.concatenate(functions.split(x, [2])[::-1]),
            lambda torch, x: torch.cat(x.tensor_split([2])[::-1]),
            ((3, 4),),
        ),
    ],
    "dot": [
        (
            f"{a},{b}",
            products.dot,
            lambda torch, a, b: (
                torch.tensordot(a, b, ([-1], [max(-2, -b.ndim)])) if a.ndim * b.ndim else a * b
            ),
            (a, b),
        )
        for a, b in (
            ((), (2, 3)), ((2, 3), ()), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)),
            ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)), ((3,), (5, 3, 2)),
        )
    ],
    "inner": [
        (f"{a},{b}", products.inner, lambda torch, a, b: torch.inner(a, b), (a, b))
        for a, b in (((), (3,)), ((3,), (3,)), ((2, 3), (3,)), ((2, 3), (5, 4, 3)))
    ],
    "outer": [
        (
            f"{a},{b}",
            products.outer,
            lambda torch, a, b: torch.outer(a.ravel(), b.ravel()),
            (a, b),
        )
        for a, b in (((2,), (3,)), ((2, 3), (4,)), ((), (3,)))
    ],
    "tensordot": [
        (
            axes,
            call(products.tensordot, axes),
            lambda torch, a, b, axes=axes: torch.tensordot(a, b, axes),
            shapes,
        )
        for axes, shapes in (
            (0, ((2,), (3,))),
            (1, ((2, 3), (3, 4))),
            (2, ((2, 3, 4), (3, 4, 5))),
            (([0], [1]), ((3, 2), (4, 3))),
            (([2, 0], [0, 1]), ((2, 3, 4), (4, 2, 5))),
            (([0, -1], [-1, 0]), ((2, 3), (3, 2))),
        )
    ],
    "einsum": [
        (
            subscripts,
            lambda *xs, subscripts=subscripts: products.einsum(subscripts, *xs),
            lambda torch, *xs, subscripts=subscripts: torch.einsum(subscripts, *xs),
            shapes,
        )
        for subscripts, *shapes in EINSUMS
    ],
}  # fmt: skip
