"""Search as you type: items by the beginnings of the words in their titles, users by the beginnings of their ids."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

WORD = re.compile(r"\w+")

Split = Callable[[str], list[str]]


def words(text: str) -> list[str]:
    """Without case and accents."""
    return WORD.findall(folded(text))


def whole(text: str) -> list[str]:
    """The text as one word, without case and accents."""
    return [folded(text)] if text else []


END = chr(0x10FFFF)
"""Sorts behind every other sign."""


def folded(text: str) -> str:
    """Without case and accents."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in parts if not unicodedata.combining(sign))


class NameSearch:
    """Names of n rows, found by the beginning of any of their words, the most used rows first."""

    def __init__(self, names: Sequence[Sequence[str]], counts: NDArray[np.int64], split: Split = words) -> None:
        """names: of each row all that it is called, n lists; counts (n,): how much each is used."""
        self._split = split
        self._by_use = np.lexsort((np.arange(len(counts)), -counts))
        places = np.empty(len(counts), dtype=np.int64)
        places[self._by_use] = np.arange(len(counts))
        rows_of: dict[str, list[int]] = {}
        for row, called in enumerate(names):
            for word in set(chain.from_iterable(map(split, called))):
                rows_of.setdefault(word, []).append(int(places[row]))
        self._words = sorted(rows_of)
        lists = [rows_of[word] for word in self._words]
        self._starts = np.cumsum([0, *map(len, lists)])
        self._places = np.fromiter(chain.from_iterable(lists), dtype=np.int64, count=int(self._starts[-1]))

    def find(self, text: str, k: int) -> NDArray[np.int64]:
        """The k most used rows that have a word beginning with each word of the text -> (k,) or fewer."""
        wanted = self._split(text)
        if not wanted:
            return self._by_use[:k] if not text.strip() else self._by_use[:0]
        found = self._beginning(wanted[0])
        for word in wanted[1:]:
            found = found[np.isin(found, self._beginning(word))]
        return self._by_use[found[:k]]

    def _beginning(self, word: str) -> NDArray[np.int64]:
        """The places, in order of use, of the rows with a word that begins so."""
        first, last = bisect_left(self._words, word), bisect_left(self._words, word + END)
        return np.unique(self._places[self._starts[first] : self._starts[last]])
