"""The step that ``unroll`` returns: traced when it has to be, else a call of the written code."""

import warnings
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np

from ..engine.arrays import as_array, data_of, is_nested, mapped, parameters_in
from ..engine.mode import mode
from ..engine.node import now
from ..engine.tensor import Tensor
from ..optim import Optimizer
from .memory import Memory, is_view
from .outside import Outside
from .record import Recording, parameters_of
from .trace import Trace, key_of
from .update import check_moving
from .values import Check, NotTraceable, of_numpy
from .write import Writer

Result = TypeVar("Result")
FIXED = bool | int | float | str | None  # inputs that are a part of the code


class Step(Generic[Result]):
    """A function, its gradient and the update as straight-line code; made by ``unroll``."""

    def __init__(
        self, f: Callable[..., Tensor], example_inputs: tuple[Any, ...], wrt: Any,
        optimizer: Optimizer | None, comments: bool,
    ) -> None:  # fmt: skip
        self._f, self._optimizer, self._comments = f, optimizer, comments
        self._targets = parameters_in("unroll: wrt", wrt) if optimizer is None else []
        self._nest = wrt if is_nested(wrt) else None
        self._programs: deque[tuple[Any, Program]] = deque(maxlen=16)
        self._program: Program | None = None
        if example_inputs or parameters_of(f) == []:
            self._begin(example_inputs)

    def __repr__(self) -> str:
        what = self._program.description.partition("\n")[0] if self._program else "not traced yet"
        return f"<Step of {getattr(self._f, '__qualname__', self._f)}: {what}>"

    @property
    def source(self) -> str:
        """The NumPy source of the last call: buffers, forward, backward, update."""
        return self._last().source

    def describe(self) -> str:
        """What the tracer made of the last call: NumPy calls, memory, and what it left out."""
        return self._last().description

    def __call__(self, *inputs: Any) -> Result:
        """Return the value and its gradients; with an optimizer, the value before the update."""
        if mode.get().tracer is not None:
            raise NotTraceable("a step cannot be called in a function that is being traced")
        program = self._program or self._begin(inputs)
        found: Any = program.call(*inputs) if len(inputs) == program.n_inputs else None
        if found is None:  # something has changed since, or an input is a list or a Tensor
            given = self._given("step: input", inputs)
            self._program = self._traced(given)
            found = self._program.call(*data_of(given), always=True)
        if self._nest is not None:
            each = iter(found[1])
            found = found[0], mapped(lambda _: next(each), self._nest)
        return found

    def __getstate__(self) -> dict[str, Any]:  # for pickle and copy: a copy traces again
        return vars(self) | {"_programs": deque(maxlen=16), "_program": None}

    def _last(self) -> "Program":
        if self._program is None:
            raise RuntimeError("unroll: nothing traced yet. Call the step, or give example inputs.")
        return self._program

    def _begin(self, inputs: tuple[Any, ...]) -> "Program":
        """Trace for the first inputs."""
        tensors = {i: x for i, x in enumerate(inputs) if isinstance(x, Tensor)}
        # An input is given to the function as a Tensor if the first one was one.
        self._tensors = {i: (x.requires_grad, x.name) for i, x in tensors.items()}
        # Each Tensor of wrt; or its position, if it is one of the first inputs.
        number = {id(x): i for i, x in tensors.items()}
        self._wrt = [number.get(id(p), p) for p in self._targets]
        self._program = self._traced(self._given("unroll: input", inputs))
        return self._program

    def _given(self, what: str, inputs: tuple[Any, ...]) -> list[Any]:
        """The inputs as arrays or Tensors; a number, None or a string is a part of the code."""
        given = list(inputs)
        for i, x in enumerate(inputs):
            is_tensor = isinstance(x, Tensor)
            requires_grad, name = self._tensors.get(i, (False, None))
            if self._optimizer is not None and is_tensor and x.requires_grad:
                raise TypeError(
                    f"{what} {i} requires grad. With optimizer=, inputs are data, and f reads the "
                    "parameters itself: pass t.detach(), or use wrt=[...] for its gradient."
                )
            if isinstance(x, np.generic) or not isinstance(x, FIXED):
                # Of an example that requires grad, wrt says whether the gradient is asked for.
                data = x.data if is_tensor and requires_grad else x
                array = as_array(data, copy=False, what=f"{what} {i}")
                given[i] = of_numpy(array, "the data of an input" if is_tensor else "an input")
            if i in self._tensors:
                given[i] = Tensor(given[i], requires_grad, name=name, copy=False)
        return given

    def _traced(self, given: list[Any]) -> "Program":
        """The program for such inputs: a known one, or a new one."""
        key = (*map(_kind, data_of(given)), self._optimizer and _state_of(self._optimizer))
        program = next((p for k, p in self._programs if k == key and p.fits()), None)
        if program is None:
            program = Program(self, given)
            self._programs.append((key, program))
        if self._optimizer is not None:
            check_moving(self._optimizer, program.moving)
        return program


def _kind(x: Any) -> Any:
    """What the code depends on: shape and dtype of an array, or the value of a number and such."""
    if type(x) is np.ndarray:
        return x.shape, x.dtype
    return type(x), repr(x) if isinstance(x, FIXED) else None  # in which -0.0 is not 0.0


def _state_of(optimizer: Optimizer) -> Any:
    """What the code depends on in an optimizer: settings but lr, equal numbers, what is frozen."""
    equal = []
    for parts in (getattr(optimizer, name) for name in optimizer.buffers):
        # NumPy makes scalars of what has no axes; a step needs arrays to write into.
        parts[:] = [np.array(x) if isinstance(x, np.generic) else x for x in parts]
        if all(isinstance(x, int | float) for x in parts):
            equal += [*map(parts.index, parts)]
    settings = [getattr(optimizer, name) for name in optimizer.settings if name != "lr"]
    return (*map(key_of, settings), *equal, *(p.requires_grad for p in optimizer.params))


class Program:
    """The code for inputs of certain shapes and dtypes."""

    def __init__(self, step: Step[Any], inputs: list[Any]) -> None:
        f, optimizer, wrt = step._f, step._optimizer, step._wrt
        if optimizer is not None:
            wrt = [p for p in optimizer.params if p.requires_grad]
        self.parameters = list(dict.fromkeys(x for x in wrt if isinstance(x, Tensor)))
        outside = Outside(optimizer=optimizer, f=f, inputs=inputs, wrt=wrt)
        record = partial(Recording, f, inputs, wrt, optimizer, self.parameters, outside)
        while (recording := record()).captured:
            self.parameters += recording.captured
        writer = Writer(recording, step._comments)
        with warnings.catch_warnings():  # they have been given
            warnings.simplefilter("ignore")
            again = Writer(record(), step._comments)
        if outside.drawn or _text(writer) != _text(again):
            made = f"draws from {outside.drawn[0]}" if outside.drawn else "makes"
            raise NotTraceable(
                f"the function {made} an array or number that is another one each time, and would "
                "be frozen. Make it outside, and pass it as an input. (dropout draws anew.)"
            )
        self.description = _described(recording.trace, writer.memory)
        self.source = writer.source
        namespace: dict[str, Any] = {}
        exec(compile(self.source, "<unrolled>", "exec"), namespace)
        self.step = namespace["step"]
        self.n_inputs = len(inputs)
        self.call = self._guarded(data_of(inputs), recording, writer.captured)
        # Else the trace would stay in memory, with all arrays of the example.
        for check in recording.trace.checks:
            check.data = None

    def _guarded(self, inputs: list[Any], recording: Recording, captured: dict[str, Any]) -> Any:
        """A function that runs the step; unless ``always``, it returns None if anything changed."""
        update = recording.update
        self.moving = update.moving
        names = [f"_x{i}" for i in range(len(inputs))]
        arrays = [f"_p{i}._array" for i in range(len(self.parameters))] + [*update.arrays]
        # Settings come first: without momentum there is no velocity to ask for.
        self.found = {f"_a{i}": at for i, at in enumerate([*update.settings, *arrays])}
        arguments = [x for x, data in zip(names, inputs, strict=True) if type(data) is np.ndarray]
        arguments += list(self.found)[len(update.settings) :]
        argument = dict(zip(recording.arguments, arguments, strict=True))
        checks = [check for check in recording.trace.checks if check.data in argument]
        scope = self._scope = {"_run": self.step, "_now": now, "_kind": _kind} | captured
        scope |= update.scope | {f"_check{i}": check for i, check in enumerate(checks)}
        scope |= {f"_p{i}": p for i, p in enumerate(self.parameters)}
        scope |= {f"{name}_is": _kind(x) for name, x in zip(names, inputs, strict=True)}
        scope |= {name: eval(at, scope) for name, at in self.found.items()}
        tests = [f"_kind({name}) == {name}_is" for name in names]
        tests += [*(f"{at} is {name}" for name, at in self.found.items()), *update.tests]
        lines = [f"_check{i}({argument[check.data]})" for i, check in enumerate(checks)]
        lines += [f"{name} = {at}" for name, at in update.numbers.items()]
        lines += [f"_found = _run({', '.join([*arguments, *update.numbers, *captured])})"]
        lines += [*update.after, "return _found"]
        head = f"def step({', '.join([*names, '*', 'always=False'])}):\n"
        head += f"    if always or {' and '.join(tests) or True}:\n"
        exec(head + "\n".join(f"        {line}" for line in lines), scope)
        return scope["step"]

    def fits(self) -> bool:
        """Read all again; whether it still has the shapes and dtypes that the code is for."""
        again = {name: eval(at, self._scope) for name, at in self.found.items()}
        fits = all(_kind(x) == _kind(self._scope[name]) for name, x in again.items())
        self._scope |= again if fits else {}
        return fits


def _described(trace: Trace, memory: Memory) -> str:
    """What ``Step.describe`` returns."""
    calls = Counter(x.phase.partition(":")[0] for x in memory.values if not is_view(x))
    dropped, n = len(set(trace.values) - set(memory.values)), trace.counts
    size = sum(buffer.array.nbytes for buffer in memory.buffers)
    results = len(memory.buffer_of) - len(memory.argument_of)
    return (
        f"NumPy calls: {', '.join(f'{phase} {count}' for phase, count in calls.items())}\n"
        f"memory: {results} results share {len(memory.buffers)} buffers of {size:,} bytes\n"
        f"left out: {dropped} calls whose results nothing uses, {n['shared']} that repeat another, "
        f"{n['folded']} of constants, made once; {n['simplified']} were replaced by simpler ones"
    )


def _text(writer: Writer) -> list[Any]:
    """The code, and what identifies the constants: the same for each recording of a function."""
    given = [None if isinstance(x, Check) else x for x in writer.captured.values()]
    return [writer.source, *(x.tobytes() if isinstance(x, np.ndarray) else id(x) for x in given)]
