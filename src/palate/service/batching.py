"""Batching: inputs that arrive while a worker thread is busy are its next batch."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Input = TypeVar("Input")
Output = TypeVar("Output")


class Batcher(Generic[Input, Output]):
    """One thread that handles all inputs of the time it was busy as one batch; it never waits for a batch to fill.

    An error of a batch is raised for each of its inputs.
    """

    def __init__(self, handle: Callable[[Sequence[Input]], Sequence[Output]], largest: int, name: str) -> None:
        """handle: returns an output for each input; largest: largest size of a batch; name: of the thread."""
        self._handle, self._largest = handle, largest
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._waiting: list[tuple[Input, asyncio.Future[Output]]] = []
        self._running: asyncio.Task[None] | None = None
        self.on_batch: Callable[[int], None] = lambda size: None
        """Called with the size of each batch."""

    async def submit(self, value: Input) -> Output:
        future: asyncio.Future[Output] = asyncio.get_running_loop().create_future()
        self._waiting.append((value, future))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)  # requests that have arrived already join the first batch
        while self._waiting:
            batch = [(value, future) for value, future in self._waiting if not future.done()]
            batch, self._waiting = batch[: self._largest], batch[self._largest :]
            if not batch:
                break
            self.on_batch(len(batch))
            try:
                outputs = await loop.run_in_executor(self._thread, self._handle, [value for value, _ in batch])
            except Exception as error:  # any error is passed on to the callers
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
            else:
                for (_, future), output in zip(batch, outputs, strict=True):
                    if not future.done():
                        future.set_result(output)
        self._running = None

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)
