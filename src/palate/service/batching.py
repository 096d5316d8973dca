"""Work in threads of its own: questions that come together are answered as one batch."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Batcher(Generic[Question, Answer]):
    """One thread, which answers all the questions that came while it was busy at once, without ever waiting for more.

    A batch that fails fails for all who asked in it.
    """

    def __init__(self, answer: Callable[[Sequence[Question]], Sequence[Answer]], largest: int, name: str) -> None:
        self._answer, self._largest = answer, largest
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._waiting: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._running: asyncio.Task[None] | None = None
        self.sizes: Callable[[int], None] = lambda size: None
        """Hears how large each batch was."""

    async def ask(self, question: Question) -> Answer:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)  # for others whose requests are here already
        while self._waiting:
            batch = [(question, future) for question, future in self._waiting if not future.done()]
            batch, self._waiting = batch[: self._largest], batch[self._largest :]
            if not batch:
                break
            self.sizes(len(batch))
            try:
                answers = await loop.run_in_executor(self._thread, self._answer, [question for question, _ in batch])
            except Exception as error:  # whatever it is, those who asked are told
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
            else:
                for (_, future), found in zip(batch, answers, strict=True):
                    if not future.done():
                        future.set_result(found)
        self._running = None

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)
