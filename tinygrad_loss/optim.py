"""Optimizers: what to do with the gradients.

``loss.backward()`` leaves in each parameter's ``.grad`` the direction in which the loss grows. An
optimizer takes a step against it. Each ``update`` below is the recurrence in its class's docstring,
written with ``out=`` into arrays that were made once, so that a step allocates no arrays.

    optimizer = SGD(model.parameters(), lr=0.1)
    for step in range(1000):
        loss = mean_squared_error(model(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

from .engine.arrays import parameters_in
from .engine.node import Array
from .engine.tensor import Tensor


class Optimizer:
    """What all optimizers share: the list of parameters, the loop over them, and their state.

    A subclass defines ``update(i, w, g)``, which writes the new value of the i-th parameter into
    its array ``w``, given its gradient ``g``. It lists the names of its numbers in ``settings``,
    and those of its lists with one array (or number) per parameter in ``buffers``.

    Parameters
    ----------
    params : iterable of Tensor, or a nest of lists, tuples and dicts of them
        The leaves to change, each requiring grad, such as ``model.parameters()``.
    lr : float
        The learning rate, > 0: how far to go against the gradient. It can be assigned at any time,
        for example from a schedule.

    Raises
    ------
    TypeError
        If a parameter is not a Tensor, or a setting is not a number.
    ValueError
        If there are no parameters; if one is given twice, does not require grad or was computed by
        an op; if a setting is out of range.
    """

    settings: tuple[str, ...] = ("lr",)
    buffers: tuple[str, ...] = ()

    def __init__(self, params: Any, lr: float) -> None:
        self.params = _checked_params(type(self).__name__, params)
        self.lr = self._number("lr", lr, positive=True)
        self._scratch = _shared_scratch(self.params)

    @property
    def lr(self) -> float:
        """The learning rate. It can be assigned, also 0 at the end of a schedule."""
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr = self._number("lr", value)

    def update(self, i: int, w: Array, g: Array) -> None:
        """Write the new value of parameter i into its array w, given its gradient g."""
        raise NotImplementedError(f"{type(self).__name__} must define update(i, w, g)")

    def step(self) -> None:
        """Update every parameter that has a gradient; one whose ``.grad`` is None stays as it is.

        Raises
        ------
        ValueError
            If a gradient has another shape than its parameter. Then nothing has been changed.
        """
        for i, p in enumerate(self.params):
            if p.grad is not None and p.grad.shape != p.data.shape:
                name = f" ({p.name})" if p.name else ""
                raise ValueError(
                    f"{type(self).__name__}.step: the gradient of params[{i}]{name} has shape "
                    f"{p.grad.shape}, but its data has shape {p.data.shape}. Assign a .grad of the "
                    "same shape, or let backward() compute it."
                )
        for i, p in enumerate(self.params):
            if p.grad is not None:
                w = p.data
                self.update(i, w, p.grad)
                p.data = w  # tells the graph that the data has changed

    def zero_grad(self) -> None:
        """Set all gradients to None, since ``backward()`` adds to what is there."""
        for p in self.params:
            p.grad = None

    def state_dict(self) -> dict[str, Any]:
        """A copy of all that the next steps depend on, except the parameters and their gradients.

        >>> GD([Tensor(1.0, requires_grad=True)], lr=0.1).state_dict()
        {'optimizer': 'GD', 'lr': 0.1}
        """
        state: dict[str, Any] = {"optimizer": type(self).__name__}
        state.update((name, getattr(self, name)) for name in self.settings)
        state.update((name, [_copy(x) for x in getattr(self, name)]) for name in self.buffers)
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Copy a ``state_dict()`` into this optimizer.

        With the parameters of that time, training continues exactly as it would have then.

        Raises
        ------
        ValueError
            If the state is of another kind of optimizer, has missing or unknown entries, or was
            made for other parameters. Then nothing has been changed.
        """
        name = type(self).__name__
        expected = {"optimizer", *self.settings, *self.buffers}
        if not isinstance(state, dict) or state.keys() != expected or state["optimizer"] != name:
            found = type(state).__name__
            if isinstance(state, dict):
                found = f"{state.get('optimizer', 'a dict')} with {sorted(map(str, state))}"
            raise ValueError(
                f"{name}.load_state_dict: expected {name} with {sorted(expected)}, got {found}. "
                "Pass what state_dict() of an optimizer of the same kind returned."
            )
        # A new optimizer takes the state first, so that a wrong state changes nothing in this one.
        settings = {setting: state[setting] for setting in self.settings}
        loaded = type(self)(self.params, **(settings | {"lr": 1.0}))
        loaded.lr = settings["lr"]
        for buffer in self.buffers:
            _check_buffer(
                f"{name}.load_state_dict: {buffer}", state[buffer], getattr(loaded, buffer)
            )
            setattr(loaded, buffer, [_copy(x) for x in state[buffer]])
        vars(self).update(vars(loaded))

    def _number(
        self, name: str, value: Any, *, positive: bool = False, below: float = math.inf
    ) -> float:
        """The setting, checked, as a Python float, which keeps a float32 update in float32."""
        if not isinstance(value, Real):
            raise TypeError(f"{type(self).__name__}: {name} is {value!r}; expected a number")
        number = float(value)
        if not 0 <= number < below or (positive and number == 0):
            low = "> 0" if positive else ">= 0"
            high = "finite" if below == math.inf else f"< {below:g}"
            raise ValueError(
                f"{type(self).__name__}: {name} is {value!r}; it must be {low} and {high}"
            )
        return number

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
        step = np.multiply(g, self._lr, out=self._scratch[i])
        np.subtract(w, step, out=w)


class SGD(Optimizer):
    """Stochastic gradient descent (Robbins & Monro 1951), with momentum, decay and an L1 penalty.

    For each parameter w with gradient g, in PyTorch's form of the recurrence::

        g <- g + weight_decay w
        v <- momentum v + g                             (v is 0 at first)
        w <- w - lr v                                   (nesterov: w - lr (g + momentum v))
        w <- sign(w) max(|w| - lr l1, 0)                (if l1 > 0)

    The velocity v is a decaying sum of past gradients: where they agree it grows up to 1 / (1 -
    momentum) times as large, where they alternate they cancel. (Sutskever et al. 2013 write
    v <- momentum v - lr g, which is the same as long as lr does not change.)

    ``weight_decay`` adds the gradient of weight_decay/2 |w|^2: with plain SGD it *is* L2
    regularization, ``l2(params, weight_decay / 2)``. ``l1`` minimizes loss + l1 |w| by a proximal
    step, soft thresholding (Daubechies, Defrise & De Mol 2004; ISTA in Beck & Teboulle 2009):
    weights smaller than lr l1 become exactly 0, which steps along the subgradient never achieve.

    Parameters
    ----------
    params, lr :
        As for ``Optimizer``.
    momentum : float in [0, 1)
    nesterov : bool
        Look ahead along the velocity (Nesterov 1983); needs momentum.
    weight_decay, l1 : float >= 0

    Raises
    ------
    TypeError, ValueError
        As ``Optimizer``.

    >>> w = Tensor([1.0, 0.02], requires_grad=True)
    >>> optimizer = SGD([w], lr=0.1, l1=0.5)
    >>> (w * 0).sum().backward()
    >>> optimizer.step()
    >>> w.data
    array([0.95, 0.  ])
    """

    settings = ("lr", "momentum", "nesterov", "weight_decay", "l1")
    buffers = ("velocity",)

    def __init__(
        self,
        params: Any,
        lr: float,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        l1: float = 0.0,
    ) -> None:
        super().__init__(params, lr)
        self.momentum = self._number("momentum", momentum, below=1.0)
        self.nesterov = bool(nesterov)
        self.weight_decay = self._number("weight_decay", weight_decay)
        self.l1 = self._number("l1", l1)
        if self.nesterov and not self.momentum:
            raise ValueError(
                "SGD: nesterov=True with momentum=0 changes nothing. Pass a momentum, e.g. 0.9."
            )
        self.velocity: list[Array] = []  # one per parameter, if there is momentum
        if self.momentum:
            self.velocity = [np.zeros_like(p.data) for p in self.params]

    def update(self, i: int, w: Array, g: Array) -> None:
        """The recurrence of the class."""
        lr, scratch = self._lr, self._scratch[i]
        if self.weight_decay:
            decay = np.multiply(w, self.weight_decay, out=scratch)
            g = np.add(g, decay, out=scratch)
        if self.momentum:
            if not self.velocity:  # momentum was assigned later
                self.velocity = [np.zeros_like(p.data) for p in self.params]
            v = self.velocity[i]
            np.multiply(v, self.momentum, out=v)
            np.add(v, g, out=v)
            if self.nesterov:
                np.subtract(w, np.multiply(g, lr, out=scratch), out=w)
                lr = lr * self.momentum
            g = v
        np.subtract(w, np.multiply(g, lr, scratch), w)  # by position, out= is faster
        if self.l1:
            # Soft thresholding subtracts the threshold from |w|, or all of a smaller |w|.
            threshold = self._lr * self.l1
            np.subtract(w, np.clip(w, -threshold, threshold, out=scratch), out=w)


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
    for ``weight_decay=0`` as ``torch.optim.Adam``.

    Parameters
    ----------
    params, lr :
        As for ``Optimizer``.
    betas : two floats in [0, 1)
    eps : float > 0
        Keeps the division finite where the gradient is 0.
    weight_decay : float >= 0

    Raises
    ------
    TypeError, ValueError
        As ``Optimizer``.

    >>> w = Tensor([3.0, -400.0], requires_grad=True)
    >>> optimizer = Adam([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()  # the first step is lr, for a gradient of 6 as for one of -800
    >>> w.data.round(6)
    array([   2.5, -399.5])
    """

    settings = ("lr", "betas", "eps", "weight_decay")
    buffers = ("steps", "first_moment", "second_moment")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr)
        try:
            beta1, beta2 = betas
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"Adam: betas is {betas!r}; expected two numbers, e.g. (0.9, 0.999)"
            ) from error
        self.betas = (
            self._number("betas[0]", beta1, below=1.0),
            self._number("betas[1]", beta2, below=1.0),
        )
        self.eps = self._number("eps", eps, positive=True)
        self.weight_decay = self._number("weight_decay", weight_decay)
        self.steps = [0] * len(self.params)
        self.first_moment = [np.zeros_like(p.data) for p in self.params]
        self.second_moment = [np.zeros_like(p.data) for p in self.params]

    def update(self, i: int, w: Array, g: Array) -> None:
        """The recurrence of the class."""
        (beta1, beta2), scratch = self.betas, self._scratch[i]
        m, v = self.first_moment[i], self.second_moment[i]
        self.steps[i] = t = self.steps[i] + 1
        if self.weight_decay:
            np.multiply(w, 1 - self._lr * self.weight_decay, out=w)

        np.multiply(m, beta1, out=m)
        np.add(m, np.multiply(g, 1 - beta1, out=scratch), out=m)

        np.multiply(v, beta2, out=v)
        np.multiply(g, 1 - beta2, out=scratch)
        np.add(v, np.multiply(scratch, g, out=scratch), out=v)

        np.sqrt(v, out=scratch)
        np.divide(scratch, math.sqrt(1 - beta2**t), out=scratch)
        np.add(scratch, self.eps, out=scratch)
        np.divide(m, scratch, out=scratch)
        np.multiply(scratch, self._lr / (1 - beta1**t), out=scratch)
        np.subtract(w, scratch, out=w)


def linear_decay(step: int, steps: int, start: float, end: float) -> float:
    """A learning rate that falls linearly from ``start`` at step 0 to ``end`` at step ``steps``.

    A schedule is a function of the step. Assign its value before the step is taken:
    ``optimizer.lr = linear_decay(k, 100, start=1.0, end=0.1)``.

    >>> [linear_decay(k, 4, 1.0, 0.5) for k in range(6)]
    [1.0, 0.875, 0.75, 0.625, 0.5, 0.5]
    """
    return start + (end - start) * _progress("linear_decay", step, steps)


def cosine_decay(step: int, steps: int, start: float, end: float = 0.0) -> float:
    """A learning rate that falls along half a cosine (Loshchilov & Hutter 2017, without restarts).

    It stays near ``start`` and near ``end`` for long:
    end + (start - end) (1 + cos(pi step / steps)) / 2.

    >>> [round(cosine_decay(k, 4, 1.0), 3) for k in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    return (
        end + (start - end) * (1 + math.cos(math.pi * _progress("cosine_decay", step, steps))) / 2
    )


def _progress(name: str, step: int, steps: int) -> float:
    """How much of the schedule is done, in [0, 1]."""
    if step < 0 or steps < 1:
        raise ValueError(f"{name}: step is {step} of {steps}; step must be >= 0 and steps >= 1")
    return min(step / steps, 1.0)


def _checked_params(optimizer: str, params: Any) -> list[Tensor]:
    """The parameters as a list; all are Tensors that can be updated."""
    found = parameters_in(params)
    if found is None:
        raise TypeError(
            f"{optimizer}: params is {type(params).__name__}; expected a list of Tensors, such as "
            "[w, b] or model.parameters()"
        )
    checked: dict[Tensor, int] = {}
    for i, p in enumerate(found):
        what = f"{optimizer}: params[{i}]"
        if not isinstance(p, Tensor):
            raise TypeError(
                f"{what} is {type(p).__name__}; expected a Tensor with requires_grad=True"
            )
        if not p.requires_grad:
            raise ValueError(
                f"{what} does not require grad, so it would never change. Create it with "
                "requires_grad=True, or leave it out."
            )
        if p.origin is not None:
            op, _, _, _ = p.origin
            raise ValueError(
                f"{what} was computed by {op.name}, so the next forward pass would undo "
                "the change. Pass the Tensors that it was computed from."
            )
        if p in checked:
            raise ValueError(
                f"{what} is the same Tensor as params[{checked[p]}] and would be updated twice. "
                "Pass it once."
            )
        checked[p] = i
    if not checked:
        raise ValueError(
            f"{optimizer}: params is empty. An iterator can be used only once; pass a list."
        )
    return list(checked)


def _shared_scratch(params: list[Tensor]) -> list[Array]:
    """Arrays for the intermediate results of an update, one in the shape of each parameter.

    Updates run one after the other, so all share memory as large as the largest parameter.
    """
    room: dict[Any, Array] = {}
    for p in params:
        if p.size > getattr(room.get(p.dtype), "size", -1):
            room[p.dtype] = np.empty_like(p.data, shape=p.size)
    return [room[p.dtype][: p.size].reshape(p.shape) for p in params]


def _check_buffer(what: str, given: Any, own: list[Any]) -> None:
    """Refuse a buffer that was made for other parameters."""
    expected = [_kind(x) for x in own]
    found = [_kind(x) for x in given] if isinstance(given, list) else type(given).__name__
    if found != expected:
        raise ValueError(
            f"{what} holds {found}; the parameters of this optimizer need {expected}. "
            "Was it saved for another model?"
        )


def _kind(x: Any) -> str:
    """Shape and dtype, or the type of what is not an array."""
    return f"{x.dtype} {x.shape}" if hasattr(x, "shape") else type(x).__name__


def _copy(x: Any) -> Any:
    return x.copy() if hasattr(x, "copy") else x
