"""Roles of columns by name and by content, without any file."""

import unicodedata

import pytest

from palate.data.reading.columns import Choices, Roles, as_number, by_content, by_name, known_roles, listed, plain
from palate.errors import DataError, OptionError


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("userId", "userid"),
        (" User ID ", "userid"),
        ("user_id:token", "userid"),
        ("genre:token_seq", "genre"),
        ("_", ""),
    ],
)
def test_plain(name: str, bare: str) -> None:
    assert plain(name) == bare


@pytest.mark.parametrize(
    ("names", "roles"),
    [
        ("user item", Roles("user", "item", None, None)),
        ("userId movieId rating timestamp", Roles("userId", "movieId", "rating", "timestamp")),
        ("reviewerID asin overall unixReviewTime", Roles("reviewerID", "asin", "overall", "unixReviewTime")),
        ("reviewerName reviewerID asin overall reviewTime", Roles("reviewerID", "asin", "overall", "reviewTime")),
        ("rating title asin parent_asin user_id timestamp", Roles("user_id", "asin", "rating", "timestamp")),
        ("User-ID ISBN Book-Rating", Roles("User-ID", "ISBN", "Book-Rating", None)),
        ("userId movieId tag timestamp", Roles("userId", "movieId", None, "timestamp")),
        ("uid iid label", Roles("uid", "iid", "label", None)),
        ("user title score", Roles("user", "title", "score", None)),
        ("visitor page", Roles("visitor", "page", None, None)),
        ("user_id anime_id rating", Roles("user_id", "anime_id", "rating", None)),
        ("user_id item_id place rating", Roles("user_id", "item_id", "rating", None)),
    ],
)
def test_by_name(names: str, roles: Roles) -> None:
    assert by_name("x", names.split(), Choices()) == roles
    assert by_name("x", names.split()[::-1], Choices()) == roles


def test_a_chosen_column_settles_an_ambiguity() -> None:
    names = ["user", "item", "rating", "score"]
    assert by_name("x", names, Choices(rating="score")) == Roles("user", "item", "score", None)
    assert by_name("x", names, Choices(rating=False)) == Roles("user", "item", None, None)
    assert by_name("x", names, Choices(time="score")) == Roles("user", "item", "rating", "score")
    assert by_name("x", names, Choices(rating=4)) == Roles("user", "item", "score", None)


def test_a_name_goes_before_a_number() -> None:
    assert by_name("x", ["2", "1"], Choices(user="1", item=2)) == Roles("1", "2", None, None)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (Choices(user="itm"), "no column 'itm' among 'user', 'item'; did you mean 'item'"),
        (Choices(user=3), "no column '3'"),
        (Choices(user=0), "no column '0'"),
        (Choices(user=False), "no user column among 'user', 'item'; name it: user="),
    ],
)
def test_choices_that_cannot_be(choices: Choices, message: str) -> None:
    with pytest.raises(DataError) as caught:
        by_name("x", ["user", "item"], choices)
    assert message in str(caught.value)


def test_one_column_cannot_play_two_roles() -> None:
    with pytest.raises(OptionError, match="'a' is named for two"):
        by_name("x", ["a", "b"], Choices(user="a", item="b", rating=1))


@pytest.mark.parametrize(
    ("rows", "roles"),
    [
        (["a x", "b y"], (None, None)),
        (["a x 3", "b y 4"], ("3", None)),
        (["a x 3,5", "b y 4"], ("3", None)),
        (["a x 964982703", "b y 964982704"], (None, "3")),
        (["a x 3 964982703", "b y 4 964982704"], ("3", "4")),
        (["a x 964982703 3", "b y 964982704 4"], ("4", "3")),
        (["a x 3 1", "b y 4 2"], ("3", "4")),
        (["a x 2000-01-01 5", "b y 2000-01-02 3"], ("4", "3")),
        (["a x 01/02/2000 5", "b y 31/12/2000 3"], ("4", "3")),
        (["a x 01.02.2000 5", "b y 31.12.2000 3"], ("4", "3")),
    ],
)
def test_by_content(rows: list[str], roles: tuple[str | None, str | None]) -> None:
    fields = [row.split() for row in rows]
    names = [str(at + 1) for at in range(len(fields[0]))]
    assert by_content("x", names, fields, Choices()) == Roles("1", "2", *roles)


def test_columns_between_doubled_separators_have_no_role() -> None:
    assert by_content("x", list("12345"), [["1", "", "7", "", "2.5"]], Choices()) == Roles("1", "3", "5", None)


def test_a_table_of_many_columns_may_be_a_matrix() -> None:
    names = [str(at) for at in range(1, 31)]
    with pytest.raises(DataError, match="or say format='wide' if each row is a user and each column an item"):
        by_content("x", names, [["3"] * 30], Choices())


def test_named_columns_let_the_rest_be_ignored() -> None:
    rows = [["a", "x", "text", "3", "2", "1"], ["b", "y", "more", "4", "3", "2"]]
    names = list("123456")
    assert by_content("x", names, rows, Choices(user=2, item=1)) == Roles("2", "1", None, None)
    with pytest.raises(DataError, match="column 3 of 6 is neither"):
        by_content("x", names, rows, Choices())
    with pytest.raises(DataError, match="no item column"):
        by_content("x", ["1"], [["a"]], Choices())


@pytest.mark.parametrize(
    ("rows", "choices", "roles"),
    [
        (["1 2014-04-02T10:00:17.655Z 214536508", "2 2014-04-03T10:00 3"], Choices(), Roles("1", "3", None, "2")),
        (["2014-04-02 1 214536508", "2014-04-03 2 3"], Choices(), Roles("2", "3", None, "1")),
        (["2014-04-02 1 5 4", "2014-04-03 2 6 3"], Choices(user=3), "column 4 of 4 may hold ratings"),
        (["2014-04-02 1 5 4", "2014-04-03 2 6 3"], Choices(user=3, rating=False), Roles("3", "2", None, "1")),
        (["a x 3 37.5", "b y 4 -122.1"], Choices(user=1, item=2, rating=3), Roles("1", "2", "3", None)),
        (["a x 37.5 3", "b y -122.1 4"], Choices(user=1, item=2), Roles("1", "2", None, None)),
        (["a x 37.5 964982703", "b y -122.1 964982704"], Choices(user=1, item=2), Roles("1", "2", None, "4")),
        (["a 7 x 3", "b 8 y 4"], Choices(item=3, time=False), "column 2 of 4"),
        (["a x 37.5 -122.1", "b y 37.6 -122.2"], Choices(), "column 4 of 4 is neither a rating nor a time"),
        (["1 2 214536508", "2 3 214536506"], Choices(), "column 3 of 3 is neither a rating nor a time"),
        (["1 2 2103807459595387724", "2 3 2053013555631882655"], Choices(), "column 3 of 3 is neither"),
        (["1 2014-04-02 21 0", "2 2014-04-03 22 1"], Choices(), "column 4 of 4 may hold ratings .* rating='4'"),
    ],
)
def test_what_is_left_over_is_not_guessed(rows: list[str], choices: Choices, roles: Roles | str) -> None:
    fields = [row.split() for row in rows]
    names = [str(at + 1) for at in range(len(fields[0]))]
    if isinstance(roles, str):
        with pytest.raises(DataError, match=roles):
            by_content("x", names, fields, choices)
    else:
        assert by_content("x", names, fields, choices) == roles


@pytest.mark.parametrize(
    ("names", "n_roles"),
    [
        ("사용자ID 영화번호 평점 일시", 4),
        ("회원번호 상품코드 별점", 3),
        ("Kundennummer Artikel-Nr Bewertung Datum", 4),
        ("benutzer film note zeitstempel", 4),
        ("id_utilisateur film note date", 4),
        ("Client Produit Évaluation horodatage", 4),
        ("usuario película calificación fecha", 4),
        ("id_usuario id_pelicula puntuacion", 3),
        ("ユーザーID 商品 評価 日時", 4),
        ("会員番号 作品ID 評点", 3),
        ("用户编号 电影 评分 时间戳", 4),
        ("用戶ID 電影ID 評分 時間", 4),
        (unicodedata.normalize("NFD", "usuario película valoración"), 3),
    ],
)
def test_names_of_other_languages(names: str, n_roles: int) -> None:
    columns = names.split()
    roles = by_name("x", columns[::-1], Choices())
    assert [roles.user, roles.item, roles.rating, roles.time][:n_roles] == columns
    assert len(known_roles(columns)) == n_roles


def test_reviews_of_amazon_without_a_header_have_the_product_first() -> None:
    rows = [["B000000000", "A0000000000039", "4.0"], ["0195153448", "A0000000000016", "1.0"]]
    assert by_content("x", list("123"), rows, Choices()) == Roles("2", "1", "3", None)
    assert by_content("x", list("123"), rows, Choices(user=1, rating=3)).item == "2"


def test_a_word_of_another_language_counts_only_in_a_table_of_that_language() -> None:
    assert by_name("x", ["user", "item", "note"], Choices()).rating is None


def test_all_that_is_missing_is_said_at_once() -> None:
    with pytest.raises(DataError) as caught:
        by_name("x", ["foo", "bar"], Choices())
    assert str(caught.value) == "x: no user column among 'foo', 'bar' and no item column; name them: user='…', item='…'"
    with pytest.raises(DataError, match=r"no column 'usr' .*; no column 'itm' .*did you mean 'item'"):
        by_name("x", ["user", "item"], Choices(user="usr", item="itm"))


def test_small_things() -> None:
    assert known_roles(["Movie ID", "foo", "User"]) == {"user", "item"}
    assert not known_roles(["foo"])
    assert [as_number(text) for text in ("3", " 3,5 ", "x", "")] == [3, 3.5, None, None]
    assert listed(["a"]) == "'a'"
    assert listed([str(at) for at in range(20)], most=2) == "'0', '1', … (20 in all)"
