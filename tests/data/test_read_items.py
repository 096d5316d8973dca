"""What is said of items: titles, text, categories, in the order of the item vocabulary."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from palate.data.catalogue import SCHEMA
from palate.data.interactions import Interactions
from palate.data.read import read
from palate.data.reading.categories import categories, split_at
from palate.errors import DataError, OptionError

NUMBERED = pl.DataFrame({"user": [1, 1, 2], "item": [10, 20, 30]})


def written(folder: Path, content: str | bytes, name: str) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(data: Interactions) -> list[tuple[Any, ...]]:
    assert dict(data.catalogue.frame.schema) == SCHEMA
    assert len(data.catalogue) == data.n_items
    return data.catalogue.frame.rows()


def test_a_csv_of_movies(tmp_path: Path) -> None:
    text = "movieId,title,genres\n30,Thirty,Drama\n10,Ten,A|B|A\n40,Forty,A\n20,,(no genres listed)\n10,Again,C\n"
    data = read(NUMBERED, items=written(tmp_path, text, "movies.csv"))
    assert rows(data) == [("Ten", None, ["A", "B"]), (None, None, []), ("Thirty", None, ["Drama"])]
    assert data.notes[1:] == (
        "read movies.csv: 5 items",
        "1 of 5 items in movies.csv have no ratings and are left out",
        "1 rows of movies.csv repeat an item id: the first row of each id is kept",
        "1 of 3 items have no title",
    )


def test_items_without_a_row(tmp_path: Path) -> None:
    data = read(NUMBERED, items=written(tmp_path, "item_id,name\n20,Twenty\n", "i.csv"))
    assert rows(data) == [(None, None, []), ("Twenty", None, []), (None, None, [])]
    assert data.notes[-1] == "2 of 3 items have no title"


def test_movies_dat_is_latin_1_by_its_name(tmp_path: Path) -> None:
    text = '10::"Ten" caf\xe9 (1995)::A|B\n20::Two: 20::C\n'
    for name, pack in (("movies.dat", bytes), ("movies.dat.gz", gzip.compress)):
        data = read(NUMBERED, items=written(tmp_path, pack(text.encode("latin-1")), name))
        assert rows(data)[:2] == [('"Ten" café (1995)', None, ["A", "B"]), ("Two: 20", None, ["C"])]


def item_line(number: int, title: str, *flags: int, genres: int = 19) -> str:
    return f"{number}|{title}|01-Jan-1995||http://x|" + "|".join("1" if at in flags else "0" for at in range(genres))


def test_u_item_has_a_flag_per_genre(tmp_path: Path) -> None:
    text = item_line(10, '"Caf\xe9', 1, 18) + "\n" + item_line(20, "Two") + "\n"
    path = written(tmp_path, text.encode("latin-1"), "u.item")
    assert rows(read(NUMBERED, items=path))[:2] == [('"Café', None, ["Action", "Western"]), ("Two", None, [])]
    written(tmp_path, "None|0\nSome|1\n\n", "u.genre")
    path = written(tmp_path, item_line(10, "Ten", 1, genres=2) + "\n" + item_line(20, "Two", 0, genres=2), "u.item")
    assert rows(read(NUMBERED, items=path))[:2] == [("Ten", None, ["Some"]), ("Two", None, ["None"])]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("u.item", "10|Ten|0|1\n", "4 columns where MovieLens has 5 and a flag for each of 19 genres"),
        ("movies.dat", "10::Ten\n", "2 columns where MovieLens has 3"),
    ],
)
def test_files_that_only_have_the_name(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(NUMBERED, items=written(tmp_path, text, name))


def test_cells_that_are_arrays() -> None:
    frame = pytest.importorskip("pandas").DataFrame({"item": [10, 20], "genres": [np.array(["a", "b"]), np.array([])]})
    assert [row[2] for row in rows(read(NUMBERED, items=frame))] == [["a", "b"], [], []]


def test_products_in_json_lines(tmp_path: Path) -> None:
    one = {
        "asin": "B1",
        "title": "Card",
        "brand": "Shop",
        "category": ["Gifts", "Cards", "Gifts"],
        "description": ["A", "B"],
    }
    two = {"asin": "B2", "category": [["Toys", "Games"], []], "description": [], "title": "  "}
    text = f"{json.dumps(one)}\n{json.dumps(two)}\n"
    frame = pl.DataFrame({"user": [1, 2], "item": ["B1", "B2"]})
    data = read(frame, items=written(tmp_path, text, "products.jsonl"))
    assert rows(data) == [("Card", "Shop A B", ["Gifts", "Cards"]), (None, None, ["Toys", "Games"])]


@pytest.mark.parametrize("kind", ["polars.DataFrame", "polars.LazyFrame", "pandas.DataFrame"])
def test_frames_of_items(kind: str) -> None:
    library, _, name = kind.partition(".")
    make = getattr(pytest.importorskip(library), name)
    frame = make({"id": [20, 10], "title": ["B", "A"], "categories": [["x"], ["y", "z"]], "text": [None, "t"]})
    data = read(NUMBERED, items=frame)
    assert rows(data) == [("A", "t", ["y", "z"]), ("B", None, ["x"]), (None, None, [])]
    assert data.notes[1] == "read items: 2 items"


def test_parquet_of_items(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    pl.DataFrame({"item_id": [10], "year": [1995], "title": ["A"]}).write_parquet(path)
    assert rows(read(NUMBERED, items=path))[0] == ("A", None, [])


def test_ids_out_of_text_match_numbers_in_their_usual_spelling_only(tmp_path: Path) -> None:
    data = read(NUMBERED, items=written(tmp_path, "item,title\n010,No\n10,Ten\nx,No\n", "i.csv"))
    assert rows(data)[0][0] == "Ten"
    text = pl.DataFrame({"user": [1, 2], "item": ["010", "10"]})
    data = read(text, items=written(tmp_path, "item,title\n010,Zero\n10,Ten\n", "i.csv"))
    assert [row[0] for row in rows(data)] == ["Zero", "Ten"]


def test_an_id_column_wins_over_a_bare_name(tmp_path: Path) -> None:
    data = read(NUMBERED, items=written(tmp_path, "item,item_id\nTen,10\n", "i.csv"))
    assert data.notes[1] == "read i.csv: 1 items"


def test_no_id_matches() -> None:
    with pytest.raises(DataError) as caught:
        read(NUMBERED, items=pl.DataFrame({"item": ["10", "20"], "title": ["A", "B"]}))
    message = "items: none of its 2 ids has ratings: column 'item' has '10', '20', the ratings have 10, 20, 30"
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,genres\nA,B\n", "no column of item ids among 'name', 'genres'"),
        ("movie_id,item_id,title\n10,10,A\n", "'movie_id' and 'item_id' could each be the item's id"),
        ("10,a,b\n20,a,b\n", "no column of item ids among '10', 'a', 'b'; name it: item_id='…'"),
        ("item,title\n10,A\n,B\n", "line 3: column 'item' is empty"),
        ("item,title\n10,A\n20,B,C\n", "line 3 has 3 fields"),
        ("item,title\n10,A\n20,\xe9\n", "line 3 is not UTF-8"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read(NUMBERED, items=written(tmp_path, text.encode("latin-1"), "i.csv"))
    assert message in str(caught.value)


def test_mistakes_in_frames() -> None:
    with pytest.raises(DataError, match="items: row 2: column 'item' is empty"):
        read(NUMBERED, items=pl.DataFrame({"item": [10, None], "title": ["A", "B"]}))
    with pytest.raises(OptionError, match="items is a int"):
        read(NUMBERED, items=3)


def test_titles_beside_the_ratings_give_way_to_an_items_table() -> None:
    frame = NUMBERED.with_columns(title=pl.Series(["a", "b", "c"]))
    assert [row[0] for row in rows(read(frame))] == ["a", "b", "c"]
    data = read(frame, items=pl.DataFrame({"item": [10], "title": ["A"]}))
    assert [row[0] for row in rows(data)] == ["A", None, None]


def test_encoding_counts_for_both_tables(tmp_path: Path) -> None:
    ratings = written(tmp_path, "user,item\nä,10\nb,20\n".encode("latin-1"), "r.csv")
    items = written(tmp_path, "item,title\n10,Ä\n".encode("latin-1"), "i.csv")
    assert rows(read(ratings, items=items, encoding="latin-1"))[0][0] == "Ä"


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ("anime_id", "anime_id,name\n10,Naruto\n"),
        ("cafe", "id,cafe,name\nx,10,Naruto\n"),
        ("track_uri", "track_uri,album_name,track_name\n10,Other,Naruto\n"),
        ("Movie ID", "movieId,title\n10,Naruto\n"),
        ("item", "venue_id,name\n10,Naruto\n"),
        ("movie", "movie,movie_id,title\nNaruto,10,Naruto\n"),
    ],
)
def test_the_item_column_of_the_ratings_has_the_ids(tmp_path: Path, item: str, text: str) -> None:
    data = read(NUMBERED.rename({"item": item}), item=item, items=written(tmp_path, text, "i.csv"))
    assert data.catalogue.title(data.item_ids.row(10)) == "Naruto"


def test_the_id_column_can_be_named(tmp_path: Path) -> None:
    path = written(tmp_path, "item_id,number,title\nx,10,Naruto\n", "i.csv")
    for name in ("number", 2):
        data = read(NUMBERED, items=path, item_id=name)
        assert data.catalogue.title(data.item_ids.row(10)) == "Naruto"
        assert "columns of i.csv not used: item_id" in data.notes
    with pytest.raises(DataError, match=r"no column 'numbr' among .*; did you mean 'number'"):
        read(NUMBERED, items=path, item_id="numbr")


@pytest.mark.parametrize(
    ("values", "expected", "note"),
    [
        (["A|B, C", "B"], [["A", "B, C"], ["B"]], ""),
        (["A, B", "B,C"], [["A", "B"], ["B", "C"]], ", split at ','"),
        (["A; B, C", None], [["A", "B, C"], []], ", split at ';'"),
        (["['A', 'B']", '["B", "C, D"]'], [["A", "B"], ["B", "C, D"]], ""),
        (["[{'id': 16, 'name': 'A'}, {'id': 35, 'name': 'B'}]", "[]"], [["A", "B"], []], ""),
        (["A, B", "['A', 'C']"], [["A", "B"], ["A", "C"]], ", split at ','"),
        (["[A", "__import__('os').getcwd()"], [["[A"], ["__import__('os').getcwd()"]], ""),
        (["[" * 10_000 + "]" * 10_000, "[f()]"], [["[" * 10_000 + "]" * 10_000], ["[f()]"]], ""),
        (["(no genres listed)", "\\N"], [[], []], ""),
        ([["A, B"], ["C|D"]], [["A, B"], ["C", "D"]], ""),
    ],
)
def test_categories_are_split(values: list[Any], expected: list[list[str]], note: str) -> None:
    assert categories(values) == expected
    assert split_at(values) == note


def test_the_note_says_how_categories_are_split(tmp_path: Path) -> None:
    path = written(tmp_path, 'item_id,title,genres\n10,Naruto,"Action, Comedy"\n20,Toy,Action\n', "i.csv")
    data = read(NUMBERED, items=path)
    assert "categories of items: column 'genres', split at ','" in data.notes
    assert {name: len(rows) for name, rows in data.catalogue.categories.items()} == {"Action": 2, "Comedy": 1}
    inside = read(NUMBERED.with_columns(genres=pl.lit("A, B")))
    assert "categories of items: column 'genres', split at ','" in inside.notes
