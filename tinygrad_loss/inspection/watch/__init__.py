"""watch(): statistics of each layer in a pass, and where gradients are lost on their way.

Nothing is changed in the model or in the engine. An observer hears of the output of every op and of
every gradient. ``Module.__call__`` marks the outputs of modules, so that it is known afterwards
which layer each op belongs to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...nn import Module

if TYPE_CHECKING:
    from .watcher import Watch

__all__ = ["watch"]


def watch(module: Module) -> Watch:
    """Watch a module: statistics of its layers, one set for each pass.

    Here every ``with`` block is one *pass*: the forward pass, the backward pass and the optimizer's
    step. If one is left out, its columns stay empty. ``detect_anomaly()`` goes around the block,
    not into it.

    Parameters
    ----------
    module : Module
        The model, or a part of it.

    Returns
    -------
    Watch
        Print it for a table of the last pass and the problems in it. ``layers`` has the numbers,
        ``history`` those of all passes; ``plot()`` draws them.

    Raises
    ------
    TypeError
        If ``module`` is not a Module.

    >>> import numpy as np
    >>> from tinygrad_loss import nn, optim
    >>> rng = np.random.default_rng(0)
    >>> model = nn.MLP([2, 4, 1], activation="relu", rng=rng)
    >>> optimizer = optim.SGD(model.parameters(), lr=0.1)
    >>> watched = watch(model)
    >>> with watched:
    ...     model(rng.normal(size=(8, 2))).sum().backward()
    ...     optimizer.step()
    >>> [(layer.name, layer.kind) for layer in watched.layers]
    [('layers.0', 'Linear'), ('layers.1', 'ReLU'), ('layers.2', 'Linear')]
    >>> watched.problems
    []
    """
    if not isinstance(module, Module):
        raise TypeError(
            f"watch: got {type(module).__name__}; expected a Module, such as "
            "MLP([2, 16, 1], rng=rng) or Sequential(*layers)"
        )
    from .watcher import Watch  # here, since most programs that import the library watch nothing

    return Watch(module)
