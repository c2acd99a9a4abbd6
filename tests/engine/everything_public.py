"""Everything public that a Tensor can be put into: functions and methods of NumPy and of others."""

import array
import bisect
import builtins
import cmath
import collections
import copy
import decimal
import fractions
import functools
import heapq
import inspect
import itertools
import json
import math
import operator
import random
import statistics
import struct
import types
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import scipy.fft
import scipy.integrate
import scipy.linalg
import scipy.ndimage
import scipy.signal
import scipy.sparse
import scipy.spatial.distance
import scipy.special
import scipy.stats

import tinygrad_loss as tl
from tinygrad_loss import Tensor, data, losses, nn, optim, regularizers

Targets = dict[str, Callable[..., Any]]

# What must not be called with arguments at random, and why.
NOT_CALLED = {
    # ends the process, waits for somebody, runs text as code, or runs a test suite
    "builtins.exit", "builtins.quit", "builtins.input", "builtins.breakpoint", "builtins.help",
    "builtins.exec", "builtins.eval", "builtins.compile", "np.test", "np.ma.test", "pd.test",
    "pd.eval", "DataFrame.eval", "DataFrame.query",
    # writes text to the screen, and returns none of it
    "builtins.print", "builtins.copyright", "builtins.credits", "builtins.license", "np.info",
    "np.show_config", "np.show_runtime", "pd.show_versions", "Series.info", "DataFrame.info",
    "scipy.integrate.romb",
    # changes the function that it is given
    "functools.update_wrapper", "functools.wraps",
    # changes settings of the process
    "np.set_printoptions", "np.setbufsize", "np.seterr", "np.seterrcall", "pd.set_option",
    "pd.reset_option", "pd.describe_option", "pd.get_option", "pd.option_context",
    "pd.set_eng_float_format", "decimal.setcontext", "scipy.fft.set_global_backend",
    "scipy.fft.register_backend", "scipy.fft.set_backend", "scipy.fft.skip_backend",
    # reads or writes files (and takes an integer for one that is open)
    "builtins.open", "json.dump", "json.load", "np.fromfile", "np.load", "np.loadtxt",
    "np.genfromtxt", "np.memmap", "np.fromregex", "np.save", "np.savez", "np.savez_compressed",
    "np.savetxt", "np.rec.fromfile", "ndarray.tofile", "ndarray.dump", "np.ma.fromfile",
    "float64.tofile", "float64.dump", "MaskedArray.tofile", "MaskedArray.dump",
    "np.matrix.tofile", "np.matrix.dump",
    "scipy.sparse.load_npz", "scipy.sparse.save_npz", "tl.draw", "tinygrad_loss.nn.save",
    "tinygrad_loss.nn.load",
    "Series.hist", "DataFrame.boxplot", "DataFrame.hist", "Series.plot", "DataFrame.plot",
    # ends the process with a segmentation fault, by themselves, when its arguments make no sense
    "np.lib.stride_tricks.as_strided", "scipy.ndimage.distance_transform_cdt",
    # takes seconds
    "scipy.signal.choose_conv_method", "scipy.integrate.qmc_quad", "pd.crosstab", "pd.get_dummies",
    "gamma.generic_moment", "gamma.__call__", "gamma.freeze", "gamma.expect",
    "scipy.stats.yeojohnson_normplot", "scipy.stats.boxcox_normplot", "scipy.stats.ppcc_plot",
    # hands on an exception that nobody can catch
    "scipy.special.ellip_harm", "scipy.special.ellip_harm_2", "scipy.special.ellip_normal",
    # gives memory that nobody has written to
    "np.empty", "np.empty_like", "np.ndarray", "np.ma.empty", "np.ma.empty_like",
    "np.ma.masked_all", "np.ma.masked_all_like", "MaskedArray.baseclass",
}  # fmt: skip

READS_OR_WRITES = ("pd.read_", "pd.to_pickle", "pd.Excel", "pd.HDF", "Series.to_", "DataFrame.to_")
BACK_TO_NUMPY = ("to_numpy", "to_frame", "to_dict", "to_list", "to_records")


def is_called(name: str) -> bool:
    return name not in NOT_CALLED and (
        not name.startswith(READS_OR_WRITES) or name.endswith(BACK_TO_NUMPY)
    )


def of_module(prefix: str, module: Any) -> Targets:
    """The public functions and classes of a module."""
    names = sorted(getattr(module, "__all__", None) or dir(module))
    found = {f"{prefix}.{name}": getattr(module, name, None) for name in names if name[0] != "_"}
    return {
        name: f
        for name, f in found.items()
        if callable(f) and not (isinstance(f, type) and issubclass(f, BaseException))
    }


# Methods of every object that compute nothing.
OF_OBJECTS = set(dir(object)) | {
    "__array_finalize__", "__array_wrap__", "__copy__", "__deepcopy__", "__dlpack__", "__dict__",
    "__setstate__", "__class_getitem__", "__getformat__",
}  # fmt: skip


def of_object(prefix: str, make: Callable[[], Any]) -> Targets:
    """Its methods and operators, each on a new object, which is part of the result."""

    def method(name: str, bound: Any) -> Callable[..., Any]:
        def called(*given: Any, **named: Any) -> Any:
            made = make()
            return getattr(made, name)(*given, **named), made

        if parameters(bound):
            called.__signature__ = inspect.signature(bound)  # type: ignore[attr-defined]
        return called

    one, found = make(), {}
    for name in dir(one):
        if name not in OF_OBJECTS and (name[0] != "_" or name[-1] == "_"):
            with suppress(Exception):  # some properties, such as mT of a vector, raise
                if callable(bound := getattr(one, name)):
                    found[f"{prefix}.{name}"] = method(name, bound)
    return found


def parameters(f: Callable[..., Any]) -> list[str]:
    """The names of its arguments; those of most ufuncs where Python does not know them."""
    try:
        every = inspect.signature(f).parameters.values()
    except (ValueError, TypeError):
        return ["where", "out", "dtype", "axis", "initial"] if isinstance(f, np.ufunc) else []
    return [p.name for p in every if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]


def joined(*groups: Targets) -> Targets:
    return {name: f for group in groups for name, f in group.items() if is_called(name)}


def of_ufuncs(module: Any) -> Iterator[tuple[str, Any]]:
    for name, f in sorted(vars(module).items()):
        if isinstance(f, np.ufunc) and f.nin == 2:
            for method in ("reduce", "accumulate", "outer", "at", "reduceat"):
                yield f"np.{name}.{method}", getattr(f, method)


VECTOR = [0.3, 0.6, 0.9]
SQUARE = [[0.3, 0.6], [0.9, 0.2]]

PYTHON = {
    module.__name__: lambda module=module: of_module(module.__name__, module)
    for module in (
        math, cmath, operator, statistics, builtins, itertools, functools, fractions, decimal,
        array, struct, copy, json, collections, heapq, bisect,
    )
} | {
    "numbers": lambda: joined(
        of_object("float", lambda: 0.3), of_object("int", lambda: 3),
        of_object("complex", lambda: 0.3 + 1j), of_object("random", lambda: random.Random(0)),
        of_object("Fraction", lambda: fractions.Fraction(1, 3)),
        of_object("Decimal", lambda: decimal.Decimal("0.3")),
    ),
    "containers": lambda: joined(
        of_object("list", VECTOR.copy), of_object("tuple", lambda: tuple(VECTOR)),
        of_object("dict", lambda: {"a": 0.3}), of_object("set", lambda: set(VECTOR)),
        of_object("bytearray", lambda: bytearray(b"abc")),
        of_object("deque", lambda: collections.deque(VECTOR)),
        of_object("array", lambda: array.array("d", VECTOR)),
    ),
}  # fmt: skip

NUMPY = {
    "numpy": lambda: of_module("np", np),
    "linalg, fft, lib": lambda: joined(
        of_module("np.linalg", np.linalg), of_module("np.fft", np.fft),
        of_module("np.emath", np.emath), of_module("np.char", np.char),
        of_module("np.rec", np.rec), of_module("np.strings", np.strings),
        of_module("np.lib.stride_tricks", np.lib.stride_tricks),
        of_module("np.lib.array_utils", np.lib.array_utils),
    ),
    "ma": lambda: of_module("np.ma", np.ma),
    "MaskedArray": lambda: of_object("MaskedArray", lambda: np.ma.array(VECTOR, mask=[0, 0, 1])),
    "polynomial": lambda: joined(
        *(
            of_module(f"np.polynomial.{name}", getattr(np.polynomial, name))
            for name in (
                "polynomial", "chebyshev", "legendre", "hermite", "hermite_e", "laguerre",
            )
        ),
        of_object("Polynomial", lambda: np.polynomial.Polynomial(VECTOR)),
        of_object("poly1d", lambda: np.poly1d(VECTOR)),
    ),
    "Generator": lambda: of_object("Generator", lambda: np.random.default_rng(0)),
    "RandomState": lambda: of_object("RandomState", lambda: np.random.RandomState(0)),
    "ufunc methods": lambda: dict(of_ufuncs(np)),
    "vector": lambda: of_object("ndarray", lambda: np.array(VECTOR)),
    "square": lambda: of_object("ndarray", lambda: np.array(SQUARE)),
    "0-d": lambda: of_object("ndarray", lambda: np.array(0.3)),
    "objects": lambda: of_object("ndarray", lambda: np.array(VECTOR, object)),
    "float64": lambda: of_object("float64", lambda: np.float64(0.3)),
    "matrix": lambda: of_object("np.matrix", lambda: np.array(SQUARE).view(np.matrix)),
}  # fmt: skip

PANDAS = {
    "pandas": lambda: of_module("pd", pd),
    "Series": lambda: of_object("Series", pd.Series([0.3, 0.6, np.nan]).copy),
    "DataFrame": lambda: of_object(
        "DataFrame", pd.DataFrame({"a": [0.3, 0.6, np.nan], "b": [0.1, 0.2, 0.4]}).copy
    ),
    "Index": lambda: of_object("Index", lambda: pd.Index(VECTOR)),
}

SCIPY = {
    module.__name__: lambda module=module: of_module(module.__name__, module)
    for module in (
        scipy.special, scipy.linalg, scipy.fft, scipy.ndimage, scipy.integrate, scipy.signal,
        scipy.spatial.distance, scipy.sparse,
    )
} | {
    # Of its hundred distributions one, whose methods they share.
    "scipy.stats": lambda: {
        name: f
        for name, f in of_module("scipy.stats", scipy.stats).items()
        if isinstance(f, types.FunctionType)
    },
    "gamma": lambda: of_object("gamma", lambda: scipy.stats.gamma),
    "csr_array": lambda: of_object("csr_array", scipy.sparse.csr_array(SQUARE).copy),
}  # fmt: skip

OURS = {
    "tinygrad_loss": lambda: joined(of_module("tl", tl), of_module("tl.losses", losses)),
    "others": lambda: {
        name: f
        for module in (regularizers, nn, optim, data)
        for name, f in of_module(module.__name__, module).items()
        if getattr(f, "__module__", "").startswith(module.__name__)  # not what it imports
    },
    "Tensor": lambda: of_object("Tensor", lambda: Tensor(VECTOR)),
    "square Tensor": lambda: of_object("Tensor", lambda: Tensor(SQUARE)),
}  # fmt: skip
