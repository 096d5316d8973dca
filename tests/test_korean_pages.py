"""The Korean pages agree with the English ones: the same commands, pictures and links under the same headings."""

import re
from pathlib import Path

import pytest

from tests.tables import ROOT

ENGLISH = {"README.ko.md": "README.md", "docs/ko/tutorial.md": "docs/tutorial/index.md"}
TRANSLATED = {*ENGLISH, *ENGLISH.values()}

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def by_hand(text: str) -> str:
    """Return a page without what `make docs` puts into it."""
    return re.sub(r"<!-- (.+?) -->.*?<!-- /\1 -->", "", text, flags=re.DOTALL)


def code(text: str) -> list[tuple[str, str]]:
    """Return language and code of each block, without comments, which may be translated."""
    return [(language, re.sub(r" *# .*$", "", block, flags=re.MULTILINE)) for language, block in FENCED.findall(text)]


def commands_in_prose(text: str) -> set[str]:
    return set(re.findall(r"`((?:palate|make|pip|python) [^`]+)`", FENCED.sub("", text)))


def headings(text: str) -> list[str]:
    """Return the marks of each heading, in order."""
    return re.findall(r"^(#+) ", FENCED.sub("", text), flags=re.MULTILINE)


def targets(page: Path, text: str) -> set[str]:
    """Return where the links and pictures of a page lead, without those to pages that are in both languages."""
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    paths = {link if "://" in link else (page.parent / link).resolve().relative_to(ROOT).as_posix() for link in links}
    return paths - TRANSLATED


@pytest.mark.parametrize(("korean", "english"), ENGLISH.items())
def test_the_korean_page_agrees_with_the_english_one(korean: str, english: str) -> None:
    here, there = ROOT / korean, ROOT / english
    text, original = by_hand(here.read_text(encoding="utf-8")), by_hand(there.read_text(encoding="utf-8"))
    assert code(text) == code(original)
    assert commands_in_prose(text) == commands_in_prose(original)
    assert targets(here, text) == targets(there, original)
    assert headings(text) == headings(original)


@pytest.mark.parametrize("korean", ENGLISH)
def test_the_korean_page_is_in_korean(korean: str) -> None:
    """Hold that no paragraph was left in English: most of its letters are Hangul, or it is a table or a quotation."""
    prose = re.sub(r"`[^`]*`|\]\([^)]*\)|<!-- .*? -->", "", FENCED.sub("", (ROOT / korean).read_text(encoding="utf-8")))
    for paragraph in re.split(r"\n\n+", prose):
        hangul, latin = len(re.findall(r"[가-힣]", paragraph)), len(re.findall(r"[A-Za-z]", paragraph))
        assert latin < 40 or 2 * hangul > latin or paragraph.lstrip().startswith(("|", ">")), paragraph
