"""The mode in which ops run: is the graph recorded, and who watches.

``no_grad``, ``detect_anomaly``, ``watch``, ``draw`` and ``unroll`` set it for a ``with`` block. A
block belongs to its thread or asyncio task (a ContextVar). Blocks nest, and the innermost decides.
One that ends removes only *itself*: two generators that run in turns end theirs in any order.
"""

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar, overload

from .node import Array, Node, now

F = TypeVar("F", bound=Callable[..., Any])


class Observer:
    """Watches the engine: ops report each value to it, and the chain rule each gradient.

    ``unroll`` repeats the computation later, and with it what is no op: checks of values, and
    random numbers. So losses and layers ask its observer's ``tracer`` for them, if there is one.
    """

    tracer: Any = None

    def after_forward(self, output: Node, op: Any, inputs: Any, arrays: list[Array]) -> None:
        """Called when ``op`` has computed ``output`` from the inputs, whose data are ``arrays``."""

    def after_rule(self, node: Node, position: int, g: Any, part: Any) -> None:
        """Called when ``node``, whose gradient is ``g``, sends ``part`` to one of its inputs."""


class Mode:
    """The combined effect of all blocks around, the innermost last."""

    __slots__ = ("blocks", "observers", "recording", "tracer")

    def __init__(self, blocks: "tuple[tuple[set_mode, Observer | None], ...]" = ()) -> None:
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
        self.tracer = next((o.tracer for o in self.observers if o.tracer), None)


mode: ContextVar[Mode] = ContextVar("mode", default=Mode())  # noqa: B039 (nobody changes it)


class set_mode:
    """A ``with`` block, or a decorator, that sets whether the graph is recorded, and who watches.

    ``recording=None`` leaves that as it is. The observer watches along with those of the blocks
    around, or ``alone``, if what happens inside is no part of the pass that they watch: a replay
    (of ``draw``) or a trial (of ``unroll``).
    """

    def __init__(
        self, recording: bool | None = None, observer: Observer | None = None, alone: bool = False
    ) -> None:
        self.recording, self.observer, self.alone = recording, observer, alone

    def __repr__(self) -> str:
        what = {None: type(self.observer).__name__, False: "no_grad", True: "recording"}
        return f"<block: {getattr(self, 'name', what[self.recording])}>"

    def __enter__(self) -> Any:
        observer = self.begin()
        mode.set(Mode((*mode.get().blocks, (self, observer))))
        return observer

    def __exit__(self, *error: object) -> None:
        blocks = mode.get().blocks
        own = [i for i, (block, _) in enumerate(blocks) if block is self]
        for i in own[-1:]:  # there is none if the context is another's
            mode.set(Mode((*blocks[:i], *blocks[i + 1 :])))

    def begin(self) -> Observer | None:
        """The observer of this entry of the block (one block can be entered several times)."""
        return self.observer

    def __call__(self, function: F) -> F:
        """Decorate a function: its body runs in this mode, wherever it is called or advanced."""
        if not callable(function):
            raise TypeError(f"{function!r} is no function; for a block write `with no_grad():`")

        def is_a(kind: Callable[[Any], bool]) -> bool:
            return kind(function) or kind(getattr(function, "__call__", None))  # noqa: B004

        if is_a(inspect.isasyncgenfunction):
            raise TypeError(
                f"{getattr(function, '__name__', function)} is an async generator: between its "
                "values other code runs. Write `with no_grad():` inside, around what has no yield."
            )

        def called(*args: Any, **options: Any) -> Any:
            with self:
                return function(*args, **options)

        async def awaited(*args: Any, **options: Any) -> Any:
            with self:
                return await function(*args, **options)

        def advanced(*args: Any, **options: Any) -> Any:
            """Run a generator in this mode, and yield its values outside of it."""
            generator = function(*args, **options)
            advance, given = generator.send, None
            while True:
                try:
                    with self:
                        value = advance(given)
                except StopIteration as end:
                    return end.value
                try:
                    given, advance = (yield value), generator.send
                except GeneratorExit:
                    with self:
                        generator.close()
                    raise
                except BaseException as error:  # thrown in by the caller of this generator
                    given, advance = error, generator.throw

        run = awaited if is_a(inspect.iscoroutinefunction) else called
        run = advanced if is_a(inspect.isgeneratorfunction) else run
        return wraps(function)(run)  # type: ignore[return-value]


@overload
def no_grad() -> set_mode: ...
@overload
def no_grad(function: F) -> F: ...
def no_grad(function: Any = None) -> Any:
    """Compute without recording: what ops make inside does not require grad.

    A context manager and a decorator (``@no_grad``), also for generators and coroutines. Blocks
    nest, end on an exception too, and belong to their thread or asyncio task. Inside,
    ``p -= lr * p.grad`` writes into the parameter p.

    >>> from tinygrad_loss import Tensor
    >>> w = Tensor(3.0, requires_grad=True)
    >>> with no_grad():
    ...     print((w * w).requires_grad)
    False
    """
    block = set_mode(recording=False)
    return block if function is None else block(function)


class Mark(Observer):
    """Marks what a block computes, as ``Module.__call__`` marks the output of a module."""

    def __init__(self, name: str) -> None:
        self.name, self.began = name, now()

    def after_forward(self, output: Node, *_: Any) -> None:
        """Mark a Tensor that was computed inside."""
        output.scopes = (*output.scopes, (self, self.began))


class scope(set_mode):
    """Name what is computed in a block, as modules do: a cluster in pictures, a row in ``watch``.

    For code without modules: a neuron, a time step, a batch norm. Scopes nest, and several may have
    the same name. As a decorator, ``@scope("cell")``, it makes every call a scope. TypeError if the
    name is not a string.

    >>> from tinygrad_loss import Tensor, draw
    >>> x = Tensor(2.0, requires_grad=True, name="x")
    >>> with scope("neuron"):
    ...     y = (3.0 * x + 1.0).tanh()
    >>> "neuron" in draw(y).dot()
    True
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"scope: name is {name!r}; expected a string, such as 'neuron'")
        super().__init__()
        self.name = name

    def begin(self) -> Observer:
        """A new mark for each run of the block, or of the decorated function."""
        return Mark(self.name)
