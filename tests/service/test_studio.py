"""The studio page in a real browser; without Playwright or Chromium only its files are read."""

import json
import os
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import palate
from palate.service.tokens import Tokens, new_token
from tests import trained
from tests.service.studio import QUIET, READY, WATCH, chromium, serving, until

STATIC = Path(palate.__file__).parent / "service" / "static"
HOSTILE = "<script>alert(1)</script>"
VIEWS = {
    "try": "#/try?rate=260:5,858:2",
    "person": "#/try?user=30",
    "items": "#/items",
    "item": "#/items/260",
    "analogies": "#/analogies?a=1196&b=260&c=1",
    "map": "#/map?item=260",
    "model": "#/model",
}
HEADINGS = {"items": "The best known", "item": "Nearest to it", "analogies": "The answer", "model": "How good it is"}


def files(*endings: str) -> list[Path]:
    return [file for file in STATIC.iterdir() if file.suffix in endings]


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
    assert sum(sizes.values()) < 120_000, sizes
    assert all(len(file.read_text(encoding="utf-8").splitlines()) < 320 for file in files(".js", ".css"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install 'palate[dev]'")
    if chromium() is None:
        pytest.skip("no Chromium: apt-get install chromium, or PALATE_CHROMIUM says where it is")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium(), args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def movies(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service of the sample, by matrix factorization."""
    path = tmp_path_factory.mktemp("movies") / "movies.palate"
    palate.train("movielens-small", model="mf", device="cpu", baselines=["bias"], output=path)
    with serving(path) as url:
        yield url


@pytest.fixture(scope="module")
def hostile(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service whose titles and categories look like markup."""
    path = tmp_path_factory.mktemp("hostile") / "hostile.palate"
    marked = trained.movies().with_columns(
        title=pl.when(pl.col("movieId") == 101).then(pl.lit(HOSTILE)).otherwise(pl.col("title") + "<img src=x>"),
        genres=pl.lit("<b>Drama</b>"),
    )
    trained.train("mf", trained.ratings(), items=marked, output=path)
    with serving(path) as url:
        yield url


@pytest.fixture(scope="module")
def bare(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service of a table without ratings, catalogue or vectors; its ids are text."""
    path = tmp_path_factory.mktemp("bare") / "bare.palate"
    table = trained.ratings().select(
        user="u/" + pl.col("userId").cast(str), item="ü/&#?% " + pl.col("movieId").cast(str)
    )
    trained.train("ease", table, output=path)
    with serving(path) as url:
        yield url


class Visit:
    """A page, and what it must not do: say errors, ask other hosts, open dialogs."""

    def __init__(self, browser: Any, url: str, **options: Any) -> None:
        self.url = url
        options = {"viewport": {"width": 1280, "height": 860}, "reduced_motion": "reduce", **options}
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on(
            "console", lambda said: self.wrong.append(said.text) if said.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("dialog", self.opened)
        self.page.on("request", self.sent)

    def opened(self, dialog: Any) -> None:
        self.wrong.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def heard(self, said: Any) -> None:
        if said.type in ("error", "warning"):
            self.wrong.append(said.text)

    def sent(self, request: Any) -> None:
        if not request.url.startswith(self.url):
            self.wrong.append(request.url)

    def go(self, place: str) -> Any:
        self.page.goto("about:blank")
        self.page.goto(self.url + place)
        self.settle()
        return self.page

    def until(self, condition: str) -> None:
        until(self.page, condition)

    def settle(self) -> None:
        self.until(READY)

    def __enter__(self) -> "Visit":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.context.close()
        if kind is None:
            assert not self.wrong, self.wrong


def asked(url: str, path: str, body: object = None) -> Any:
    """What the service answers outside the browser."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def titles(page: Any, where: str) -> list[str]:
    found: list[str] = page.locator(f"{where} .what > a").all_inner_texts()
    return found


def faults(page: Any) -> list[str]:
    """What axe-core finds serious or critical."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-core: pip install 'palate[dev]'")
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_whole_and_accessible_in_both_looks_and_on_a_phone(browser: Any, movies: str, view: str) -> None:
    for options in ({}, {"color_scheme": "dark", "viewport": {"width": 360, "height": 740}}):
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
        given = page.eval_on_selector_all(".given .stars", "all => all.map(one => one.ariaValueText)")
        assert given == ["5 of 5"] * 3
        assert page.locator(".list .row").count() == 10
        assert page.locator(".list .because").count() == 10
        assert all(0.5 <= float(text) <= 5 for text in page.locator(".list .number").all_inner_texts())


def test_a_list_with_its_reasons_is_there_60_milliseconds_after_the_click(browser: Any, movies: str) -> None:
    if os.getloadavg()[0] > 2 * (os.cpu_count() or 1):
        pytest.skip(f"the machine is too busy to time anything: load {os.getloadavg()[0]:.0f}")
    with Visit(browser, movies) as visit:
        page = visit.go("#/try")
        page.evaluate(WATCH)
        for _ in range(8):
            page.locator(STARTER).first.click(position={"x": 95, "y": 12})
            visit.until("window.since === null")
        assert min(page.evaluate("window.waits")) < 60, page.evaluate("window.waits")


def test_the_list_is_what_the_service_answers(browser: Any, movies: str) -> None:
    body = {"ratings": [{"item": 260, "rating": 5}, {"item": 858, "rating": 2}], "min_ratings": 20}
    expected = asked(movies, "v1/recommendations", body)["items"]
    with Visit(browser, movies) as visit:
        page = visit.go(VIEWS["try"])
        assert titles(page, ".list") == [item["title"] for item in expected]
        assert page.locator(".list .number").all_inner_texts() == [
            f"{item['rating']:.1f}".removesuffix(".0") for item in expected
        ]


def test_a_late_answer_does_not_replace_a_newer_one(browser: Any, movies: str) -> None:
    with Visit(browser, movies) as visit:
        page = visit.go("#/try")
        held: list[Any] = []
        page.route("**/v1/recommendations", lambda route: held.append(route))
        stars = page.locator("h3.start + div .stars")
        stars.nth(0).click(position={"x": 95, "y": 12})
        stars.nth(0).click(position={"x": 12, "y": 12})
        visit.until("document.querySelectorAll('.given .row').length === 2")
        while len(held) < 2:
            page.wait_for_timeout(10)
        answers = [asked(movies, "v1/recommendations", route.request.post_data_json) for route in held]
        held[1].fulfill(json=answers[1])
        visit.until("!document.querySelector('.busy.on')")
        held[0].fulfill(json=answers[0])
        page.wait_for_timeout(50)
        assert answers[0] != answers[1]
        assert titles(page, ".list") == [item["title"] for item in answers[1]["items"]]


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
        assert page.get_by_text("does not know them: 999999999").is_visible()
        assert len(titles(page, ".given")) == 1
        visit.wrong = [text for text in visit.wrong if "404" not in text]  # the browser's own note of the answer


def test_someone_of_the_table_has_their_history_beside_their_list(browser: Any, movies: str) -> None:
    with Visit(browser, movies) as visit:
        page = visit.go("#/try")
        page.get_by_role("button", name="Someone in the data").click()
        box = page.get_by_role("combobox", name="Find a person by id")
        box.fill("30")
        page.get_by_role("option").filter(has=page.get_by_text("30", exact=True)).click()
        page.get_by_role("heading", name="Person 30").wait_for()
        visit.until("document.querySelectorAll('.list .row').length === 10")
        visit.settle()
        history = asked(movies, "v1/users/30/history?k=50")["items"]
        ranked = asked(movies, "v1/users/30/recommendations?min_ratings=20")["items"]
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
        page.get_by_role("heading", name="How good it is").wait_for()


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


def test_an_item_shows_who_rated_it_how_and_its_neighbours(browser: Any, movies: str) -> None:
    with Visit(browser, movies) as visit:
        page = visit.go("#/items/260")
        visit.until("document.querySelectorAll('.rows .row').length === 10")
        item = asked(movies, "v1/items/260")
        drawn = page.locator("svg rect.bar > title").all_text_contents()
        assert drawn == [f"{one['rating']:g}: {one['count']}" for one in item["histogram"]]
        heights = [
            float(text)
            for text in page.eval_on_selector_all("rect.bar", "all => all.map(one => one.getAttribute('height'))")
        ]
        most = max(one["count"] for one in item["histogram"])
        assert heights == pytest.approx([180 * one["count"] / most for one in item["histogram"]])
        near = asked(movies, "v1/items/260/similar?k=10&min_ratings=20")["items"]
        assert titles(page, ".rows") == [one["title"] for one in near]
        assert page.locator(".place canvas").is_visible()


def test_a_rating_that_nobody_gave_has_its_place_among_the_bars(browser: Any, movies: str) -> None:
    with Visit(browser, movies) as visit:
        drawn = visit.go("#/items/541").locator("svg rect.bar > title").all_text_contents()
        assert len(drawn) == 10
        assert drawn[0] == "0.5: 0"
        assert {one["rating"] for one in asked(movies, "v1/items/541")["histogram"]} == {
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


def test_an_item_has_a_prediction_for_you_and_what_it_is_owed_to(browser: Any, movies: str) -> None:
    ratings = [{"item": 260, "rating": 5}, {"item": 858, "rating": 2}]
    with Visit(browser, movies) as visit:
        page = visit.go(VIEWS["try"])
        page.evaluate("location.hash = '#/items/1196'")
        visit.until("!!document.querySelector('.yours .because')")
        body = {"user": None, "ratings": ratings, "items": [1196], "interval": 0.8}
        [found] = asked(movies, "v1/predictions", body)["predictions"]
        said = page.locator(".yours .under").inner_text()
        assert f"For you: {found['rating']:.1f}, four times in five between {found['low']:.1f}" in said
        owed = asked(movies, "v1/explanations", {"ratings": ratings, "item": 1196, "k": 2})["reasons"]
        shown = page.locator(".yours .because b").evaluate_all("all => all.map(one => one.title)")
        assert shown == [reason["title"] for reason in owed if reason["loss"] > 0]


def test_an_analogy_stands_beside_its_controls(browser: Any, movies: str) -> None:
    with Visit(browser, movies) as visit:
        page = visit.go("#/analogies")
        for label, text in (("Start with", "toy story"), ("special of", "aliens"), ("take away", "alien")):
            page.get_by_role("combobox", name=label).fill(text)
            page.get_by_role("option").first.wait_for()
            page.keyboard.press("Enter")
        page.get_by_role("heading", name="The answer").wait_for()
        chosen = dict(part.split("=") for part in page.url.partition("?")[2].split("&"))
        body = {name: int(id_) for name, id_ in chosen.items()} | {"k": 10, "min_ratings": 20}
        expected = asked(movies, "v1/analogies", body)
        for column, key in enumerate(("answer", "plain", "shuffled")):
            assert titles(page, f".lists > :nth-child({column + 1})") == [item["title"] for item in expected[key]]
        marked = page.locator(".lists > :nth-child(2)").get_by_text("also in the answer")
        assert marked.count() == expected["shared_plain"]


def test_the_map_zooms_smoothly_searches_filters_and_has_a_list(browser: Any, movies: str) -> None:
    with Visit(browser, movies) as visit:
        page = visit.go("#/map")
        assert page.get_by_role("heading", name="All 9,066").is_visible()
        page.locator("canvas").hover()
        for _ in range(30):
            page.mouse.wheel(0, -60)
        visit.until("/in view$/.test(document.querySelector('aside h2').textContent)")
        drawn = sorted(page.evaluate("document.querySelector('canvas').itemMap.frames"))
        assert drawn[len(drawn) // 2] < 16, f"milliseconds a frame: {drawn}"
        zoomed = page.locator("aside h2").inner_text()
        page.locator("canvas").focus()
        page.keyboard.press("0")
        page.get_by_role("heading", name="All 9,066").wait_for()
        assert zoomed != "All 9,066"
        page.get_by_role("combobox").fill("blade run")
        page.get_by_role("option").first.click()
        assert page.locator(".picked a").inner_text() == "Blade Runner (1982)"
        near = {item["id"] for item in asked(movies, "v1/items/541/similar?k=8&min_ratings=5")["items"]}
        ringed = "(({marked, items}) => [...marked].map(at => items[at].id))(document.querySelector('canvas').itemMap)"
        visit.until(f"{ringed}.length > 1")
        assert set(page.evaluate(ringed)) == near | {541}
        place = asked(movies, "v1/items/541")["map"]
        middle = page.evaluate("(({x, y}) => ({x, y}))(document.querySelector('canvas').itemMap)")
        assert middle == pytest.approx(place)
        first = page.locator(".side .rows button").first
        name = first.inner_text()
        first.press("Enter")
        assert page.locator(".picked a").inner_text() == name
        page.get_by_role("button", name="Show all").click()
        page.get_by_label(re.compile("Comedy")).uncheck()
        visit.until("/in view$/.test(document.querySelector('aside h2').textContent)")


def test_markup_in_titles_is_text(browser: Any, hostile: str) -> None:
    with Visit(browser, hostile) as visit:
        for place in ("#/try?rate=101:5", "#/items", "#/items/101", "#/analogies?a=101&b=102&c=103", "#/map?item=101"):
            page = visit.go(place)
            assert HOSTILE in page.locator("main").inner_text() or page.locator("main input").first.input_value()
            assert page.locator("main img, main script, main b:has-text('Drama')").count() == 0
        page = visit.go("#/items/101")
        assert page.get_by_role("heading", name=HOSTILE).is_visible()


def test_a_table_without_ratings_titles_or_vectors_says_what_is_missing(browser: Any, bare: str) -> None:
    with Visit(browser, bare) as visit:
        page = visit.go("#/try")
        page.get_by_role("button", name="I like").first.click()
        visit.until("document.querySelectorAll('.given .row').length === 1")
        visit.settle()
        assert titles(page, ".list")[0].startswith("Item ü/&#?% ")
        assert page.locator(".list .number").count() == 0
        assert "No map" in visit.go("#/map").locator("main").inner_text()
        assert "No vectors here" in visit.go("#/analogies").locator("main").inner_text()
        assert "No ratings" in visit.go("#/model").locator("main").inner_text()
        page = visit.go("#/items")
        page.locator(".what a").first.click()
        page.get_by_title("Cosine of who met the two").first.wait_for()
        assert faults(page) == []


def test_a_service_that_is_gone_is_said_and_tried_again(browser: Any, movies: str) -> None:
    with Visit(browser, movies) as visit:
        page = visit.go("#/try")
        page.route("**/v1/**", lambda route: route.abort())
        page.locator("h3.start + div .stars").first.click(position={"x": 95, "y": 12})
        page.get_by_text("The service does not answer").wait_for()
        assert faults(page) == []
        page.unroute("**/v1/**")
        page.get_by_role("button", name="Try again").click()
        visit.until("document.querySelectorAll('.list .row').length === 10")
        visit.wrong = [text for text in visit.wrong if "ERR_FAILED" not in text]  # the browser's own note


def test_an_unknown_item_is_an_error_with_a_way_out(browser: Any, movies: str) -> None:
    with Visit(browser, movies) as visit:
        page = visit.go("#/items/999999999")
        page.get_by_text("No such item").wait_for()
        visit.wrong = [text for text in visit.wrong if "404" not in text]


def test_a_service_that_wants_a_token_asks_for_it(browser: Any, tmp_path: Path) -> None:
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
        visit.wrong = [text for text in visit.wrong if "401" not in text]
