"""Test the studio's other views, and what they show where data or the service is missing, in a real browser."""

import re
from pathlib import Path
from typing import Any

import pytest

from palate.service.tokens import Tokens, new_token
from tests import trained
from tests.service.conftest import MARKUP
from tests.service.studio import VIEWS, Visit, api, faults, serving, titles


def test_an_item_shows_its_ratings_and_similar_items(browser: Any, movies: str) -> None:
    with Visit(browser, movies) as visit:
        page = visit.go("#/items/260")
        visit.until("document.querySelectorAll('.rows .row').length === 10")
        item = api(movies, "v1/items/260")
        drawn = page.locator("svg rect.bar > title").all_text_contents()
        assert drawn == [f"{bar['rating']:g}: {bar['count']}" for bar in item["histogram"]]
        attributes = page.eval_on_selector_all("rect.bar", "all => all.map(bar => bar.getAttribute('height'))")
        heights = [float(text) for text in attributes]
        most = max(bar["count"] for bar in item["histogram"])
        assert heights == pytest.approx([180 * bar["count"] / most for bar in item["histogram"]])
        near = api(movies, "v1/items/260/similar?k=10&min_ratings=20")["items"]
        assert titles(page, ".rows") == [item["title"] for item in near]
        assert page.locator(".place canvas").is_visible()


def test_a_rating_without_users_has_its_place_among_the_bars(browser: Any, movies: str) -> None:
    with Visit(browser, movies) as visit:
        drawn = visit.go("#/items/541").locator("svg rect.bar > title").all_text_contents()
        assert len(drawn) == 10
        assert drawn[0] == "0.5: 0"
        assert {bar["rating"] for bar in api(movies, "v1/items/541")["histogram"]} == {
            1,
            1.5,
            2,
            2.5,
            3,
            3.5,
            4,
            4.5,
            5,
        }


def test_an_item_has_a_prediction_with_reasons(browser: Any, movies: str) -> None:
    ratings = [{"item": 260, "rating": 5}, {"item": 858, "rating": 2}]
    with Visit(browser, movies) as visit:
        page = visit.go(VIEWS["try"])
        page.evaluate("location.hash = '#/items/1196'")
        visit.until("!!document.querySelector('.yours .because')")
        body = {"user": None, "ratings": ratings, "items": [1196], "interval": 0.8}
        [prediction] = api(movies, "v1/predictions", body)["predictions"]
        text = page.locator(".yours .under").inner_text()
        interval = f"{prediction['low']:.1f} to {prediction['high']:.1f}"
        assert f"Predicted rating for you: {prediction['rating']:.1f} (80% interval: {interval})" in text
        reasons = api(movies, "v1/explanations", {"ratings": ratings, "item": 1196, "k": 2})["reasons"]
        shown = page.locator(".yours .because b").evaluate_all("all => all.map(element => element.title)")
        assert shown == [reason["title"] for reason in reasons if reason["loss"] > 0]


def test_an_analogy_is_shown_beside_its_controls(browser: Any, movies: str) -> None:
    with Visit(browser, movies) as visit:
        page = visit.go("#/analogies")
        for label, text in (("Start with", "toy story"), ("Add", "aliens"), ("Subtract", "alien")):
            page.get_by_role("combobox", name=label).fill(text)
            page.get_by_role("option").first.wait_for()
            page.keyboard.press("Enter")
        page.get_by_role("heading", name="Answer").wait_for()
        ids = dict(part.split("=") for part in page.url.partition("?")[2].split("&"))
        body = {name: int(id_) for name, id_ in ids.items()} | {"k": 10, "min_ratings": 20}
        expected = api(movies, "v1/analogies", body)
        for column, key in enumerate(("answer", "plain", "shuffled")):
            assert titles(page, f".lists > :nth-child({column + 1})") == [item["title"] for item in expected[key]]
        marked = page.locator(".lists > :nth-child(2)").get_by_text("also in the answer")
        assert marked.count() == expected["shared_plain"]


def test_the_map_zooms_smoothly_searches_filters_and_has_a_list(browser: Any, movies: str) -> None:
    with Visit(browser, movies) as visit:
        page = visit.go("#/map")
        assert page.get_by_role("heading", name="All items: 9,066").is_visible()
        page.locator("canvas").hover()
        for _ in range(30):
            page.mouse.wheel(0, -60)
        visit.until("/^In view/.test(document.querySelector('aside h2').textContent)")
        drawn = sorted(page.evaluate("document.querySelector('canvas').itemMap.frames"))
        assert drawn[len(drawn) // 2] < 16, f"milliseconds a frame: {drawn}"
        zoomed = page.locator("aside h2").inner_text()
        page.locator("canvas").focus()
        page.keyboard.press("0")
        page.get_by_role("heading", name="All items: 9,066").wait_for()
        assert zoomed != "All items: 9,066"
        page.get_by_role("combobox").fill("blade run")
        page.get_by_role("option").first.click()
        assert page.locator(".picked a").inner_text() == "Blade Runner (1982)"
        near = {item["id"] for item in api(movies, "v1/items/541/similar?k=8&min_ratings=5")["items"]}
        ringed = "(({marked, items}) => [...marked].map(at => items[at].id))(document.querySelector('canvas').itemMap)"
        visit.until(f"{ringed}.length > 1")
        assert set(page.evaluate(ringed)) == near | {541}
        place = api(movies, "v1/items/541")["map"]
        middle = page.evaluate("(({x, y}) => ({x, y}))(document.querySelector('canvas').itemMap)")
        assert middle == pytest.approx(place)
        first = page.locator(".side .rows button").first
        name = first.inner_text()
        first.press("Enter")
        assert page.locator(".picked a").inner_text() == name
        page.get_by_role("button", name="Show all").click()
        page.get_by_label(re.compile("Comedy")).uncheck()
        visit.until("/^In view/.test(document.querySelector('aside h2').textContent)")


def test_markup_in_titles_is_text(browser: Any, hostile: str) -> None:
    with Visit(browser, hostile) as visit:
        for place in ("#/try?rate=101:5", "#/items", "#/items/101", "#/analogies?a=101&b=102&c=103", "#/map?item=101"):
            page = visit.go(place)
            assert MARKUP in page.locator("main").inner_text() or page.locator("main input").first.input_value()
            assert page.locator("main img, main script, main b:has-text('Drama')").count() == 0
        page = visit.go("#/items/101")
        assert page.get_by_role("heading", name=MARKUP).is_visible()


def test_a_table_without_ratings_titles_or_vectors(browser: Any, bare: str) -> None:
    with Visit(browser, bare) as visit:
        page = visit.go("#/try")
        page.get_by_role("button", name="I like").first.click()
        visit.until("document.querySelectorAll('.given .row').length === 1")
        visit.settle()
        assert titles(page, ".list")[0].startswith("Item ü/&#?% ")
        assert page.locator(".list .number").count() == 0
        assert "No map" in visit.go("#/map").locator("main").inner_text()
        assert "No item vectors" in visit.go("#/analogies").locator("main").inner_text()
        assert "No ratings" in visit.go("#/model").locator("main").inner_text()
        page = visit.go("#/items")
        page.locator(".what a").first.click()
        page.get_by_title("Cosine of the users of the two items").first.wait_for()
        assert faults(page) == []


def test_a_service_that_is_gone_is_reported_and_tried_again(browser: Any, movies: str) -> None:
    with Visit(browser, movies) as visit:
        page = visit.go("#/try")
        page.route("**/v1/**", lambda route: route.abort())
        page.locator("h3.start + div .stars").first.click(position={"x": 95, "y": 12})
        page.get_by_text("The service does not respond").wait_for()
        assert faults(page) == []
        page.unroute("**/v1/**")
        page.get_by_role("button", name="Try again").click()
        visit.until("document.querySelectorAll('.list .row').length === 10")
        visit.forgive("ERR_FAILED")


def test_an_unknown_item_is_an_error(browser: Any, movies: str) -> None:
    with Visit(browser, movies) as visit:
        page = visit.go("#/items/999999999")
        page.get_by_text("Unknown item", exact=True).wait_for()
        visit.forgive("404")


def test_a_service_with_tokens_asks_for_one(browser: Any, tmp_path: Path) -> None:
    path, tokens = tmp_path / "closed.palate", tmp_path / "tokens"
    trained.train("popularity", output=path)
    token = new_token(tokens)
    with serving(path, tokens=Tokens(tokens)) as url, Visit(browser, url) as visit:
        page = visit.go("#/try")
        box = page.get_by_label("Token")
        assert faults(page) == []
        box.fill(token)
        box.press("Enter")
        visit.until("document.querySelectorAll('.list .row').length === 10")
        page.reload()
        visit.until("document.querySelectorAll('.list .row').length === 10")
        visit.forgive("401")
