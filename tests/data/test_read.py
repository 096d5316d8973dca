"""Which files are read, and what is taken for what."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from palate.data.interactions import Interactions
from palate.data.read import read
from palate.data.reading import layouts
from palate.data.reading.delimited import columns
from palate.data.reading.files import load
from palate.data.reading.layouts import lay_out
from palate.errors import DataError
from palate.options import ReadingOptions

TRIPLES = [("ann", 10, 4.0), ("ann", 20, 5.0), ("bob", 10, 3.5)]
CSV = "user,item,rating\nann,10,4\nann,20,5\nbob,10,3.5\n"
JSON = "".join(f'{{"user": "{u}", "item": {i}, "rating": {r}}}\n' for u, i, r in TRIPLES)


def zstd(content: bytes) -> bytes:
    """Text of one line or more, packed by polars, since Python before 3.14 cannot."""
    sink = io.BytesIO()
    lines = pl.DataFrame({"line": content.decode().removesuffix("\n").split("\n")})
    lines.write_csv(sink, compression="zstd", include_header=False, quote_style="never")
    return sink.getvalue()


PACKINGS: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".zst": zstd}


def written(folder: Path, content: str | bytes, name: str = "x.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def triples(data: Interactions) -> list[tuple[object, object, float]]:
    ratings = [1.0] * len(data) if data.ratings is None else data.ratings.tolist()
    return [
        (data.user_ids.id(user), data.item_ids.id(item), rating)
        for user, item, rating in zip(data.users, data.items, ratings, strict=True)
    ]


def parquet() -> bytes:
    sink = io.BytesIO()
    pl.DataFrame(TRIPLES, schema=["user", "item", "rating"], orient="row").write_parquet(sink)
    return sink.getvalue()


@pytest.mark.parametrize("separator", [",", "\t", ";", "|", "::"])
@pytest.mark.parametrize("packing", PACKINGS)
def test_delimited_text(tmp_path: Path, separator: str, packing: str) -> None:
    path = written(tmp_path, PACKINGS[packing](CSV.replace(",", separator).encode()), f"x.csv{packing}")
    data = read(path)
    assert triples(data) == TRIPLES
    assert f"separator={separator!r}" in data.notes[0]


@pytest.mark.parametrize("packing", PACKINGS)
def test_json_lines(tmp_path: Path, packing: str) -> None:
    assert triples(read(written(tmp_path, PACKINGS[packing](JSON.encode()), f"x.jsonl{packing}"))) == TRIPLES


@pytest.mark.parametrize("packing", ["", ".gz"])
def test_parquet(tmp_path: Path, packing: str) -> None:
    content = gzip.compress(parquet()) if packing else parquet()
    assert triples(read(written(tmp_path, content, f"x.parquet{packing}"))) == TRIPLES


def test_the_content_counts_where_the_name_says_otherwise(tmp_path: Path) -> None:
    assert triples(read(written(tmp_path, parquet(), "x.csv"))) == TRIPLES
    assert triples(read(written(tmp_path, gzip.compress(CSV.encode()), "y.csv"))) == TRIPLES
    assert triples(read(written(tmp_path, JSON, "z.txt"))) == TRIPLES


def test_the_first_note_says_what_was_taken(tmp_path: Path) -> None:
    text = "userId,movieId,rating,timestamp\n1,2,0.5,964982703\n2,3,5,964982704\n"
    assert read(written(tmp_path, text, "ratings.csv")).notes == (
        "read ratings.csv: 2 rows, 2 users, 2 items; user=userId, item=movieId, rating=rating (0.5 to 5), "
        "time=timestamp (unix seconds), separator=','",
    )


@pytest.mark.parametrize(
    "header",
    [
        "userId,movieId,rating,timestamp",
        "reviewerID,asin,overall,unixReviewTime",
        "user_id:token,item_id:token,rating:float,timestamp:float",
        "user,item,stars,date",
        "uid,sid,score,ts",
        " User ID , Product-ID ,Rating,Date",
    ],
)
def test_columns_by_name_in_any_order(tmp_path: Path, header: str) -> None:
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        rows = [header.split(","), ["7", "8", "4.5", "964982703"], ["9", "6", "3", "964982704"]]
        text = "\n".join(",".join(row[at] for at in order) for row in rows)
        data = read(written(tmp_path, text))
        assert triples(data) == [(7, 8, 4.5), (9, 6, 3.0)]
        assert data.times is not None
        assert data.times.tolist() == [964982703, 964982704]


def test_a_well_known_name_wins_over_a_fuzzy_one(tmp_path: Path) -> None:
    text = "user_id,asin,parent_asin,rating,weight,timestamp,review_time\na,b,c,1,2,7,soon\nx,y,z,3,4,8,x\n"
    assert triples(read(written(tmp_path, text))) == [("a", "b", 1.0), ("x", "y", 3.0)]


@pytest.mark.parametrize(
    ("text", "ratings", "times"),
    [
        ("1,2\n3,4\n", None, None),
        ("1,2,3\n3,4,5\n", [3, 5], None),
        ("1,2,964982703\n3,4,964982704\n", None, [964982703, 964982704]),
        ("1,2,2000-01-01\n3,4,2000-01-02\n", None, [946684800, 946771200]),
        ("1::2::3::964982703\n3::4::5::964982704\n", [3, 5], [964982703, 964982704]),
        ("1\t2\t964982703\t3\n3\t4\t964982704\t5\n", [3, 5], [964982703, 964982704]),
        ("1,2,3,0\n3,4,5,1\n", [3, 5], [0, 1]),
    ],
)
def test_files_without_header(
    tmp_path: Path, text: str, ratings: list[float] | None, times: list[float] | None
) -> None:
    data = read(written(tmp_path, text))
    assert (None if data.ratings is None else data.ratings.tolist()) == ratings
    assert (None if data.times is None else data.times.tolist()) == times
    assert "no header" in data.notes[0]


def test_options_name_the_columns(tmp_path: Path) -> None:
    text = "who,what,rating,score\na,x,1,2\nb,y,3,4\n"
    path = written(tmp_path, text)
    assert triples(read(path, user="who", item="what", rating="score")) == [("a", "x", 2.0), ("b", "y", 4.0)]
    assert triples(read(path, user=1, item="2", rating=3)) == [("a", "x", 1.0), ("b", "y", 3.0)]
    assert read(path, user="who", item="what", rating=False).ratings is None


def test_numbers_name_the_columns_of_a_file_without_header(tmp_path: Path) -> None:
    path = written(tmp_path, "0\ttautog bite\t1\tx\n1\tsinger\t0\ty\n")
    assert triples(read(path, user=1, item=2, rating=3)) == [(0, "tautog bite", 1.0), (1, "singer", 0.0)]
    text = written(tmp_path, "a,x\nb,y\n", "text.csv")
    assert triples(read(text, user=2, item=1)) == [("x", "a", 1.0), ("y", "b", 1.0)]


def test_a_row_with_a_number_is_data(tmp_path: Path) -> None:
    assert len(read(written(tmp_path, "book,x,3\nann,y,4\nbob,x,5\n"))) == 3
    assert len(read(written(tmp_path, "book,good\nann,story\n"), user=1, item=2)) == 2
    assert len(read(written(tmp_path, "userId,movieId,2019\n1,2,5\n2,3,4\n"))) == 2
    data = read(written(tmp_path, "wer,was,note\n1,2,5\n2,3,4\n"), user=1, item=2, rating=3)
    assert len(data) == 2
    assert "the first line is read as a header: 'wer', 'was', 'note'" in data.notes


def test_separator_option(tmp_path: Path) -> None:
    assert triples(read(written(tmp_path, CSV.replace(",", " ")), separator=" ")) == TRIPLES
    assert triples(read(written(tmp_path, CSV.replace(",", " -> ")), separator=" -> ")) == TRIPLES
    for typed in ("\\t", "tab", "\t"):
        assert triples(read(written(tmp_path, CSV.replace(",", "\t")), separator=typed)) == TRIPLES


@pytest.mark.parametrize(
    ("field", "fits"),
    [
        *[(field, True) for field in ("0", "10", str(2**63 - 1), '"7"', "")],
        *[
            (field, False)
            for field in ("007", "+7", " 7", '"07"', "-7", "-0", "00", "7 ", "7.0", "x", str(2**63), '""')
        ],
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_ids_are_read_as_integers_where_that_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, fits: bool, end: str
) -> None:
    monkeypatch.setattr(layouts, "SAMPLE", 1)
    path = written(tmp_path, end.join(["item,user", "1,2", f"3,{field}", f"4,{field}", ""]))
    coded = pl.Categorical(pl.Categories.random())
    column = columns(*lay_out(load(path), ReadingOptions(separator=",")), {"item": pl.Float64(), "user": coded})["user"]
    assert column.dtype == (pl.Int64 if fits else coded)
    text = field.strip('"') if field != '""' else ""
    assert column.cast(pl.String).to_list() == ["2", *[text or (None if fits else "")] * 2]


@pytest.mark.parametrize(
    ("other", "ids"), [("007", ["007", "1", "2"]), (str(2**64 - 1), [1, 2, 2**64 - 1]), ("-3", [-3, 1, 2])]
)
def test_files_with_and_without_plain_integers(tmp_path: Path, other: str, ids: list[int] | list[str]) -> None:
    first = written(tmp_path, "user,item\n1,1\n2,2\n", "a.csv")
    second = written(tmp_path, f"user,item\n{other},1\n2,3\n", "b.csv")
    for paths in ([first, second], [second, first]):
        data = read(paths)
        assert (data.user_ids.ids.to_list(), data.item_ids.ids.to_list()) == (ids, [1, 2, 3])
        kind = type(ids[0])
        pairs = {(kind("1"), 1), (kind("2"), 2), (kind(other), 1), (kind("2"), 3)}
        assert {(user, item) for user, item, _ in triples(data)} == pairs


def test_ids_are_exactly_the_text(tmp_path: Path) -> None:
    text = "user,item\n007,9223372036854775808\n7,1\n"
    data = read(written(tmp_path, text))
    assert data.user_ids.ids.to_list() == ["007", "7"]
    assert data.item_ids.ids.to_list() == [1, 2**63]
    data = read(written(tmp_path, "user,item\n-7,18446744073709551616\n7,1\n"))
    assert data.user_ids.ids.to_list() == [-7, 7]
    assert data.item_ids.ids.to_list() == ["1", "18446744073709551616"]
    data = read(written(tmp_path, 'user,item\n日本," a,b "\n"say ""hi""",1.0\n'))
    assert triples(data) == [('say "hi"', "1.0", 1.0), ("日本", " a,b ", 1.0)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_line_ends_and_byte_order_marks(tmp_path: Path, end: str, bom: str) -> None:
    assert triples(read(written(tmp_path, bom + CSV.replace("\n", end)))) == TRIPLES


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    text = "\n\nuser,item,rating\n\nann,10,4\n\n\nann,20,5\nbob,10,3.5\n\n"
    assert triples(read(written(tmp_path, text))) == TRIPLES
    assert triples(read(written(tmp_path, "\n" + JSON.replace("\n", "\n\n"), "x.jsonl"))) == TRIPLES


def test_a_header_over_two_lines(tmp_path: Path) -> None:
    assert triples(read(written(tmp_path, '"the\nuser",item\na,x\nb,y\n'), user=1)) == [("a", "x", 1), ("b", "y", 1)]


def test_an_empty_last_field_that_does_not_count(tmp_path: Path) -> None:
    assert triples(read(written(tmp_path, "user,item,comment\na,x,\nb,y,fine\n"))) == [("a", "x", 1), ("b", "y", 1)]


def test_long_quoted_fields_at_the_end_of_the_sample(tmp_path: Path) -> None:
    review = '"' + "long, with\n\nquotes " * 3000 + '"'
    rows = [f"u{at},i{at % 7},{at % 5},{review}" for at in range(30)]
    data = read(written(tmp_path, "\n".join(["user,item,rating,review", *rows])))
    assert len(data) == 30
    assert data.item_ids.ids.to_list() == [f"i{at}" for at in range(7)]


def test_a_first_row_longer_than_the_sample(tmp_path: Path) -> None:
    text = 'user,item,review\na,x,"' + "long\n" * 100_000 + '"\nb,y,z\n'
    with pytest.raises(DataError, match="line 2 does not end within"):
        read(written(tmp_path, text))


def test_decimal_comma(tmp_path: Path) -> None:
    data = read(written(tmp_path, "user;item;rating;time\na;x;4,5;1,5\nb;y;3;2\n"))
    assert triples(data) == [("a", "x", 4.5), ("b", "y", 3.0)]
    assert "decimal comma" in data.notes[0]


def test_rating_spelt_with_blanks(tmp_path: Path) -> None:
    assert triples(read(written(tmp_path, "user,item,rating\na,x, 4 \nb,y,+3e0\n"))) == [("a", "x", 4), ("b", "y", 3)]


@pytest.mark.parametrize(
    ("values", "seconds", "how"),
    [
        (["964982703", "964982704.5"], [964982703, 964982704.5], "unix seconds"),
        (["964982703000", "964982704500"], [964982703, 964982704.5], "unix milliseconds"),
        (["964982703000001", "964982704500002"], [964982703.000001, 964982704.500002], "unix microseconds"),
        (["964982703000001000", "964982704500002000"], [964982703.000001, 964982704.500002], "unix nanoseconds"),
        (["0", "7"], [0, 7], "order only"),
        (["2000-01-01", "2000-01-02"], [946684800, 946771200], "dates, UTC"),
        (["2000-01-01T00:00:00Z", "2000-01-01 02:00:00.000001+01:00"], [946684800, 946688400.000001], "dates, UTC"),
        (["2000-01-01 00:01", "2000/01/01"], [946684860, 946684800], "dates, UTC"),
    ],
)
def test_times(tmp_path: Path, values: list[str], seconds: list[float], how: str) -> None:
    data = read(written(tmp_path, f"user,item,time\na,x,{values[0]}\nb,y,{values[1]}\n"))
    assert data.times is not None
    assert np.abs(data.times - seconds).max() < 5e-7
    assert how in data.notes[0]


def test_time_unit_option(tmp_path: Path) -> None:
    path = written(tmp_path, "user,item,time\na,x,5000\nb,y,964982703500\n")
    data = read(path, time_unit="ms")
    assert data.times is not None
    assert data.times.tolist() == [5, 964982703.5]
    assert read(path, time_unit="order").notes[0].count("order only") == 1
    assert read(path, time=False).times is None


def test_lists(tmp_path: Path) -> None:
    data = read(written(tmp_path, "5 10 20 30\n\n6\n7\t20  40\n5 50\n"), format="lists")
    assert triples(data) == [(5, 10, 1), (5, 20, 1), (5, 30, 1), (5, 50, 1), (7, 20, 1), (7, 40, 1)]
    assert data.times is not None
    assert data.times.tolist() == [0, 1, 2, 3, 0, 1]
    assert "users without items, left out: 1" in data.notes[0]


def test_repeated_pairs_keep_the_latest(tmp_path: Path) -> None:
    data = read(written(tmp_path, "user,item,rating,time\na,x,1,9\na,x,2,7\na,y,5,8\nb,x,3,7\nb,x,4,7\n"))
    assert triples(data) == [("a", "y", 5), ("a", "x", 1), ("b", "x", 4)]
    assert data.notes[1] == "2 rows repeat a (user, item) pair: the latest row of each pair is kept"


def test_repeated_pairs_without_times_keep_the_last_row(tmp_path: Path) -> None:
    data = read(written(tmp_path, "user,item,rating\nb,x,9\na,x,1\na,y,5\na,x,2\n"))
    assert triples(data) == [("a", "y", 5), ("a", "x", 2), ("b", "x", 9)]
    assert "1 rows repeat a (user, item) pair: the last row of each pair is kept" in data.notes


def test_the_order_of_rows_does_not_matter_where_times_differ(tmp_path: Path) -> None:
    rows = [f"{user},{item},3,{964982703 + 7 * user + item}" for user in range(5) for item in range(5)]
    one, other = (["user,item,rating,time", *order] for order in (rows, rows[::-1]))
    first, second = read(written(tmp_path, "\n".join(one))), read(written(tmp_path, "\n".join(other)))
    assert first.fingerprint == second.fingerprint
    other[3] = other[3].replace(",3,", ",4,")
    assert first.fingerprint != read(written(tmp_path, "\n".join(other))).fingerprint


def test_several_files(tmp_path: Path) -> None:
    one, two = written(tmp_path, CSV, "1.csv"), written(tmp_path, "user,item,rating\neve,30,1\nann,30,2\n", "2.csv")
    data = read([one, str(two)])
    assert triples(data) == [*TRIPLES[:2], ("ann", 30, 2.0), TRIPLES[2], ("eve", 30, 1.0)]
    assert data.notes[0].startswith("read 1.csv and 1 more: 5 rows, 3 users, 3 items;")


def test_a_folder_of_files_laid_out_alike(tmp_path: Path) -> None:
    written(tmp_path, CSV, "1.csv")
    written(tmp_path, gzip.compress(b"user,item,rating\neve,30,1\n"), "2.csv.gz")
    written(tmp_path, "read me", "README.txt")
    written(tmp_path, "x", ".hidden.csv")
    assert triples(read(tmp_path)) == [*TRIPLES, ("eve", 30, 1.0)]


def test_a_folder_in_the_movielens_layout(tmp_path: Path) -> None:
    written(tmp_path, "userId,movieId,rating\n1,10,4\n2,20,5\n", "ratings.csv")
    written(tmp_path, "movieId,title,genres\n10,Ten,A|B\n20,Twenty,(no genres listed)\n", "movies.csv")
    written(tmp_path, "userId,movieId,tag\n1,10,fun\n", "tags.csv")
    data = read(tmp_path)
    assert data.catalogue.frame["title"].to_list() == ["Ten", "Twenty"]
    assert any("movies.csv" in note for note in data.notes)


def test_parquet_files_read_together(tmp_path: Path) -> None:
    frames = [pl.DataFrame({"user": [1], "item": [5]}), pl.DataFrame({"item": [2**63], "user": [2]})]
    paths = [tmp_path / f"{at}.parquet" for at in range(2)]
    for frame, path in zip(frames, paths, strict=True):
        frame.with_columns(pl.col("item").cast(pl.UInt64)).write_parquet(path)
    assert triples(read(paths)) == [(1, 5, 1), (2, 2**63, 1)]


def test_patterns_in_names_are_no_patterns(tmp_path: Path) -> None:
    assert triples(read(written(tmp_path, CSV, "[x]*.csv"))) == TRIPLES
    assert triples(read(written(tmp_path, parquet(), "[x]*.parquet"))) == TRIPLES
    text = CSV.replace("user", "^.*$").replace("item", "*")
    assert triples(read(written(tmp_path, text), user="^.*$", item="*")) == TRIPLES


def test_encodings(tmp_path: Path) -> None:
    text = "user,item\né,x\nb,y\n"
    for encoding in ("latin-1", "utf-16", "cp1252", "utf-8"):
        assert triples(read(written(tmp_path, text.encode(encoding)), encoding=encoding))[1][0] == "é"


def test_categories_inside_the_ratings_table(tmp_path: Path) -> None:
    text = "user,item,title,genres\na,1,One,A|B\nb,1,One,A|B\nb,2,,(no genres listed)\n"
    data = read(written(tmp_path, text))
    assert data.catalogue.frame.rows() == [("One", None, ["A", "B"]), (None, None, [])]
    assert "title of items: column 'title'" in data.notes


def test_a_title_that_differs_within_an_item_is_no_title(tmp_path: Path) -> None:
    data = read(written(tmp_path, "user,item,title\na,1,Good\nb,1,Bad\nb,2,So so\n"))
    assert data.catalogue.frame["title"].to_list() == [None, None]
    assert "column 'title' differs between rows of one item: not used for the catalogue" in data.notes
