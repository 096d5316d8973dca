"""Every mistake in a table is one line that says where it is and what to do."""

import gzip
import os
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from palate.data.read import read
from palate.data.reading import delimited
from palate.errors import DataError, OptionError, PalateError


def refused(source: Any, **options: Any) -> str:
    with pytest.raises(PalateError) as caught:
        read(source, **options)
    message = str(caught.value)
    assert message.isprintable(), message
    return message


def written(folder: Path, content: str | bytes, name: str = "x.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


ZSTD = b"(\xb5/\xfd\x00Xq\x00\x00user,item\n1,2\n"
HEAD = "user,item,rating,time\n1,2,3,4\n"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (HEAD + "1,3,x,5\n", ["x.csv: line 3", "'rating' is no number", "'x'"]),
        (HEAD + "\n\n1,3,x,5\n", ["x.csv: line 5", "'rating' is no number"]),
        (HEAD + '"a\nb",3,2,5\n1,3,x,5\n', ["x.csv: line 5", "'rating' is no number"]),
        (HEAD + "1,3,,5\n", ["x.csv: line 3", "'rating' is empty"]),
        (HEAD + "1,3,inf,5\n", ["line 3", "'rating' is no finite number", "inf"]),
        (HEAD + "1,3,nan,5\n", ["line 3", "'rating' is no finite number", "nan"]),
        (HEAD + "1,3,1e300,5\n", ["line 3", "'rating' is no finite number", "1e+300"]),
        (HEAD + "1,,3,5\n", ["line 3", "'item' is empty", "needs an id"]),
        (HEAD + '"",2,3,5\n', ["line 3", "'user' is empty", "needs an id"]),
        (HEAD + ",,,\n\n2,3,4,5\n", ["line 3", "are empty"]),
        (HEAD + "1,3,4,\n", ["line 3", "'time' is empty", "time=False"]),
        (HEAD + "1,3,4,soon\n", ["line 3", "'time' is no time", "'soon'"]),
        (HEAD + "1,3,4,inf\n", ["line 3", "'time' is no finite number"]),
        ("user,item,time\n1,2,2020-01-01\n1,3,some day\n", ["line 3", "'time' is no date", "'some day'"]),
        ("user,item,time\n1,2,964982703\n2,3,964982703000\n", ["line 3", "milliseconds", "line 2", "time_unit='ms'"]),
        (HEAD + "1,3,4\n", ["line 3 has 3 fields where the first has 4"]),
        (HEAD + "1,3,4,5,6\n", ["line 3 has 5 fields where the first has 4"]),
        ("user,item,x\n1,2,3\n1,3\n", ["line 3 has 2 fields where the first has 3"]),
        ("user,item,x\n1,2,3\n1,3,4,5\n", ["line 3 has 4 fields where the first has 3"]),
        ('user,item\n1,x\n2,5" disc\n3,y\n', ["line 3 has an odd number of quotes"]),
        ('"user,item\n1,2\n', ["line 1 is not well-formed", "quote"]),
        (HEAD + '"1,3,4,5\n', ["line 3 is not well-formed", "quote"]),
        ("user,item,rating,score\n1,2,3,4\n", ["'rating' and 'score' could each be the rating", "rating='rating'"]),
        ("user_id,username,item\n1,2,3\n", ["'user_id' and 'username' could each be the user", "user='user_id'"]),
        ("user,user,item\n1,2,3\n", ["'user' and 'user' could each be the user"]),
        ("foo,bar\n1,2\n", ["no user column among 'foo', 'bar'", "user="]),
        ("user,bar\n1,2\n", ["no item column among 'user', 'bar'", "item="]),
        ("foo,bar\na,b\n", ["first line, 'foo', 'bar', a header or data?", "user='foo'", "user=1"]),
        ("1,2,3,a\n2,3,4,b\n", ["no header", "column 4 of 4 is neither a rating nor a time"]),
        ("1,2,3,4,5\n2,3,4,5,6\n", ["no header", "column 5 of 5"]),
        ("user,item\n1,2\n1,3\n", ["one user only, 1"]),
        ("user,item\n1,2\n3,2\n", ["one item only, 2"]),
        ("user,item\n", ["a header and no rows"]),
        ("", ["the file is empty"]),
        ("\n\r\n", ["nothing but blank lines"]),
        ("user\n1\n", ["one column only"]),
        ("0 1 2\n1 3\n", ["format='lists'", "separator=' '"]),
        ("user,item\n1\0,2\n", ["null bytes"]),
        ("user,item\n" + "1,2\n" * 100_000 + "1\0,3\n", ["line 100002", "null byte"]),
        (",".join(map(str, range(20_000))) + "\n", ["20,000 columns"]),
    ],
)
def test_delimited_text(tmp_path: Path, text: str, parts: list[str]) -> None:
    message = refused(written(tmp_path, text))
    assert all(part in message for part in parts), message


@pytest.mark.parametrize("separator", ["::", ";", "\t", "|"])
def test_the_line_is_right_for_any_separator(tmp_path: Path, separator: str) -> None:
    assert "x.csv: line 3: column 'rating'" in refused(written(tmp_path, (HEAD + "1,3,x,5\n").replace(",", separator)))


ROW = '{"user": 1, "item": "a", "rating": 3}\n'


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (ROW + '\n{"user": "1", "item": "b", "rating": 3}\n', ["line 3: column 'user' mixes types, '1' here and 1"]),
        (ROW + '{"user": 2.5, "item": "b", "rating": 3}\n', ["line 2", "'user' is no whole number", "2.5"]),
        (ROW + '{"user": null, "item": "b", "rating": 3}\n', ["line 2", "'user' is empty"]),
        (ROW + '{"item": "b", "rating": 3}\n', ["line 2", "'user' is empty"]),
        (ROW + '{"user": 2, "item": "", "rating": 3}\n', ["line 2", "'item' is empty"]),
        (ROW + '{"user": 2, "item": ["b"], "rating": 3}\n', ["line 2", "'item' mixes types, ['b']"]),
        ('{"user": 2, "item": {"b": 1}, "rating": 3}\n', ["line 1", "'item' is {'b': 1}; it must hold"]),
        ('{"user": true, "item": 1, "rating": 3}\n', ["line 1", "'user' is True"]),
        (ROW + '{"user": 2, "item": "b", "rating": NaN}\n', ["line 2", "'rating' is no finite number"]),
        (ROW + '{"user": 2, "item": "b"}\n', ["line 2", "'rating' is empty"]),
        (ROW + "[1]\n", ["line 2 is no JSON object but [1]"]),
        (ROW + '{"user":\n', ["line 2 is no JSON"]),
        ("[" * 100_000, ["line 1 is no JSON"]),
        ("[[1, 2]]", ["line 1 is no JSON object", "one object a line"]),
        ('{"foo": 1}\n', ["no user column among 'foo'"]),
        ("\n", ["no user column"]),
        (ROW * 2000 + "{\n", ["line 2001 is no JSON"]),
    ],
)
def test_json_lines(tmp_path: Path, text: str, parts: list[str]) -> None:
    message = refused(written(tmp_path, text, "x.jsonl"))
    assert all(part in message for part in parts), message


@pytest.mark.parametrize(
    ("content", "name", "parts"),
    [
        (gzip.compress(HEAD.encode(), mtime=0)[:-9], "x.csv.gz", ["truncated or damaged"]),
        (gzip.compress(HEAD.encode() * 99, mtime=0)[:20] + b"zzzzzzzzzzzzzzz", "x.csv.gz", ["truncated or damaged"]),
        (ZSTD[:-5], "x.csv.zst", ["truncated or damaged"]),
        (ZSTD.replace(b"item", b"it\xe9m"), "x.csv.zst", ["not UTF-8", "unpack"]),
        (HEAD.encode(), "x.csv.gz", ["ends in .gz but the content is not packed so"]),
        (HEAD.encode(), "x.csv.zst", ["ends in .zst but the content is not packed so"]),
        (b"", "x.csv.gz", ["empty"]),
        (gzip.compress(b"", mtime=0), "x.csv.gz", ["empty"]),
        (HEAD.encode(), "x.parquet", ["no readable Parquet file"]),
        (b"PAR1 and then nothing good PAR1", "x.csv", ["no readable Parquet file"]),
        (b"user,item\n1,2\n\xe9,3\n", "x.csv", ["line 3 is not UTF-8 (byte 0xe9)", "encoding='latin-1'"]),
        (b"user,item\n" + b"1,2\n" * 100_000 + b"\xe9,3\n", "x.csv", ["line 100002 is not UTF-8"]),
        (b"user,item,x\n" + b"1,2,3\n" * 100_000 + b"2,3,\xe9\n", "x.csv", ["line 100002 is not UTF-8"]),
        ("user,item\n1,2\n".encode("utf-16"), "x.csv", ["UTF-16", "encoding='utf-16'"]),
    ],
)
def test_bytes(tmp_path: Path, content: bytes, name: str, parts: list[str]) -> None:
    message = refused(written(tmp_path, content, name))
    assert all(part in message for part in [name, *parts]), message


def test_bytes_that_the_named_encoding_lacks(tmp_path: Path) -> None:
    assert "line 2 is not ascii" in refused(written(tmp_path, "user,item\né,1\n"), encoding="ascii")
    assert "is not utf-16" in refused(written(tmp_path, "user,item\n1,2\n\n"), encoding="utf-16")


def test_missing_file_offers_near_misses(tmp_path: Path) -> None:
    written(tmp_path, HEAD, "ratings.csv")
    assert "there is no such file; did you mean 'ratings.csv'?" in refused(tmp_path / "rating.csv")
    assert "there is no such file" in refused(tmp_path / "no" / "rating.csv")


def test_folders(tmp_path: Path) -> None:
    assert "no data file in the folder" in refused(tmp_path)
    written(tmp_path, HEAD, "1.csv")
    written(tmp_path, "user,thing\n1,2\n", "2.csv")
    assert "2.csv has another layout than 1.csv (columns 'user', 'thing' against 'user', 'item'" in refused(tmp_path)
    (tmp_path / "sub").mkdir()
    assert "cannot be read" in refused([tmp_path / "1.csv", tmp_path / "sub"])


def test_files_of_different_types(tmp_path: Path) -> None:
    one = written(tmp_path, '{"user": 1, "item": 2}\n', "1.jsonl")
    two = written(tmp_path, '{"user": "b", "item": 2}\n', "2.jsonl")
    assert "2.jsonl: ids are String here and Int64 in 1.jsonl" in refused([one, two])
    two = written(tmp_path, '{"user": 5, "item": 2}\n\n{"user": 5, "item": ""}\n', "2.jsonl")
    one = written(tmp_path, '{"user": 1, "item": "x"}\n', "1.jsonl")
    assert "2.jsonl: line 3: column 'item' mixes types" in refused([one, two])
    two = written(tmp_path, '{"user": 5, "item": "y"}\n\n{"user": 5, "item": ""}\n', "2.jsonl")
    assert "2.jsonl: line 3: column 'item' is empty" in refused([one, two])
    one = written(tmp_path, "user,item,time\n1,2,5\n", "1.csv")
    two = written(tmp_path, "user,item,time\n2,3,964982703\n", "2.csv")
    assert "times differ in kind between files (order only, unix seconds)" in refused([one, two])


def test_folders_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert refused(tmp_path).endswith("cannot be read (Permission denied)")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_files_that_may_not_be_read(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD)
    path.chmod(0)
    assert "cannot be read" in refused(path)


def test_lists_without_items(tmp_path: Path) -> None:
    assert "no line with a user and items" in refused(written(tmp_path, "1\n2\n"), format="lists")


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"format": "xls"}, ["format is 'xls'", "csv, jsonl, lists, blocks, wide"]),
        ({"time_unit": "h"}, ["time_unit is 'h'", "ms"]),
        ({"encoding": "klingon"}, ["encoding is 'klingon'"]),
        ({"separator": '"'}, ["separator"]),
        ({"user": "item", "item": "item"}, ["'item' is named for two"]),
    ],
)
def test_impossible_options(tmp_path: Path, options: dict[str, Any], parts: list[str]) -> None:
    path = written(tmp_path, HEAD)
    message = refused(path, **options)
    assert all(part in message for part in parts), message
    with pytest.raises(OptionError):
        read(path, **options)


@pytest.mark.parametrize("source", [3, None, [], [3], {"user": 1}, b"x.csv"])
def test_no_source_at_all(source: Any) -> None:
    with pytest.raises(OptionError, match="give a path"):
        read(source)


def test_options_for_columns_that_are_not_there(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD)
    assert "no column 'usr' among 'user', 'item', 'rating', 'time'; did you mean 'user'?" in refused(path, user="usr")
    assert "no column '9'" in refused(path, user=9)
    twice = written(tmp_path, "a,a,b\n1,2,3\n")
    for choice in ("a", 2):
        assert "2 columns are called 'a'; rename" in refused(twice, user=choice, item="b")
    assert "the separator ';' is not in the first line" in refused(path, separator=";")


def test_a_text_full_of_control_characters(tmp_path: Path) -> None:
    path = written(tmp_path, "user::item\n1::" + "".join(map(chr, range(1, 32))) + "\n")
    assert "control characters" in refused(path, separator="::")


def test_what_only_polars_minds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise pl.exceptions.ComputeError("out of luck\nand more")

    path = written(tmp_path, HEAD)
    monkeypatch.setattr(pl, "scan_csv", fail)
    assert refused(path) == "x.csv: cannot be read (out of luck)"


def test_panics_of_polars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def panic(*_: object, **__: object) -> None:
        raise pl.exceptions.PanicException("called `Result::unwrap()` on an `Err` value")

    path = written(tmp_path, HEAD)
    monkeypatch.setattr(pl, "scan_csv", panic)
    assert refused(path) == "x.csv: cannot be read (its parts contradict each other)"


def test_two_counts_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "records", lambda raw, layout: iter([(2, ["1", "2", "3", "4"])]))
    assert "2 rows by one count and 1 by another" in refused(written(tmp_path, HEAD + "\n1,3,4,5\n"))


def test_messages_are_short(tmp_path: Path) -> None:
    assert len(refused(written(tmp_path, HEAD + "1,3," + "x" * 10_000 + ",5\n"))) < 300
    assert (
        len(refused(written(tmp_path, ",".join(f"column{at}" for at in range(500)) + "\n" + "1," * 499 + "1\n"))) < 500
    )


def test_errors_are_builtin_errors_too(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape("line 3")):
        read(written(tmp_path, HEAD + "1,3,x,5\n"))
    assert issubclass(DataError, ValueError)
