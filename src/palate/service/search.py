"""Search as you type: items by the beginnings of the words of their titles, users by the beginnings of their ids."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

WORD = re.compile(r"\w+")

Split = Callable[[str], list[str]]


def split_words(text: str) -> list[str]:
    """Return the words of a text without case and accents."""
    return WORD.findall(fold(text))


def whole_text(text: str) -> list[str]:
    """Return the text as a single word without case and accents."""
    return [fold(text)] if text else []


LAST_CHARACTER = chr(0x10FFFF)
"""The character that sorts after every other one."""


def fold(text: str) -> str:
    """Return a text without case and accents."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in parts if not unicodedata.combining(character))


class NameSearch:
    """An index of the names of n rows: it finds rows by the beginnings of words, the most used rows first."""

    def __init__(self, names: Sequence[Sequence[str]], counts: NDArray[np.int64], split: Split = split_words) -> None:
        """names: the names of each row, n lists; counts (n,): how often each row is used."""
        self._split = split
        self._by_use = np.lexsort((np.arange(len(counts)), -counts))
        ranks = np.empty(len(counts), dtype=np.int64)
        ranks[self._by_use] = np.arange(len(counts))
        ranks_of_word: dict[str, list[int]] = {}
        for row, row_names in enumerate(names):
            for word in set(chain.from_iterable(map(split, row_names))):
                ranks_of_word.setdefault(word, []).append(int(ranks[row]))
        self._words = sorted(ranks_of_word)
        lists = [ranks_of_word[word] for word in self._words]
        self._starts = np.cumsum([0, *map(len, lists)])
        self._ranks = np.fromiter(chain.from_iterable(lists), dtype=np.int64, count=int(self._starts[-1]))

    def find(self, text: str, k: int) -> NDArray[np.int64]:
        """Return the k most used rows that have, for each word of the text, a word that begins with it.

        An empty text returns the most used rows. The result has k rows or fewer.
        """
        words = self._split(text)
        if not words:
            return self._by_use[:k] if not text.strip() else self._by_use[:0]
        ranks = self._ranks_of(words[0])
        for word in words[1:]:
            ranks = ranks[np.isin(ranks, self._ranks_of(word))]
        return self._by_use[ranks[:k]]

    def _ranks_of(self, prefix: str) -> NDArray[np.int64]:
        """Return the ranks by use, in ascending order, of the rows with a word that begins with the prefix."""
        first, last = bisect_left(self._words, prefix), bisect_left(self._words, prefix + LAST_CHARACTER)
        return np.unique(self._ranks[self._starts[first] : self._starts[last]])
