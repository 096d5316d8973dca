"""Answers that were given before, as long as nothing that they follow from has changed."""

from collections import OrderedDict
from collections.abc import Hashable


class Cache:
    """The last answers of one model. What else an answer follows from, its key must hold."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._answers: OrderedDict[Hashable, bytes] = OrderedDict()

    def get(self, key: Hashable) -> bytes | None:
        found = self._answers.get(key)
        if found is not None:
            self._answers.move_to_end(key)
        return found

    def put(self, key: Hashable, answer: bytes) -> None:
        if self._size:
            self._answers[key] = answer
            if len(self._answers) > self._size:
                self._answers.popitem(last=False)
