"""Where a table comes from: standard input, a pipe, an address; and files that are none, named for what they are."""

import bz2
import gzip
import io
import lzma
import os
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from palate.data.read import read
from palate.data.reading.charsets import likely_encoding
from palate.errors import DataError
from tests.data.test_read import CSV, TRIPLES, triples, written


def zipped(*names: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name in names:
            archive.writestr(name, CSV)
    return sink.getvalue()


def tarred() -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("ratings.csv"))
    return sink.getvalue()


def saved(save: Callable[[io.BytesIO], object]) -> bytes:
    sink = io.BytesIO()
    save(sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (zipped("ratings.csv"), "a zip archive; unpack it first"),
        (saved(lambda sink: np.savez(sink, a=np.arange(3))), "numpy arrays"),
        (saved(lambda sink: np.save(sink, np.arange(3))), "a numpy array"),
        (saved(pl.DataFrame({"user": [1], "item": [2]}).write_ipc), "an Arrow"),
        (tarred(), "a tar archive"),
        (gzip.compress(tarred(), mtime=0), "a tar archive"),
        (bz2.compress(CSV.encode()), "packed with bzip2"),
        (lzma.compress(CSV.encode()), "packed with xz"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"\x80\x04\x95", "a Python pickle; Palate opens none"),
        (b"\n<!DOCTYPE html><html>", "a web page, not the file itself"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
    ],
)
@pytest.mark.parametrize("options", [{}, {"encoding": "latin-1"}])
def test_foreign_files_are_named(tmp_path: Path, content: bytes, what: str, options: dict[str, str]) -> None:
    with pytest.raises(DataError, match=f"x.csv: this is .*{what}"):
        read(written(tmp_path, content), **options)  # type: ignore[arg-type]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (CSV.encode(), gzip.compress(CSV.encode())):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
        data = read("-")
        assert triples(data) == TRIPLES
        assert data.notes[0].startswith("read standard input: 3 rows")
    with pytest.raises(DataError, match="standard input: the file is empty"):
        read("-")


@pytest.mark.skipif(os.name != "posix", reason="named pipes are of POSIX")
def test_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(CSV,))
    writer.start()
    assert triples(read(pipe)) == TRIPLES
    writer.join()


class Files(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path.startswith("/ratings") else 404)
        self.end_headers()
        self.wfile.write(gzip.compress(CSV.encode()) if ".gz" in self.path else CSV.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Files) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


def test_an_address(server: str) -> None:
    for name in ("ratings.csv", "ratings.csv.gz", "ratings?id=3"):
        assert triples(read(f"{server}/{name}")) == TRIPLES
    with pytest.raises(DataError, match=r"nothing\.csv cannot be read: the server answered 404"):
        read(f"{server}/nothing.csv")


def test_movies_dat_is_latin_1_only_where_it_is_not_utf_8(tmp_path: Path) -> None:
    written(tmp_path, "1::1::5::978300760\n2::2::3::978300761\n", "ratings.dat")
    for encoding in ("utf-8", "latin-1"):
        written(tmp_path, "1::Amélie (2001)::Drama\n2::Heat (1995)::Drama\n".encode(encoding), "movies.dat")
        assert read(tmp_path).catalogue.frame["title"].to_list() == ["Amélie (2001)", "Heat (1995)"]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp949", "기생충, 살인의 추억, 올드보이"),
        ("gbk", "大话西游, 霸王别姬, 让子弹飞"),
        ("shift_jis", "七人の侍, 千と千尋の神隠し"),
        ("euc_jp", "七人の侍, 千と千尋の神隠し"),
        ("big5", "臥虎藏龍, 悲情城市, 海角七號"),
        ("cp1251", "Ирония судьбы, Москва слезам не верит"),
        ("cp1252", "Amélie – “Les Misérables”"),
        ("latin-1", "Amélie, Les Misérables"),
    ],
)
def test_the_encoding_in_the_hint(tmp_path: Path, encoding: str, text: str) -> None:
    assert likely_encoding(text.encode(encoding)) == encoding
    path = written(tmp_path, f"user,item,title\n1,2,x\n2,3,{text.replace(',', '')}\n".encode(encoding))
    with pytest.raises(DataError, match=f"line 3 is not UTF-8 .*encoding='{encoding}'"):
        read(path)
    assert len(read(path, encoding=encoding)) == 2
