"""Test the studio's files without a browser: security, size, and texts that all come from the tables."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from palate.service.loaded_model import RANKS_POORLY
from palate.service.routes.recommendations import NOTE_ON_REASONS
from tests.service.javascript import LANGUAGES, STATIC, literals, table

PLACEHOLDER = re.compile(r"\{(\w+)\}")


def files(*endings: str) -> list[Path]:
    return [file for file in STATIC.iterdir() if file.suffix in endings]


def scripts() -> dict[str, str]:
    """Return the code of every script but the tables of texts, by name."""
    return {file.name: file.read_text(encoding="utf-8") for file in files(".js") if "texts-" not in file.name}


def test_the_page_asks_no_other_host_and_makes_no_markup_of_data() -> None:
    for file in files(".html", ".js", ".css", ".svg"):
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|//[a-z]+\.", text), file.name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
        assert not re.search(r"""(href|src)=["']/""", text), f"{file.name} has an absolute path"


def test_the_page_keeps_a_strict_content_security_policy() -> None:
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", html)
    assert 'setAttribute("style"' not in "".join(file.read_text(encoding="utf-8") for file in files(".js"))


def test_the_files_are_small() -> None:
    sizes = {file.name: file.stat().st_size for file in STATIC.iterdir()}
    for language in LANGUAGES:  # a visit loads the texts of one language
        others = {f"texts-{other}.js" for other in LANGUAGES if other != language}
        assert sum(size for name, size in sizes.items() if name not in others) < 120_000, sizes
    assert all(len(file.read_text(encoding="utf-8").splitlines()) < 320 for file in files(".js", ".css"))


def test_both_languages_have_the_same_keys_and_placeholders() -> None:
    english, korean = (table(language) for language in LANGUAGES)
    assert list(english) == list(korean)
    for key, text in english.items():
        assert text.strip(), key
        assert korean[key].strip(), key
        assert set(PLACEHOLDER.findall(text)) == set(PLACEHOLDER.findall(korean[key])), key


def test_the_korean_texts_are_korean() -> None:
    same = ("language.en", "page.model", "page.model_and_data", "page.api", "try.undo_key", "model.version")
    for key, text in table("ko").items():
        is_korean = re.search("[가-힣]", text)
        assert is_korean or key in same or not re.search(r"[^\W\d_]", PLACEHOLDER.sub("", text)), f"{key}: {text}"


def test_korean_texts_need_no_particle_that_depends_on_a_value() -> None:
    """A particle such as 을/를 depends on the sound before it, which a placeholder does not tell."""
    allowed = ("n", "share", "width")
    for key, text in table("ko").items():
        for name, particle in re.findall(r"\{(\w+)\}(을|를|이|가|은|는|과|와|으로|로)(?=[\s,.])", text):
            assert name in allowed, f"{key}: {name} before {particle}"


def test_every_text_is_used_and_every_key_exists() -> None:
    keys = table("en").keys()
    code = "\n".join(scripts().values())
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    named = {literal.text for text in scripts().values() for literal in literals(text)}
    named |= set(re.findall(r'data-(?:text|label)="([^"]+)"', html))
    groups = tuple({key.partition(".")[0] + "." for key in keys})
    dotted = {name for name in named if name.startswith(groups) and re.fullmatch(r"[a-z]+\.[a-z_]+", name)}
    prefixes = tuple(re.findall(r"`([a-z]+\.[a-z_]*)\$\{", code))
    assert dotted <= keys, dotted - keys
    unused = {key for key in keys if key not in named and not key.startswith(prefixes)}
    assert unused == {"page.noscript"}, unused


TECHNICAL = (
    r"[a-z]\w*([.:/#-][\w-]+)*[.:/=]?",  # a key, a tag with classes, an attribute, an event, an address
    r"(--|[._])[a-z][\w-]*",  # a property or a class of the style sheet, the end of a key
    r"(\.|#|#?/|\./)[\w./?=-]+",  # a path, a part of an address
    r"[ML]( ?\d[\d .\-a-zA-Z]*)?",  # a path of SVG
    r"(Arrow(Left|Right|Up|Down)|Enter|Escape|Home|End|POST|AbortError|Bearer |NFD)",
    r"\(prefers-[a-z-]+: [a-z]+\)",
    r"2d|var\(|px |12px |translateY\(|px\)|cubic-bezier\([\d.,]+\)|http.*/svg",
)
"""Literals with letters that nobody reads."""

CONTEXT = re.compile(r"(querySelector(All)?|closest)\??\.?\($")


@pytest.mark.parametrize("name", scripts())
def test_no_text_stands_in_the_code(name: str) -> None:
    texts = [
        literal.text
        for literal in literals(scripts()[name])
        if re.search(r"[^\W\d_]", literal.text)
        and not any(re.fullmatch(pattern, literal.text) for pattern in TECHNICAL)
        and not CONTEXT.search(literal.before)
    ]
    assert texts == []


def test_literals_are_read() -> None:
    code = 'f("a", \'b\'); // "no"\n/* \'no\' */ x = /"no"[/"]/g; y = `c${z ? `d${1}` : "e"}f ${{ g: "h" }}`;'
    assert [literal.text for literal in literals(code) if literal.text] == ["a", "b", "c", "d", "e", "f ", "h"]


class PageTexts(HTMLParser):
    """The texts and labels that stand in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.texts += [
            value for name, value in attrs if value and name in ("aria-label", "title", "alt", "placeholder")
        ]

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())


def test_the_page_has_no_text_of_its_own_but_for_browsers_without_scripts() -> None:
    page = PageTexts()
    page.feed((STATIC / "index.html").read_text(encoding="utf-8"))
    assert page.texts == ["Palate", "palate", *(table(language)["page.noscript"] for language in LANGUAGES)]


def test_the_note_of_the_service_has_the_numbers_that_the_studio_reads() -> None:
    pattern = re.search(r"/(.+ of .+?)/\.exec\(note", scripts()["view-try.js"])
    assert pattern is not None
    numbers = re.search(pattern[1], NOTE_ON_REASONS.format(tried=1_200, total=34_000))
    assert numbers is not None
    assert numbers.groups() == ("1,200", "34,000")
    assert not re.search(pattern[1], RANKS_POORLY)
