"""The check of the built site finds what is broken, and the Python reference has every public name."""

import re
from pathlib import Path

import pytest
from scripts.check_site import problems

from tests.tables import ROOT


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<script src="https://cdn.example/a.js"></script>', "index.html loads https://cdn.example/a.js"),
        ('<link rel="stylesheet" href="//cdn.example/a.css">', "index.html loads //cdn.example/a.css"),
        ('<p style="background: url(http://a.example/b.png)">', "index.html loads http://a.example/b.png"),
        ('<a href="gone.html">', "index.html links to gone.html"),
        ('<img src="gone.png">', "index.html links to gone.png"),
        ('<a href="other.html#gone">', "index.html links to other.html#gone"),
        ('<a href="#gone">', "index.html links to #gone"),
    ],
)
def test_what_is_broken_in_a_site_is_found(tmp_path: Path, body: str, problem: str) -> None:
    (tmp_path / "other.html").write_text("<h1 id='here'>", encoding="utf-8")
    (tmp_path / "index.html").write_text(body, encoding="utf-8")
    assert problems(tmp_path) == [problem]


def test_a_style_sheet_that_loads_from_another_host_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("@import 'https://fonts.example/inter.css';", encoding="utf-8")
    assert problems(tmp_path) == ["a.css loads https://fonts.example/inter.css"]


def test_a_site_with_nothing_broken_passes(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("p { background: url(data:image/png;base64,AA) }", encoding="utf-8")
    (tmp_path / "other.html").write_text("<h1 id='here'>", encoding="utf-8")
    links = '<a href="other.html#here"></a><a href="https://example.org"></a><link rel="stylesheet" href="a.css">'
    (tmp_path / "index.html").write_text(links, encoding="utf-8")
    assert problems(tmp_path) == []


def test_a_korean_page_that_says_it_is_english_is_found(tmp_path: Path) -> None:
    (tmp_path / "ko").mkdir()
    page = tmp_path / "ko" / "tutorial.html"
    page.write_text('<html lang="en">', encoding="utf-8")
    assert problems(tmp_path) == ["ko/tutorial.html is in Korean, and its language is 'en'"]
    page.write_text('<html lang="ko">', encoding="utf-8")
    assert problems(tmp_path) == []


def test_the_python_reference_has_every_public_name() -> None:
    page = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\.\. \w+:: palate\.(\w+)", page, flags=re.MULTILINE))
    stub = (ROOT / "src" / "palate" / "__init__.pyi").read_text(encoding="utf-8")
    assert documented == set(re.findall(r" as (\w+)$", stub, flags=re.MULTILINE))
