"""Test the studio's recommendations in a real browser; without Playwright or Chromium these tests are skipped."""

from typing import Any

import pytest

from tests.service.studio import PHONE, VIEWS, Visit, api, faults, titles

HEADINGS = {"items": "Most popular items", "item": "Similar items", "analogies": "Answer", "model": "Metrics"}


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_complete_and_accessible_in_both_themes_and_on_a_phone(
    browser: Any, movies: str, view: str
) -> None:
    for options in ({}, PHONE):
        with Visit(browser, movies, **options) as visit:
            page = visit.go(VIEWS[view])
            assert page.locator("nav [aria-current]").count() == 1
            assert page.get_by_role("heading", name=HEADINGS.get(view, "")).count() > 0
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the window"
            assert faults(page) == []


STARTER = "h3.start + div .stars"


def test_a_star_changes_the_list_with_reasons_and_predicted_ratings(browser: Any, movies: str) -> None:
    with Visit(browser, movies) as visit:
        page = visit.go("#/try")
        before = titles(page, ".list")
        for number in range(1, 4):
            page.locator(STARTER).first.click(position={"x": 95, "y": 12})
            visit.until(f"document.querySelectorAll('.given .row').length === {number}")
            visit.settle()
        assert titles(page, ".list") != before
        values = page.eval_on_selector_all(".given .stars", "all => all.map(element => element.ariaValueText)")
        assert values == ["5 of 5"] * 3
        assert page.locator(".list .row").count() == 10
        assert page.locator(".list .because").count() == 10
        assert all(0.5 <= float(text) <= 5 for text in page.locator(".list .number").all_inner_texts())


def test_a_star_asks_the_service_once(browser: Any, movies: str) -> None:
    """One request a star is what makes a list quick; `python -m benchmarks.studio` measures the milliseconds."""
    with Visit(browser, movies) as visit:
        page = visit.go("#/try")
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url.removeprefix(movies)))
        for number in range(1, 4):
            page.locator(STARTER).first.click(position={"x": 95, "y": 12})
            visit.until(f"document.querySelectorAll('.given .row').length === {number}")
            visit.settle()
        assert [path for path in sent if path.startswith("v1/")] == ["v1/recommendations"] * 3


def test_the_list_is_that_of_the_service(browser: Any, movies: str) -> None:
    body = {"ratings": [{"item": 260, "rating": 5}, {"item": 858, "rating": 2}], "min_ratings": 20}
    expected = api(movies, "v1/recommendations", body)["items"]
    with Visit(browser, movies) as visit:
        page = visit.go(VIEWS["try"])
        assert titles(page, ".list") == [item["title"] for item in expected]
        assert page.locator(".list .number").all_inner_texts() == [
            f"{item['rating']:.1f}".removesuffix(".0") for item in expected
        ]


def test_a_late_response_does_not_replace_a_newer_one(browser: Any, movies: str) -> None:
    with Visit(browser, movies) as visit:
        page = visit.go("#/try")
        waiting: list[Any] = []
        page.route("**/v1/recommendations", lambda route: waiting.append(route))
        stars = page.locator("h3.start + div .stars")
        stars.nth(0).click(position={"x": 95, "y": 12})
        stars.nth(0).click(position={"x": 12, "y": 12})
        visit.until("document.querySelectorAll('.given .row').length === 2")
        while len(waiting) < 2:
            page.wait_for_timeout(10)
        responses = [api(movies, "v1/recommendations", route.request.post_data_json) for route in waiting]
        waiting[1].fulfill(json=responses[1])
        visit.until("!document.querySelector('.busy.on')")
        waiting[0].fulfill(json=responses[0])
        page.wait_for_timeout(50)
        assert responses[0] != responses[1]
        assert titles(page, ".list") == [item["title"] for item in responses[1]["items"]]


def test_ratings_are_removed_undone_and_carried_by_a_link(browser: Any, movies: str) -> None:
    with Visit(browser, movies, permissions=["clipboard-read", "clipboard-write"]) as visit:
        page = visit.go(VIEWS["try"])
        two = titles(page, ".list")
        page.get_by_role("button", name="Remove Godfather, The (1972)").click()
        visit.settle()
        assert titles(page, ".given") == ["Star Wars: Episode IV - A New Hope (1977)"]
        page.keyboard.press("Control+z")
        visit.settle()
        assert titles(page, ".list") == two
        page.get_by_role("button", name="Copy link").click()
        page.get_by_role("button", name="Copied").wait_for()
        link = page.evaluate("navigator.clipboard.readText()")
    with Visit(browser, movies) as visit:
        page = visit.go(link.removeprefix(movies))
        assert titles(page, ".list") == two


def test_a_link_with_unknown_items_says_so(browser: Any, movies: str) -> None:
    with Visit(browser, movies) as visit:
        page = visit.go("#/try?rate=260:5,999999999:4")
        assert page.get_by_text("does not know these items, so they are left out: 999999999").is_visible()
        assert len(titles(page, ".given")) == 1
        visit.forgive("404")


def test_a_user_of_the_table_has_a_history_beside_the_list(browser: Any, movies: str) -> None:
    with Visit(browser, movies) as visit:
        page = visit.go("#/try")
        page.get_by_role("button", name="A user in the data").click()
        box = page.get_by_role("combobox", name="Find a user by id")
        box.fill("30")
        page.get_by_role("option").filter(has=page.get_by_text("30", exact=True)).click()
        page.get_by_role("heading", name="User 30").wait_for()
        visit.until("document.querySelectorAll('.list .row').length === 10")
        visit.settle()
        history = api(movies, "v1/users/30/history?k=50")["items"]
        ranked = api(movies, "v1/users/30/recommendations?min_ratings=20")["items"]
        assert titles(page, ".mine") == [item["title"] for item in history]
        assert titles(page, ".list") == [item["title"] for item in ranked]
        assert "user=30" in page.url


def test_everything_is_done_by_keyboard(browser: Any, movies: str) -> None:
    with Visit(browser, movies) as visit:
        page = visit.go("#/try")
        page.keyboard.press("/")
        page.keyboard.type("blade run")
        page.get_by_role("option").first.wait_for()
        assert page.locator(":focus").get_attribute("aria-activedescendant")
        page.keyboard.press("Enter")
        assert page.locator(":focus").get_attribute("aria-label") == "Rate Blade Runner (1982)"
        page.keyboard.press("End")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Enter")
        visit.settle()
        assert page.locator(".given .stars").first.get_attribute("aria-valuetext") == "4.5 of 5"
        assert page.evaluate("document.activeElement !== document.body"), "the focus is kept"
        page.get_by_role("link", name="Model").focus()
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Metrics").wait_for()


def test_filters_change_the_list(browser: Any, movies: str) -> None:
    with Visit(browser, movies) as visit:
        page = visit.go(VIEWS["try"])
        before = titles(page, ".list")
        page.get_by_label("Category").select_option("Horror")
        visit.until("document.querySelector('.list .under').textContent.includes('Horror')")
        visit.settle()
        assert titles(page, ".list") != before
        assert all("Horror" in text for text in page.locator(".list .under").all_inner_texts())
        assert "category=Horror" in page.url
