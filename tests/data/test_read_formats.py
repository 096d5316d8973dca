"""Layouts of well-known tables: blocks, matrices, Python's literals, JSON arrays, databases, workbooks."""

import gzip
import io
import json
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palate.data.read import read
from palate.data.reading import literals
from palate.data.reading.files import Raw
from palate.data.reading.jsonlines import objects
from palate.errors import DataError, UnsupportedError
from tests.data.test_read import TRIPLES, triples, written

ROWS = [{"user": user, "item": item, "rating": rating} for user, item, rating in TRIPLES]


def test_lines_of_python_literals(tmp_path: Path) -> None:
    text = "".join(f"{ {**row, 'text': 'it' + chr(39) + 's', 'early': True, 'none': None} }\n" for row in ROWS)
    assert triples(read(written(tmp_path, text, "x.json"))) == TRIPLES


def test_sound_lines_of_python_are_not_skipped(tmp_path: Path) -> None:
    text = "".join(f"{row}\n" for row in ROWS) + "{broken\n"
    data = read(written(tmp_path, text, "x.json"), skip_invalid=tmp_path / "skipped.csv")
    assert triples(data) == TRIPLES
    assert "invalid rows left out: 1" in data.notes[1]
    assert triples(read(written(tmp_path, json.dumps(ROWS), "x.json"), skip_invalid=True)) == TRIPLES


@pytest.mark.parametrize(
    "line", ["{'user': __import__('os').getcwd()}", "{'user': " + "[" * 5000 + "]" * 5000 + "}", "{'user': 1", "{1}"]
)
def test_no_code_is_read(tmp_path: Path, line: str) -> None:
    with pytest.raises(DataError, match=r"x\.json: line 1 is no JSON"):
        read(written(tmp_path, line + "\n", "x.json"))


def test_a_literal_has_a_longest_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(literals, "MOST_CHARACTERS", 10)
    assert literals.python_literal("['a', 1]") == ["a", 1]
    with pytest.raises(ValueError, match="longer than 10"):
        literals.python_literal("['a', 'b', 'c']")


@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_array(tmp_path: Path, indent: int | None) -> None:
    assert triples(read(written(tmp_path, json.dumps(ROWS, indent=indent), "x.json"))) == TRIPLES
    assert triples(read(written(tmp_path, "\n" + json.dumps(ROWS, indent=indent) + "\n", "x.txt"))) == TRIPLES


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"user": 1},\n {"user": 2} {"user": 3}]', "line 2 begins no JSON"),
        ('[{"user": 1},\n{"user" 2}]', "line 2 begins no JSON"),
        ('[{"user": 1},\n5]', "line 2 is no JSON object but 5"),
        ('[{"user": 1}', "line 1 begins no JSON"),
        ('[{"user": 1}] more', "line 1 begins no JSON"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_a_broken_array_names_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(written(tmp_path, text, "x.json"))


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.booleans())), st.booleans())
def test_an_array_has_the_objects_of_its_lines(values: list[dict[str, Any]], indented: bool) -> None:
    array = Raw("x.json", json.dumps(values, indent=1 if indented else None).encode())
    assert [value for _, value in objects(array)] == values


BLOCKS = "7:\n11,3,2005-01-31\n12,4,2005-02-01\n8:\n11,5,2005-01-01\n"


@pytest.mark.parametrize("text", [BLOCKS, BLOCKS.replace("\n", "\r\n"), BLOCKS + "\n", "\ufeff" + BLOCKS])
def test_blocks(tmp_path: Path, text: str) -> None:
    data = read(written(tmp_path, text, "x.txt"))
    assert triples(data) == [(11, 8, 5.0), (11, 7, 3.0), (12, 7, 4.0)]
    assert "time=date (dates, UTC)" in data.notes[0]


def test_blocks_without_dates_or_ratings(tmp_path: Path) -> None:
    assert triples(read(written(tmp_path, gzip.compress(b"7:\na,3\n8:\na,2\nb,4\n"), "x.gz"))) == [
        ("a", 7, 3.0),
        ("a", 8, 2.0),
        ("b", 8, 4.0),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BLOCKS + "11,5\n", "x.txt: line 6 has 2 fields"),
        ("7:\n1,2,3,4\n2,2,3,4\n", "x.txt: line 2 has 4 fields"),
        (BLOCKS.replace("12,4", "12,good"), "x.txt: line 3: column 'rating' is no number: 'good'"),
    ],
)
def test_broken_blocks_name_their_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read(written(tmp_path, text, "x.txt"))
    assert message in str(caught.value)


ROWS_OF_TWO = ",10,20\nann,4,5\nbob,3.5,\n"


@pytest.mark.parametrize("text", [ROWS_OF_TWO, f"user{ROWS_OF_TWO}", f"who{ROWS_OF_TWO}".replace(",", ";")])
def test_a_matrix_has_a_row_for_each_user(tmp_path: Path, text: str) -> None:
    data = read(written(tmp_path, text), format="wide", user="who" if text.startswith("who") else None)
    assert triples(data) == TRIPLES
    assert "a row for each user and a column for each of 2 items" in data.notes[0]


@pytest.mark.parametrize("text", ["ann,4,5\nbob,3.5,\n", "1,4,5\n2,3.5,\n"])
def test_a_matrix_without_names_loses_no_row(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    if text.startswith("ann"):
        with pytest.raises(DataError, match="is the first line a header or data"):
            read(path, format="wide")
    data = read(path, format="wide", user=1)
    assert [rating for *_, rating in triples(data)] == [4, 5, 3.5]
    assert data.item_ids.ids.to_list() == [2, 3]


def test_a_matrix_may_count_its_ratings(tmp_path: Path) -> None:
    data = read(written(tmp_path, "2,99,-7.5,3\n1,99,99,2\n2,1,4,99\n"), format="wide", drop={"rating": 99})
    assert triples(data) == [(1, 3, -7.5), (1, 4, 3.0), (2, 4, 2.0), (3, 2, 1.0), (3, 3, 4.0)]
    assert "column 1 is left out: it counts the ratings of its row" in data.notes


def test_a_matrix_without_users_or_with_mistakes(tmp_path: Path) -> None:
    path = written(tmp_path, "5,3\n5,4\n1,\n")
    with pytest.raises(DataError, match="is column '1' the users"):
        read(path, format="wide")
    assert triples(read(path, format="wide", user=False))[-1] == (3, 1, 1.0)
    with pytest.raises(DataError, match=r"x\.csv: line 3: column 'rating' is no number: 'good'"):
        read(written(tmp_path, "user,10,20\nann,4,5\nbob,good,1\n"), format="wide")
    with pytest.raises(DataError, match="no cell has a rating"):
        read(written(tmp_path, "user,10,20\nann,,\nbob,,\n"), format="wide")


def database() -> bytes:
    with sqlite3.connect(":memory:") as store:
        store.execute('CREATE TABLE "my ratings" (user TEXT, item INTEGER, rating REAL, "it""s" TEXT)')
        store.executemany('INSERT INTO "my ratings" VALUES (?, ?, ?, ?)', [(*row, "x") for row in TRIPLES])
        content = store.serialize()
    store.close()
    return content


def test_a_database(tmp_path: Path) -> None:
    for content, name in ((database(), "x?#.db"), (gzip.compress(database()), "x.gz")):
        path = written(tmp_path, content, name)
        data = read(path)
        assert triples(data) == TRIPLES
        assert data.notes[0].startswith(f"read {name}, table my ratings: 3 rows")
        assert data.notes[1] == 'columns not used: it"s'
    assert triples(read(path, sheet="my ratings")) == TRIPLES
    with pytest.raises(DataError, match="no table 'my rating' among 'my ratings'; did you mean 'my ratings'"):
        read(path, sheet="my rating")


def test_a_database_of_several_tables(tmp_path: Path) -> None:
    path = written(tmp_path, database(), "x.db")
    with sqlite3.connect(path) as store:
        store.execute("CREATE TABLE things (id INTEGER, title TEXT)")
        store.execute("INSERT INTO things VALUES (10, 'Ten')")
    store.close()
    with pytest.raises(DataError, match="it has the tables 'my ratings', 'things'; name one: sheet='my ratings'"):
        read(path)
    data = read(path, sheet="my ratings", items=path)
    assert data.catalogue.title(data.item_ids.row(10)) == "Ten"
    with pytest.raises(DataError, match="cannot be read"):
        read(written(tmp_path, database()[:100] + b"x" * 5000, "y.db"))


def workbook(**sheets: list[list[object]]) -> bytes:
    """Return a workbook as small as one can be."""
    sink = io.BytesIO()
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    package = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
    numbers = range(1, len(sheets) + 1)
    listed = [f'<sheet name="{name}" sheetId="{i}" r:id="r{i}"/>' for i, name in enumerate(sheets, 1)]
    related = [f'<Relationship Id="r{i}" Type="{relation}/worksheet" Target="worksheets/{i}.xml"/>' for i in numbers]
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/></Types>',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook {main} xmlns:r="{relation}"><sheets>{"".join(listed)}</sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f"<Relationships {package}>{''.join(related)}</Relationships>",
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships {package}><Relationship Id="r" Type="{relation}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        for i, rows in zip(numbers, sheets.values(), strict=True):
            cells = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
            archive.writestr(f"xl/worksheets/{i}.xml", f"<worksheet {main}><sheetData>{cells}</sheetData></worksheet>")
    return sink.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
    return f"<c><v>{value}</v></c>"


def test_a_workbook(tmp_path: Path) -> None:
    pytest.importorskip("fastexcel")
    ratings: list[list[object]] = [["user", "item", "rating"], *map(list, TRIPLES)]
    path = written(tmp_path, workbook(ratings=ratings), "x.xlsx")
    data = read(path)
    assert triples(data) == TRIPLES
    assert data.notes[0].startswith("read x.xlsx, sheet ratings: 3 rows")
    path = written(tmp_path, workbook(ratings=ratings, things=[["id", "title"], [10, "Ten"]]), "x.xlsx")
    with pytest.raises(DataError, match="it has the tables 'ratings', 'things'; name one: sheet='ratings'"):
        read(path)
    data = read(path, sheet="ratings", items=path)
    assert data.catalogue.title(data.item_ids.row(10)) == "Ten"
    with pytest.raises(DataError, match="the workbook cannot be read"):
        read(written(tmp_path, workbook(ratings=ratings)[:1500], "y.xlsx"))


def test_a_workbook_needs_a_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("fastexcel")

    monkeypatch.setattr(pl, "read_excel", missing)
    with pytest.raises(UnsupportedError, match=r'pip install "palate\[excel\]"'):
        read(written(tmp_path, workbook(ratings=[["user"]]), "x.xlsx"))
