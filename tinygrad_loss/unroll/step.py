"""The step that ``unroll`` returns: traced when it has to be, else a call of the written code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.arrays import as_array, data_of, is_nested, mapped, parameters_in
from ..engine.node import Array
from ..engine.tensor import Tensor
from .memory import Memory, live
from .outside import Outside
from .record import Recording
from .values import Check, NotTraceable, of_numpy
from .write import Writer


class Step:
    """A function and its gradient as straight-line code; made by ``unroll``."""

    def __init__(self, f: Callable[..., Tensor], example_inputs: tuple[Any, ...], wrt: Any) -> None:
        targets = parameters_in("unroll: wrt", wrt)
        self._f = f
        # An input is given to the function as a Tensor if the example was one.
        self._tensors: dict[int, Any] = {
            i: {"requires_grad": x.requires_grad, "name": x.name, "copy": False}
            for i, x in enumerate(example_inputs)
            if isinstance(x, Tensor)
        }
        # Each Tensor of wrt; or its position, if it is one of the example inputs.
        number = {id(example_inputs[i]): i for i in self._tensors}
        self._wrt = [number.get(id(p), p) for p in targets]
        self._nest = wrt if is_nested(wrt) else None
        self._programs: dict[Any, Program] = {}
        self._program = self._traced(self._data("unroll: input", example_inputs))

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
        inputs = self._data("step: input", inputs)
        self._program = self._traced(inputs)
        return self._program.run(inputs)

    def _data(self, what: str, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """The inputs as arrays; but a number, None or a string stays, as a part of the code."""
        found = []
        for i, x in enumerate(inputs):
            if isinstance(x, np.generic) or not isinstance(x, bool | int | float | str | None):
                # Of an example that requires grad, wrt says whether the gradient is asked for.
                known = isinstance(x, Tensor) and self._tensors.get(i, {}).get("requires_grad")
                array = as_array(x.data if known else x, copy=False, what=f"{what} {i}")
                x = of_numpy(array, "the data of an input" if isinstance(x, Tensor) else "an input")
            found.append(x)
        return tuple(found)

    def _traced(self, inputs: tuple[Any, ...]) -> Program:
        """The program for such inputs: a known one, or a new one."""
        key = tuple(map(_kind, inputs))
        program = self._programs.get(key)
        if program is None or not program.fits():
            tensors = self._tensors
            given = [Tensor(x, **tensors[i]) if i in tensors else x for i, x in enumerate(inputs)]
            program = Program(self._f, given, self._wrt, self._call_other)
            if len(self._programs) >= 16:
                self._programs.pop(next(iter(self._programs)))
            self._programs[key] = program
        return program


def _kind(x: Any) -> Any:
    """What the code depends on: shape and dtype of an array, or the value of anything else."""
    return (x.shape, x.dtype) if isinstance(x, np.ndarray) else (type(x), x)


class Program:
    """The code for inputs of certain shapes and dtypes."""

    def __init__(self, f: Any, inputs: list[Any], wrt: list[Any], otherwise: Any) -> None:
        others: list[Tensor] = []
        outside = Outside(f=f, inputs=inputs, wrt=wrt)
        recording = Recording(f, inputs, wrt, others, outside)
        while recording.captured:
            others += dict.fromkeys(recording.captured)
            recording = Recording(f, inputs, wrt, others, outside)
        self.parameters = recording.parameters
        self.known = [p.data for p in self.parameters]
        writer = self._written(recording)
        if not _equal(writer, self._written(Recording(f, inputs, wrt, others, outside))):
            raise NotTraceable(
                "the function makes an array or a number that is another one each time it is "
                "called, such as noise from NumPy or a counter; it would be frozen. Make it "
                "outside and pass it as an input. (dropout and gradient_penalty draw anew.)"
            )
        self.source = writer.source
        namespace = dict(writer.namespace)
        exec(compile(self.source, "<unrolled>", "exec"), namespace)
        namespace.update(writer.namespace)
        self.step = namespace["step"]
        self.call = self._guarded(data_of(inputs), otherwise)

    def _written(self, recording: Recording) -> Writer:
        trace, arguments = recording.trace, recording.arguments
        position = {value: i for i, value in enumerate(arguments)}
        self.checks = [(c, position[c.data]) for c in trace.checks if c.data in position]
        within = [c for c in trace.checks if c.data not in position]
        read = [recording.value, *recording.gradients, *(check.data for check in within)]
        values = live(trace.values, read)
        forward = set(trace.values[: recording.n_forward])
        n_forward = sum(value in forward for value in values)
        memory = Memory(values, recording.value, recording.gradients, within)
        return Writer(arguments, memory, n_forward)

    def _guarded(self, inputs: list[Any], otherwise: Callable[..., Any]) -> Any:
        """A function that runs the step, or ``otherwise`` if anything has changed since tracing."""
        scope = self._scope = {"otherwise": otherwise, "run": self.step}
        names = [f"x{i}" for i in range(len(inputs))]
        tests, dynamic = ["True"], []
        for name, x in zip(names, inputs, strict=True):
            scope[f"{name}_type"] = type(x)
            tests.append(f"{name}.__class__ is {name}_type")
            if isinstance(x, np.ndarray):
                dynamic.append(name)
                scope |= {f"{name}_shape": x.shape, f"{name}_dtype": x.dtype}
                tests += [f"{name}.dtype is {name}_dtype", f"{name}.shape == {name}_shape"]
            else:
                scope[f"{name}_value"] = x
                tests.append(f"{name} == {name}_value")
        for i, (p, array) in enumerate(zip(self.parameters, self.known, strict=True)):
            scope |= {f"p{i}": p, f"a{i}": array}
            tests.append(f"p{i}._array is a{i}")
        arguments = [*dynamic, *(f"a{i}" for i in range(len(self.parameters)))]
        lines = [f"def step({', '.join(names)}):", f"    if {' and '.join(tests)}:"]
        for i, (check, at) in enumerate(self.checks):
            scope[f"check{i}"] = check
            lines.append(f"        check{i}({arguments[at]})")
        lines.append(f"        return run({', '.join(arguments)})")
        lines.append(f"    return otherwise({', '.join(names)})")
        exec("\n".join(lines), scope)
        return scope["step"]

    def run(self, inputs: tuple[Any, ...]) -> Any:
        """Run the step after reading the data of the parameters again."""
        self.known = [p.data for p in self.parameters]
        self._scope |= {f"a{i}": array for i, array in enumerate(self.known)}
        arguments = [*(x for x in inputs if isinstance(x, np.ndarray)), *self.known]
        for check, at in self.checks:
            check(arguments[at])
        return self.step(*arguments)

    def fits(self) -> bool:
        """Whether the parameters still have the shapes and dtypes that the code is for."""
        return all(
            _kind(p.data) == _kind(array)
            for p, array in zip(self.parameters, self.known, strict=True)
        )


def _equal(a: Writer, b: Writer) -> bool:
    """Whether two recordings of a function came out as the same code, with the same constants."""
    return a.source == b.source and all(
        x.tobytes() == y.tobytes() if isinstance(x, np.ndarray) else x is y or type(x) is Check
        for x, y in zip(a.namespace.values(), b.namespace.values(), strict=True)
    )
