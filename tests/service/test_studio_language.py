"""Test the studio's languages in a real browser: every view, the switch, and what the page says of failures."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from palate.service.tokens import Tokens, new_token
from tests import trained
from tests.service.javascript import LANGUAGES, table
from tests.service.studio import PHONE, VIEWS, Visit, api, faults, serving

LOCALES = {"en": "en-US", "ko": "ko-KR"}

TEXTS = """() => {
    const texts = [document.title];
    const names = ["aria-label", "aria-valuetext", "title", "placeholder"];
    for (const element of document.body.querySelectorAll("*")) {
        if (element.closest("body [lang], code, script, noscript, [translate=no]")) continue;
        for (const name of names) texts.push(element.getAttribute(name) ?? "");
        for (const node of element.childNodes) if (node.nodeType === Node.TEXT_NODE) texts.push(node.data);
    }
    return [...new Set(texts.map((text) => text.trim()))];
}"""
"""Every text and label of the page, but for those that say that they are in another language."""

SEPARATORS = re.compile(" · | [+−] ")


def pattern_of(text: str) -> str:
    """Return a pattern of a text of the table, or of a piece of it between elements, with any values."""
    return re.sub(r"\\\{\w+\\\}", "(.+)", re.escape(text))


@cache
def patterns_of(language: str) -> re.Pattern[str]:
    """Return a pattern of every text of a language, and of the pieces between their values."""
    pieces = [piece.strip() for text in table(language).values() for piece in (text, *re.split(r"\{\w+\}", text))]
    return re.compile("|".join({pattern_of(piece): None for piece in pieces if re.search(r"[^\W\d_]", piece)}))


def foreign(page: Any, language: str, data: set[str]) -> list[str]:
    """Return the texts of a page that are neither in the table of the language nor data."""

    def known(text: str) -> bool:
        return (
            text in data
            or re.fullmatch(r"[\d.]+ ?[kM]B", text) is not None
            or not re.search(r"[^\W\d_]", text)
            or patterns_of(language).fullmatch(text) is not None
        )

    texts = page.evaluate(TEXTS)
    return [text for text in texts if not known(text) and not all(map(known, SEPARATORS.split(text)))]


def data_of(url: str) -> set[str]:
    """Return the titles, categories, ids and names that a service's pages show as they are, or shortened."""
    info = api(url, "v1/model")
    values = {info["name"], info["fingerprint"], *map(str, info["settings"].values()), *info["categories"]}
    names = {*info["metrics"], *info["baselines"], *info["split"], *map(str, info["split"].values())}
    items = api(url, "v1/map")["items"] if info["has_map"] else api(url, "v1/items?k=100")["items"]
    titles = {item["title"] for item in items if item["title"]}
    short = {re.sub(r"\s*\(\d{4}\)$", "", title) for title in titles}
    title = {info["title"].partition(":")[0]} if info["title"] else set()
    data = values | names | titles | short | title | {"true", "false", "null"}
    return data | {f"{text[:length].rstrip()}…" for text in data for length in (12, 28)}


@pytest.fixture(scope="module")
def data(movies: str) -> set[str]:
    return data_of(movies)


def test_a_text_in_the_code_would_be_reported(browser: Any, movies: str, data: set[str]) -> None:
    with Visit(browser, movies, locale="ko-KR") as visit:
        page = visit.go(VIEWS["item"])
        page.evaluate("document.querySelector('h2').append(' plain English')")
        page.evaluate("document.querySelector('nav a').title = 'Try it'")
        assert set(foreign(page, "ko", data)) == {"plain English", "Try it"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_in_the_language_of_the_browser(
    browser: Any, movies: str, data: set[str], view: str, language: str
) -> None:
    for options in ({}, PHONE):
        with Visit(browser, movies, **{**options, "locale": LOCALES[language]}) as visit:
            page = visit.go(VIEWS[view])
            if view in ("try", "user"):  # their reasons, or why there are none
                visit.until("!!document.querySelector('.because, .theirs .note:not([hidden])')")
            assert page.evaluate("document.documentElement.lang") == language
            assert foreign(page, language, data) == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the window"
            if language != "en":
                assert faults(page) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_missing_is_said_in_the_language(browser: Any, bare: str, language: str) -> None:
    data = data_of(bare)
    with Visit(browser, bare, locale=LOCALES[language]) as visit:
        for place in ("#/try", "#/try?user=", "#/items", "#/analogies", "#/map", "#/model"):
            texts = foreign(visit.go(place), language, data)
            assert [text for text in texts if not re.match(r"(u/|.*ü/&#\?% )\d+", text)] == [], place


def test_searches_and_messages_are_in_the_language(browser: Any, movies: str, data: set[str]) -> None:
    with Visit(browser, movies, locale="ko-KR") as visit:
        texts = table("ko")
        page = visit.go("#/try")
        box = page.get_by_role("combobox", name=texts["try.find"])
        box.fill("blade run")
        page.get_by_role("option").first.wait_for()
        assert foreign(page, "ko", data) == []
        page.keyboard.press("Enter")
        page.get_by_role("slider", name="Blade Runner (1982) 평점 주기").first.wait_for()
        assert foreign(page, "ko", data) == []
        box.fill("zzzz")
        page.get_by_text(texts["search.none"].format(text="zzzz")).wait_for()
        page.get_by_label(texts["filter.min_ratings"]).select_option("0")
        page.get_by_text(texts["try.ranks_poorly"]).wait_for()
        page = visit.go("#/analogies")
        page.get_by_role("button", name=texts["analogies.pick"]).click()
        page.get_by_role("heading", name=texts["analogies.answer"]).wait_for()
        assert foreign(page, "ko", data) == []
        page = visit.go("#/items/999999999")
        page.get_by_text(texts["error.unknown_item"]).wait_for()
        assert page.get_by_text("999999999").get_attribute("lang") == "en", "the service's own words are in English"
        assert foreign(page, "ko", data) == []
        page.route("**/v1/**", lambda route: route.abort())
        page.get_by_role("button", name=texts["error.retry"]).click()
        page.get_by_text(texts["error.unreachable_text"]).wait_for()
        visit.forgive("404")
        visit.forgive("ERR_FAILED")


def test_a_token_is_asked_for_in_the_language(browser: Any, tmp_path: Path) -> None:
    path, tokens = tmp_path / "closed.palate", tmp_path / "tokens"
    trained.train("popularity", output=path)
    new_token(tokens)
    with serving(path, tokens=Tokens(tokens)) as url, Visit(browser, url, locale="ko-KR") as visit:
        page = visit.go("#/try")
        page.get_by_label(table("ko")["token.label"]).wait_for()
        assert foreign(page, "ko", set()) == []
        assert faults(page) == []
        visit.forgive("401")


def test_the_switch_changes_the_language_at_once_and_is_remembered(browser: Any, movies: str) -> None:
    english, korean = (table(language) for language in LANGUAGES)
    with Visit(browser, movies) as visit:
        page = visit.go(VIEWS["try"])
        assert page.get_by_role("link", name=english["nav.try"], exact=True).is_visible()
        before = page.locator(".list .what > a").all_inner_texts()
        page.get_by_role("button", name="한국어").click()
        page.get_by_role("link", name=korean["nav.try"], exact=True).wait_for()
        visit.settle()
        assert page.evaluate("document.documentElement.lang") == "ko"
        assert page.title() == f"{korean['nav.try']} · {korean['page.title']}"
        assert page.get_by_role("button", name="한국어").get_attribute("aria-pressed") == "true"
        assert page.evaluate("document.activeElement.lang") == "ko", "the focus stays on the switch"
        assert page.locator(".list .what > a").all_inner_texts() == before
        page.reload()
        visit.settle()
        assert page.get_by_role("link", name=korean["nav.try"], exact=True).is_visible()
        page.get_by_role("button", name="EN", exact=True).click()
        page.get_by_role("link", name=english["nav.try"], exact=True).wait_for()
        visit.settle()
        assert page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize(("locale", "language"), [("fr-FR", "en"), ("ko", "ko"), ("en-GB", "en")])
def test_the_language_follows_the_browser(browser: Any, movies: str, locale: str, language: str) -> None:
    with Visit(browser, movies, locale=locale) as visit:
        assert visit.go("#/items").evaluate("document.documentElement.lang") == language


def test_the_switch_works_without_storage(browser: Any, movies: str) -> None:
    with Visit(browser, movies) as visit:
        visit.page.add_init_script("Storage.prototype.getItem = Storage.prototype.setItem = () => { throw Error(); }")
        page = visit.go("#/items")
        page.get_by_role("button", name="한국어").click()
        page.get_by_role("heading", name=table("ko")["items.popular"]).wait_for()


def test_numbers_and_dates_are_those_of_the_language(browser: Any, movies: str) -> None:
    with Visit(browser, movies, locale="ko-KR") as visit:
        facts = visit.go("#/model").locator(".facts").first.inner_text()
        assert re.search(r"저장: \d{4}년 \d{1,2}월 \d{1,2}일", facts)
    with Visit(browser, movies, locale="en-GB") as visit:
        facts = visit.go("#/model").locator(".facts").first.inner_text()
        assert re.search(r"Saved on \d{1,2} \w+ \d{4}", facts)
