"""Quotes of delimited text: each field as the csv module of Python reads it, or an error with its place."""

import csv
import io
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from palate.data.reading import quotes
from palate.data.reading.delimited import columns
from palate.data.reading.files import Raw
from palate.data.reading.layouts import lay_out
from palate.errors import DataError, PalateError
from palate.options import ReadingOptions

HEAD = "user,item,rating\n"


def fields(text: str, *names: str, **options: Any) -> list[tuple[str, ...]]:
    raw, layout = lay_out(Raw("x.csv", text.encode()), ReadingOptions(**options))
    frame = columns(raw, layout, dict.fromkeys(names or ("user", "item"), pl.String()))
    return [tuple(value or "" for value in row) for row in frame.rows()]


def notes(text: str) -> tuple[str, ...]:
    return lay_out(Raw("x.csv", text.encode()), ReadingOptions())[1].notes


def outcome(text: str) -> list[tuple[str, ...]] | str:
    try:
        return fields(text)
    except PalateError as error:
        return str(error)


LINES = st.lists(st.tuples(*[st.text('",ab \n', max_size=6)] * 2), min_size=1, max_size=4)


@given(LINES, st.booleans(), st.sampled_from([3, 8, 1 << 22]), st.sampled_from(["\n", "\r\n"]))
@settings(deadline=None, max_examples=300)
@example([('a,",bbb"\n"","a\n,\n""",', "")], False, 1 << 22, "\n")
def test_any_quotes(rows: list[tuple[str, str]], written: bool, block: int, end: str) -> None:
    """A table that a writer of CSV wrote comes back; of any text, each field is that of the csv module, or an error."""
    sink = io.StringIO(newline="")
    if written:
        csv.writer(sink, lineterminator=end).writerows(rows)
    else:
        sink.write(end.join(f"{user},{item}" for user, item in rows))
    text = "user,item" + end + sink.getvalue()
    try:
        expected = [tuple(row) for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row][1:]
    except csv.Error:
        expected = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quotes, "BLOCK", block)
        result = outcome(text)
    if isinstance(result, str):
        assert result.isprintable()
        assert not written or "are empty" in result
    else:
        assert result == expected


@pytest.mark.parametrize(
    ("rows", "parts"),
    [
        ('a,x,3\n"Ann" Lee,y,4\n', ["line 3", "column 'user'", "after its closing quote", "' Lee,y,4'"]),
        ('a,x,3\n"Ann"Lee,y,4\n"Bob"Lee,y,4\n', ["line 3", "column 'user'"]),
        ('a,x,"so\n\nb,y,"so so\n', ["line 2", "column 'rating'", "in line 4", "'so so'"]),
        ('"a","x",3\n"b","y"",3\n', ["line 3", "column 'item' is never closed"]),
        ('"a\nb",x"y,3\n', ["line 3 has an odd number of quotes in column 'item'"]),
        ('"a ""b""\nc" d,x,3\n', ["line 2", "column 'user'", "in line 3", "' d,x,3'"]),
        (
            'a,x,3\nb,5" disc,4\nc,7" disc,5\n',
            ["line 3 has an odd number of quotes in column 'item'", "'b,5\" disc,4'"],
        ),
        ('a,x "y,z" w,3\n', ["line 2", "'item'"]),
    ],
)
def test_faults_have_a_place_and_a_way_out(rows: str, parts: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        fields(HEAD + rows)
    message = str(caught.value)
    assert all(part in message for part in [*parts, "x.csv: line", "quotes=False"]), message


def test_quotes_that_are_plain_text() -> None:
    rows = 'a,x,3\n"Ann" Lee,5" disc,4\n"b",y,5\n'
    assert fields(HEAD + rows, quotes=False) == [("a", "x"), ('"Ann" Lee', '5" disc'), ('"b"', "y")]
    assert fields(HEAD + 'a,The "Great" Film,3\n')[0] == ("a", 'The "Great" Film')


def test_a_line_inside_quotes_that_looks_like_a_row_is_said() -> None:
    text = HEAD.replace("\n", ",text\n") + 'a,x,3,fine\na,y,4,"Heroes\nb,x,5,good\nb,z,1,ever"\nc,x,2,"ok"\n'
    assert notes(text) == (
        "2 lines that look like rows are inside quoted fields, the first in line 4; if quotes are plain text in this "
        "file, say quotes=False",
    )
    assert notes(HEAD.replace("\n", ",text\n") + 'a,x,3,"two lines,\nwith, of, commas"\n') == ()
    assert notes(HEAD + '"a\nb",x,3\n"c\nd",y,4\n') == (), "the last line of a first field always looks like a row"


def test_quotes_after_a_backslash() -> None:
    text = '"item";"title"\n"1";"The \\"Good\\" Book\\"; and more"\n"2";"C:\\\\"\n'
    assert fields(text, "item", "title") == [
        ("1", 'The "Good" Book"; and more'),
        ("2", "C:\\"),
    ]
    assert notes(text) == ("a backslash before a quote is no part of the field",)
    assert fields('user,item\n"a\\","b"\n')[0] == ("a\\", "b"), "a backslash is a letter where the file is fine so"


def test_a_file_with_a_broken_second_line_does_not_end_with_its_header() -> None:
    with pytest.raises(DataError, match="line 2 is not well-formed: column 'user'"):
        fields(HEAD + '"Weird Al" Y,x,3\nb,y,4\n')
    with pytest.raises(DataError, match=r"line 2 .*column 'rating' is never closed"):
        fields(HEAD + 'a,x,"so so\nb,y,4\n')


def test_a_field_too_many_at_the_end_of_a_file_without_a_line_end() -> None:
    with pytest.raises(DataError, match="line 3 has 3 fields where the first has 2"):
        fields("user,item\na,x\nb,y,")


def test_a_separator_of_several_letters_stays_inside_quotes() -> None:
    text = 'user||item\n"a||b"||x\n"c ""||"" d"||"y"\ne||z\n'
    assert fields(text, separator="||") == [("a||b", "x"), ('c "||" d', "y"), ("e", "z")]
