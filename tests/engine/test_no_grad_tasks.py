"""no_grad belongs to its coroutine, thread or context."""

import asyncio
import contextvars
import inspect
import threading

import pytest

from tinygrad_loss import (
    Tensor,
    no_grad,
    scope,
)

pytestmark = pytest.mark.usefixtures("no_block_left_behind")

W = Tensor(3.0, requires_grad=True, name="W")


def recording():
    """Whether an op is recorded, here and now."""
    return (W * 2).requires_grad


# --- no_grad: coroutines, threads, contexts -------------------------------------------------------


def test_a_decorated_coroutine_does_not_record_and_others_do():
    async def main():
        inside, done = asyncio.Event(), asyncio.Event()

        @no_grad()
        async def evaluate():
            before = recording()
            inside.set()
            await done.wait()
            return before, recording()

        async def train():
            await inside.wait()
            here = recording()
            done.set()
            return here

        assert inspect.iscoroutinefunction(evaluate)
        both = await asyncio.gather(evaluate(), train())
        return both, await evaluate(), recording()

    assert asyncio.run(main()) == ([(False, False), True], (False, False), True)


def test_each_task_has_its_own_mode():
    async def main():
        inside, done = asyncio.Event(), asyncio.Event()

        async def evaluate():
            with no_grad():
                inside.set()
                await done.wait()
                return recording()

        async def train():
            await inside.wait()
            here = recording()
            done.set()
            return here

        return await asyncio.gather(evaluate(), train())

    assert asyncio.run(main()) == [False, True]


def test_a_decorated_coroutine_that_fails_or_is_cancelled():
    async def main():
        @no_grad()
        async def fail():
            await asyncio.sleep(0)
            raise KeyError("inside")

        with pytest.raises(KeyError, match="inside"):
            await fail()
        assert recording()

        seen = []

        @no_grad()
        async def wait():
            try:
                await asyncio.sleep(100)
            finally:
                seen.append(recording())

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return seen, recording()

    assert asyncio.run(main()) == ([False], True)


def test_async_generators_are_refused_by_name():
    async def numbers():
        yield 1

    with pytest.raises(TypeError, match=r"numbers is an async generator.*`with no_grad\(\):`"):
        no_grad()(numbers)
    with pytest.raises(TypeError, match="numbers is an async generator"):
        scope("cell")(numbers)


def test_each_thread_has_its_own_mode():
    """Trap 23: a thread under no_grad() does not switch off another that is training."""
    inside, done = threading.Event(), threading.Event()
    recorded = {}

    def evaluate():
        with no_grad():
            inside.set()
            done.wait(10)
            recorded["evaluate"] = recording()

    def train():
        inside.wait(10)
        recorded["train"] = recording()
        done.set()

    with no_grad():
        threads = [threading.Thread(target=f, name=f.__name__) for f in (evaluate, train)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert not recording()
    assert recorded == {"train": True, "evaluate": False}


def test_a_copied_context_keeps_the_mode_of_where_it_was_copied():
    with no_grad():
        context = contextvars.copy_context()
    assert context.run(recording) is False
    assert recording()
