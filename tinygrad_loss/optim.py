"""Optimizers: what to do with the gradients.

``loss.backward()`` leaves in each parameter's ``.grad`` the direction in which the loss grows. An
optimizer takes a step against it. Each ``update`` below is the recurrence in its class's docstring,
in which ufuncs write into arrays that were made once (given last), so that a step allocates none.

    optimizer = SGD(model.parameters(), lr=0.1)
    for step in range(1000):
        optimizer.zero_grad()
        loss = mean_squared_error(model(X), y)
        loss.backward()
        optimizer.step()

``save(path, optimizer)`` and ``load(path, optimizer)``, with the same of the model, let an
interrupted training go on exactly as it would have.
"""

import copy
import math
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, ClassVar

import numpy as np

from .engine.arrays import as_array, as_flag, as_number, brought, on_host, parameters_in
from .engine.node import Array, now
from .engine.tensor import Tensor
from .engine.words import publish, taught
from .files import load, save

__all__ = [
    "GD", "SGD", "Adam", "Optimizer", "clip_grad_norm", "cosine_decay", "linear_decay", "load",
    "save",
]  # fmt: skip
publish(globals())


def _two_numbers(what: str, value: Any) -> tuple[float, float]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError(f"{what} is {value!r}; expected two numbers, e.g. (0.9, 0.999)")
    return as_number(f"{what}[0]", value[0], high=1.0), as_number(f"{what}[1]", value[1], high=1.0)


class Optimizer:
    """What all optimizers share: the list of parameters, the loop over them, and their state.

    A subclass defines ``update(i, w, g)``, which writes the new value of the i-th parameter into
    its array ``w``, given its gradient ``g``. It lists the names of its numbers in ``settings``,
    and those of its lists with one array (or number) per parameter in ``buffers``.

    Parameters
    ----------
    params : the leaves to change, requiring grad; an iterable, or a nest of lists, tuples and dicts
    lr : the learning rate, > 0: how far to go against the gradient

    Settings can be assigned at any time, ``lr`` for example from a schedule, also 0 at its end.

    Raises TypeError if a parameter is not a Tensor, or a setting not a number; ValueError if there
    are no parameters, one is given twice, does not require grad or was computed, or a setting is
    out of range; AttributeError if what is assigned is no setting, such as ``learning_rate``.
    """

    settings: tuple[str, ...] = ("lr",)
    buffers: tuple[str, ...] = ()
    # For each setting, a function of what to call it and its value: what to keep, or an error.
    checks: ClassVar[dict[str, Callable[[str, Any], Any]]] = {"lr": as_number}

    @taught
    def __init__(self, params: Any, lr: float) -> None:
        self.params = _checked_params(type(self).__name__, params)
        self.lr = as_number(f"{type(self).__name__}: lr", lr, closed=False)
        self._make_room()

    def __setattr__(self, name: str, value: Any) -> None:
        kind = type(self)
        known = name in ("params", *self.buffers) or name[0] == "_" or hasattr(kind, name)
        if name in self.settings and name in self.checks:
            value = self.checks[name](f"{kind.__name__}: {name}", value)
        elif not known and kind.__module__ == __name__:  # others may have more
            settings = ", ".join(self.settings)
            raise AttributeError(f"{kind.__name__} has no {name}; its settings are {settings}")
        super().__setattr__(name, value)

    def update(self, i: int, w: Array, g: Array) -> None:
        """Write the new value of parameter i into its array w, given its gradient g."""
        raise NotImplementedError(f"{type(self).__name__} must define update(i, w, g)")

    def step(self) -> None:
        """Update every parameter that has a gradient; one whose ``.grad`` is None stays as it is.

        All are checked before the first is changed: no error below changes anything. But one of an
        update itself, as under ``np.errstate(over="raise")``, comes when others may have moved.

        Raises TypeError if a gradient is no array of floating numbers, as its parameter's data is;
        ValueError if it has another shape, or if a parameter is read-only, or has another shape or
        dtype than when the optimizer was made; RuntimeError if no parameter has a gradient.
        """
        moving, made_for, ndarray = [], self._made_for, np.ndarray
        for i, p in enumerate(self.params):
            g = p.grad
            if g is not None:
                w, made = p._array, made_for.get(p)
                kinds = (g.shape, g.dtype, w.shape, w.dtype) if type(g) is ndarray else ()
                if kinds != made or not w.flags.writeable:
                    check_parameter(f"{type(self).__name__}.step", i, p, made)
                moving.append((i, p, w, g))
        if not moving:
            raise no_gradient(f"{type(self).__name__}.step")
        for i, p, w, g in moving:
            self.update(i, w, g)
            p.stamp = now()  # tells the graph that the data has changed

    def zero_grad(self) -> None:
        """Set all gradients to None, since ``backward()`` adds to what is there."""
        for p in self.params:
            p.grad = None

    def state_dict(self) -> dict[str, Any]:
        """A copy of all that the next steps depend on, except the parameters and their gradients.

        >>> GD([Tensor(1.0, requires_grad=True)], lr=0.1).state_dict()
        {'optimizer': 'GD', 'lr': 0.1}
        """
        held = {name: getattr(self, name) for name in (*self.settings, *self.buffers)}
        return {"optimizer": type(self).__name__, **copy.deepcopy(held)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Copy a ``state_dict()``: with its parameters, training goes on as it would have then.

        Raises TypeError or ValueError if the state is of another kind of optimizer, has missing,
        unknown or wrong entries, or was made for other parameters. Then nothing has been changed.
        """
        name, what = type(self).__name__, f"{type(self).__name__}.load_state_dict"
        expected = {"optimizer", *self.settings, *self.buffers}
        entries = state if isinstance(state, dict) else {}
        if entries.keys() != expected or entries["optimizer"] != name:
            found = entries.get("optimizer", f"a {type(state).__name__}")
            raise ValueError(
                f"{what}: expected {name} with {sorted(expected)}, got {found} with "
                f"{sorted(map(str, entries))}. Pass the state_dict() of such an optimizer."
            )
        loaded = copy.copy(self)  # takes the state first, so that a wrong one changes nothing here
        for setting in self.settings:
            setattr(loaded, setting, entries[setting])
        for buffer in self.buffers:
            own, given = [_kind(x) for x in getattr(loaded, buffer)], entries[buffer]
            kinds = [_kind(x) for x in given] if isinstance(given, list) else _kind(given)
            if kinds != own:
                raise ValueError(f"{what}: {buffer} holds {kinds}; expected {own}. Another model?")
            copies = [on_host(as_array(x, what=what)) if hasattr(x, "shape") else x for x in given]
            setattr(loaded, buffer, [brought(x, self.params[0].data) for x in copies])
        vars(self).update(vars(loaded))

    def _make_room(self) -> None:
        """Note what the parameters are; make memory that all updates share, one after the other."""
        self._made_for = {p: (p.shape, p.dtype) * 2 for p in self.params}  # of gradient and data
        room = {}
        for p in sorted(self.params, key=lambda p: p.size):  # of each dtype the last remains
            x = np.empty_like(p.data, shape=p.size, dtype=np.result_type(p.dtype, np.float32))
            # A number as an array without axes, made once: ufuncs take it in half the time.
            room[p.dtype] = x, lru_cache(partial(np.asarray, dtype=x.dtype, like=x))
        self._scratch = [room[p.dtype][0][: p.size].reshape(p.shape) for p in self.params]
        self._number = [room[p.dtype][1] for p in self.params]

    def __getstate__(self) -> dict[str, Any]:  # for pickle and copy
        made_again = ("_made_for", "_scratch", "_number")
        return {name: x for name, x in vars(self).items() if name not in made_again}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._make_room()

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={getattr(self, name)}" for name in self.settings)
        size = sum(p.size for p in self.params)
        return f"{type(self).__name__}({len(self.params)} parameters, {size} numbers, {settings})"


class GD(Optimizer):
    """Gradient descent (Cauchy 1847): a step against the gradient, w <- w - lr g.

    It is called so when the loss is over all data. The same step for a random batch is ``SGD``.

    >>> w = Tensor(5.0, requires_grad=True)
    >>> optimizer = GD([w], lr=0.25)
    >>> (w * w).backward()
    >>> optimizer.step()  # 5 - 0.25 * 10
    >>> w.item()
    2.5
    """

    def update(self, i: int, w: Array, g: Array) -> None:
        """The recurrence of the class."""
        np.subtract(w, np.multiply(g, self._number[i](self.lr), self._scratch[i]), w)


class SGD(Optimizer):
    """Stochastic gradient descent (Robbins & Monro 1951), with momentum, decay and an L1 penalty.

    For each parameter w with gradient g, in PyTorch's form of the recurrence::

        g <- g + weight_decay w
        v <- momentum v + g                             (v is 0 at first)
        w <- w - lr v                                   (nesterov: w - lr (g + momentum v))
        w <- sign(w) max(|w| - t, 0)                    (if l1 > 0; t = lr l1 / (1 - momentum))

    The velocity v is a decaying sum of past gradients: where they agree it grows up to 1 / (1 -
    momentum) times as large, where they alternate they cancel (Sutskever et al. 2013).

    ``weight_decay`` adds the gradient of weight_decay/2 |w|^2: with plain SGD it *is* L2
    regularization, ``l2(params, weight_decay / 2)``. ``l1`` minimizes loss + l1 |w| by a proximal
    step, soft thresholding (Daubechies, Defrise & De Mol 2004; ISTA in Beck & Teboulle 2009):
    weights smaller than t become exactly 0, which steps along the subgradient never achieve.

    Why t is divided by 1 - momentum: where training ends, g no longer changes, so that v is
    g / (1 - momentum), and the step before the threshold lr v, with nesterov too. The threshold
    takes a weight back to where it was, so t = lr |v|; and loss + l1 |w| is least where |g| = l1.

    Parameters
    ----------
    params, lr : as for ``Optimizer``
    momentum : in [0, 1); if it is assigned later, the velocity starts from 0 then
    nesterov : whether to look ahead along the velocity (Nesterov 1983); needs momentum
    weight_decay, l1 : >= 0

    Raises TypeError and ValueError as ``Optimizer`` does.

    >>> w = Tensor([1.0, 0.02], requires_grad=True)
    >>> optimizer = SGD([w], lr=0.1, l1=0.5)
    >>> (w * 0).sum().backward()
    >>> optimizer.step()
    >>> w.data
    array([0.95, 0.  ])
    """

    settings = ("lr", "momentum", "nesterov", "weight_decay", "l1")
    buffers = ("velocity",)
    checks = Optimizer.checks | {
        "momentum": partial(as_number, high=1.0), "nesterov": as_flag, "weight_decay": as_number,
        "l1": as_number,
    }  # fmt: skip

    @taught
    def __init__(
        self, params: Any, lr: float, *,
        momentum: float = 0.0, nesterov: bool = False, weight_decay: float = 0.0, l1: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(params, lr)
        self.velocity: list[Array] = []  # one per parameter, if there is momentum
        self.momentum, self.nesterov = momentum, nesterov
        self.weight_decay, self.l1 = weight_decay, l1
        if self.nesterov and not self.momentum:
            raise ValueError("SGD: nesterov=True needs momentum > 0. Pass a momentum, e.g. 0.9.")

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "momentum" and bool(self.momentum) != bool(self.velocity):
            self.velocity = [np.zeros_like(p.data) for p in self.params] if self.momentum else []

    def update(self, i: int, w: Array, g: Array) -> None:
        """The recurrence of the class."""
        lr, number, scratch = self.lr, self._number[i], self._scratch[i]
        if self.weight_decay:
            g = np.add(g, np.multiply(w, number(self.weight_decay), scratch), scratch)
        if self.momentum:
            v = self.velocity[i]
            np.add(np.multiply(v, number(self.momentum), v), g, v)
            if self.nesterov:
                np.subtract(w, np.multiply(g, number(lr), scratch), w)
                lr = lr * self.momentum
            g = v
        elif self.nesterov:  # assigned later; no parameter has moved yet
            raise ValueError("SGD.step: nesterov=True needs momentum > 0. Assign one, e.g. 0.9.")
        np.subtract(w, np.multiply(g, number(lr), scratch), w)
        if self.l1:
            # Soft thresholding subtracts the threshold from |w|, or all of a smaller |w|.
            threshold = self.lr * self.l1 / (1 - self.momentum)
            limited = np.minimum(w, number(threshold), out=scratch)
            np.subtract(w, np.maximum(limited, number(-1 * threshold), out=scratch), w)


class Adam(Optimizer):
    """Adaptive moments (Kingma & Ba 2015) with decoupled weight decay (Loshchilov & Hutter 2019).

    For each parameter w with gradient g, at its t-th step (t = 1, 2, ...)::

        w <- w - lr weight_decay w
        m <- beta1 m + (1 - beta1) g                    (m and v are 0 at first)
        v <- beta2 v + (1 - beta2) g^2
        w <- w - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)

    m is a moving average of the gradient, v of its square; dividing by 1 - beta^t makes up for
    their start at 0. Each number of w moves by about lr per step, whatever the scale of its
    gradient. The decay acts on w directly: an L2 term in the loss would be divided by sqrt(v) too,
    and count least where gradients are large. It computes the same as ``torch.optim.AdamW``, and
    for ``weight_decay=0`` as ``torch.optim.Adam``; but m and v of float16 parameters are float32,
    since in float16 eps is 0, as are squares of gradients below 1.7e-4, and those above 255 inf.

    Parameters
    ----------
    params, lr : as for ``Optimizer``
    betas : two numbers in [0, 1)
    eps : > 0, keeps the division finite where g is 0; at least 2e-38, which float32 can hold
    weight_decay : >= 0

    Raises TypeError and ValueError as ``Optimizer`` does.

    >>> w = Tensor([3.0, -400.0], requires_grad=True)
    >>> optimizer = Adam([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()  # the first step is lr, for a gradient of 6 as for one of -800
    >>> w.data.round(6)
    array([   2.5, -399.5])
    """

    settings = ("lr", "betas", "eps", "weight_decay")
    buffers = ("steps", "first_moment", "second_moment")
    checks = Optimizer.checks | {
        "betas": _two_numbers, "eps": partial(as_number, closed=False), "weight_decay": as_number,
    }  # fmt: skip

    @taught
    def __init__(
        self, params: Any, lr: float = 1e-3, *,
        betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(params, lr)
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay
        self.steps = [0] * len(self.params)
        self.first_moment = [np.zeros_like(x) for x in self._scratch]
        self.second_moment = [np.zeros_like(x) for x in self._scratch]

    def update(self, i: int, w: Array, g: Array) -> None:
        """The recurrence of the class."""
        (beta1, beta2), number, scratch = self.betas, self._number[i], self._scratch[i]
        m, v = self.first_moment[i], self.second_moment[i]
        self.steps[i] = t = self.steps[i] + 1
        if g.dtype != v.dtype:  # of float16
            g = g.astype(v.dtype)
        if self.weight_decay:
            np.multiply(w, number(1 - self.lr * self.weight_decay), w)
        np.multiply(m, number(beta1), m)
        np.add(m, np.multiply(g, number(1 - beta1), scratch), m)

        np.multiply(v, number(beta2), v)
        np.add(v, np.multiply(np.multiply(g, number(1 - beta2), scratch), g, scratch), v)

        np.divide(np.sqrt(v, scratch), number((1 - beta2**t) ** 0.5), scratch)
        np.add(scratch, number(max(self.eps, 2e-38)), scratch)
        np.divide(m, scratch, scratch)
        np.multiply(scratch, number(self.lr / (1 - beta1**t)), scratch)
        np.subtract(w, scratch, w)


def linear_decay(step: int, steps: int, start: float, end: float) -> float:
    """A learning rate that falls linearly from ``start`` at step 0 to ``end`` at step ``steps``.

    In the loop: ``optimizer.lr = linear_decay(k, 100, start=1.0, end=0.1)``.

    >>> [linear_decay(k, 4, 1.0, 0.5) for k in range(6)]
    [1.0, 0.875, 0.75, 0.625, 0.5, 0.5]
    """
    if step < 0 or steps < 1:
        raise ValueError(f"decay: step is {step} of {steps}; step must be >= 0 and steps >= 1")
    return start + (end - start) * min(step / steps, 1.0)


def cosine_decay(step: int, steps: int, start: float, end: float = 0.0) -> float:
    """A learning rate that falls along half a cosine (Loshchilov & Hutter 2017, without restarts).

    Formula: end + (start - end) (1 + cos(pi step / steps)) / 2, for long near start and near end.

    >>> [round(cosine_decay(k, 4, 1.0), 3) for k in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    angle = linear_decay(step, steps, 0.0, math.pi)
    return end + (start - end) * (1 + math.cos(angle)) / 2


def clip_grad_norm(params: Any, max_norm: float) -> float:
    """Scale all gradients down, in place, so that their norm is at most max_norm; return the norm.

    Formula: n = sqrt(sum g^2) over all gradients together; g <- g max_norm / n if n > max_norm.
    One batch of large gradients, as recurrent networks have, then cannot throw the parameters far
    away (Pascanu, Mikolov & Bengio 2013). The squares are of g / max|g|: none overflows.
    ``params`` is as for ``Optimizer``; ``max_norm`` is > 0, and math.inf only measures.

    Raises FloatingPointError if a gradient holds NaN or inf (PyTorch then makes all gradients NaN
    or 0, in silence); else as ``Optimizer`` and its ``step()``. No error changes anything.

    >>> w = Tensor([1.0, 1.0], requires_grad=True)
    >>> w.grad = np.array([30.0, 40.0])
    >>> clip_grad_norm([w], max_norm=1.0), w.grad
    (50.0, array([0.6, 0.8]))
    """
    what, moving, largest = "clip_grad_norm", [], 0.0
    max_norm = as_number(f"{what}: max_norm", max_norm, closed=False, closed_above=True)
    for i, p in enumerate(_checked_params(what, params)):
        if p.grad is not None:
            check_parameter(what, i, p, (p.shape, p.dtype) * 2)
            most = float(on_host(abs(p.grad).max())) if p.size else 0.0
            if not math.isfinite(most):
                given = f"the gradient of params[{i}] ({p.name or 'unnamed'}) holds {most}"
                advice = "Find where it comes from with detect_anomaly(), or leave this step out."
                raise FloatingPointError(f"{what}: {given}. {advice}")
            largest = max(largest, most)
            moving.append(p)
    if not moving:
        raise no_gradient(what)
    unit = np.float64(largest or 1.0)  # by which float16 and float32 are divided in float64
    length = math.sqrt(sum(float(on_host(np.square(p.grad / unit).sum())) for p in moving))
    if largest * length > max_norm:
        scaled = [p.grad * np.float64(max_norm / largest / length) for p in moving]
        for p, g in zip(moving, scaled, strict=True):  # afterwards, since some may share an array
            if not is_writeable(p.grad):  # such as a number of NumPy's
                p.grad = np.array(p.grad)
            p.grad[...] = g
    return largest * length


def _checked_params(what: str, params: Any) -> list[Tensor]:
    """The parameters as a list; all are Tensors that can be updated."""
    found = parameters_in(f"{what}: params", params)
    if not found:
        raise ValueError(f"{what}: params is empty. A generator gives them once: pass a list.")
    places: dict[Tensor, int] = {}
    for i, p in enumerate(found):
        if not isinstance(p, Tensor):
            raise TypeError(f"{what}: params[{i}] is {type(p).__name__}; expected a Tensor")
        if not p.requires_grad:
            wrong = "does not require grad. Create it with requires_grad=True, or leave it out."
        elif p.origin is not None:
            wrong = f"was computed by {p.origin[0].name}. Pass what it was computed from."
        elif places.setdefault(p, i) != i:
            wrong = f"is the same Tensor as params[{places[p]}]. Pass it once."
        else:
            continue
        raise ValueError(f"{what}: params[{i}] {wrong}")
    return found


def check_parameter(what: str, i: int, p: Tensor, made_for: tuple[Any, ...] | None) -> None:
    """Raise an error if the parameter cannot be updated with its gradient."""
    g, w, name = p.grad, p.data, f"params[{i}] ({p.name or 'unnamed'})"
    if made_for is None or (w.shape, w.dtype) != made_for[2:]:
        was = "another Tensor" if made_for is None else f"{made_for[1]} {made_for[0]}"
        given = f"{name} is {_kind(w)}, and was {was} when this was made"
        raise ValueError(f"{what}: {given}. Make a new optimizer.")
    if not is_writeable(w):
        raise ValueError(f"{what}: {name} is read-only. Assign a copy: p.data = p.data.copy().")
    is_gradient = (type(g) is type(w) or isinstance(g, np.generic)) and g.dtype.kind == "f"
    if not is_gradient or g.shape != w.shape:
        raise (ValueError if is_gradient else TypeError)(
            f"{what}: the gradient of {name} is a {type(g).__name__} ({_kind(g)}); expected a "
            f"{type(w).__name__} ({_kind(w)}), as its data is. Let backward() compute it."
        )


def no_gradient(what: str) -> RuntimeError:
    why = "Call backward() first; or are these another model's parameters?"
    return RuntimeError(f"{what}: no parameter has a gradient. {why}")


def is_writeable(x: Array) -> Any:
    return getattr(getattr(x, "flags", None), "writeable", True)  # other libraries do not say


def _kind(x: Any) -> str:
    """Shape and dtype, or the type of what is not an array."""
    return f"{x.dtype} {x.shape}" if hasattr(x, "shape") else type(x).__name__
