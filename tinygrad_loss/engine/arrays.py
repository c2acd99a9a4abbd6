"""What counts as an array; and nests: lists, tuples and dicts of Tensors, inside each other."""

import math
from collections.abc import Callable, Iterable, Iterator
from numbers import Integral, Real
from typing import Any

import numpy as np

from .node import Array, Node

_USUAL = (np.dtype(np.float32), np.dtype(np.float64))


def as_array(data: Any, dtype: Any = None, copy: bool = True, what: str = "Tensor") -> Array:
    """Return data as an array of real numbers, the only data of a Tensor and of an op.

    What is no array, such as a list, a number or pandas' objects, becomes one of NumPy's. An array
    of another library that knows NumPy's protocols stays what it is. ``what`` begins an error.
    """
    if type(data) is np.ndarray and dtype is None and data.dtype in _USUAL:  # for speed
        return data.copy("K") if copy else data
    if holds(data, (Node, np.ma.MaskedArray, np.matrix)):
        for x in flattened(data):
            if isinstance(x, Node) and x._requires_grad:
                raise TypeError(
                    f"{what}: got Tensors that require grad, whose graph would be lost. Use "
                    "t.detach() for the values alone, or tl.stack([...]) to join several."
                )
            if isinstance(x, np.ma.MaskedArray | np.matrix):
                raise _refusal(what, x)
        data = data_of(data)
    if hasattr(data, "__torch_function__"):
        raise _refusal(what, data)
    if is_foreign(data):
        array = data.copy() if copy else data
    else:
        try:
            array = np.array(data, copy=copy or None)
        except ValueError:  # NumPy's word for it is "inhomogeneous"
            raise _refusal(what, data) from None
    if array.dtype.kind not in "biuf":
        raise _refusal(what, data, array)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if dtype is not None:
        if np.dtype(dtype).kind not in "biuf":
            raise TypeError(f"{what}: dtype is {np.dtype(dtype)}; expected one of real numbers")
        array = array.astype(dtype, copy=False)
    return array


def as_output(value: Any, op: str) -> Array:
    """Return what a forward function returned, which is no array of NumPy's, as an array."""
    if not isinstance(value, np.generic):  # NumPy makes one of a result without dimensions
        if is_foreign(value):
            return value
        value = as_array(value, what=f"{op} (its forward function)")
    value = np.asarray(value)
    value.setflags(False)
    return value


def is_foreign(x: Any) -> bool:
    """Whether x is an array of another library, which answers NumPy's protocols."""
    return hasattr(x, "__array_function__") and not isinstance(x, (np.ndarray, Node))


def is_plain(x: Any) -> bool:
    """Whether ops compute with x as it is: a number, or an array of real numbers."""
    if type(x) is np.ndarray or isinstance(x, np.generic) or is_foreign(x):
        return x.dtype.kind in "fiub"
    return isinstance(x, (int, float))


def _refusal(what: str, data: Any, array: Any = None) -> Exception:
    """Return the error for what is not made of real numbers, with what to write instead."""
    library, name = type(data).__module__.partition(".")[0], type(data).__name__
    given = f"a {name}" if library == "builtins" else f"{library}.{name}"
    if isinstance(data, np.ma.MaskedArray):
        advice = "Use x.filled(value), or drop what is masked: x.compressed()."
    elif isinstance(data, np.matrix):
        advice = "Use np.asarray(x)."
    elif hasattr(data, "__torch_function__"):
        advice = "Use x.detach().numpy()."
    elif hasattr(data, "toarray"):
        advice = "A sparse matrix? Use x.toarray()."
    elif array is None:
        return ValueError(f"{what}: got {given} whose rows differ in length. Pad them to one.")
    else:
        given += f" of dtype {array.dtype}"
        kind = array.dtype.kind
        if kind == "O" and any(isinstance(x, str) for x in array.flat):
            kind = "U"
        elif kind == "O" and not array.ndim:
            kind = "thing"
        advice = _ADVICE.get(kind, _ADVICE["U"])
    return TypeError(f"{what}: {given} is not made of real numbers (float, int, bool). {advice}")


_ADVICE = {
    "O": "Are bool and float columns mixed? Use df.to_numpy(float), or x.astype(float).",
    "U": "Text? np.unique(labels, return_inverse=True)[1] makes classes, x.astype(float) numbers.",
    "thing": "Expected a number, a list or an array. (Of a Fraction or a Decimal, use float(x).)",
    "c": "Use its parts, x.real and x.imag, or abs(x).",
    "M": "Dates? Count from the first, (x - x.min()) / np.timedelta64(1, 'D').",
    "m": "Times? Count in seconds, x / np.timedelta64(1, 's').",
    "V": "Fields? Use one, x['name'], or join several with np.stack.",
}


def check_floating(array: Array, requires_grad: bool = True) -> None:
    """Raise TypeError unless the numbers are floating: no others have derivatives."""
    if requires_grad and array.dtype.kind != "f":
        advice = "Pass dtype=float, or requires_grad=False for labels and indices."
        what = f"a Tensor of dtype {array.dtype} cannot require grad"
        raise TypeError(f"{what}: only floating numbers have derivatives. {advice}")


def as_flag(what: str, value: Any) -> bool:
    """Return True or False; anything else, even 0 or 1, is refused."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{what} is {value!r}; expected True or False.")
    return bool(value)


def as_number(
    what: str, value: Any, low: float = 0.0, high: float = math.inf, *,
    closed: bool = True, closed_above: bool = False, kind: Any = (float, Real),
) -> float:  # fmt: skip
    """Return a number in [low, high), or with other ends, as Python's: NumPy's change dtypes."""
    right = isinstance(value, kind) and not isinstance(value, bool)
    try:
        number = float(value) if right else math.nan
    except OverflowError:  # an int with more than 308 digits
        number = math.inf
    if low < number < high or (closed and number == low) or (closed_above and number == high):
        return number
    text = f"{what} is {value!r}; expected {'an int' if kind is Integral else 'a number'}"
    if not right:
        raise TypeError(f"{text}.")
    raise ValueError(f"{text} in {'(['[closed]}{low:g}, {high:g}{')]'[closed_above]}.")


def data_of(x: Any) -> Any:
    """Return the array of a Tensor, also inside a nest; anything else as it is."""
    if isinstance(x, Node):
        return x._array
    return mapped(data_of, x) if holds(x) else x


def constant(owner: str, name: str, x: Any) -> Any:
    """Return the data of an option. What requires grad, also inside a nest, is refused."""
    if not holds(x):
        return x
    if any(isinstance(part, Node) and part._requires_grad for part in flattened(x)):
        given = f"{owner}: {name} requires grad, but is a constant: {owner} has no derivative"
        raise TypeError(f"{given} with respect to {name}. Pass its .data.")
    return data_of(x)


def full_like(x: Any, number: float) -> Any:
    """Return an array that is full of one number, in the shape and dtype of x."""
    if type(x) is not np.ndarray:
        return np.ones_like(x) * number
    full = np.empty_like(x)  # half the time of np.full_like
    full.fill(number)
    return full


_ONES = {dtype: np.ones((128, 1), dtype) for dtype in _USUAL}


def total(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the sum, in float16 added up in float32: there 2,048 + 1 is 2,048, 65,520 is inf."""
    if type(x) is np.ndarray and (ones := _ONES.get(x.dtype)) is not None:
        if x.ndim == 2:  # a product with ones adds up few rows or columns in a third of the time
            if axis == 0 and not keepdims and len(x) <= 128:
                return ones[: len(x), 0] @ x
            if axis == -1 and keepdims and x.shape[1] <= 128:
                return x @ ones[: x.shape[1]]
        return np.add.reduce(x, axis, keepdims=keepdims)  # type: ignore[call-overload]
    if x.dtype.char == "e":
        return x.astype(np.float32).sum(axis=axis, keepdims=keepdims).astype(x.dtype)
    return x.sum(axis=axis, keepdims=keepdims)


# --- arrays of other libraries: CuPy's, for one, do not meet NumPy's ------------------------------
def on_host(x: Any) -> Array:
    """Return the data as a NumPy array: CuPy's comes to the host by get()."""
    data = data_of(x)
    return data.get() if is_foreign(data) and hasattr(data, "get") else np.asarray(data)


def brought(given: Any, x: Any) -> Any:
    """Return a NumPy array, also inside a tuple, as one of the library of x; all else as given."""
    if isinstance(given, tuple):
        return tuple(brought(part, x) for part in given)
    x, of_numpy = data_of(x), isinstance(given, (np.ndarray, np.generic))
    return np.asarray(given, like=x) if of_numpy and is_foreign(x) else given


def indexed(x: Any, index: Any) -> Any:
    """Return x[index]; not every library takes an index of NumPy's arrays as it is."""
    try:
        return x[index]
    except TypeError:
        return x[brought(index, x)]


def scattered(x: Array, index: Any, shape: Any, once: bool) -> Array:
    """Return zeros with x added at an index, which may promise to pick no place twice.

    Not every library knows np.add.at, or takes an index of NumPy's arrays. All can count.
    """
    if not once and x.dtype.char == "e":  # as in ``total``
        return scattered(x.astype(np.float32), index, shape, once).astype(x.dtype)
    out = np.zeros_like(x, shape=shape) if is_foreign(x) else np.zeros(shape, x.dtype)
    try:
        if once:
            out[index] = x
        else:
            np.add.at(out, index, x)
        return out
    except TypeError:
        places = indexed(np.arange(out.size, like=x).reshape(shape), index)
    terms = np.broadcast_to(x, places.shape).ravel().astype(np.float64)
    return np.bincount(places.ravel(), terms, out.size).reshape(shape).astype(x.dtype)


def elementwise(function: Callable[[float], float]) -> Callable[[Array], Array]:
    """Let a function of Python's, which NumPy has not, take arrays; it runs on the host."""
    of_objects = np.frompyfunc(function, 1, 1)

    def apply(x: Array) -> Array:
        values = on_host(x) if hasattr(x, "get") else x  # Dask's and traced arrays do it themselves
        # With a new axis, because frompyfunc turns an array without axes into a Python number.
        y = of_objects(values[np.newaxis]).astype(np.result_type(x.dtype, np.float16))[0]
        return brought(y, x)

    return apply


# --- nests: parameters in lists, tuples and dicts, to any depth -----------------------------------

_NESTS = (tuple, list, dict)


def holds(nest: Any, kinds: Any = Node) -> bool:
    """Whether a Tensor (or what is of the kinds given) is in a nest, or is what is given."""
    if not isinstance(nest, _NESTS):
        return isinstance(nest, kinds)
    for part in nest.values() if isinstance(nest, dict) else nest:
        if isinstance(part, kinds) or (isinstance(part, _NESTS) and holds(part, kinds)):
            return True
    return False


def flattened(nest: Any) -> Iterator[Any]:
    """What a nest of lists, tuples and dicts holds, in order; anything else is its only item."""
    if isinstance(nest, _NESTS):
        for part in nest.values() if isinstance(nest, dict) else nest:
            yield from flattened(part)
    else:
        yield nest


def mapped(function: Callable[[Any], Any], nest: Any) -> Any:
    """The same nest, with each item replaced by the function's value of it."""
    if isinstance(nest, list | tuple):
        parts = [mapped(function, part) for part in nest]
        # A namedtuple is made from its fields, all others from a sequence.
        return type(nest)(*parts) if hasattr(nest, "_fields") else type(nest)(parts)
    if isinstance(nest, dict):
        return {key: mapped(function, part) for key, part in nest.items()}
    return function(nest)


def parameters_in(what: str, given: Any) -> list[Any]:
    """A list of the items of a nest, or of another iterable; TypeError if it is neither."""
    if isinstance(given, Node) or not isinstance(given, Iterable):
        expected = "expected a list of Tensors, such as [x] or model.parameters()"
        raise TypeError(f"{what} is a {type(given).__name__}; {expected}")
    return list(flattened(given if isinstance(given, _NESTS) else list(given)))


def is_nested(given: Any) -> bool:
    """Whether gradients of these parameters come as the same nest, and not as a flat tuple."""
    inside = given if isinstance(given, list | tuple) else ()
    return isinstance(given, dict) or any(isinstance(part, _NESTS) for part in inside)
