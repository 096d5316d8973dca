"""The encoding of text that is not UTF-8, by trial: for the hint in an error, never for reading."""

import re
from collections.abc import Callable

SAMPLE = 1 << 16
"""Number of bytes that are tried."""

WORD = re.compile(rb"[\x80-\xff][^\s,;:|\"'()<>]*")
"""Text from a byte beyond ASCII up to the next blank or sign."""

MOST = 0.85
"""A text is taken for that of a language if so many of its letters beyond ASCII are usual ones there."""


def likely_encoding(content: bytes) -> str:
    """Return the name of the encoding that text, which is not UTF-8, most likely has."""
    beyond = b" ".join(WORD.findall(content))[:SAMPLE]
    runs = re.findall(rb"[\x80-\xff]+", beyond)
    single = sum(len(run) == 1 for run in runs)
    if single < len(runs) / 2:
        for name, usual, share in ENCODINGS:
            if _share(beyond, name, usual) >= share:
                return name
    return "cp1252" if re.search(rb"[\x80-\x9f]", beyond) and _decoded(beyond, "cp1252") else "latin-1"


def _decoded(content: bytes, name: str) -> str:
    """Return the text, without a last letter that is cut; empty if the encoding does not have the bytes."""
    for end in range(len(content), max(len(content) - 4, 0), -1):
        try:
            return content[:end].decode(name)
        except UnicodeDecodeError as error:
            if error.start < end - 4:
                break
    return ""


def _share(content: bytes, name: str, usual: Callable[[str], bool]) -> float:
    letters = [letter for letter in _decoded(content, name) if ord(letter) > 127]
    return sum(map(usual, letters)) / len(letters) if letters else 0.0


def _is_kana(letter: str) -> bool:
    return "\u3040" <= letter <= "\u30ff"


def _is_hangul(letter: str) -> bool:
    return "\uac00" <= letter <= "\ud7a3"


def _is_usual_chinese(letter: str) -> bool:
    """Return whether a letter is one of the 3,755 most common of GB 2312, which have the lower codes."""
    return "\u4e00" <= letter <= "\u9fff" and b"\xb0" <= letter.encode("gb18030")[:1] <= b"\xd7"


def _is_cyrillic(letter: str) -> bool:
    return "\u0410" <= letter <= "\u044f" or letter in "Ёё"


def _is_usual_traditional(letter: str) -> bool:
    """Return whether a letter is one of the common ones of Big5, which have the lower codes."""
    return "\u4e00" <= letter <= "\u9fff" and b"\xa4" <= letter.encode("big5", "replace")[:1] <= b"\xc6"


ENCODINGS: tuple[tuple[str, Callable[[str], bool], float], ...] = (
    ("shift_jis", _is_kana, 0.25),
    ("euc_jp", _is_kana, 0.25),
    ("cp949", _is_hangul, 0.95),
    ("cp1251", _is_cyrillic, 0.95),
    ("gbk", _is_usual_chinese, MOST),
    ("big5", _is_usual_traditional, MOST),
)
"""Encodings with the letters that are usual in their language, and the share of them that is enough."""
