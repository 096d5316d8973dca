"""Blanks after separators, commas in numbers, and late keys of JSON lines."""

from pathlib import Path

import pytest

from palate.data.read import read
from palate.data.reading.commas import comma_style
from palate.errors import DataError
from tests.data.test_read import triples, written


def test_a_blank_or_a_second_tab_after_every_separator_belongs_to_it(tmp_path: Path) -> None:
    rows = [["user", "item", "rating"], ["1", "10", "3"], ["2", "12", "5"]]
    expected = [(1, 10, 3.0), (2, 12, 5.0)]
    for separator in (", ", "; ", "\t\t"):
        data = read(written(tmp_path, "".join(separator.join(row) + "\n" for row in rows)))
        assert triples(data) == expected
        assert f"separator={separator!r}" in data.notes[0]
    text = 'user, item, rating, title\n1, 10, 3, "Lee, Ann"\n2, 12, 5, "x"\n'
    data = read(written(tmp_path, text))
    assert triples(data) == expected
    assert data.catalogue.frame["title"].to_list() == ["Lee, Ann", "x"]
    assert triples(read(written(tmp_path, "user,item\na, b\nb,c\n"))) == [("a", " b", 1.0), ("b", "c", 1.0)]


@pytest.mark.parametrize(
    ("values", "style"),
    [
        (["13,883", "228", "1,002", "11,690"], "thousands"),
        (["1,234,567", "2,000"], "thousands"),
        (["1,234.5"], "thousands"),
        (["3,5", "4"], "decimal"),
        (["0,125", "3"], "decimal"),
        (["1,125", "2,5"], "decimal"),
        (["4", "5"], ""),
        (["08 30, 2013"], ""),
    ],
)
def test_what_commas_mean(values: list[str], style: str) -> None:
    assert comma_style("x", "plays", values) == style


@pytest.mark.parametrize("values", [["4,500", "3,250"], ["1,125", "2000"]])
def test_commas_that_may_mean_both_are_asked_about(values: list[str]) -> None:
    with pytest.raises(DataError, match=r"column 'plays' has numbers such as .* decimals or thousands\?"):
        comma_style("x", "plays", values)


def test_thousands_in_a_table(tmp_path: Path) -> None:
    text = "user\titem\trating\n1\t10\t13,883\n2\t11\t228\n3\t10\t1,002\n"
    for separator in "\t;,":
        rows = [line.split("\t") for line in text.splitlines()]
        quoted = "\n".join(separator.join(f'"{field}"' if "," in field else field for field in row) for row in rows)
        data = read(written(tmp_path, quoted))
        assert triples(data) == [(1, 10, 13883.0), (2, 11, 228.0), (3, 10, 1002.0)]
        assert "commas between thousands" in data.notes[0]
    later = text + "1\t12\t5\n" * 1000 + "3\t12\t2,5\n"
    with pytest.raises(DataError, match=r"line 1005: column 'rating' has commas between thousands, .*: '2,5'"):
        read(written(tmp_path, later))


def test_decimal_commas_in_quotes_between_commas(tmp_path: Path) -> None:
    assert triples(read(written(tmp_path, 'user,item,rating\na,x,"3,5"\nb,y,4\n'))) == [
        ("a", "x", 3.5),
        ("b", "y", 4.0),
    ]


EARLY = "".join(f'{{"user": {at}, "item": {at % 7}}}\n' for at in range(1100))


def test_json_keys_that_first_appear_late(tmp_path: Path) -> None:
    path = written(tmp_path, EARLY + '{"user": 1, "item": 3, "rating": 4}\n', "x.jsonl")
    for options in ({}, {"rating": "rating"}):
        with pytest.raises(DataError, match="line 1: column 'rating' is empty"):
            read(path, **options)  # type: ignore[arg-type]
    assert len(read(path, rating=False)) == 1101
    other = written(tmp_path, EARLY + '{"user": 1, "item": 3, "score": 4, "comment": "fine"}\n', "x.jsonl")
    assert len(read(other, rating=False)) == 1101


def test_an_error_names_the_column_of_ids_in_json(tmp_path: Path) -> None:
    items = written(tmp_path, '{"parent_asin": "P1", "title": "x"}\n{"parent_asin": "P2", "title": "y"}\n', "i.jsonl")
    with pytest.raises(DataError, match="column 'parent_asin' has 'P1', 'P2'"):
        read(written(tmp_path, "user,item\na,x\nb,y\n"), items=items)
