"""The mode in which ops run: is the graph recorded, and who watches.

``no_grad``, ``detect_anomaly``, ``watch``, ``draw`` and ``unroll`` are blocks that set it. A block
belongs to its thread or asyncio task (a ContextVar), may lie inside others, and when it ends it
takes away *itself* and nothing else. So blocks may end in another order than they began, as those
of two generators that are advanced in turn do: of the blocks that are left, the innermost decides.
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
    """Whoever watches the engine: ops tell it of each value, the chain rule of each gradient.

    One that will repeat the computation must know of what is no op, too. Its ``tracer`` is asked,
    in place of the losses, for checks of values, ``require(check, arrays, message, warning)``, and
    for random numbers, ``random(rng, shape)``.
    """

    tracer: Any = None

    def after_forward(
        self, output: Node, op: Any, inputs: tuple[Any, ...], arrays: list[Array]
    ) -> None:
        """Hear that ``op`` has computed ``output`` from the inputs, whose data are ``arrays``."""

    def after_rule(self, node: Node, position: int, g: Any, part: Any) -> None:
        """Hear that ``node``, whose gradient is ``g``, has sent ``part`` to one of its inputs."""


class Mode:
    """What a number of blocks, the innermost last, add up to."""

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
    """A block, or decorator, in which the graph is recorded or not, or in which someone watches.

    Parameters
    ----------
    recording : bool or None
        Whether ops note what they compute from what; None leaves that as it is.
    observer : Observer or None
        Told of all that happens, beside the observers of the blocks around.
    alone : bool
        The observers of the blocks around hear nothing of what happens inside.
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
        """Who watches, now that the block is entered (it may be inside of itself, or again)."""
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

            def run(*args: Any, **options: Any) -> Any:  # a generator too, for the next decorator
                return (yield from _advanced(function(*args, **options), self))

        else:

            def run(*args: Any, **options: Any) -> Any:
                with self:
                    return function(*args, **options)

        return wraps(function)(run)  # type: ignore[return-value]


def _advanced(generator: Generator[Any, Any, Any], block: set_mode) -> Generator[Any, Any, Any]:
    """Run a generator inside a block, and hand on what it yields outside of it."""
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
            except BaseException as error:  # thrown in by whoever advances this one
                given, advance = error, generator.throw
    finally:
        with block:
            generator.close()


def no_grad() -> set_mode:
    """Compute without recording: what is made inside does not require grad.

    A context manager and a decorator (``@no_grad()``), also of generators and coroutines. It nests,
    ends when the block ends, by an exception too, and belongs to its thread or asyncio task.

    Inside, ``p -= lr * p.grad`` writes into the parameter p.

    >>> from tinygrad_loss import Tensor
    >>> w = Tensor(3.0, requires_grad=True)
    >>> with no_grad():
    ...     print((w * w).requires_grad)
    False
    """
    return set_mode(recording=False)


class scope(set_mode, Observer):
    """Name what is computed in a block, as modules do: a cluster in pictures, a row in ``watch``.

    For code without modules: a neuron, a time step, a batch norm. Scopes nest, and a name may be
    used again. As a decorator, ``@scope("cell")``, it makes a scope of each call.

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

    __slots__ = ("began", "name")

    began: int  # the time by the clock of the nodes

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"scope: name is {name!r}; expected a string, such as 'neuron'")
        super().__init__()
        self.name = name

    def begin(self) -> Observer:
        """A mark of its own for each time that the block, or the decorated function, runs."""
        mark = scope(self.name)
        mark.began = now()
        return mark

    def after_forward(
        self, output: Node, op: Any, inputs: tuple[Any, ...], arrays: list[Array]
    ) -> None:
        """Mark what was computed inside, as ``Module.__call__`` marks the output of a module."""
        output.scopes = (*output.scopes, (self, self.began))
