"""The step that ``unroll`` returns: traced when it has to be, else a call of the written code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.arrays import is_nested, mapped, parameters_in
from ..engine.node import Array
from ..engine.tensor import Tensor
from .memory import Memory, live
from .record import Recording, as_data
from .trace import fingerprint
from .values import values_in
from .write import Writer


class Step:
    """A function and its gradient as straight-line code; made by ``unroll``."""

    def __init__(self, f: Callable[..., Tensor], example_inputs: tuple[Any, ...], wrt: Any) -> None:
        targets = parameters_in(wrt)
        if targets is None:
            raise TypeError(
                f"unroll: wrt is {type(wrt).__name__}; expected a list of Tensors, such as "
                "model.parameters()."
            )
        self._f = f
        # Each Tensor of wrt; or its position, if it is one of the example inputs.
        number = {id(x): i for i, x in enumerate(example_inputs) if isinstance(x, Tensor)}
        self._wrt = [number.get(id(p), p) for p in targets]
        self._nest = wrt if is_nested(wrt) else None
        self._examples = [
            (type(x), getattr(x, "requires_grad", False), getattr(x, "name", None))
            for x in example_inputs
        ]
        self._programs: dict[Any, Program] = {}
        self._program = self._traced(example_inputs)

    @property
    def source(self) -> str:
        """The NumPy source of the last call: buffers, forward, backward."""
        return self._program.source

    def __call__(self, *inputs: Any) -> tuple[Any, Any]:
        """Compute the value and its gradients."""
        value, found = self._program.call(*inputs)
        if self._nest is not None:
            each = iter(found)
            found = mapped(lambda _: next(each), self._nest)
        return value, found

    def _call_other(self, *inputs: Any) -> tuple[Any, tuple[Array, ...]]:
        """Make a call that does not fit the current program: new shapes, lists, Tensors."""
        self._program = self._traced(inputs)
        return self._program.run(inputs)  # type: ignore[no-any-return]

    def _traced(self, inputs: tuple[Any, ...]) -> Program:
        """The program for such inputs: a known one, or a new one."""
        key = tuple(_kind(as_data(x)) for x in inputs)
        program = self._programs.get(key)
        if program is None or not program.fits():
            given = tuple(map(_like, inputs, self._examples))
            program = Program(self._f, given, self._wrt, self._call_other)
            if len(self._programs) >= 16:
                self._programs.pop(next(iter(self._programs)))
            self._programs[key] = program
        return program


def _kind(x: Any) -> Any:
    """What the code depends on: shape and dtype of an array, or the value of anything else."""
    return (x.shape, x.dtype) if isinstance(x, np.ndarray) else (type(x), x)


def _like(x: Any, example: Any) -> Any:
    """An input as a Tensor if the example was one, so that the function can rely on it."""
    kind, requires_grad, name = example
    if kind is Tensor and not isinstance(x, Tensor):
        return Tensor(as_data(x), requires_grad, name=name, copy=False)
    return x


class Program:
    """The code for inputs of certain shapes and dtypes."""

    def __init__(
        self,
        f: Callable[..., Tensor],
        inputs: tuple[Any, ...],
        wrt: list[Any],
        otherwise: Callable[..., Any],
    ) -> None:
        others: list[Tensor] = []
        recording = Recording(f, inputs, wrt, others)
        while recording.captured:
            others += dict.fromkeys(recording.captured)
            recording = Recording(f, inputs, wrt, others)
        again = Recording(f, inputs, wrt, others)
        if fingerprint(recording.trace) != fingerprint(again.trace):
            raise TypeError(
                "unroll: the function makes an array or a number that is another one each time it "
                "is called, such as noise from NumPy or a counter; it would be frozen. Make it "
                "outside, and pass it as an input of the step. (dropout and gradient_penalty draw "
                "anew.)"
            )
        self.parameters = recording.parameters
        self.known = [p.data for p in self.parameters]
        self._write(recording)
        self.call = self._guarded([as_data(x) for x in inputs], otherwise)

    def _write(self, recording: Recording) -> None:
        trace, arguments = recording.trace, recording.arguments
        position = {value: i for i, value in enumerate(arguments)}
        before = [c for c in trace.checks if all(x in position for x in c.data)]
        within = [c for c in trace.checks if c not in before]
        self.checks = [(check, [position[x] for x in check.data]) for check in before]
        read = [recording.value, *recording.gradients]
        values = live(trace.values, [*read, *(x for c in within for x in values_in(c.data))])
        forward = set(trace.values[: recording.n_forward])
        n_forward = sum(value in forward for value in values)
        memory = Memory(values, recording.value, recording.gradients, within)
        writer = Writer(arguments, memory, within, n_forward)
        self.source = writer.source
        namespace = dict(writer.namespace)
        exec(compile(self.source, "<unrolled>", "exec"), namespace)
        namespace.update(writer.namespace)
        self.step = namespace["step"]

    def _guarded(self, inputs: list[Any], otherwise: Callable[..., Any]) -> Any:
        """A function that runs the step if nothing has changed since tracing, as fast as possible.

        If the data of a parameter is another array, or an input has another shape or dtype, it
        calls ``otherwise``.
        """
        self._scope: dict[str, Any] = {
            "ndarray": np.ndarray, "otherwise": otherwise, "run": self.step,
        }  # fmt: skip
        names = [f"x{i}" for i in range(len(inputs))]
        tests, dynamic = ["True"], []
        for name, x in zip(names, inputs, strict=True):
            if isinstance(x, np.ndarray):
                dynamic.append(name)
                self._scope |= {f"{name}_shape": x.shape, f"{name}_dtype": x.dtype}
                tests += [
                    f"{name}.__class__ is ndarray",
                    f"{name}.dtype is {name}_dtype",
                    f"{name}.shape == {name}_shape",
                ]
            else:
                self._scope |= {f"{name}_value": x, f"{name}_type": type(x)}
                tests += [f"{name}.__class__ is {name}_type", f"{name} == {name}_value"]
        for i, (p, array) in enumerate(zip(self.parameters, self.known, strict=True)):
            self._scope |= {f"p{i}": p, f"a{i}": array}
            tests.append(f"p{i}._data is a{i}")
        arguments = [*dynamic, *(f"a{i}" for i in range(len(self.parameters)))]
        lines = [f"def step({', '.join(names)}):", f"    if {' and '.join(tests)}:"]
        for i, (check, positions) in enumerate(self.checks):
            self._scope |= {f"test{i}": check.test, f"check{i}": check}
            data = ", ".join(arguments[position] for position in positions)
            lines.append(f"        if not test{i}({data}): check{i}({data})")
        lines.append(f"        return run({', '.join(arguments)})")
        lines.append(f"    return otherwise({', '.join(names)})")
        exec("\n".join(lines), self._scope)
        return self._scope["step"]

    def run(self, inputs: tuple[Any, ...]) -> Any:
        """Run the step after converting the inputs and reading the data of the parameters again."""
        self.known = [p.data for p in self.parameters]
        self._scope |= {f"a{i}": array for i, array in enumerate(self.known)}
        data = (as_data(x) for x in inputs)
        arguments = [*(x for x in data if isinstance(x, np.ndarray)), *self.known]
        for check, positions in self.checks:
            check(*(arguments[position] for position in positions))
        return self.step(*arguments)

    def fits(self) -> bool:
        """Whether the parameters still have the shapes and dtypes that the code is for."""
        return all(
            _kind(p.data) == _kind(array)
            for p, array in zip(self.parameters, self.known, strict=True)
        )
