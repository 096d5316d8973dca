"""A cache of encoded responses of one model."""

from collections import OrderedDict
from collections.abc import Hashable


class Cache:
    """The latest responses. A key holds everything, except the model, that its response depends on."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._responses: OrderedDict[Hashable, bytes] = OrderedDict()

    def get(self, key: Hashable) -> bytes | None:
        response = self._responses.get(key)
        if response is not None:
            self._responses.move_to_end(key)
        return response

    def put(self, key: Hashable, response: bytes) -> None:
        if self._size:
            self._responses[key] = response
            if len(self._responses) > self._size:
                self._responses.popitem(last=False)
