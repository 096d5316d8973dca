"""A small table that prints, iterates, and turns into frames."""

import importlib.util
from typing import Any

import numpy as np
import polars as pl
import pytest

from palate.inference.ids import FEW, named_items
from palate.results import Results
from tests.tables import random_table


def results() -> Results:
    titles = ["Toy Story (1995)", "<script>alert('1')</script>", None]
    return Results(pl.DataFrame({"item": [1, 50, 7], "title": titles, "score": [4.25, 1 / 3, -1e-9]}))


def test_rows_have_named_fields() -> None:
    table = results()
    assert len(table) == 3
    assert [row.item for row in table] == [1, 50, 7]
    assert table[0].title == "Toy Story (1995)"
    assert table[0] == (1, "Toy Story (1995)", 4.25)
    item, title, score = table[1]
    assert (item, score) == (50, 1 / 3)
    assert title is not None


def test_a_sequence_like_any_other() -> None:
    table = results()
    assert table[-1].item == 7
    for outside in (3, -4):
        with pytest.raises(IndexError):
            table[outside]
    assert table[0] in table
    assert table.index(table[2]) == 2
    with pytest.raises(ValueError):  # noqa: PT011 - Sequence's own says nothing
        table.index("nothing")
    assert [row.item for row in reversed(table)] == [7, 50, 1]
    assert table.count(table[1]) == 1
    assert bool(table)
    assert not results()[:0]


def test_slices_are_results() -> None:
    table = results()
    assert isinstance(table[:2], Results)
    assert [row.item for row in table[1:]] == [50, 7]
    assert [row.item for row in table[::-1]] == [7, 50, 1]


def test_equality() -> None:
    assert results() == results()
    assert results() != results()[:2]
    assert results() != "results"
    with pytest.raises(TypeError, match="unhashable"):
        hash(results())


def test_it_prints_as_a_plain_table() -> None:
    text = str(results())
    assert "Toy Story (1995)" in text
    assert "4.250" in text
    assert "0.333" in text
    assert "│" not in text
    assert "shape" not in text
    assert "f64" not in text
    assert repr(results()) == text


def test_long_and_wide_tables_print_whole() -> None:
    frame = pl.DataFrame({f"column{n}": list(range(60)) for n in range(10)})
    text = str(Results(frame))
    assert "…" not in text
    assert len(text.splitlines()) == 61
    assert "column9" in text
    title = Results(pl.DataFrame({"title": ["x" * 55]}))
    assert "x" * 55 in str(title)
    assert "x" * 55 in title._repr_html_()
    assert "column5" in Results(frame)._repr_html_()


def test_an_empty_table_prints() -> None:
    assert "item" in str(results()[:0])


def test_printing_leaves_polars_as_it_was() -> None:
    frame = pl.DataFrame({"a": [1.5]})
    before = str(frame)
    str(results())
    results()._repr_html_()
    assert str(frame) == before


def test_html_is_escaped() -> None:
    html = results()._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "<table" in html
    assert "0.333" in html


def test_columns_are_rows_dicts_and_frames_as_a_frame_is() -> None:
    columns: dict[str, list[Any]] = {"id": ["a", "b"], "title": [None, None], "score": [1.0, None]}
    schema = {"id": pl.String(), "title": pl.String(), "score": pl.Float64()}
    frame, short = pl.DataFrame(columns, schema), Results.of(columns, schema)
    assert short == Results(frame)
    assert list(short) == list(Results(frame)) == [("a", None, 1.0), ("b", None, None)]
    assert short.to_dicts() == frame.to_dicts()
    assert short.to_polars().equals(frame)
    assert short.to_polars().schema == frame.schema == short[:0].to_polars().schema
    assert list(Results(pl.DataFrame())) == []


@pytest.mark.parametrize("n", [0, 1, FEW, FEW + 1, 10 * FEW])
def test_items_are_named_alike_however_many(n: int) -> None:
    table = random_table(n_items=20)
    rows = np.random.default_rng(n).integers(0, 20, n)
    named = named_items(table, rows, score=rows / 2)
    assert list(named) == [(row, None, row / 2) for row in rows.tolist()]
    assert named.to_polars().schema == {"id": pl.Int64(), "title": pl.String(), "score": pl.Float64()}


def test_dicts_and_frames() -> None:
    table = results()
    assert table.to_dicts()[2] == {"item": 7, "title": None, "score": -1e-9}
    assert table.to_polars().columns == ["item", "title", "score"]


@pytest.mark.skipif(importlib.util.find_spec("pandas") is None, reason="pandas is not installed")
def test_pandas() -> None:
    frame = results().to_pandas()
    assert list(frame.columns) == ["item", "title", "score"]
    assert frame["item"].tolist() == [1, 50, 7]
    assert frame["score"].tolist() == [4.25, 1 / 3, -1e-9]
