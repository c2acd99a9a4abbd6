"""The mode in which ops run: is the graph recorded, and who watches.

``no_grad``, ``detect_anomaly``, ``watch``, ``draw`` and ``unroll`` set it for a ``with`` block. A
block belongs to its thread or asyncio task (a ContextVar), and blocks nest. A block that ends
removes only *itself*, so blocks need not end in the reverse order of their beginning. (Those of two
generators that run in turns do not.) Of the blocks that are left, the innermost decides.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar

from .node import Array, Node, now

F = TypeVar("F", bound=Callable[..., Any])


class Observer:
    """Watches the engine: ops report each value to it, and the chain rule each gradient.

    ``unroll`` repeats the computation later, and with it what is no op: the losses' checks of
    values and random numbers. So its observer has a ``tracer``, which is asked for them instead:
    ``require(check, arrays, message, warning)`` and ``random(rng, shape)``.
    """

    tracer: Any = None

    def after_forward(
        self, output: Node, op: Any, inputs: tuple[Any, ...], arrays: list[Array]
    ) -> None:
        """Called when ``op`` has computed ``output`` from the inputs, whose data are ``arrays``."""

    def after_rule(self, node: Node, position: int, g: Any, part: Any) -> None:
        """Called when ``node``, whose gradient is ``g``, sends ``part`` to one of its inputs."""


class Mode:
    """The combined effect of all blocks around, the innermost last."""

    __slots__ = ("blocks", "observers", "recording", "tracer")

    def __init__(self, blocks: tuple[tuple[set_mode, Observer | None], ...] = ()) -> None:
        self.blocks = blocks
        self.recording = True
        self.observers: tuple[Observer, ...] = ()
        for block, observer in blocks:
            if block.recording is not None:
                self.recording = block.recording
            if block.alone:
                self.observers = ()
            if observer is not None:
                self.observers += (observer,)
        tracers = (observer.tracer for observer in self.observers)
        self.tracer = next(filter(None, tracers), None)


mode: ContextVar[Mode] = ContextVar("mode", default=Mode())  # noqa: B039 (nobody changes it)


class set_mode:
    """A ``with`` block, or a decorator, that sets whether the graph is recorded, and who watches.

    Parameters
    ----------
    recording : bool or None
        Whether ops record what they compute from what; None leaves that as it is.
    observer : Observer or None
        Watches, along with the observers of the blocks around.
    alone : bool
        Whether the observers of the blocks around are told nothing of what happens inside, which is
        a replay (of ``draw``) or a trial (of ``unroll``) and no part of the pass that they watch.
    """

    __slots__ = ("alone", "observer", "recording")

    def __init__(
        self, recording: bool | None = None, observer: Observer | None = None, alone: bool = False
    ) -> None:
        self.recording = recording
        self.observer = observer
        self.alone = alone

    def __enter__(self) -> Any:
        observer = self.begin()
        mode.set(Mode((*mode.get().blocks, (self, observer))))
        return observer

    def __exit__(self, *error: object) -> None:
        blocks = list(mode.get().blocks)
        for i in reversed(range(len(blocks))):
            if blocks[i][0] is self:
                del blocks[i]
                break
        mode.set(Mode(tuple(blocks)))

    def begin(self) -> Observer | None:
        """The observer of this entry of the block (one block can be entered several times)."""
        return self.observer

    def __call__(self, function: F) -> F:
        """Decorate a function: its body runs in this mode, wherever it is called or advanced."""
        if not callable(function):
            raise TypeError(
                f"{function!r} is no function that could be decorated; for a block of code write "
                "`with no_grad():`"
            )
        if inspect.isasyncgenfunction(function):
            raise TypeError(
                f"{function.__name__} is an async generator: between its values other code runs in "
                "its context. Write `with no_grad():` inside it, around what has no yield."
            )
        if inspect.iscoroutinefunction(function):

            async def awaited(*args: Any, **options: Any) -> Any:
                with self:
                    return await function(*args, **options)

            return wraps(function)(awaited)  # type: ignore[return-value]

        if inspect.isgeneratorfunction(function):

            def run(*args: Any, **options: Any) -> Any:  # still a generator to other decorators
                return (yield from _advanced(function(*args, **options), self))

        else:

            def run(*args: Any, **options: Any) -> Any:
                with self:
                    return function(*args, **options)

        return wraps(function)(run)  # type: ignore[return-value]


def _advanced(generator: Generator[Any, Any, Any], block: set_mode) -> Generator[Any, Any, Any]:
    """Run a generator inside a block, and yield its values outside of the block."""
    advance: Callable[[Any], Any] = generator.send
    given: Any = None
    try:
        while True:
            with block:
                try:
                    value = advance(given)
                except StopIteration as end:
                    return end.value
            try:
                given, advance = (yield value), generator.send
            except GeneratorExit:
                raise
            except BaseException as error:  # thrown in by the caller of this generator
                given, advance = error, generator.throw
    finally:
        with block:
            generator.close()


def no_grad() -> set_mode:
    """Compute without recording: what ops make inside does not require grad.

    A context manager and a decorator (``@no_grad()``), also for generators and coroutines. Blocks
    nest, end on an exception too, and belong to their thread or asyncio task.

    Inside, ``p -= lr * p.grad`` writes into the parameter p.

    >>> from tinygrad_loss import Tensor
    >>> w = Tensor(3.0, requires_grad=True)
    >>> with no_grad():
    ...     print((w * w).requires_grad)
    False
    """
    return set_mode(recording=False)


class Mark(Observer):
    """Marks what a block computes, as ``Module.__call__`` marks the output of a module."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.began = now()

    def after_forward(
        self, output: Node, op: Any, inputs: tuple[Any, ...], arrays: list[Array]
    ) -> None:
        """Mark a Tensor that was computed inside."""
        output.scopes = (*output.scopes, (self, self.began))


class scope(set_mode):
    """Name what is computed in a block, as modules do: a cluster in pictures, a row in ``watch``.

    For code without modules: a neuron, a time step, a batch norm. Scopes nest, and several may have
    the same name. As a decorator, ``@scope("cell")``, it makes every call a scope.

    Raises
    ------
    TypeError
        If the name is not a string.

    >>> from tinygrad_loss import Tensor, draw
    >>> x = Tensor(2.0, requires_grad=True, name="x")
    >>> with scope("neuron"):
    ...     y = (3.0 * x + 1.0).tanh()
    >>> "neuron" in draw(y).dot()
    True
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"scope: name is {name!r}; expected a string, such as 'neuron'")
        super().__init__()
        self.name = name

    def begin(self) -> Observer:
        """A new mark for each run of the block, or of the decorated function."""
        return Mark(self.name)
