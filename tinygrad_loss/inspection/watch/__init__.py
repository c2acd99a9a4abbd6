"""watch(): statistics of each layer in a pass, and where gradients are lost on their way.

Nothing is changed in the model or in the engine. An observer hears of the output of every op and of
every gradient. ``Module.__call__`` marks the outputs of modules, so that it is known afterwards
which layer each op belongs to.
"""

from .watcher import watch

__all__ = ["watch"]
